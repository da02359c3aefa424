"""The guides in docs/ are true: every program in them runs."""

import os
import re
import subprocess
import sys
from pathlib import Path

import jupytext
import nbclient
import pytest

DOCS = Path(__file__).parents[2] / "docs"


NOTEBOOKS = ["allostery", "tutorial"]


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_a_notebook_runs_as_a_program(name, tmp_path):
    program = [sys.executable, DOCS / f"{name}.py"]
    environment = {**os.environ, "MPLBACKEND": "Agg"}
    done = subprocess.run(program, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert not list(tmp_path.iterdir()), f"{name} left files behind"


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_a_notebook_runs(name, tmp_path):
    notebook = jupytext.read(DOCS / f"{name}.ipynb")
    cells = [(cell.cell_type, cell.source) for cell in notebook.cells]
    program = jupytext.read(DOCS / f"{name}.py")
    assert cells == [(cell.cell_type, cell.source) for cell in program.cells], (
        f"the notebook is not that of the program: jupytext --to ipynb --execute docs/{name}.py"
    )
    assert all(cell.execution_count for cell in notebook.cells if cell.cell_type == "code"), (
        "the notebook was not executed"
    )
    resources = {"metadata": {"path": tmp_path}}
    nbclient.NotebookClient(notebook, timeout=300, kernel_name="python3", resources=resources).execute()


PAGE = (DOCS / "coming-from.md").read_text()
SECTIONS = dict(re.findall(r"^## (.+?)\n(.*?)(?=^## |\Z)", PAGE, re.MULTILINE | re.DOTALL))


@pytest.mark.parametrize("tool", SECTIONS)
def test_what_users_of_other_tools_read_is_true(tool, tmp_path, monkeypatch):
    monkeypatch.chdir(DOCS.parent)  # where data/mnist is
    programs = re.findall(r"^```python\n(.*?)^```", SECTIONS[tool], re.MULTILINE | re.DOTALL)
    assert programs, f"nothing of ohmgrad is shown beside {tool}"
    program = "\n".join(programs).replace("xs.safetensors", str(tmp_path / "xs.safetensors"))
    exec(compile(program.replace("epochs=10", "epochs=1"), f"docs/coming-from.md, {tool}", "exec"), {})


def test_the_page_on_choosing_is_true():
    page = (DOCS / "choosing.md").read_text()
    programs = re.findall(r"^```python\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    assert len(programs) == 1
    exec(compile(programs[0], "docs/choosing.md", "exec"), {})
