"""The table of backgrounds in the signal box: a row a source, upper limits kept as such."""

from __future__ import annotations

import math
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from na64.datasets.named import named
from na64.outputs.result.origin import unseal_csv
from na64.outputs.result.table import Kind, Table, read_csv

BACKGROUND = "background.csv"
"""Name of the table in the folder of a result."""

SEED = "background_2018.csv"
"""The packaged table of 2.84e11 electrons on target, 2016 to 2018."""

NOT_CONFIGURED = "not configured"
"""How the method of a row begins that lacks a number which nobody has put in."""

KINDS: dict[str, Kind] = {
    "source": Kind.TEXT,
    "n": Kind.NUMBER,
    "error": Kind.NUMBER,
    "upper_limit": Kind.TEXT,
    "correlated": Kind.TEXT,
    "method": Kind.TEXT,
    "tag": Kind.TEXT,
}
"""Columns of `background.csv`; a table without `correlated` is read as one of `no`."""

_WORDS = {True: "yes", False: "no"}


@dataclass(frozen=True, slots=True)
class Row:
    """One source of background.

    Attributes
    ----------
    source : str
    n : float or None
        Events expected in the box, or the limit on them; None if the source is not configured or was not
        determined, and ``method`` says why.
    error : float
        Standard error of `n`; 0 of a limit.
    upper_limit : bool
        `n` is an upper limit.
    method : str
    tag : str
        Provenance, such as ``[V: seed]``.
    correlated : bool
        The error is the same, not only as large, in other tables with a row of this source.
    """

    source: str
    n: float | None
    error: float = 0.0
    upper_limit: bool = False
    method: str = ""
    tag: str = ""
    correlated: bool = False

    def __post_init__(self) -> None:
        if not self.source.strip():
            raise ValueError("a background without a source")
        numbers = (self.error,) if self.n is None else (self.n, self.error)
        if not all(math.isfinite(number) and number >= 0 for number in numbers):
            raise ValueError(
                f"background {self.source}: {self.n} +- {self.error}: expected numbers from 0 on"
            )
        if self.error and (self.n is None or self.upper_limit):
            raise ValueError(f"background {self.source}: an error of {self.error} without a value it is of")

    @property
    def text(self) -> str:
        """The number as a table shows it: ``0.43 +- 0.16``, ``< 0.044`` or ``not determined``."""
        if self.n is None:
            return NOT_CONFIGURED if self.method.startswith(NOT_CONFIGURED) else "not determined"
        return f"< {self.n:.2g}" if self.upper_limit else with_error(self.n, self.error)


@dataclass(frozen=True, slots=True)
class BackgroundTable:
    """All sources of background of a box.

    Attributes
    ----------
    rows : tuple of Row
    """

    rows: tuple[Row, ...]

    def __post_init__(self) -> None:
        names = [row.source for row in self.rows]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise ValueError(f"background {twice[0]} is there twice")

    @property
    def missing(self) -> tuple[str, ...]:
        """Sources that have no number: any total is without them."""
        return tuple(row.source for row in self.rows if row.n is None)

    def total(self, limits_at_face_value: bool) -> tuple[float, float]:
        """Add the sources that have a number, errors in quadrature.

        At face value a limit counts as ``n +- n``, which gives the 0.53 +- 0.17 of the seminar's table; else
        limits do not count. Sources without a number never do: see `missing`.

        Returns
        -------
        n, error : float
        """
        counted = self.counted(limits_at_face_value)
        return math.fsum(n for _, n, _ in counted), math.hypot(*(error for _, _, error in counted))

    def counted(self, limits_at_face_value: bool) -> list[tuple[Row, float, float]]:
        """Give the rows of a total, with number and error of each."""
        return [
            (row, row.n, row.n if row.upper_limit else row.error)
            for row in self.rows
            if row.n is not None and (limits_at_face_value or not row.upper_limit)
        ]

    def to_csv(self) -> bytes:
        """Write as `BACKGROUND`."""
        rows = [
            (r.source, r.n, r.error, *map(_WORDS.get, (r.upper_limit, r.correlated)), r.method, r.tag)
            for r in self.rows
        ]
        return Table(KINDS, rows).to_csv()


def from_csv(data: bytes, name: str = BACKGROUND) -> BackgroundTable:
    """Read what `BackgroundTable.to_csv` wrote, with or without what it is of.

    Raises
    ------
    ValueError
        Names the file, and the row or the column.
    """
    with named(name):
        data, _ = unseal_csv(data)
        header = data.split(b"\n", 1)[0].decode().split(",")
        kinds = {name: kind for name, kind in KINDS.items() if name != "correlated" or name in header}
        return BackgroundTable(tuple(_row(record) for record in read_csv(data, kinds, name).records()))


def read_background(path: Path) -> BackgroundTable:
    """Read the table in a file, or in the folder of a result."""
    path = path / BACKGROUND if path.is_dir() else path
    return from_csv(path.read_bytes(), path.name)


def packaged_background(name: str = SEED) -> BackgroundTable:
    """Read a packaged table."""
    return from_csv((files(__package__) / name).read_bytes(), name)


def with_error(n: float, error: float) -> str:
    """Write a value with its error, both to two digits of the error."""
    if error <= 0 or not math.isfinite(error):
        return f"{n:.2g} +- {error:.2g}"
    digits = max(0, 1 - math.floor(math.log10(error)))
    return f"{n:.{digits}f} +- {error:.{digits}f}"


def _row(record: dict[str, str | int | float | None]) -> Row:
    source, n, error = record["source"], record["n"], record["error"]
    for name in ("upper_limit", "correlated"):
        if record.setdefault(name, "no") not in _WORDS.values():
            raise ValueError(f"background {source}: {name} is {record[name]}: expected yes or no")
    return Row(
        str(source),
        None if n is None else float(n),
        float(error or 0.0),
        record["upper_limit"] == "yes",
        str(record["method"]),
        str(record["tag"]),
        record["correlated"] == "yes",
    )
