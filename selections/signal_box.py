"""The signal box and the hidden region around it: nothing else knows where they are."""

from __future__ import annotations

import hashlib
import hmac
import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from na64.datasets.basics.identity import identity
from na64.datasets.basics.people import distinct_people
from na64.datasets.conditions.conditions import RunType
from na64.datasets.instrument.features import INDEX
from na64.selections.regions import Region

_BLOCK = 1 << 14  # events; larger temporaries leave the cache and cost five times as much
_OPEN_RUN_TYPES = (RunType.CALIBRATION, RunType.BEAM)
_ABOVE_BOX_IN_HCAL = ("hcal", "hcal_0")


@dataclass(frozen=True, slots=True)
class Rectangle:
    """The box and the hidden region in the plane of `ecal` and `hcal`, from zero to these edges, GeV."""

    ecal: float
    hcal: float
    ecal_hidden: float
    hcal_hidden: float


@dataclass(frozen=True, slots=True)
class SignalBox:
    """The signal box of a period and the guard band around it.

    Attributes
    ----------
    name : str
        The period, or `DEFAULT`.
    version : int
        Raised with every change of the boxes.
    ecal, hcal : float
        GeV; the box is below both.
    ecal_guard, hcal_guard : float
        GeV; how far the hidden region goes beyond the box.
    ecal_sums, hcal_sums : tuple of str
        Features any of which might be the energy in question.
    scales : tuple of float
        Factors on the energy scale any of which might be right.
    source : str
        Where the edges come from, with provenance tags.
    """

    name: str
    version: int
    ecal: float
    hcal: float
    ecal_guard: float
    hcal_guard: float
    ecal_sums: tuple[str, ...]
    hcal_sums: tuple[str, ...]
    scales: tuple[float, ...]
    source: str

    def __post_init__(self) -> None:
        for edge in (self.ecal, self.hcal):
            if not edge > 0:
                raise ValueError(f"signal box {self.name}: edge at {edge:g} GeV")
        for guard in (self.ecal_guard, self.hcal_guard):
            if not guard >= 0:
                raise ValueError(f"signal box {self.name}: guard band of {guard:g} GeV")
        if not self.ecal_sums or not self.hcal_sums:
            raise ValueError(f"signal box {self.name}: no energy to compare with")
        if not self.scales or not all(scale > 0 for scale in self.scales):
            raise ValueError(f"signal box {self.name}: energy scales {self.scales} are not positive")

    @property
    def identity(self) -> str:
        """Name of this box and its hidden region by content."""
        return identity(self)

    def rectangle(self) -> Rectangle:
        """Edges of box and hidden region, for a plot."""
        return Rectangle(
            ecal=self.ecal,
            hcal=self.hcal,
            ecal_hidden=self.ecal + self.ecal_guard,
            hcal_hidden=self.hcal + self.hcal_guard,
        )


@dataclass(frozen=True, slots=True)
class Unblinding:
    """The decision to open a box; without one nothing gives events in it.

    Attributes
    ----------
    freeze : str
        sha256 of the manifest that says what is opened.
    reason : str
    approved_by : tuple of str
        At least two people.
    key : str
        Decides, with the number of run and spill, which spills are opened first; fixed by the manifest.
    fraction : float
        Of the spills: 1 opens all, a smaller one a subset of what a larger one opens.
    """

    freeze: str
    reason: str
    approved_by: tuple[str, ...]
    key: str
    fraction: float = 1.0

    def __post_init__(self) -> None:
        if not self.freeze or not self.key:
            raise ValueError("an opening of the box needs a manifest and its key")
        if not self.reason.strip():
            raise ValueError("an opening of the box needs a reason")
        if distinct_people(self.approved_by) < 2:
            raise ValueError(f"an opening of the box needs two people, not {', '.join(self.approved_by)}")
        if not 0 < self.fraction <= 1:
            raise ValueError(f"a fraction of {self.fraction:g} of the spills: expected above 0 and up to 1")

    def opens(self, run: int, spill: int) -> bool:
        """Whether a spill is among those to be opened."""
        digest = hmac.digest(self.key.encode(), f"{run}:{spill}".encode(), hashlib.sha256)
        return int.from_bytes(digest[:6], "big") < math.ceil(self.fraction * 2**48)


