"""Selection efficiencies of simulated dark photons, by period and mass, as a table and as functions."""

from __future__ import annotations

import math
from collections.abc import Container, Iterable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from na64.datasets.basics.csv_rows import CsvRow, read_rows
from na64.outputs.result.origin import BESIDE, SEAL
from na64.outputs.result.table import Table, columns_of
from na64.outputs.signal.efficiency.by_missing_energy import (
    MissingEnergyEfficiency,
    MissingEnergyPoint,
    energies_path,
    energy_efficiency,
    read_energies,
)
from na64.outputs.signal.efficiency.efficiency_variations import (
    EfficiencyChange,
    Varied,
    changes_of,
    read_variations,
    variations_path,
)
from na64.outputs.signal.efficiency.losses import AppliedLoss, factor_of
from na64.outputs.signal.efficiency.losses_file import losses_path, read_applied
from na64.outputs.signal.integration import BEAM_ENERGY
from na64.outputs.signal.yields import yield_per_eot
from na64.outputs.statistics.binomial import binomial_error

Floats = NDArray[np.float64]

REFERENCE = 50.0
"""GeV: the threshold of the yield that an efficiency is used with, unless another is asked for."""


@dataclass(frozen=True, slots=True)
class EfficiencyRow:
    """Row of `efficiency.csv`: a `EfficiencyPoint`, and the efficiency that it gives.

    Attributes
    ----------
    mass : float, GeV
    period : str
    efficiency, error : float
    n_generated, n_selected, n_in_box, n_simulated : int
        Events.
    threshold : float, GeV
    selection, cuts, setup, beam, search : str
    """

    mass: float
    period: str
    efficiency: float
    error: float
    n_generated: int
    n_selected: int
    n_in_box: int
    n_simulated: int
    threshold: float
    selection: str
    cuts: str
    setup: str
    beam: str
    search: str


@dataclass(frozen=True, slots=True)
class EfficiencyPoint:
    """What a selection did to simulated dark photons of one mass in one period.

    Attributes
    ----------
    mass : float, GeV
    period, selection : str
    threshold : float, GeV
        Missing energy at which the period's box begins.
    n_simulated : int
        All dark photons, from somewhat below the threshold: some of them look larger.
    n_generated : int
        Those whose own energy is above the threshold.
    n_in_box : int
        Events in the box, whatever their dark photon.
    n_selected : int
        Of those, the ones that pass every cut, the trigger included.
    cuts, setup : str
        Identity of the selection's cuts, and of the numbers of the period; empty if not known.
    beam, search : str
        What was simulated, as ``e+ of 70 GeV``, and for which search; empty if not known.
    """

    mass: float
    period: str
    selection: str
    threshold: float
    n_simulated: int
    n_generated: int
    n_in_box: int
    n_selected: int
    cuts: str = ""
    setup: str = ""
    beam: str = ""
    search: str = ""

    def __post_init__(self) -> None:
        in_order = 0 <= self.n_selected <= self.n_in_box <= self.n_simulated
        if not in_order or not 0 < self.n_generated <= self.n_simulated:
            raise ValueError(
                f"period {self.period}, {self.mass:g} GeV: {self.n_selected} selected of {self.n_in_box} in "
                f"the box, {self.n_generated} above the threshold of {self.n_simulated}"
            )

    @property
    def efficiency(self) -> float:
        """Selected over generated; what looks larger than it is counts, so it may be above 1 without cuts."""
        return self.n_selected / self.n_generated

    @property
    def error(self) -> float:
        """Binomial, of the posterior for a flat prior: not zero where none or all are selected.

        The few that the resolution brings across the threshold are taken for generated above it, which
        changes the error by some percent. With more selected than generated it is that of the count selected.
        """
        n, k = self.n_generated, self.n_selected
        if k > n:
            return math.sqrt(k) / n
        return binomial_error(k, n)


