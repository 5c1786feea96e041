"""Which events of data are hidden: those not provably outside every closed box and its guard band."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from na64.datasets.conditions.conditions import RunType
from na64.datasets.instrument.features import INDEX
from na64.selections.signal_box import Bound, SignalBox, Unblinding

Values = NDArray[np.float32]
Mask = NDArray[np.bool_]
Rows = Mapping[str, int]
_Range = tuple[Values, Values, Mask]
_Edges = tuple[tuple[tuple[str, ...], np.float32, np.float32, bool], ...]
"""Of each bound of a box: features, highest number below and lowest above that is visible, whether needed."""

_BLOCK = 1 << 14  # events; larger temporaries leave the cache and cost five times as much
OPEN_RUN_TYPES = (RunType.CALIBRATION, RunType.BEAM)


def hidden(boxes: Sequence[SignalBox], features: Values, index: Rows = INDEX) -> Mask:
    """Which events are not provably outside every box and its guard band.

    An event is provably outside a box if by one of its bounds it is: every feature in question is finite, and
    all of them are at or beyond the same edge of the hidden region, whichever scale is right.

    Parameters
    ----------
    boxes : sequence of SignalBox
        One at least.
    features : (n_features, n_events) float32
    index : mapping of str to int
        Row of each feature.

    Returns
    -------
    (n_events,) bool
    """
    if not boxes:
        raise ValueError("no signal box says what is to be hidden")
    if features.dtype != np.float32 or features.ndim != 2 or len(features) < len(index):
        raise ValueError(
            f"features are {features.shape} {features.dtype}, not ({len(index)} or more, events) float32"
        )
    n_events, edges = features.shape[1], [_edges(box) for box in boxes]
    found = np.ones(n_events, bool)
    for start in range(0, n_events, _BLOCK):
        block = slice(start, start + _BLOCK)
        found[block] = _hidden(edges, features[:, block], index)
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
    if run_type in OPEN_RUN_TYPES:
        return np.ones(n_events, bool)
    if run_type is not RunType.PHYSICS or trigger is None:
        return np.zeros(n_events, bool)
    declared: NDArray[np.bool_] = (trigger != 0) & (features[INDEX["trigger_physics"]] == 0)
    return declared


def visible_mask(
    features: Values,
    *,
    boxes: Sequence[SignalBox],
    run_type: RunType,
    trigger: NDArray[Any] | None,
    nonfinite: Mask,
    simulation: bool,
    varied: Iterable[Values] = (),
    index: Rows = INDEX,
) -> Mask:
    """Which events may be looked at: of simulation all, of data those that are not hidden.

    An event that is hidden nominally or under any variation is hidden.

    Parameters
    ----------
    features : (n_features, n_events) float32
    boxes : sequence of SignalBox
        Every closed one of the run.
    run_type : RunType
    trigger : (n_events,) integer or None
        Trigger words as recorded; None if the file has none.
    nonfinite : (n_events,) bool
        Events with a needed value that is not finite: in data they are hidden.
    simulation : bool
    varied : iterable of (n_features, n_events) float32
        The features under each variation that moves events into a box or out of it.
    index : mapping of str to int
        Row of each feature.

    Returns
    -------
    (n_events,) bool
    """
    if simulation:
        return np.ones(features.shape[1], bool)
    closed = hidden(boxes, features, index)
    for other in varied:
        closed |= hidden(boxes, other, index)
    return ~nonfinite & (is_open(run_type, trigger, features) | ~closed)


def drawn_mask(boxes: Sequence[SignalBox], features: Values, index: Rows) -> Mask:
    """Which visible events of data a plane may show: none in any box or guard band, not even open ones.

    Parameters
    ----------
    boxes : sequence of SignalBox
    features : (n_features, n_events) float32
    index : mapping of str to int
        Row of each feature.

    Returns
    -------
    (n_events,) bool
    """
    drawn = np.ones(features.shape[1], bool)
    for box in boxes:
        beyond = np.zeros(features.shape[1], bool)
        for bound in box.bounds:
            values = features[index[bound.name]]
            if bound.high < np.inf:
                beyond |= values >= np.float64(bound.high_hidden)
            if bound.low > -np.inf:
                beyond |= values <= np.float64(bound.low_hidden)
        drawn &= beyond
    return drawn


def opened_mask(
    features: Values,
    *,
    boxes: Sequence[SignalBox],
    run_type: RunType,
    trigger: NDArray[Any] | None,
    nonfinite: Mask,
    place: tuple[int, NDArray[Any]],
    unblinding: Unblinding,
    also_closed: Mask | None = None,
    kept_closed: Mask | None = None,
    index: Rows = INDEX,
) -> Mask:
    """Which events of data sit in one of the boxes that are opened, and are opened; guard bands stay closed.

    What sits in such a box is visible in blind results, or opened, or in a box that stays closed.

    Parameters
    ----------
    features, run_type, trigger, nonfinite
        As `visible_mask` takes them.
    boxes : sequence of SignalBox
        Those that are opened, one at least.
    place : int and (n_events,) integer
        The run, and the spill of each event.
    unblinding : Unblinding
    also_closed : (n_events,) bool, optional
        What is hidden under another set-up, whatever this one says of the trigger.
    kept_closed : (n_events,) bool, optional
        What other boxes hide, and keep hidden.
    index : mapping of str to int
        Row of each feature.

    Returns
    -------
    (n_events,) bool
    """
    run, spills = place
    inside = _inside(boxes, features, index)
    closed = hidden(boxes, features, index) & ~is_open(run_type, trigger, features)
    if also_closed is not None:
        closed |= also_closed
    if kept_closed is not None:
        closed &= ~kept_closed
    found, of_event = np.unique(spills, return_inverse=True)
    chosen = np.array([unblinding.opens(run, spill) for spill in found.tolist()], bool)
    opened: Mask = inside & closed & ~nonfinite & chosen[of_event]
    return opened


def simulated_mask(
    features: Values, *, boxes: Sequence[SignalBox], simulation: bool, index: Rows = INDEX
) -> Mask:
    """Which simulated events sit in one of some boxes.

    Parameters
    ----------
    features : (n_features, n_events) float32
    boxes : sequence of SignalBox
    simulation : bool
        Whether the events are declared to be simulated.
    index : mapping of str to int
        Row of each feature.

    Raises
    ------
    ValueError
        They are data.
    """
    if not simulation:
        raise ValueError("events of data in the box are counted by an opening only")
    return _inside(boxes, features, index)


def _inside(boxes: Sequence[SignalBox], features: Values, index: Rows) -> Mask:
    inside = np.zeros(features.shape[1], bool)
    for box in boxes:
        kept = np.ones(features.shape[1], bool)
        for bound in box.bounds:
            values = features[index[bound.name]]
            if bound.low > -np.inf:
                kept &= values > np.float64(bound.low)
            if bound.high < np.inf:
                kept &= values < np.float64(bound.high)
        inside |= kept
    return inside


def _hidden(boxes: Sequence[_Edges], features: Values, index: Rows) -> Mask:
    ranges = {
        names: _range(features, names, index)
        for names in dict.fromkeys(names for box in boxes for names, *_ in box)
    }
    first, *others = (_outside(box, ranges) for box in boxes)
    for other in others:
        first &= other
    return ~first


def _outside(box: _Edges, ranges: Mapping[tuple[str, ...], _Range]) -> Mask:
    """Which events are provably outside a box."""
    first, *others = (_beyond((low, high), *ranges[names], needed=needed) for names, low, high, needed in box)
    for other in others:
        first |= other
    for names, _, _, needed in box:
        if needed:
            first &= ranges[names][2]
    return first


def _beyond(
    edges: tuple[np.float32, np.float32], lowest: Values, highest: Values, finite: Mask, *, needed: bool
) -> Mask:
    """Which events are at or beyond one edge of a bound by all that it looks at."""
    low, high = edges
    beyond: Mask = lowest >= high
    if low > -np.inf:
        beyond |= highest <= low
    if not needed:
        beyond &= finite
    return beyond


def _range(features: Values, names: tuple[str, ...], index: Rows) -> _Range:
    """Lowest and highest of some features, both nan if one of them is, and whether all are finite."""
    first, *others = (features[index[name]] for name in names)
    lowest, highest = first.copy(), first.copy()
    for other in others:
        np.minimum(lowest, other, out=lowest)
        np.maximum(highest, other, out=highest)
    finite = np.isfinite(lowest)
    finite &= np.isfinite(highest)
    return lowest, highest, finite


def _edges(box: SignalBox) -> _Edges:
    return tuple((bound.features, *_safe(bound), bound.needed) for bound in box.bounds)


def _safe(bound: Bound) -> tuple[np.float32, np.float32]:
    """Highest float32 at or below the lower edge and lowest at or above the upper one, with every scale."""
    low = min(bound.low_hidden / scale for scale in bound.scales)
    high = max(bound.high_hidden / scale for scale in bound.scales)
    below, above = np.float32(low), np.float32(high)
    if float(below) > low:
        below = np.nextafter(below, np.float32(-np.inf))
    if float(above) < high:
        above = np.nextafter(above, np.float32(np.inf))
    return below, above
