"""Events whose values are not to be used: bad, not finite, or of no cell."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from na64.datasets.instrument.columns import DETECTORS, Hits
from na64.datasets.instrument.features import FEATURES
from na64.processors.features.compute import DIRECT, MADE_OF, compute
from na64.processors.features.feature_table import FeatureTable, Skip
from na64.processors.features.window_arguments import MOST_PULSES
from na64.tests.processors.features.random_events import (
    SETUP,
    SHAPES,
    as_hits,
    made,
    put,
    random_events,
    with_column,
)


def test_bad_events_are_marked() -> None:
    bad = np.array([False, True, False])
    assert compute(random_events(3), SETUP, bad=bad)["bad_spill"].tolist() == [0, 1, 0]


def _skipped(table: FeatureTable, reason: Skip, event: int) -> None:
    assert table.skip[event] == reason
    assert np.isnan(table.values[:, event]).all()
    others = np.delete(np.arange(len(table.skip)), event)
    assert not table.skip[others].any()
    assert np.isfinite(table["visible_energy"][others]).all()


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("name", DETECTORS)
def test_a_value_that_is_not_finite_skips_its_event_wherever_it_is(name: str, value: float) -> None:
    events = random_events(4)
    for what in ("energy", "time", "expected_time", "time_sigma"):
        array = getattr(events.detectors[name], what)
        for cell in (0, array.shape[1] - 1):
            table = made(with_column(events, name, **{what: put(array, (2, cell), value)}))
            if name == "hcal" and what == "time_sigma":
                assert not table.skip.any()  # the period's fixed window is used, the column is not
            else:
                _skipped(table, Skip.NONFINITE, 2)


@pytest.mark.parametrize("name", DIRECT[:4])
def test_an_event_column_that_is_not_finite_skips_its_event(name: str) -> None:
    events = random_events(4)
    spoilt = replace(events, event={**events.event, name: put(events.event[name], (1,), np.nan)})
    _skipped(made(spoilt), Skip.NONFINITE, 1)
    table = made(spoilt, absent_nan=frozenset({name}))
    assert not table.skip.any()
    assert np.isnan(table[name]).tolist() == [False, True, False, False]
    infinite = replace(events, event={**events.event, name: put(events.event[name], (1,), np.inf)})
    _skipped(made(infinite, absent_nan=frozenset({name})), Skip.NONFINITE, 1)


@pytest.mark.parametrize("what", ["energy", "time"])
def test_where_nan_means_absent_only_the_detector_is_lost(what: str) -> None:
    events = random_events(4)
    spoilt = with_column(
        events, "hcal", **{what: put(getattr(events.detectors["hcal"], what), (1, 7), np.nan)}
    )
    table = made(spoilt, absent_nan=frozenset({f"hcal_{what}"}))
    assert not table.skip.any()
    whole = made(events)
    for feature in FEATURES:
        lost = feature in MADE_OF["hcal"] or feature == "visible_energy"
        assert np.isnan(table[feature][1]) == (lost or np.isnan(whole[feature][1])), feature
    np.testing.assert_array_equal(np.delete(table.values, 1, axis=1), np.delete(whole.values, 1, axis=1))
    _skipped(made(spoilt, absent_nan=frozenset({"ecal_energy"})), Skip.NONFINITE, 1)


@pytest.mark.parametrize("cell", [-1, 36, 2_000_000_000])
def test_a_hit_in_a_cell_that_does_not_exist_skips_its_event(cell: int) -> None:
    events = random_events(4)
    hits = as_hits(events.cells("hcal"), np.arange(36))
    first = int(hits.offsets[2])
    hits = replace(hits, cell=put(hits.cell.astype(np.int64), (first,), cell))
    spoilt = replace(events, detectors={**events.detectors, "hcal": hits})
    _skipped(made(spoilt), Skip.CELL_RANGE, 2)
    _skipped(made(with_column(spoilt, "hcal", energy=put(hits.energy, (first,), np.nan))), Skip.CELL_RANGE, 2)


def test_events_with_unequal_columns_are_skipped_whatever_else_they_have() -> None:
    events = random_events(4)
    unequal = np.array([False, False, False, True])
    spoilt = replace(events, event={**events.event, "unequal_hits": unequal})
    _skipped(made(spoilt), Skip.UNEQUAL_HITS, 3)
    _skipped(
        made(with_column(spoilt, "srd", energy=put(events.cells("srd").energy, (3, 0), np.nan))),
        Skip.UNEQUAL_HITS,
        3,
    )
    hits = replace(as_hits(events.cells("srd"), np.arange(3)), unequal=unequal)
    _skipped(made(replace(events, detectors={**events.detectors, "srd": hits})), Skip.UNEQUAL_HITS, 3)


def _crowd(hits: Hits, event: int, n_hits: int) -> Hits:
    """Repeat a hit of an event until it has so many."""
    own, times = np.diff(hits.offsets), np.ones(len(hits.cell), int)
    times[hits.offsets[event]] += n_hits - own[event]
    own[event] = n_hits
    columns = {what: np.repeat(getattr(hits, what), times) for what in ("cell", "energy", "time")}
    columns |= {what: np.repeat(getattr(hits, what), times) for what in ("expected_time", "time_sigma")}
    return Hits(np.concatenate([[0], np.cumsum(own)]), **columns)


@pytest.mark.parametrize("name", ["ecal", "srd"])
def test_an_event_with_more_hits_than_its_cells_can_give_is_skipped(name: str) -> None:
    events, n_cells = random_events(80), int(np.prod(SHAPES[name]))
    hits = as_hits(events.cells(name), np.arange(n_cells))
    event = int(np.flatnonzero(np.diff(hits.offsets))[-1])
    for extra in (0, 1):
        spoilt = _crowd(hits, event, MOST_PULSES * n_cells + extra)
        table = made(replace(events, detectors={**events.detectors, name: spoilt}))
        assert table.skip.nonzero()[0].tolist() == [event] * extra
        if extra:
            _skipped(table, Skip.TOO_MANY_HITS, event)
