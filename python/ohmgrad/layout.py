"""Where the nodes and elements of a small circuit are drawn."""

import re
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ohmgrad._ohmgrad import Circuit

#: Circuits with more elements are not drawn.
MOST = 40
#: Room that the symbol of an element needs, in units of the distance of neighbours.
ROOM = 0.35
#: Steps of the layout; small circuits stand still long before.
STEPS = 300

_Points = NDArray[np.float64]


class Wire(NamedTuple):
    """How an element is drawn: from its first node past its middle to its second; y points up."""

    element: str
    start: _Points
    middle: _Points
    end: _Points

    def at(self, share: float) -> _Points:
        """The point that share of the way along the parabola through the three points."""
        control = 2 * self.middle - 0.5 * (self.start + self.end)
        rest = 1 - share
        return rest**2 * self.start + 2 * share * rest * control + share**2 * self.end

    def along(self, share: float) -> _Points:
        """The direction of the wire there, of length 1."""
        step = self.at(share + 0.01) - self.at(share - 0.01)
        length = float(np.hypot(*step))
        return step / length if length > 0 else np.array([1.0, 0.0])


class Layout(NamedTuple):
    """Places of nodes by name, and wires; neighbours are about 1 apart."""

    nodes: dict[str, _Points]
    wires: list[Wire]


def layout(circuit: Circuit) -> Layout:
    """Places nodes and the middles of elements as far apart as the way between them is, ground at the bottom."""
    if len(circuit) > MOST:
        raise ValueError(f"the circuit has {len(circuit)} elements: up to {MOST} are drawn")
    ends = {name: circuit[name].nodes for name in circuit}
    touched = {node for pair in ends.values() for node in pair}
    names = [node for node in circuit.nodes if node in touched]
    number = {name: k for k, name in enumerate(names)}
    halves = [(len(names) + k, number[node]) for k, pair in enumerate(ends.values()) for node in pair]
    places = _upright(_places(0.5 * _distances(len(names) + len(ends), halves)))
    nodes = dict(zip(names, places, strict=False))
    middles = dict(zip(ends, places[len(names) :], strict=True))
    for name, (a, b) in ends.items():
        straight = (nodes[a] + nodes[b]) / 2
        others = [*nodes.values(), *(middles[other] for other in ends if other != name)]
        if min(np.hypot(*(straight - other)) for other in others) >= ROOM:
            middles[name] = straight
    wires = [Wire(name, nodes[a], middles[name], nodes[b]) for name, (a, b) in ends.items()]
    return Layout(nodes, wires)


#: Circuits with more nodes that are no lattice have no sketch.
LARGEST = 2000


def sketch(names: list[str], ends: NDArray[np.intp]) -> tuple[NDArray[np.bool_], _Points]:
    """Which nodes of a large circuit are drawn, and where.

    A lattice's nodes ``n{row}_{column}`` are on it. Others are placed by the two smoothest vibrations of the graph
    without ground (Hall 1970): the eigenvectors of its Laplacian, scaled by the degrees, after the constant one.
    """
    grid = [re.fullmatch(r"[a-z]*(\d+)_(\d+)", name) for name in names]
    if sum(place is not None for place in grid) >= 0.9 * (len(names) - 1):
        known = np.array([place is not None for place in grid])
        return known, np.array([(float(p[2]), -float(p[1])) if p else (np.nan, np.nan) for p in grid])
    if len(names) > LARGEST:
        raise ValueError(f"the circuit has {len(names):,} nodes, more than {LARGEST:,}: give their positions")
    known = np.array([name != "0" for name in names])
    weights = np.zeros((len(names), len(names)))
    weights[ends[:, 0], ends[:, 1]] = 1
    weights = np.maximum(weights, weights.T)[1:, 1:]
    np.fill_diagonal(weights, 0)
    scale = 1 / np.sqrt(np.maximum(weights.sum(1), 1e-9))
    vectors = np.linalg.eigh(np.eye(len(weights)) - scale[:, None] * weights * scale)[1]
    places = np.full((len(names), 2), np.nan)
    places[1:] = _spread(scale[:, None] * vectors[:, 1:3])
    return known, places


def _spread(places: _Points) -> _Points:
    """Each coordinate half as it is and half by its rank, so that dense parts are seen."""
    ranks = places.argsort(axis=0).argsort(axis=0) / max(len(places) - 1, 1)
    low, high = places.min(0), places.max(0)
    spread: _Points = 0.5 * ranks + 0.5 * (places - low) / np.where(high > low, high - low, 1)
    return spread


def _distances(count: int, pairs: list[tuple[int, int]]) -> _Points:
    """How many steps lie between any two points (Floyd and Warshall)."""
    distance = np.full((count, count), np.inf)
    np.fill_diagonal(distance, 0)
    for a, b in pairs:
        if a != b:
            distance[a, b] = distance[b, a] = 1
    for k in range(count):
        distance = np.minimum(distance, distance[:, k, None] + distance[None, k])
    finite = distance[np.isfinite(distance)]
    distance[np.isinf(distance)] = finite.max(initial=0) + 1
    return distance


def _places(wanted: _Points) -> _Points:
    """Minimises sum (|x_i - x_j| - d_ij)^2 / d_ij^2 by majorisation (Gansner, Koren and North 2004)."""
    if len(wanted) < 2:
        return np.zeros((len(wanted), 2))
    places = _projection(wanted)
    weights = 1 / np.where(wanted > 0, wanted, np.inf) ** 2
    inverse = np.linalg.pinv(np.diag(weights.sum(1)) - weights)
    for _ in range(STEPS):
        gaps = np.hypot(*np.moveaxis(places[:, None] - places, 2, 0))
        pull = weights * wanted / np.where(gaps > 0, gaps, np.inf)
        places = inverse @ ((np.diag(pull.sum(1)) - pull) @ places)
    return places


def _projection(wanted: _Points) -> _Points:
    """Classical scaling: where to start from. Points with the same neighbours are put a little apart."""
    squares = wanted**2
    centred = squares - squares.mean(0) - squares.mean(1)[:, None] + squares.mean()
    values, vectors = np.linalg.eigh(-0.5 * centred)
    angle = 2.4 * np.arange(len(wanted))
    apart = 0.05 * np.stack([np.cos(angle), np.sin(angle)], axis=1)
    places: _Points = vectors[:, -2:] * np.sqrt(np.maximum(values[-2:], 0)) + apart
    return places


def _upright(places: _Points) -> _Points:
    """Turns the first node, ground, to the bottom."""
    if len(places) < 2:
        return places
    up = places[1:].mean(0) - places[0]
    length = np.hypot(*up)
    if length < 1e-6:
        return places
    x, y = up / length
    turned: _Points = places @ np.array([[y, x], [-x, y]])
    return turned
