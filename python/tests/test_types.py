"""The package and a program that uses it pass mypy --strict, and the stubs are those of the compiled part."""

import subprocess
import sys
from pathlib import Path

import pytest

import ohmgrad
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


def test_the_package_and_a_program_are_typed(mypy):
    package = Path(ohmgrad.__file__).parent
    mypy("mypy", "--config-file", str(ROOT / "pyproject.toml"), str(package), str(HERE / "program.py"))


def test_the_stubs_are_those_of_the_compiled_part(mypy):
    mypy("mypy.stubtest", "ohmgrad._ohmgrad", "--allowlist", "stubtest.txt")


def test_the_program_runs():
    subprocess.run([sys.executable, str(HERE / "program.py")], check=True)
