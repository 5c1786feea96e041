"""Events that every other cut lets pass: all that a scan has to look at, step by step."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeAlias

import hist
import numpy as np
from numpy.typing import NDArray

from na64.outputs.background.rates import Weighted
from na64.outputs.events.analysis import ReopenedResult
from na64.outputs.result.summary_facts import BoxFacts
from na64.processors.counting.counting import apply_cuts
from na64.processors.events.visible_events import VisibleEvents
from na64.processors.job import Job
from na64.processors.stored_features import gather_features
from na64.selections.cut import Cut
from na64.selections.hidden import drawn_mask
from na64.selections.planes import ENERGIES
from na64.selections.selection import Selection

Floats = NDArray[np.float64]
Values = NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class _Part:
    """Candidates of runs in which the cuts say the same.

    Attributes
    ----------
    chosen : tuple of (str, int)
        See `na64.selections.selection.Selection.chosen`.
    values : (n_features, n_events) float32
    weight : (n_events,) float64
    drawn : (n_events,) bool
        A plane may show them.
    """

    chosen: tuple[tuple[str, int], ...]
    values: NDArray[np.float32]
    weight: Floats
    drawn: NDArray[np.bool_]


_Taken: TypeAlias = tuple[_Part, Weighted]
"""Candidates among some events of one run, and the sums of the weights of all of them."""


@dataclass(frozen=True, slots=True, eq=False)
class Candidates:
    """Visible events of a result that pass every cut but those that are scanned.

    Attributes
    ----------
    parts : tuple of _Part
    index : dict of str to int
        Row of each feature.
    cuts : frozenset of str
        Those that are scanned.
    visible : Weighted
        Visible events before any cut; of a signal those of its component.
    """

    parts: tuple[_Part, ...]
    index: dict[str, int]
    cuts: frozenset[str]
    visible: Weighted

    @property
    def n_events(self) -> int:
        """Events that pass all the other cuts."""
        return sum(part.weight.size for part in self.parts)

    def passing(self, selection: Selection) -> tuple[NDArray[np.bool_], ...]:
        """Which of them pass the scanned cuts as a selection has them, part by part."""
        scanned = [cut for cut in selection.cuts if cut.name in self.cuts]
        return tuple(
            _passes(_only(replace(selection, chosen=part.chosen), scanned), part.values)
            for part in self.parts
        )

    def plane(self, passing: Iterable[NDArray[np.bool_]], axes: Iterable[Any]) -> hist.Hist[Any]:
        """Plane of (E_ECAL, E_HCAL) of those that pass, with the axes of the stored planes."""
        filled: hist.Hist[Any] = hist.Hist(*axes, storage=hist.storage.Int64())
        for part, passed in zip(self.parts, passing, strict=True):
            shown = passed & part.drawn
            filled.fill(*(part.values[self.index[name]][shown] for name in ENERGIES))
        return filled

    def in_box(self, passing: Iterable[NDArray[np.bool_]], box: BoxFacts) -> Weighted:
        """Sum of the weights of those that pass in the box; of simulation only."""
        weights = []
        for part, passed in zip(self.parts, passing, strict=True):
            x, y = (part.values[self.index[name]] for name in ENERGIES)
            weights.append(part.weight[passed & (x < box.width) & (y < box.height)])
        found = np.concatenate(weights) if weights else np.zeros(0)
        return Weighted(float(found.sum()), float((found * found).sum()))


def find_candidates(
    analysis: ReopenedResult,
    cuts: Collection[str],
    *,
    store: Path,
    progress: Callable[[int, int], None],
) -> Candidates:
    """Read the features of a result once and keep the events that all cuts but some let pass.

    Parameters
    ----------
    analysis : ReopenedResult
    cuts : collection of str
        Names of those that are scanned.
    store : Path
        Folder of the feature store.
    progress : callable
        Takes the numbers of events done and of all.
    """
    job, names = analysis.job, frozenset(cuts)

    def take(part: VisibleEvents) -> _Taken:
        return _candidates_of(part.run, part.values, part.weight, job, names)

    taken = gather_features(
        analysis.catalogue, job, take, store=store, limit=analysis.limit, progress=progress
    )
    return _gathered(taken, analysis, names)


def find_signal(analysis: ReopenedResult, cuts: Collection[str], component: int | None) -> Candidates:
    """Read a simulated signal again and keep what all cuts but some let pass.

    Parameters
    ----------
    analysis : ReopenedResult
        Of simulation.
    cuts : collection of str
        Names of those that are scanned.
    component : int or None
        ``truth_component`` of the signal; None if all that was simulated is signal.

    Raises
    ------
    ValueError
        The simulation has several components and none is asked for, or none of that number.
    """
    job, names, known = analysis.job, frozenset(cuts), set[int]()
    taken = []
    for batch in analysis.read_events():
        numbers, values = batch.columns.event, batch.values
        weight = numbers["weight"] if job.weighted else None
        kinds = numbers.get("truth_component")
        if kinds is not None:
            known.update(int(kind) for kind in np.unique(kinds))
        if component is not None:
            rows = np.zeros(values.shape[1], np.bool_) if kinds is None else kinds == component
            values, weight = values[:, rows], None if weight is None else weight[rows]
        taken.append(_candidates_of(batch.run, values, weight, job, names))
    _check_component(analysis.folder, component, known)
    return _gathered(taken, analysis, names)


def _check_component(folder: Path, component: int | None, known: set[int]) -> None:
    listed = ", ".join(map(str, sorted(known))) or "none"
    if component is not None and component not in known:
        raise ValueError(f"{folder}: no event of truth_component {component}; there are {listed}")
    if component is None and len(known) > 1:
        raise ValueError(
            f"{folder}: {len(known)} components are simulated, truth_component {listed}: "
            "say which one is the signal (--component)"
        )


def _gathered(taken: Sequence[_Taken], analysis: ReopenedResult, cuts: frozenset[str]) -> Candidates:
    sums = (sum(getattr(seen, name) for _, seen in taken) for name in ("sumw", "sumw2"))
    parts = _joined(part for part, _ in taken)
    return Candidates(parts, analysis.selection.index, cuts, Weighted(*map(float, sums)))


def _candidates_of(
    run: int, values: Values, weights: NDArray[Any] | None, job: Job, scanned: frozenset[str]
) -> _Taken:
    selection = job.selection_in(run)
    values = values[: len(selection.index)]
    n_events = values.shape[1]
    weight = np.ones(n_events) if weights is None else np.asarray(weights, np.float64)
    seen = Weighted(float(weight.sum()), float((weight * weight).sum()))
    passed = _passes(_only(selection, [cut for cut in selection.cuts if cut.name not in scanned]), values)
    kept = np.ascontiguousarray(values[:, passed])  # a copy: the store writes over what it gave
    drawn = np.ones(kept.shape[1], np.bool_)
    if not job.simulation:
        drawn = drawn_mask(job.runs[run].boxes, kept, selection.index)
    return _Part(selection.chosen, kept, weight[passed], drawn), seen


def _joined(parts: Iterable[_Part]) -> tuple[_Part, ...]:
    """Parts with the same cuts as one: there may be thousands of runs."""
    alike: dict[tuple[tuple[str, int], ...], list[_Part]] = {}
    for part in parts:
        alike.setdefault(part.chosen, []).append(part)
    return tuple(
        _Part(
            chosen,
            np.concatenate([part.values for part in group], axis=1),
            np.concatenate([part.weight for part in group]),
            np.concatenate([part.drawn for part in group]),
        )
        for chosen, group in alike.items()
    )


def _only(selection: Selection, cuts: list[Cut]) -> Selection:
    """Selection of these cuts alone: what is filled after others is left out."""
    plain = replace(selection, regions=(), histograms=(), variations=(), planes=selection.planes[:1])
    return replace(plain, cuts=tuple(cuts))


def _passes(selection: Selection, values: NDArray[np.float32]) -> NDArray[np.bool_]:
    if not selection.cuts:
        return np.ones(values.shape[1], np.bool_)
    passed: NDArray[np.bool_] = apply_cuts(selection, values).first == len(selection.cuts)
    return passed
