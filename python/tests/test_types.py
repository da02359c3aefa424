"""The package and a program that uses it pass mypy --strict, and the stubs are those of the compiled part."""

import subprocess
import sys
from pathlib import Path

import pytest

from conftest import ROOT

HERE = Path(__file__).parent


@pytest.fixture(scope="module")
def mypy():
    pytest.importorskip("mypy")

    def run(*arguments):
        done = subprocess.run(
            [sys.executable, "-m", *arguments], cwd=HERE, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stdout + done.stderr

    return run


def test_the_package_is_typed(mypy):
    mypy("mypy", "--config-file", str(ROOT / "pyproject.toml"), "-p", "ohmgrad")


def test_a_program_is_typed(mypy):
    mypy("mypy", "--strict", "program.py")


def test_the_stubs_are_those_of_the_compiled_part(mypy):
    options = ["--allowlist", "stubtest.txt", "--ignore-disjoint-bases"]
    mypy("mypy.stubtest", "ohmgrad._ohmgrad", *options)


def test_the_program_runs():
    subprocess.run([sys.executable, str(HERE / "program.py")], check=True)
