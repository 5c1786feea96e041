"""The measurement of a beam: every quantity in every run and in all, and whether runs agree."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from na64.datasets.instrument.roles import COUNTERS
from na64.outputs.control.beam.gather import GatheredBeam, Sample
from na64.outputs.control.beam.names import ALL, TAGS, BeamRow
from na64.outputs.control.beam.quantities import Quantities, Quantity, Radiation, quantities_of, radiation_of
from na64.outputs.control.beam.settings import BeamSettings
from na64.outputs.control.beam.sums import BeamSums
from na64.outputs.control.beam.values import Measured, chance_of_run, chance_of_runs, ratio, share

FALSE_ALARM = 0.01
"""Chance of any false outlier among all looks, if runs differ by chance alone."""


@dataclass(frozen=True, slots=True)
class TagEfficiency:
    """Share of a pure sample that has the tag.

    Attributes
    ----------
    tag : str
    measured : Measured
    origin : str
        Name of the result it is of.
    """

    tag: str
    measured: Measured
    origin: str


@dataclass(frozen=True, slots=True)
class BeamSample:
    """What was measured of a sample.

    Attributes
    ----------
    sample : Sample
    sums : BeamSums
        Of all its runs.
    everything : dict of str to Quantity
        Of all its runs.
    runs : mapping of int to dict of str to Quantity
    radiation : Radiation
    """

    sample: Sample
    sums: BeamSums
    everything: Quantities
    runs: Mapping[int, Quantities]
    radiation: Radiation


@dataclass(frozen=True, slots=True)
class BeamMeasurement:
    """The beam of a result.

    Attributes
    ----------
    samples : tuple of BeamSample
        One a type, particle and energy of runs.
    rows : tuple of BeamRow
        As in `beam.csv`.
    efficiencies : tuple of TagEfficiency
    settings : BeamSettings
    left_out : mapping of int to str
        Runs that are not measured, and why.
    partly_hidden : tuple of int
        Runs whose beam triggers in a closed box are hidden too.
    n_looks : int
        Values of runs that were compared with the other runs.
    """

    samples: tuple[BeamSample, ...]
    rows: tuple[BeamRow, ...]
    efficiencies: tuple[TagEfficiency, ...]
    settings: BeamSettings
    left_out: Mapping[int, str]
    partly_hidden: tuple[int, ...]
    n_looks: int

    @property
    def limit(self) -> float:
        """Largest p-value of an outlier, for all looks together (Bonferroni)."""
        return FALSE_ALARM / max(self.n_looks, 1)


def measure(
    gathered: GatheredBeam, settings: BeamSettings, efficiencies: tuple[TagEfficiency, ...] = ()
) -> BeamMeasurement:
    """Measure the beam of every sample.

    Parameters
    ----------
    gathered : GatheredBeam
    settings : BeamSettings
    efficiencies : tuple of TagEfficiency
        By which the tagged shares are divided.
    """

    def all_of(sums: BeamSums, sample: Sample) -> Quantities:
        found = quantities_of(sums, sample.energy, settings)
        tagged = {name: one for name, one in found.items() if not name.startswith(COUNTERS)}
        return tagged | dict(_fractions(found, efficiencies)) | found

    samples = tuple(
        BeamSample(
            sample,
            total := gathered.total(sample),
            all_of(total, sample),
            {run: all_of(gathered.runs[run], sample) for run in runs},
            radiation_of(sample.energy, settings),
        )
        for sample, runs in gathered.samples.items()
    )
    tested = [(one, dict(_tested(one))) for one in samples]
    n_looks = sum(p is not None for _, chances in tested for p in chances.values())
    rows = tuple(row for one, chances in tested for row in _rows(one, chances, FALSE_ALARM / max(n_looks, 1)))
    return BeamMeasurement(
        samples, rows, efficiencies, settings, gathered.left_out, gathered.partly_hidden, n_looks
    )


def efficiency_of_tag(gathered: GatheredBeam, tag: str, energies: set[float], origin: str) -> TagEfficiency:
    """Share of the events of a pure sample that have a tag.

    Parameters
    ----------
    gathered : GatheredBeam
        Of a result in which only particles of this kind reach the detector.
    tag : str
    energies : set of float
        GeV, of the beams that it is for: only one can be.
    origin : str
        Name of that result.

    Raises
    ------
    ValueError
        It has no runs of the energy, or none of its events has the tag.
    """
    wanted = [sample for sample in gathered.samples if {sample.energy} == energies]
    if not wanted:
        known = " and ".join(sorted({f"{sample.energy:g} GeV" for sample in gathered.samples}))
        asked = " and ".join(f"{energy:g} GeV" for energy in sorted(energies))
        raise ValueError(f"{origin}: {tag}s of {known} do not stand for a beam of {asked}")
    totals = [gathered.total(sample) for sample in wanted]
    if any(tag not in total.can_tag for total in totals):
        raise ValueError(f"{origin}: the detectors that tag {tag}s are not in its files")
    n_tagged = sum(total.tags[tag].n_events for total in totals)
    n_events = sum(total.n_events for total in totals)
    if not n_tagged:
        raise ValueError(f"{origin}: none of {n_events} events is tagged as {tag}: it is no sample of {tag}s")
    return TagEfficiency(tag, share(n_tagged, n_events), origin)


def absent(one: BeamSample) -> Iterator[str]:
    """What could not be measured of a sample, because its files do not have it."""
    if not any(f"{name}_mean" in one.everything for name in one.sums.positions):
        yield "beam spot (no position of a track or of hits in a tracker)"
    for name in ("momentum", "angle"):
        if f"track_{name}" not in one.sums.known:
            yield f"{name} of a track"
    if lacking := [f"{tag}s" for tag in TAGS if tag not in one.sums.can_tag]:
        yield f"detectors that tag {' and '.join(lacking)}"
    if not one.sums.seen_counters:
        yield COUNTERS.upper()


def _fractions(found: Quantities, efficiencies: tuple[TagEfficiency, ...]) -> Iterator[tuple[str, Quantity]]:
    """Fractions of the beam: tagged shares over the efficiency of the tag; electrons are the rest."""
    made: list[Measured] = []
    for one in efficiencies:
        if f"{one.tag}_tagged" in found:
            made.append(ratio(found[f"{one.tag}_tagged"].measured, one.measured))
            yield f"{one.tag}_fraction", Quantity(made[-1], is_tested=False)
    if len(made) == 2:
        below = (made[0].above ** 2 + made[1].above ** 2) ** 0.5
        above = (made[0].below ** 2 + made[1].below ** 2) ** 0.5
        rest = 1 - made[0].value - made[1].value
        yield "electron_fraction", Quantity(Measured(made[0].n_events, rest, below, above), is_tested=False)


def _tested(one: BeamSample) -> Iterator[tuple[tuple[int, str], float | None]]:
    """Chance of the value of every run among the others, by run and quantity."""
    for name, quantity in one.everything.items():
        if not quantity.is_tested:
            continue
        measured = {run: found[name].measured for run, found in one.runs.items() if name in found}
        for run, mine in measured.items():
            others = [value for other, value in measured.items() if other != run]
            yield (run, name), chance_of_run(mine, others)


def _rows(
    one: BeamSample, chances: Mapping[tuple[int, str], float | None], limit: float
) -> Iterator[BeamRow]:
    for run, found in one.runs.items():
        for name, quantity in found.items():
            p = chances.get((run, name))
            yield _row(one, str(run), name, quantity, p, is_outlier=p is not None and p < limit)
    for name, quantity in one.everything.items():
        values = [found[name].measured for found in one.runs.values() if name in found]
        p = chance_of_runs(values) if quantity.is_tested else None
        yield _row(one, ALL, name, quantity, p, is_outlier=False)


def _row(
    one: BeamSample, run: str, name: str, quantity: Quantity, p: float | None, *, is_outlier: bool
) -> BeamRow:
    found = quantity.measured
    return BeamRow(
        one.sample.name,
        run,
        name,
        quantity.unit,
        found.n_events,
        found.value,
        found.below,
        found.above,
        p,
        "yes" if is_outlier else "",
    )
