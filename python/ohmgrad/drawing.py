"""Small circuits as SVG, and what notebooks show of circuits and their operating points."""

from __future__ import annotations

from collections import Counter
from html import escape

import numpy as np
from numpy.typing import NDArray

from ohmgrad._ohmgrad import Circuit
from ohmgrad.layout import MOST, Layout, Wire, layout
from ohmgrad.notebook import table
from ohmgrad.solution import Element, Solution

#: Pixels between neighbours.
UNIT = 170
#: Pixels beside, and above and below the nodes.
MARGIN = np.array([115, 60])
#: Pixels for the legend.
LEGEND = 40

NEGATIVE, NEUTRAL, POSITIVE = (0, 89, 166), (247, 247, 247), (204, 77, 0)
NO_CURRENT, MOST_CURRENT = (196, 202, 208), (91, 42, 134)
INK = "#333"

_Point = NDArray[np.float64]
_Color = tuple[int, int, int]


def si(value: float, unit: str) -> str:
    """A number with three digits and a prefix, such as ``4.3 mA``."""
    prefixes = "f p n µ m  k M G T".split(" ")
    if value == 0 or not np.isfinite(value):
        return f"{value:g} {unit}"
    power = int(np.floor(np.log10(abs(float(f"{value:.3g}"))) / 3))
    power = min(max(power, -5), 4)
    return f"{value / 1000.0**power:.3g} {prefixes[power + 5]}{unit}"


def mix(start: _Color, end: _Color, share: float) -> str:
    """A colour between two others."""
    red, green, blue = (round(a + (b - a) * share) for a, b in zip(start, end, strict=True))
    return f"#{red:02x}{green:02x}{blue:02x}"


def svg(circuit: Circuit, solution: Solution | None = None) -> str:
    """A drawing of a circuit, with potentials and currents if a solution is given."""
    drawing = _Drawing(circuit, solution)
    return drawing.image()


