#!/usr/bin/env python3
"""Asks ngspice for the expected operating points of the golden netlists.

    python3 expect.py            # all folders whose expectation ngspice made
    python3 expect.py NAME ..    # these

For each folder it runs ngspice (Debian's package `ngspice`) on circuit.cir at tight tolerances, and writes
expected.toml: the potentials of the nodes, and the currents of voltage sources and inductors. Expectations in closed
form are left alone.
"""

import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
OPTIONS = "reltol=1e-9 vntol=1e-12 abstol=1e-15"
COMMANDS = f"""
.options {OPTIONS} itl1=1000
.control
set numdgt=17
op
print line all
.endc
.end
"""
TOLERANCE = "1e-9"
VECTOR = re.compile(r"^(\S+) = (\S+)$", re.MULTILINE)


def main():
    if shutil.which("ngspice") is None:
        sys.exit("ngspice is not installed: install Debian's package ngspice")
    names = sys.argv[1:] or sorted(path.parent.name for path in HERE.glob("*/circuit.cir"))
    for name in names:
        expected = HERE / name / "expected.toml"
        old = expected.read_text() if expected.exists() else ""
        if "closed form" in old:
            print(f"{name}: closed form, left alone")
            continue
        vectors = operating_point(HERE / name)
        expected.write_text(to_toml(vectors, tolerance(old)))
        print(f"{name}: {len(vectors)} values")


def operating_point(folder):
    """The values that ngspice prints, by name."""
    with tempfile.TemporaryDirectory() as scratch:
        place = Path(scratch) / folder.name
        shutil.copytree(folder, place)
        circuit = place / "circuit.cir"
        circuit.write_text(without_end(circuit.read_text()) + COMMANDS)
        run = subprocess.run(
            ["ngspice", "-b", circuit.name], cwd=place, capture_output=True, text=True, timeout=60
        )
    vectors = {name: float(value) for name, value in VECTOR.findall(run.stdout)}
    if not vectors:
        said = (run.stdout + run.stderr).splitlines()[:20]
        sys.exit("\n".join([f"{folder.name}: ngspice found no operating point", *said]))
    return vectors


def without_end(text):
    """The netlist up to its .end, without its .op."""
    lines = []
    for line in text.splitlines():
        word = line.strip().lower()
        if word == ".end":
            break
        if word != ".op":
            lines.append(line)
    return "\n".join(lines)


def tolerance(old):
    """The tolerance in volt that stands there, which may have been chosen by hand."""
    found = re.search(r"^tolerance = (\S+)", old, re.MULTILINE)
    return found.group(1) if found else TOLERANCE


def to_toml(vectors, tolerance):
    currents = {k.removesuffix("#branch"): v for k, v in vectors.items() if k.endswith("#branch")}
    nodes = {k: v for k, v in vectors.items() if "#" not in k}
    version = subprocess.run(["ngspice", "--version"], capture_output=True, text=True).stdout
    version = re.search(r"ngspice-\S+", version).group(0)
    lines = [f'made_by = "{version}, {OPTIONS}"', f"tolerance = {tolerance}"]
    for table, values in [("nodes", nodes), ("currents", currents)]:
        lines += ["", f"[{table}]"]
        lines += [f'"{name}" = {value!r}' for name, value in sorted(values.items())]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
