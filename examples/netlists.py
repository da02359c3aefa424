#!/usr/bin/env python3
"""Writes the netlists of the examples: python3 netlists.py, in this folder. It needs nothing but Python."""

import random
from pathlib import Path

HERE = Path(__file__).parent


def write(name: str, title: str, lines: list[str]) -> None:
    (HERE / name).write_text("\n".join([title, *lines, ".end", ""]))


def layered(inputs: list[str], hidden: int, outputs: int, diodes, model: str) -> list[str]:
    """Signed pairs of inputs, hidden nodes and outputs, all joined layer by layer by resistors of 5 ohm."""
    lines = []
    for name in inputs:
        lines += [f"v{name} {name} 0 1", f"v{name}n 0 {name}n 1"]
    for k in range(hidden):
        for name in inputs:
            lines += [f"r{name}_{k} {name} h{k} 5", f"r{name}n_{k} {name}n h{k} 5"]
        lines += [f"ro{j}_{k} h{k} o{j} 5" for j in range(outputs)]
        lines += diodes(k)
    return lines + [model]


def alternating(k: int) -> list[str]:
    """A diode that keeps the node above 0 V, or below."""
    return [f"d{k} 0 h{k} ideal" if k % 2 == 0 else f"d{k} h{k} 0 ideal"]


def both_ways(k: int) -> list[str]:
    """Two diodes that keep the node between -0.5 V and 0.5 V."""
    return [f"d{k} 0 h{k} clip", f"dn{k} h{k} 0 clip"]


IDEAL = ".model ideal sidiode(Ron=0 Roff=inf)"
CLIP = ".model clip sidiode(Ron=0 Roff=inf Vfwd=0.5)"


def random_network(side: int, seed: int) -> list[str]:
    """Nodes in a square, each joined to its neighbours and across some of the diagonals, every tenth edge left out."""
    rng = random.Random(seed)
    name = lambda x, y: f"n{x}_{y}"
    lines = []
    for y in range(side):
        for x in range(side):
            ends = [(x + 1, y), (x, y + 1), rng.choice([(x + 1, y + 1), (x - 1, y + 1)])]
            for a, b in ends:
                on_border = {x, a} in ({0}, {side - 1}) or {y, b} in ({0}, {side - 1})
                if 0 <= a < side and b < side and (on_border or rng.random() < 0.9):
                    edge = f"r{x}_{y}_{a}_{b}"
                    lines.append(f"{edge} {name(x, y)} {name(a, b)} {rng.uniform(0.5, 2.0):.3f}")
    return lines


def main() -> None:
    pairs = ["x", "y", "b"]
    write("xor/xor.cir", "Exclusive or, by nodes that diodes keep on one side of 0 V",
          layered(pairs, 8, 2, alternating, IDEAL))
    write("xor/odd.cir", "Elements that are the same both ways: the outputs are odd in the inputs",
          layered(pairs[:2], 8, 2, both_ways, CLIP))
    write("iris/iris.cir", "Three kinds of iris",
          layered(["sl", "sw", "pl", "pw", "b"], 10, 3, alternating, IDEAL))
    write("allostery/allostery.cir", "A random network of 324 nodes, driven between two corners",
          ["v1 n0_0 0 1", "vg n17_17 0 0", *random_network(18, 7)])


if __name__ == "__main__":
    main()
