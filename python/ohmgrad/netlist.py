"""What can be wrong or doubtful in a netlist."""

from collections.abc import Iterable
from typing import Any, NamedTuple


class NetlistFault(NamedTuple):
    """A fault in a netlist, and its place.

    Attributes
    ----------
    message : str
        What is wrong.
    file : str
        The file; ``'<netlist>'`` for a netlist given as text.
    line, column : int
        The place, both from 1; columns count characters.
    width : int
        How many characters are meant.
    text : str
        The text of the line.
    """

    message: str
    file: str
    line: int
    column: int
    width: int
    text: str


class NetlistWarning(UserWarning):
    """Something in a netlist is read, and may not mean what its writer meant: file, line, column and what it is."""


class NetlistError(ValueError):
    """A netlist has faults. Its text shows all of them, with the lines underlined.

    Parameters
    ----------
    message : str
        All faults as text.
    faults : iterable of tuples
        The fields of each ``NetlistFault``.

    Attributes
    ----------
    faults : tuple of NetlistFault
        The first faults, at most 20, in the order of their places.

    Examples
    --------
    >>> import ohmgrad
    >>> try:
    ...     ohmgrad.Circuit.from_netlist("A typing error\\nR1 in 0 1k\\nV1 in 0 five\\n")
    ... except ohmgrad.NetlistError as error:
    ...     fault = error.faults[0]
    ...     print(fault.file, fault.line, fault.column)
    <netlist> 3 9
    """

    def __init__(self, message: str, faults: Iterable[tuple[Any, ...]]) -> None:
        super().__init__(message)
        self.faults = tuple(NetlistFault(*fault) for fault in faults)

    def __reduce__(self) -> tuple[type, tuple[str, tuple[NetlistFault, ...]]]:
        return type(self), (str(self), self.faults)

    @property
    def file(self) -> str:
        """The file of the first fault."""
        return self.faults[0].file

    @property
    def line(self) -> int:
        """The line of the first fault, from 1."""
        return self.faults[0].line

    @property
    def column(self) -> int:
        """The column of the first fault, from 1."""
        return self.faults[0].column
