"""What a stored result brings to a limit: particles on target and, once the box is open, counts in it."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from na64.datasets.conditions.on_target import UNKNOWN, on_target
from na64.datasets.conditions.periods import load_periods
from na64.datasets.conditions.stated_boxes import DEFAULT_SEARCH
from na64.outputs.blinding.names import UNBLINDED
from na64.outputs.blinding.opened_box import OpenedBox, as_opened, read_opened
from na64.outputs.result.descriptions import box_facts
from na64.outputs.result.lacks import why_not_counted
from na64.outputs.result.origin import Origin, origin_in
from na64.outputs.result.store import read_result
from na64.outputs.result.summary import RunAccounting, Summary
from na64.outputs.result.summary_facts import BoxFacts, SelectionFacts
from na64.outputs.signal.beam import ELECTRONS, PARTICLES, Beam, CrossingBeam

PHYSICS = "physics"


@dataclass(frozen=True, slots=True)
class PeriodExposure:
    """The runs of a period that count.

    Attributes
    ----------
    period : str
    on_target : float
        Particles on target, of the kind of `beam`.
    runs : tuple of int
    observed : int or None
        Events of these runs in the opened box after all cuts; None while it is closed.
    beam : Beam
        Of the period.
    threshold : float
        GeV of missing energy at which the period's box begins.
    """

    period: str
    on_target: float
    runs: tuple[int, ...]
    observed: int | None
    beam: Beam = ELECTRONS
    threshold: float = 50.0


@dataclass(frozen=True, slots=True)
class LimitInput:
    """A stored result as a limit sees it.

    Attributes
    ----------
    folder : Path
    label : str
        What the events are: data or simulation.
    selection, cuts : str
        Name of the selection and identity of its cuts.
    periods : tuple of PeriodExposure
    excluded : tuple of (int, str)
        Runs that do not count, and why.
    state : str
        Why there are no counts in the box, or under which freeze it was opened.
    digest : str
        sha256 of the result.
    origin : Origin
        What is said of files that are made of the result.
    is_data : bool
    search : str
        The one whose box the selection is for.
    least : tuple of (str, float)
        Features with a bound from below, and the least value that the cuts keep, in the feature's unit.
    """

    folder: Path
    label: str
    selection: str
    cuts: str
    periods: tuple[PeriodExposure, ...]
    excluded: tuple[tuple[int, str], ...]
    state: str
    digest: str
    origin: Origin = field(default_factory=Origin)
    is_data: bool = False
    search: str = DEFAULT_SEARCH
    least: tuple[tuple[str, float], ...] = ()

    @property
    def is_open(self) -> bool:
        """Whether there are counts in the box."""
        return all(period.observed is not None for period in self.periods)


def read_exposure(folder: Path, *, delivered: bool = False, any_box: bool = False) -> LimitInput:
    """Read what counts of the result in a folder.

    Parameters
    ----------
    folder : Path
    delivered : bool
        Take the particles delivered, of which some came while nothing could be recorded; by default the
        live ones.
    any_box : bool
        A box need not be below an ECAL and an HCAL energy, of which the threshold is nan then, nor the beam
        one of electrons or positrons.

    Raises
    ------
    ValueError
        No run counts, a record of an opened box is not the one that the log knows, or the box is of another
        kind.
    """
    products = read_result(folder)
    box = read_opened(folder, products.summary)
    summary = as_opened(products, box).summary
    excluded = tuple(_excluded(summary, delivered=delivered, any_beam=any_box))
    out = {run for run, _ in excluded}
    used = [run for run in summary.runs if run.run not in out]
    if not used:
        why = "; ".join(f"run {run}: {reason}" for run, reason in excluded[:3]) or "it has none"
        raise ValueError(f"{folder}: no run counts ({why})")
    counts, state = _opened(folder, summary, box)
    names = sorted({run.period for run in used})
    periods = tuple(
        _period([r for r in used if r.period == name], counts, delivered, _box(summary, name), any_box)
        for name in names
    )
    digest, selection = products.digest, summary.selection
    named = (selection.name, selection.cuts_identity)
    return LimitInput(
        *(folder, summary.label, *named, periods, excluded, state, digest),
        origin=origin_in(summary, digest),
        is_data=summary.is_data,
        search=_search(summary),
        least=tuple(_least(selection)),
    )


def _least(selection: SelectionFacts) -> Iterator[tuple[str, float]]:
    """Features that cuts bound from below, each with the tightest bound."""
    found: dict[str, float] = {}
    for interval in (interval for cut in selection.cuts for interval in cut.intervals):
        if interval.low is not None:
            found[interval.feature] = max(interval.low, found.get(interval.feature, interval.low))
    yield from found.items()


def check_apart(exposures: Sequence[LimitInput]) -> None:
    """Refuse results that have a run in common: its exposure and events would count twice.

    Raises
    ------
    ValueError
        Names both results and the run.
    """
    found: dict[int, Path] = {}
    for exposure in exposures:
        for run in (run for period in exposure.periods for run in period.runs):
            if run in found:
                raise ValueError(
                    f"run {run} is in {found[run]} and in {exposure.folder}: it would count twice"
                )
            found[run] = exposure.folder


def _period(
    runs: list[RunAccounting],
    counts: Mapping[int, int] | None,
    delivered: bool,
    box: BoxFacts,
    any_box: bool,
) -> PeriodExposure:
    on_target = math.fsum(_on_target(run, delivered=delivered) or 0.0 for run in runs)
    observed = None if counts is None else sum(counts[run.run] for run in runs)
    beam = beam_of(box, any_beam=any_box)
    numbers = tuple(run.run for run in runs)
    threshold = math.nan
    if box.is_rectangle or not any_box:
        threshold = beam.energy - box.rectangle().width
    return PeriodExposure(box.period, on_target, numbers, observed, beam, threshold)


def _search(summary: Summary) -> str:
    """Search of the box that the selection is for."""
    return summary.boxes[0].search if summary.boxes else DEFAULT_SEARCH


def _box(summary: Summary, period: str) -> BoxFacts:
    found = next((box for box in summary.boxes if box.period == period), None)
    if found is not None:
        return found
    known = load_periods()
    if period not in known:
        raise ValueError(f"period {period}: the result has no box of it")
    return box_facts(known[period])


def beam_of(box: BoxFacts, *, any_beam: bool = False) -> Beam:
    """Beam of the period of a box: as the result states it, or else as the packaged period does.

    Parameters
    ----------
    box : BoxFacts
    any_beam : bool
        Of muons and hadrons too.

    Raises
    ------
    ValueError
        No yield is known for it.
    """
    particle, energy = box.particle, box.beam_energy
    if not particle:
        known = load_periods()
        if box.period not in known:
            raise ValueError(f"period {box.period}: the result does not state its beam")
        particle, energy = known[box.period].beam_particle, known[box.period].beam_energy
    try:
        if any_beam and particle not in PARTICLES:
            return CrossingBeam(particle, energy)
        return Beam(particle, energy)
    except ValueError as error:
        raise ValueError(f"period {box.period}: {error}") from None


def _excluded(summary: Summary, *, delivered: bool, any_beam: bool) -> Iterator[tuple[int, str]]:
    for run in summary.runs:
        if run.type != PHYSICS:
            yield run.run, f"its type is {run.type}"
        elif run.accounting["missing"]:
            yield run.run, f"{run.accounting['missing']} of its events were not read"
        elif not _on_target(run, delivered=delivered):
            which = "delivered" if delivered else "live"
            yield run.run, f"no {which} {on_target(summary.particle_of(run))} are stated"
        elif other := _other_beam(run, beam_of(_box(summary, run.period), any_beam=any_beam)):
            yield run.run, other
        elif lack := why_not_counted(summary, run):
            yield run.run, lack


def _other_beam(run: RunAccounting, beam: Beam) -> str:
    """What is wrong with the beam of a run, if it is not that of its period: its yield is not known then."""
    if run.particle in (UNKNOWN, beam.particle) and run.energy in (0.0, beam.energy):
        return ""
    own = f"{run.particle or 'unknown'} of {run.energy:g} GeV"
    return f"its beam is {own}, that of period {run.period} {beam.text}"


def _on_target(run: RunAccounting, *, delivered: bool) -> float | None:
    return run.eot_delivered if delivered else run.eot_live


def _opened(folder: Path, summary: Summary, box: OpenedBox | None) -> tuple[Mapping[int, int] | None, str]:
    """Counts in the box by run, or None and why there are none."""
    if not summary.is_data:
        return None, "simulation: nothing is observed"
    if box is None:
        return None, "BLIND: the box is closed"
    if box.unknown:
        raise ValueError(f"{folder / UNBLINDED}: {box.unknown}")
    if box.problem:
        return None, box.problem
    return box.counts, f"UNBLINDED under the freeze {box.freeze[:12]}: {box.words}"