def hidden(box: SignalBox, features: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Which events are not provably outside box and guard band.

    An event is provably outside if every energy in question is finite, and all of the ECAL or all of the HCAL
    are at or above the edge of the hidden region, whichever energy scale is right.

    Parameters
    ----------
    features : (n_features, n_events) float32
        Rows as in `na64.datasets.instrument.features.INDEX`.

    Returns
    -------
    (n_events,) bool
    """
    if features.dtype != np.float32 or features.ndim != 2 or len(features) < len(INDEX):
        raise ValueError(
            f"features are {features.shape} {features.dtype}, not ({len(INDEX)} or more, events) float32"
        )
    n_events = features.shape[1]
    found = np.ones(n_events, bool)
    for start in range(0, n_events, _BLOCK):
        block = slice(start, start + _BLOCK)
        found[block] = _hidden(box, features[:, block])
    return found


def is_open(
    run_type: RunType, trigger: NDArray[Any] | None, features: NDArray[np.float32]
) -> NDArray[np.bool_]:
    """Which events the box does not concern, wherever they sit.

    These are all events of declared calibration and beam runs, and in physics runs the events with a trigger
    word that is not empty and not that of the physics trigger. In a run of unknown type there are none.

    Parameters
    ----------
    run_type : RunType
    trigger : (n_events,) integer or None
        Trigger words as recorded; None if the file has none.
    features : (n_features, n_events) float32

    Returns
    -------
    (n_events,) bool
    """
    n_events = features.shape[1]
    if run_type in _OPEN_RUN_TYPES:
        return np.ones(n_events, bool)
    if run_type is not RunType.PHYSICS or trigger is None:
        return np.zeros(n_events, bool)
    declared: NDArray[np.bool_] = (trigger != 0) & (features[INDEX["trigger_physics"]] == 0)
    return declared


def visible_mask(
    features: NDArray[np.float32],
    *,
    box: SignalBox,
    run_type: RunType,
    trigger: NDArray[Any] | None,
    nonfinite: NDArray[np.bool_],
    simulation: bool,
    varied: Iterable[NDArray[np.float32]] = (),
) -> NDArray[np.bool_]:
    """Which events may be looked at: of simulation all, of data those that are not hidden.

    An event that is hidden nominally or under any variation is hidden.

    Parameters
    ----------
    features : (n_features, n_events) float32
    box : SignalBox
        Of the run's period.
    run_type : RunType
    trigger : (n_events,) integer or None
        Trigger words as recorded; None if the file has none.
    nonfinite : (n_events,) bool
        Events with a needed value that is not finite: in data they are hidden.
    simulation : bool
    varied : iterable of (n_features, n_events) float32
        The features under each variation that moves events in the plane of the box.

    Returns
    -------
    (n_events,) bool
    """
    if simulation:
        return np.ones(features.shape[1], bool)
    closed = hidden(box, features)
    for other in varied:
        closed |= hidden(box, other)
    return ~nonfinite & (is_open(run_type, trigger, features) | ~closed)


def drawn_mask(box: SignalBox, ecal: NDArray[np.float32], hcal: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Which visible events of data a plane may show: none in box or guard band, not even open ones.

    Parameters
    ----------
    box : SignalBox
    ecal, hcal : (n_events,) float32, GeV

    Returns
    -------
    (n_events,) bool
    """
    edges = box.rectangle()
    drawn: NDArray[np.bool_] = (ecal >= np.float64(edges.ecal_hidden)) | (
        hcal >= np.float64(edges.hcal_hidden)
    )
    return drawn


def opened_mask(
    features: NDArray[np.float32],
    *,
    box: SignalBox,
    run_type: RunType,
    trigger: NDArray[Any] | None,
    nonfinite: NDArray[np.bool_],
    place: tuple[int, NDArray[Any]],
    unblinding: Unblinding,
    also_closed: NDArray[np.bool_] | None = None,
) -> NDArray[np.bool_]:
    """Which events of data sit in the box itself and are opened; the guard band stays closed.

    What sits in the box is visible in blind results, or opened: no event is in neither.

    Parameters
    ----------
    features, box, run_type, trigger, nonfinite
        As `visible_mask` takes them.
    place : int and (n_events,) integer
        The run, and the spill of each event.
    unblinding : Unblinding
    also_closed : (n_events,) bool, optional
        What is hidden under another set-up, whatever this one says of the trigger.

    Returns
    -------
    (n_events,) bool
    """
    run, spills = place
    inside = _inside(box, features)
    closed = hidden(box, features) & ~is_open(run_type, trigger, features)
    if also_closed is not None:
        closed |= also_closed
    found, of_event = np.unique(spills, return_inverse=True)
    chosen = np.array([unblinding.opens(run, spill) for spill in found.tolist()], bool)
    opened: NDArray[np.bool_] = inside & closed & ~nonfinite & chosen[of_event]
    return opened


def simulated_mask(features: NDArray[np.float32], *, box: SignalBox, simulation: bool) -> NDArray[np.bool_]:
    """Which simulated events sit in the box itself.

    Parameters
    ----------
    features : (n_features, n_events) float32
    box : SignalBox
    simulation : bool
        Whether the events are declared to be simulated.

    Raises
    ------
    ValueError
        They are data.
    """
    if not simulation:
        raise ValueError("events of data in the box are counted by an opening only")
    return _inside(box, features)


def check_outside(regions: Iterable[Region], boxes: Iterable[SignalBox]) -> None:
    """Refuse a region that is not provably outside every box.

    A bound from below on `ecal`, on `hcal`, or on `hcal_0`, which is part of every HCAL sum, is the proof.

    Raises
    ------
    ValueError
        Names the region, the box and what would keep them apart.
    """
    for box in boxes:
        for region in regions:
            if not _is_outside(region, box):
                raise ValueError(
                    f"{region.name} is not outside the signal box of period {box.name}: it needs ecal from "
                    f"{box.ecal:g} GeV or hcal or hcal_0 from {box.hcal:g} GeV"
                )


def _is_outside(region: Region, box: SignalBox) -> bool:
    for interval in region.intervals:
        if interval.feature == "ecal" and interval.low >= box.ecal:
            return True
        if interval.feature in _ABOVE_BOX_IN_HCAL and interval.low >= box.hcal:
            return True
    return False


def _inside(box: SignalBox, features: NDArray[np.float32]) -> NDArray[np.bool_]:
    ecal, hcal = features[INDEX["ecal"]], features[INDEX["hcal"]]
    inside: NDArray[np.bool_] = (ecal < np.float64(box.ecal)) & (hcal < np.float64(box.hcal))
    return inside


def _hidden(box: SignalBox, features: NDArray[np.float32]) -> NDArray[np.bool_]:
    edges = box.rectangle()
    ecal_lowest, ecal_highest = _range(features, box.ecal_sums)
    hcal_lowest, hcal_highest = _range(features, box.hcal_sums)
    outside: NDArray[np.bool_] = ecal_lowest >= _safe_from(edges.ecal_hidden, box.scales)
    outside |= hcal_lowest >= _safe_from(edges.hcal_hidden, box.scales)
    for extreme in (ecal_lowest, ecal_highest, hcal_lowest, hcal_highest):
        outside &= np.isfinite(extreme)
    return ~outside


def _range(
    features: NDArray[np.float32], names: tuple[str, ...]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Lowest and the highest of some features; both are nan if one of them is."""
    first, *others = (features[INDEX[name]] for name in names)
    lowest, highest = first.copy(), first.copy()
    for other in others:
        np.minimum(lowest, other, out=lowest)
        np.maximum(highest, other, out=highest)
    return lowest, highest


def _safe_from(edge: float, scales: tuple[float, ...]) -> np.float32:
    """Lowest float32 that is at or above the edge with every scale on it."""
    exact = edge / min(scales)
    rounded = np.float32(exact)
    return rounded if float(rounded) >= exact else np.nextafter(rounded, np.float32(np.inf))