@dataclass(frozen=True, slots=True)
class SignalEfficiency:
    """Efficiency of a period over mass, for dark photons above the reference threshold.

    Attributes
    ----------
    mass : (n,) float64, GeV
        Rising.
    value, error : (n,) float64
        With all losses that count. A period whose box begins at another threshold has the ratio of the yields
        in it, so the product with the yield above the reference is right; it may be above 1.
    source : str
    changes : tuple of EfficiencyChange
        What variations of the selection do to it.
    losses : tuple of AppliedLoss
        All that are listed; those of particles delivered are in the value if ``delivered``.
    delivered : bool
        It is per dark photon of exposure delivered, not of live exposure.
    selection, cuts, setup : str
        Name of the selection, identity of its cuts, and that of the period; empty if not known.
    beam, search : str
        What was simulated, and for which search; empty if not known.
    by_energy : MissingEnergyEfficiency or None
        Of positrons that annihilate; None where it was not simulated.
    """

    mass: Floats
    value: Floats
    error: Floats
    source: str
    changes: tuple[EfficiencyChange, ...] = ()
    losses: tuple[AppliedLoss, ...] = ()
    delivered: bool = False
    selection: str = ""
    cuts: str = ""
    setup: str = ""
    beam: str = ""
    search: str = ""
    by_energy: MissingEnergyEfficiency | None = None

    def __post_init__(self) -> None:
        if not len(self.mass) or not np.all(np.diff(self.mass) > 0):
            raise ValueError(f"{self.source}: the masses do not rise")

    @property
    def is_simulated(self) -> bool:
        """Whether losses that are not simulated have to be known of it."""
        return True

    @property
    def span(self) -> tuple[float, float]:
        """First and last mass simulated, GeV."""
        return float(self.mass[0]), float(self.mass[-1])

    def at(self, mass: ArrayLike) -> tuple[Floats, Floats]:
        """Interpolate efficiency and error in the logarithm of the mass (GeV).

        Raises
        ------
        ValueError
            A mass outside the simulated ones.
        """
        wanted = np.asarray(mass, dtype=np.float64)
        near = 1e-6 * self.mass
        if (wanted < self.mass[0] - near[0]).any() or (wanted > self.mass[-1] + near[-1]).any():
            raise ValueError(
                f"{self.source}: simulated from {self.mass[0]:g} to {self.mass[-1]:g} GeV, "
                f"asked for {wanted.min():g} to {wanted.max():g} GeV"
            )
        positions = np.log(wanted), np.log(self.mass)
        return np.interp(*positions, self.value), np.interp(*positions, self.error)


def efficiency_table(points: Iterable[EfficiencyPoint]) -> Table[EfficiencyRow]:
    """Make the table of `efficiency.csv`, by period and mass."""
    ordered = sorted(points, key=lambda point: (point.period, point.selection, point.mass))
    rows = [EfficiencyRow(*(getattr(point, name) for name in columns_of(EfficiencyRow))) for point in ordered]
    return Table(EfficiencyRow, rows)


def read_points(path: Path) -> list[EfficiencyPoint]:
    """Read `efficiency.csv`.

    Raises
    ------
    ValueError
        Names the file, the line and what is wrong with it.
    """
    return read_rows(path, (*columns_of(EfficiencyRow), BESIDE, SEAL), _point)


def _point(row: CsvRow) -> EfficiencyPoint:
    def number(name: str) -> float:
        value = row.number(name)
        if value is None or not value > 0:
            raise ValueError(f"{name} is {value}, expected above 0")
        return value

    def count(name: str) -> int:
        value = row.integer(name)
        if value is None:
            raise ValueError(f"{name} is missing")
        return value

    point = EfficiencyPoint(
        number("mass"),
        row.text("period") or "",
        row.text("selection") or "",
        number("threshold"),
        count("n_simulated"),
        count("n_generated"),
        count("n_in_box"),
        count("n_selected"),
        *(row.text(name) or "" for name in ("cuts", "setup", "beam", "search")),
    )
    stated = row.number("efficiency")
    if stated is None or not math.isclose(stated, point.efficiency, rel_tol=1e-6):
        raise ValueError(f"efficiency {stated} is not {point.n_selected} of {point.n_generated}")
    return point


