"""The table of backgrounds in the signal box: a row a source, upper limits kept as such."""

from __future__ import annotations

import math
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from na64.datasets.basics.named import named
from na64.outputs.result.origin import unseal_csv
from na64.outputs.result.table import Table, read_csv, two_digits
from na64.outputs.statistics.one_sided import Gamma, of_limit

BACKGROUND = "background.csv"
"""Name of the table in the folder of a result."""

SEED = "background_2018.csv"
"""The packaged table of 2.84e11 electrons on target, 2016 to 2018."""

ALP_TABLE = "background_alp_2020.csv"
"""The packaged table of the box of axion-like particles, of the same electrons."""

VISIBLE_TABLE = "background_visible_2017.csv"
"""The packaged table of the box of electron pairs, 5.4e10 electrons on target of 2017."""

NOT_CONFIGURED = "not configured"
"""How the method of a row begins that lacks a number which nobody has put in."""

_WORDS = {True: "yes", False: "no"}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Line:
    """Line of `background.csv`: a `BackgroundRow` as text, whose fields with a default need not be there."""

    source: str
    n: float | None
    error: float | None
    upper_limit: str
    most_likely: float | None = None
    correlated: str = "no"
    method: str
    tag: str


@dataclass(frozen=True, slots=True)
class BackgroundRow:
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
    most_likely : float
        Of a limit, the number of events that is most likely: 0 if nothing is known but the limit.
    """

    source: str
    n: float | None
    error: float = 0.0
    upper_limit: bool = False
    method: str = ""
    tag: str = ""
    correlated: bool = False
    most_likely: float = 0.0

    def __post_init__(self) -> None:
        if not self.source.strip():
            raise ValueError("a background without a source")
        if self.most_likely and not (self.upper_limit and self.n and 0 < self.most_likely < self.n):
            raise ValueError(f"background {self.source}: {self.most_likely} is most likely of {self.text}")
        numbers = (self.error,) if self.n is None else (self.n, self.error)
        if not all(math.isfinite(number) and number >= 0 for number in numbers):
            raise ValueError(
                f"background {self.source}: {self.n} +- {self.error}: expected numbers from 0 on"
            )
        if self.error and (self.n is None or self.upper_limit):
            raise ValueError(f"background {self.source}: an error of {self.error} without a value it is of")

    @property
    def one_sided(self) -> Gamma | None:
        """How the events of a source that is a limit are distributed."""
        return of_limit(self.n, self.most_likely) if self.upper_limit and self.n else None

    @property
    def text(self) -> str:
        """The number as a table shows it: ``0.43 +- 0.16``, ``< 0.044`` or ``not determined``."""
        if self.n is None:
            return NOT_CONFIGURED if self.method.startswith(NOT_CONFIGURED) else "not determined"
        return f"< {two_digits(self.n)}" if self.upper_limit else with_error(self.n, self.error)


@dataclass(frozen=True, slots=True)
class BackgroundTable:
    """All sources of background of a box.

    Attributes
    ----------
    rows : tuple of BackgroundRow
    """

    rows: tuple[BackgroundRow, ...]

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

        A limit counts with mean and standard deviation of its distribution. At face value it counts as
        ``n +- n``, which gives the 0.53 +- 0.17 of the seminar's table. Sources without a number do not
        count: see `missing`.

        Returns
        -------
        n, error : float
        """
        counted = self.counted(limits_at_face_value)
        parts = [(n, error) for _, n, error in counted]
        if not limits_at_face_value:
            parts += [(source.mean, source.deviation) for _, source in self.one_sided()]
        return math.fsum(n for n, _ in parts), math.hypot(*(error for _, error in parts))

    def counted(self, limits_at_face_value: bool) -> list[tuple[BackgroundRow, float, float]]:
        """Rows that count as a value with an error: at face value limits too."""
        return [
            (row, row.n, row.n if row.upper_limit else row.error)
            for row in self.rows
            if row.n is not None and (limits_at_face_value or not row.upper_limit)
        ]

    def one_sided(self) -> list[tuple[BackgroundRow, Gamma]]:
        """Rows that are limits, with their distributions."""
        found = ((row, row.one_sided) for row in self.rows)
        return [(row, source) for row, source in found if source is not None]

    def to_csv(self) -> bytes:
        """Write as `BACKGROUND`."""
        return Table(_Line, [_line(row) for row in self.rows]).to_csv()


def from_csv(data: bytes, name: str = BACKGROUND) -> BackgroundTable:
    """Read what `BackgroundTable.to_csv` wrote, with or without what it is of.

    Raises
    ------
    ValueError
        Names the file, and the row or the column.
    """
    with named(name):
        data, _ = unseal_csv(data)
        return BackgroundTable(tuple(map(_row, read_csv(data, _Line, name).rows)))


def read_background(path: Path) -> BackgroundTable:
    """Read the table in a file, or in the folder of a result."""
    path = path / BACKGROUND if path.is_dir() else path
    return from_csv(path.read_bytes(), path.name)


def packaged_background(name: str = SEED) -> BackgroundTable:
    """Read a packaged table."""
    return from_csv((files(__package__) / name).read_bytes(), name)


_SMALL = 1e-3
"""Values below it are written with a power of ten."""


def with_error(n: float, error: float) -> str:
    """Write a value with its error, both to two digits of the error; small ones with a power of ten."""
    if error <= 0 or not math.isfinite(error):
        return f"{two_digits(n)} +- {two_digits(error)}"
    largest = max(abs(n), error)
    if largest < _SMALL:
        power = math.floor(math.log10(largest))
        return f"({with_error(n / 10.0**power, error / 10.0**power)})e{power:03d}"
    digits = max(0, 1 - math.floor(math.log10(error)))
    return f"{n:.{digits}f} +- {error:.{digits}f}"


def _line(row: BackgroundRow) -> _Line:
    return _Line(
        source=row.source,
        n=row.n,
        error=row.error,
        upper_limit=_WORDS[row.upper_limit],
        most_likely=row.most_likely if row.upper_limit else None,
        correlated=_WORDS[row.correlated],
        method=row.method,
        tag=row.tag,
    )


def _row(line: _Line) -> BackgroundRow:
    for name, word in (("upper_limit", line.upper_limit), ("correlated", line.correlated)):
        if word not in _WORDS.values():
            raise ValueError(f"background {line.source}: {name} is {word}: expected yes or no")
    return BackgroundRow(
        line.source,
        line.n,
        line.error or 0.0,
        line.upper_limit == "yes",
        line.method,
        line.tag,
        line.correlated == "yes",
        line.most_likely or 0.0,
    )
