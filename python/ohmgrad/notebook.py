"""Tables as HTML, for notebooks."""

from collections.abc import Iterable, Sequence
from html import escape

#: Rows of a table.
ROWS = 20


def table(heads: Sequence[str], rows: Iterable[Sequence[str]], count: int) -> str:
    """A table of the first rows, and how many there are beyond."""
    cells = "".join(f"<th>{escape(head)}</th>" for head in heads)
    lines = [
        "<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>"
        for row, _ in zip(rows, range(ROWS), strict=False)
    ]
    if count > ROWS:
        lines.append(f'<tr><td colspan="{len(heads)}">and {count - ROWS:,} more</td></tr>')
    return f"<table><thead><tr>{cells}</tr></thead><tbody>{''.join(lines)}</tbody></table>"