def load_efficiencies(
    path: Path,
    *,
    reference: float = REFERENCE,
    beam_energy: float = BEAM_ENERGY,
    periods: Container[str] | None = None,
    delivered: bool = False,
) -> dict[str, SignalEfficiency]:
    """Load the efficiency of periods of `efficiency.csv`, with the losses in the table beside it.

    Parameters
    ----------
    path : Path
    reference : float, GeV
        Threshold of the yield that they will be multiplied with.
    beam_energy : float, GeV
        Of the beam of the yield.
    periods : container of str, optional
        Those that are wanted; by default all.
    delivered : bool
        For exposure that was delivered: the live time counts.

    Raises
    ------
    ValueError
        The file is wrong, or has two selections for a period, or losses of another set-up.
    """
    points = read_points(path)
    varied = read_variations(variations_path(path))
    _check_varied(path, points, varied)
    losses = read_applied(losses_path(path))
    _check_losses(path, points, losses)
    energies = read_energies(energies_path(path))
    _check_energies(path, points, energies)
    found = {}
    for period in sorted({point.period for point in points if periods is None or point.period in periods}):
        own = sorted((point for point in points if point.period == period), key=lambda point: point.mass)
        selections = sorted(
            {(point.selection, point.cuts, point.setup, point.beam, point.search) for point in own}
        )
        if len(selections) > 1:
            stated = " and ".join(" ".join(one).strip() for one in selections)
            raise ValueError(f"{path}: period {period} has {stated}, expected one")
        (selection, cuts, setup, beam, search), *_ = selections
        source = f"{path.name}, period {period}, {selection}, simulated"
        changes = changes_of(entry for entry in varied if entry.period == period)
        measured = efficiency_of(own, source, reference=reference, beam_energy=beam_energy)
        kept = tuple(loss for loss in losses if loss.period == period)
        factor = factor_of(kept, delivered=delivered)
        found[period] = replace(
            measured,
            value=factor * measured.value,
            error=factor * measured.error,
            changes=changes,
            losses=kept,
            delivered=delivered,
            selection=selection,
            cuts=cuts,
            setup=setup,
            beam=beam,
            search=search,
            by_energy=energy_efficiency(
                (point for point in energies if point.period == period), factor, str(energies_path(path))
            ),
        )
    return found


def _check_energies(path: Path, points: list[EfficiencyPoint], energies: list[MissingEnergyPoint]) -> None:
    """Check that efficiencies by missing energy were made with the points of the table."""
    known = {(p.period, p.selection, p.cuts, p.setup, p.beam, p.search) for p in points}
    for one in energies:
        of = (one.period, one.selection, one.cuts, one.setup, one.beam, one.search)
        if of not in known:
            has = " or ".join(sorted(" ".join(filter(None, names)) for names in known))
            raise ValueError(
                f"{energies_path(path)}: is of {' '.join(filter(None, of))}, {path.name} of {has}; "
                "na64 efficiency makes both"
            )


def _check_losses(path: Path, points: list[EfficiencyPoint], losses: list[AppliedLoss]) -> None:
    """Check that losses were made with the points of the table: of the same period, set-up and cuts."""
    known = {(point.period, point.selection, point.cuts, point.setup) for point in points}
    for loss in losses:
        of = (loss.period, loss.selection, loss.cuts, loss.setup)
        if of not in known:
            has = " or ".join(sorted(" ".join(filter(None, one)) for one in known))
            raise ValueError(
                f"{losses_path(path)}: loss {loss.loss} is of {' '.join(filter(None, of))}, "
                f"{path.name} of {has}; na64 efficiency makes both"
            )


def _check_varied(path: Path, points: list[EfficiencyPoint], varied: list[Varied]) -> None:
    """Refuse variations that were not counted with the points of the table."""
    known = {(point.period, point.selection, point.mass): point.n_selected for point in points}
    for entry in varied:
        nominal = known.get((entry.period, entry.selection, entry.mass))
        if nominal != entry.n_selected:
            raise ValueError(
                f"{variations_path(path)}: {entry.variation}, period {entry.period}, {entry.mass:g} GeV: "
                f"{entry.n_selected} selected nominally, {nominal} in {path.name}; na64 efficiency makes both"
            )


def efficiency_of(
    points: Iterable[EfficiencyPoint],
    source: str,
    *,
    reference: float = REFERENCE,
    beam_energy: float = BEAM_ENERGY,
) -> SignalEfficiency:
    """Make one function of the points of a period, by rising mass."""
    ordered = tuple(points)
    scale = np.array([_per_reference(point, reference, beam_energy) for point in ordered])
    return SignalEfficiency(
        np.array([point.mass for point in ordered]),
        scale * np.array([point.efficiency for point in ordered]),
        scale * np.array([point.error for point in ordered]),
        source,
    )


def _per_reference(point: EfficiencyPoint, reference: float, beam_energy: float) -> float:
    """Dark photons above the period's own threshold for each one above the reference."""
    if point.threshold == reference:
        return 1.0
    above = (
        yield_per_eot(point.mass, threshold=value, beam_energy=beam_energy)
        for value in (point.threshold, reference)
    )
    return next(above) / next(above)