class _Drawing:
    """Turns places and states into the parts of an image."""

    def __init__(self, circuit: Circuit, solution: Solution | None) -> None:
        self.circuit, self.solution = circuit, solution
        self.layout: Layout = layout(circuit)
        places = np.array([*self.layout.nodes.values(), *(w.middle for w in self.layout.wires)])
        places = places.reshape(-1, 2)
        low = places.min(0, initial=np.inf) if len(places) else np.zeros(2)
        high = places.max(0, initial=-np.inf) if len(places) else np.zeros(2)
        self.corner = np.array([low[0], high[1]])
        self.size = (high - low) * UNIT + 2 * MARGIN
        self.highest = self.largest = 0.0
        if solution is not None:
            self.highest = float(np.abs(solution.potentials).max(initial=0))
            self.largest = float(np.abs(solution.currents).max(initial=0))

    def image(self) -> str:
        width, height = self.size + np.array([0, LEGEND if self.solution else 0])
        width = max(width, 420 if self.solution else 0)
        title = escape(self.circuit.title or "circuit")
        parts = [
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0f}" height="{height:.0f}" '
            f'viewBox="0 0 {width:.0f} {height:.0f}" font-family="sans-serif" font-size="12" role="img" '
            f'aria-label="{title}"><title>{title}</title>',
            f'<rect width="{width:.0f}" height="{height:.0f}" fill="white"/>',
            *(part for layer in zip(*map(self.wire, self.layout.wires), strict=True) for part in layer),
            *map(self.node, self.layout.nodes),
            self.legend(height - LEGEND) if self.solution else "",
            "</svg>",
        ]
        return "\n".join(part for part in parts if part)

    def pixel(self, place: _Point) -> _Point:
        """From the layout, where y points up, to the image, where it points down."""
        x, y = place - self.corner
        point: _Point = np.array([x, -y]) * UNIT + MARGIN
        return point

    def wire(self, wire: Wire) -> tuple[str, str, str]:
        """The line of an element with its arrow, its symbol, and its label, to be drawn in this order."""
        element = self.circuit[wire.element]
        control = self.pixel(2 * wire.middle - 0.5 * (wire.start + wire.end))
        path = f"M{_xy(self.pixel(wire.start))} Q{_xy(control)} {_xy(self.pixel(wire.end))}"
        x, y = wire.along(0.5)
        turn = float(np.degrees(np.arctan2(-y, x)))
        color, stroke, tip = INK, 1.5, [value_text(element)]
        arrow = ""
        if self.solution is not None:
            state = self.solution.elements[wire.element]
            share = abs(state.current) / self.largest if self.largest > 0 else 0.0
            color, stroke = mix(NO_CURRENT, MOST_CURRENT, share), 1.5 + 2.5 * share
            tip += [si(state.voltage, "V"), si(state.current, "A"), si(state.power, "W")]
            arrow = self.arrow(wire, state.current, color) if share > 1e-6 else ""
        x, y = self.pixel(wire.middle)
        label = si(state.current, "A") if self.solution is not None else value_text(element)
        style = f'stroke="{color}" stroke-width="{stroke:.2f}" fill="none"'
        shown = escape(f"{element.name} ({element.kind}): {', '.join(filter(None, tip))}")
        return (
            f'<path d="{path}" {style}/>{arrow}',
            f'<g {style} transform="translate({x:.1f} {y:.1f}) rotate({turn:.1f})">'
            f"<title>{shown}</title>{symbol(element)}</g>",
            self.label(wire, element.name, label, turn),
        )

    def arrow(self, wire: Wire, current: float, color: str) -> str:
        """Points where the current flows."""
        share = 0.76 if current > 0 else 0.24
        x, y = self.pixel(wire.at(share))
        along = wire.along(share) * np.sign(current)
        turn = np.degrees(np.arctan2(-along[1], along[0]))
        return (
            f'<path d="M6 0 L-5 -5 L-5 5 Z" fill="{color}" stroke="none" '
            f'transform="translate({x:.1f} {y:.1f}) rotate({turn:.1f})"/>'
        )

    def label(self, wire: Wire, name: str, value: str, turn: float) -> str:
        """Name and value beside the symbol."""
        angle = np.radians(turn)
        normal = np.array([np.sin(angle), -np.cos(angle)])
        normal *= -1 if normal[0] < -1e-6 else 1
        x, y = self.pixel(wire.middle) + normal * 16
        anchor = "middle" if abs(normal[0]) < 0.35 else "start"
        y += -3 if anchor == "start" else (-14 if normal[1] < 0 else 12)
        name = f'<tspan font-weight="bold">{escape(name)}</tspan>'
        return (
            f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="{INK}" stroke="white" '
            f'stroke-width="3" paint-order="stroke">{name}'
            f'<tspan x="{x:.1f}" dy="14">{escape(value)}</tspan></text>'
        )

    def node(self, name: str) -> str:
        """The dot of a node, and its label where most room is."""
        x, y = self.pixel(self.layout.nodes[name])
        fill, text = "white", escape(name)
        if self.solution is not None:
            potential = self.solution.nodes[name]
            share = potential / self.highest if self.highest > 0 else 0.0
            fill = mix(NEUTRAL, POSITIVE if share > 0 else NEGATIVE, abs(share))
            text += f" {si(potential, 'V')}"
        ground = ""
        if name == "0":
            ground = f'<path d="M{x:.1f} {y:.1f} v18 m-12 0 h24 m-20 4 h16 m-12 4 h8" stroke="{INK}" fill="none"/>'
        dx, dy = self.room(name)
        anchor = "middle" if abs(dx) < 0.4 else ("start" if dx > 0 else "end")
        return (
            f'{ground}<circle cx="{x:.1f}" cy="{y:.1f}" r="8" fill="{fill}" stroke="{INK}"/>'
            f'<text x="{x + 14 * dx:.1f}" y="{y + 18 * dy + 4:.1f}" text-anchor="{anchor}" fill="{INK}" '
            f'stroke="white" stroke-width="3" paint-order="stroke">{text}</text>'
        )

    def room(self, name: str) -> tuple[float, float]:
        """The direction in the middle of the widest gap between the wires of a node, in the image."""
        angles = [-np.pi / 2] if name == "0" else []
        for wire in self.layout.wires:
            first, second = self.circuit[wire.element].nodes
            if name in (first, second):
                x, y = (1 if name == first else -1) * wire.along(0.02 if name == first else 0.98)
                angles.append(float(np.arctan2(y, x)))
        angles = sorted(angles) or [0.0]
        gaps = np.diff([*angles, angles[0] + 2 * np.pi])
        widest = int(np.argmax(gaps))
        middle = angles[widest] + gaps[widest] / 2
        return float(np.cos(middle)), -float(np.sin(middle))

    def legend(self, top: float) -> str:
        """The scales of both colours."""
        high, most = si(self.highest, "V"), si(self.largest, "A")
        minus = "" if self.highest == 0 else "−"
        potential = [mix(NEGATIVE, NEUTRAL, k / 10) for k in range(10)]
        potential += [mix(NEUTRAL, POSITIVE, k / 10) for k in range(11)]
        current = [mix(NO_CURRENT, MOST_CURRENT, k / 20) for k in range(21)]
        return (
            f'<g transform="translate(0 {top:.0f})" fill="{INK}" font-size="11">'
            + _scale(20, f"{minus}{high}", high, potential)
            + _scale(220, "0 A", most, current)
            + "</g>"
        )


