"""What a limit is told: background and efficiency, as text or as files."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from na64.datasets.conditions.stated_boxes import DEFAULT_SEARCH
from na64.outputs.background.table import (
    ALP_TABLE,
    BACKGROUND,
    VISIBLE_TABLE,
    BackgroundRow,
    BackgroundTable,
    packaged_background,
    read_background,
    with_error,
)
from na64.outputs.background.table import SEED as SEED_TABLE
from na64.outputs.signal.efficiency.by_missing_energy import MissingEnergyEfficiency
from na64.outputs.signal.efficiency.efficiency_variations import EfficiencyChange
from na64.outputs.signal.efficiency.losses import AppliedLoss
from na64.outputs.statistics.model import Effects, OneSided

Numbers = NDArray[np.float64]

_MOST = 1e6
"""Events of a background: limits sum over outcomes, of which there are too many beyond."""

SEED = "seed_2021"
"""Name under which the packaged background table can be asked for."""

PACKAGED = {SEED: SEED_TABLE, "alp_2020": ALP_TABLE, "visible_2017": VISIBLE_TABLE}
"""Packaged tables by the name under which they can be asked for."""

_BETWEEN = re.compile(r"\+-|\+/-|±")
"""Between a number and its error."""


@dataclass(frozen=True, slots=True)
class Background:
    """Events expected in the box without a signal.

    Attributes
    ----------
    n, error : float
        Of all sources; limits with mean and standard deviation of their distributions.
    table : BackgroundTable
        What it is the sum of.
    source : str
    limits_at_face_value : bool
        Upper limits of the table are counted as their value with an error as large.
    """

    n: float
    error: float
    table: BackgroundTable
    source: str
    limits_at_face_value: bool = False

    @property
    def text(self) -> str:
        """As a table shows it."""
        return with_error(self.n, self.error)

    @property
    def values(self) -> float:
        """Events of the sources that count as a value."""
        return math.fsum(n for _, n, _ in self.table.counted(self.limits_at_face_value))

    def one_sided(self, own: str = "") -> OneSided:
        """Limits with their distributions, by name; parameters as of `errors`."""
        sources = () if self.limits_at_face_value else self.table.one_sided()
        return tuple((row.source if row.correlated else own + row.source, source) for row, source in sources)

    def errors(self, own: str = "") -> Effects:
        """Errors of the sources, in events, by name; what is not correlated has a name of its own.

        Parameters
        ----------
        own : str
            What this is the background of: before the names of errors that are not correlated.
        """
        counted = self.table.counted(self.limits_at_face_value)
        return tuple((row.source if row.correlated else own + row.source, error) for row, _, error in counted)


def background_of(text: str, *, limits_at_face_value: bool = False) -> Background:
    """Read ``0.53+-0.17``, one of `PACKAGED`, or a file or folder with a background table.

    Raises
    ------
    ValueError
        It is none of them, or has no number at all.
    FileNotFoundError
        There is no such file.
    """
    if stated := _numbers(text):
        n, error = stated
        if not (0 <= n <= _MOST and 0 <= error <= _MOST):
            raise ValueError(f"background {text}: expected events, and an error, from 0 to {_MOST:g}")
        return Background(n, error, BackgroundTable((BackgroundRow("stated", n, error),)), "stated")
    if text in PACKAGED:
        return _summed(packaged_background(PACKAGED[text]), f"packaged table {text}", limits_at_face_value)
    path = Path(text)
    if not path.exists():
        raise FileNotFoundError(not_found(text))
    name = BACKGROUND if path.is_dir() else path.name
    return _summed(read_background(path), name, limits_at_face_value)


def check_box(text: str, search: str, of: str) -> None:
    """Refuse a packaged table for the box of another search than it was published of.

    Parameters
    ----------
    text : str
        As `background_of` takes it.
    search, of : str
        Search whose box is meant, and what has it, such as the folder of a result.

    Raises
    ------
    ValueError
    """
    published = text.rpartition("_")[0] if text in PACKAGED else search
    own = DEFAULT_SEARCH if text == SEED else published
    if own != search:
        raise ValueError(
            f"--background {text}: is of the box of search {own}, {of} is of that of search {search}; "
            "a file or N+-DN states its background"
        )


def not_found(text: str) -> str:
    """Why a text that names no file is no background."""
    return f"background {text}: neither a number, N+-DN, {', '.join(PACKAGED)} nor a file"


def is_number(text: str) -> bool:
    """Whether a text states a number, of any size, with or without an error."""
    return _numbers(text) is not None


def is_file(text: str) -> bool:
    """Whether a text names a file or a folder: it is neither a number, of any size, nor one of `PACKAGED`."""
    return text not in PACKAGED and _numbers(text) is None


def _numbers(text: str) -> tuple[float, float] | None:
    """Number and error that a text states, whatever they are; None if it is something else."""
    try:
        number, *error = map(float, _BETWEEN.split(text, maxsplit=1))
    except ValueError:
        return None
    return number, error[0] if error else 0.0


def _summed(table: BackgroundTable, source: str, limits_at_face_value: bool) -> Background:
    if len(table.missing) == len(table.rows):
        raise ValueError(f"background {source}: no source has a number")
    n, error = table.total(limits_at_face_value)
    return Background(n, error, table, source, limits_at_face_value)


@dataclass(frozen=True, slots=True)
class ConstantEfficiency:
    """An efficiency that does not depend on mass or period.

    Attributes
    ----------
    value, error : float
        Of all that is between a dark photon above the threshold and an event in the box.
    """

    value: float
    error: float = 0.0

    def __post_init__(self) -> None:
        if not 0 < self.value <= 1:
            raise ValueError(f"efficiency {self.value}: expected a number above 0 and up to 1")
        if not 0 <= self.error <= self.value:
            raise ValueError(
                f"efficiency {self.value} +- {self.error}: expected an error from 0 to the value"
            )

    @property
    def source(self) -> str:
        """Where it comes from."""
        value = with_error(self.value, self.error) if self.error else f"{self.value:g}"
        return f"flat, {value}, stated"

    @property
    def changes(self) -> tuple[EfficiencyChange, ...]:
        """What variations do to it: nothing is known."""
        return ()

    @property
    def losses(self) -> tuple[AppliedLoss, ...]:
        """Losses besides it: all are in the value."""
        return ()

    @property
    def is_simulated(self) -> bool:
        """Whether losses that are not simulated have to be known of it."""
        return False

    @property
    def by_energy(self) -> MissingEnergyEfficiency | None:
        """Efficiency by missing energy: it is the same at all."""
        return None

    @property
    def delivered(self) -> bool:
        """Whether a live time of its losses counts: it has none."""
        return False

    @property
    def mass(self) -> Numbers:
        """Masses in GeV; it is known from the first to the last."""
        return np.array([0.0, math.inf])

    def at(self, mass: ArrayLike) -> tuple[Numbers, Numbers]:
        """Efficiency and error at these masses."""
        ones = np.ones(np.shape(mass))
        return self.value * ones, self.error * ones


def flat_of(text: str) -> ConstantEfficiency | None:
    """Read ``0.5`` or ``0.5+-0.05``; None if it is neither."""
    found = _numbers(text)
    return ConstantEfficiency(*found) if found else None