def _scale(left: float, low: str, high: str, colors: list[str]) -> str:
    cells = "".join(
        f'<rect x="{left + 52 + 3 * k}" y="12" width="3.5" height="10" fill="{color}"/>'
        for k, color in enumerate(colors)
    )
    end = left + 58 + 3 * len(colors)
    return f'<text x="{left + 47}" y="21" text-anchor="end">{low}</text>{cells}<text x="{end}" y="21">{high}</text>'


def _xy(point: _Point) -> str:
    return f"{point[0]:.1f} {point[1]:.1f}"


def symbol(element: Element) -> str:
    """The symbol of an element, from its first node at the left to its second at the right."""
    match element.kind:
        case "voltage source":
            return (
                '<circle r="13" fill="white"/><path d="M-9 0 h6 m-3 -3 v6 M4 -3 v6" stroke-width="1.3"/>'
            )
        case "current source":
            return '<circle r="13" fill="white"/><path d="M-8 0 H7 m-5 -4 L8 0 L2 4" stroke-width="1.3"/>'
        case "diode" | "shockley diode":
            return '<path d="M-9 -9 L9 0 L-9 9 Z" fill="white"/><path d="M9 -9 V9"/>'
        case "resistor":
            return '<rect x="-18" y="-7" width="36" height="14" fill="white"/>'
        case _:
            return (
                '<rect x="-18" y="-7" width="36" height="14" fill="white"/>'
                '<path d="M-22 12 h8 L14 -12" stroke-width="1.3"/>'
            )


def value_text(element: Element) -> str:
    """The value by which an element is known."""
    values = element.values
    match element.kind:
        case "resistor" if values["conductance"] > 0:
            return si(1 / values["conductance"], "Ω")
        case "resistor":
            return "open"
        case "voltage source":
            return si(values["voltage"], "V")
        case "current source":
            return si(values["current"], "A")
        case "diode":
            return si(values["forward_voltage"], "V")
        case _:
            return ""


def circuit_html(circuit: Circuit) -> str:
    """What a notebook shows of a circuit."""
    return _head(circuit) + _image(circuit, None)


def solution_html(solution: Solution) -> str:
    """What a notebook shows of an operating point."""
    circuit, certificate = solution.circuit, solution.certificate
    nodes = ([name, si(potential, "V")] for name, potential in solution.nodes.items() if name != "0")
    branches = (
        [name, si(branch.voltage, "V"), si(branch.current, "A"), si(branch.power, "W")]
        for name, branch in solution.elements.items()
    )
    measures = ", ".join(f"{name} {value:.1e}" for name, value in certificate._asdict().items())
    return (
        _head(circuit)
        + _image(circuit, solution)
        + '<div style="display:flex;gap:2em;align-items:flex-start">'
        + table(["node", "potential"], nodes, len(circuit.nodes) - 1)
        + table(["element", "voltage", "current", "power"], branches, len(circuit))
        + "</div>"
        + f"<div>dissipated power {si(solution.dissipated_power, 'W')}; "
        + f"<b>{solution.status.replace('_', ' ')}</b>, largest violations, relative: {measures}</div>"
    )


def _head(circuit: Circuit) -> str:
    title = f"<b>{escape(circuit.title)}</b> " if circuit.title else ""
    kinds = Counter(circuit[name].kind for name in circuit) if len(circuit) <= MOST else Counter()
    counts = ", ".join(f"{count} {kind}{'s' if count > 1 else ''}" for kind, count in kinds.items())
    return f"<div>{title}{len(circuit.nodes)} nodes, {len(circuit)} elements{': ' * bool(counts)}{counts}</div>"


def _image(circuit: Circuit, solution: Solution | None) -> str:
    return svg(circuit, solution) if 0 < len(circuit) <= MOST else ""
