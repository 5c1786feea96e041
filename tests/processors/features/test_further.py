from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from na64.datasets.instrument.columns import Cells, EventColumns, Hits, TrackerHits
from na64.datasets.instrument.detector import Detector, Detectors, Sum, Timing
from na64.datasets.instrument.features import STANDARD, Feature
from na64.datasets.instrument.recipes import further_features, made_of
from na64.datasets.instrument.roles import CellOrder, Role
from na64.processors.features.feature_table import FeatureTable, Skip
from na64.processors.features.further import BLOCK
from na64.tests.processors.features.further_twins import detector, twin
from na64.tests.processors.features.random_events import SETUP, made, random_events

NOTHING = replace(SETUP, detectors=Detectors(()), chosen_modules=(), subtracted_modules=())
SHAPES = {
    Role.CALORIMETER: (2, 3, 4),
    Role.MODULES: (3, 4, 3),
    Role.COUNTERS: (1, 1, 16),
    Role.PADDLES: (3, 1, 2),
}
KNOWN: dict[Role, dict[str, Any]] = {
    Role.CALORIMETER: {"beam_cell": (0, 2), "cell_pitch": 38.2},
    Role.MODULES: {"centre_cells": ((4,), (4, 7), (1, 4, 7))},
    Role.COUNTERS: {},
    Role.PADDLES: {"balance": 0.3},
}
TRACKER = Detector("plane", (1, 1, 1), (1.0,), 0.0, Timing(1.0, None, (), ()), (0,), role=Role.TRACKER)


def of_role(role: Role, order: CellOrder = CellOrder.Y_FASTEST) -> Detector:
    sums = (Sum("first", (0, 1)), Sum("odd", (1,)))
    return detector(role, SHAPES[role], order, sums=sums, **KNOWN[role])


def test_sums_of_a_standard_detector_are_those_of_its_cells() -> None:
    """R outside of one cell of module 1 and two of module 2, as in 2018."""
    sums, centres = (Sum("rear", (1, 2)),), ((4,), (4,), (4, 7), (4,))
    own = replace(SETUP.modules, sums=sums, centre_cells=centres)
    events = random_events(200)
    table, plain = made(events, SETUP.with_detectors(own)), made(events, SETUP)
    assert [one.name for one in further_features(SETUP.with_detectors(own))] == [
        "hcal_rear",
        "hcal_rear_total",
        "hcal_rear_r",
    ]
    columns = events.detectors["hcal"]
    assert isinstance(columns, Cells)
    assert columns.time is not None
    assert columns.expected_time is not None
    energy = np.where(columns.energy > own.pedestal, columns.energy, 0.0)
    in_time = energy * (np.abs(columns.time - columns.expected_time) < 16.5)
    rear, total = (cells.reshape(-1, 4, 9)[:, 1:3].sum(axis=(1, 2)) for cells in (in_time, energy))
    centre = in_time[:, 13] + in_time[:, 22] + in_time[:, 25]
    np.testing.assert_allclose(table["hcal_rear"], rear, rtol=1e-6)
    np.testing.assert_allclose(table["hcal_rear_total"], total, rtol=1e-6)
    np.testing.assert_allclose(
        table["hcal_rear_r"], (rear - centre) / np.where(rear > 0, rear, np.nan), rtol=1e-5
    )
    for name in STANDARD:  # nothing else changes
        np.testing.assert_array_equal(table[name], plain[name], err_msg=name)


def random_columns(one: Detector, n_events: int, seed: int, *, hits: bool) -> Cells | Hits:
    generator = np.random.default_rng(seed)
    n = n_events * one.n_cells
    cell = generator.integers(0, one.n_cells, n) if hits else np.tile(np.arange(one.n_cells), n_events)
    energy = generator.exponential(0.6, n) * (generator.random(n) < 0.7)
    time = generator.normal(50, 2, n)
    if hits:
        counts = np.sort(generator.integers(0, n + 1, n_events - 1)) if n_events else np.zeros(0, int)
        offsets = np.array([0, *counts, n] if n_events else [0])
        return Hits(offsets, cell.astype(np.int32), energy, time)
    return Cells(energy.reshape(n_events, one.n_cells), time.reshape(n_events, one.n_cells))


def features_of(
    columns: Cells | Hits | TrackerHits, one: Detector, n_events: int, **options: Any
) -> FeatureTable:
    return made(EventColumns(n_events, {}, {one.name: columns}), NOTHING.with_detectors(one), **options)


@given(
    one=st.builds(of_role, st.sampled_from(tuple(SHAPES)), st.sampled_from(CellOrder)),
    n_events=st.integers(0, 60),
    seed=st.integers(0, 99),
    hits=st.booleans(),
)
@example(one=of_role(Role.MODULES, CellOrder.X_FASTEST), n_events=BLOCK + 3, seed=1, hits=False)
@settings(max_examples=40, deadline=None)
def test_features_are_those_of_plain_numpy(one: Detector, n_events: int, seed: int, hits: bool) -> None:
    columns = random_columns(one, n_events, seed, hits=hits)
    table = features_of(columns, one, n_events)
    with np.errstate(all="ignore"):
        expected = twin(columns, one) if n_events else {}
    for feature in further_features(NOTHING.with_detectors(one)):
        row = expected.get(feature.name.removeprefix("mine_"), np.zeros(0))
        np.testing.assert_array_equal(table[feature.name], row.astype(np.float32), feature.name)
    assert not table.skip.any()


@pytest.mark.parametrize("one", SETUP.detectors.values(), ids=lambda one: one.name)
def test_recipes_of_standard_features_give_what_their_own_kernels_give(one: Detector) -> None:
    events = random_events(300)
    described = {n: s for n, s in STANDARD.items() if s.feature.detectors == (one.name,) and s.quantity}
    described.pop("shower_chi2", None)
    groups = [SETUP.chosen_modules if s.parts is None else s.parts for s in described.values()]
    sums = tuple(Sum(f"s{n}", parts) for n, parts in enumerate(groups) if parts)
    centre = ((one.place(1, 1),),) * 4 if one.name == "hcal" else ()
    further = replace(one, name="mine", sums=sums, centre_cells=centre)
    of_mine = {"mine": events.detectors[one.name]}
    table = made(replace(events, detectors=events.detectors | of_mine), SETUP.with_detectors(further))
    rows = {(m.quantity, m.number): table[m.feature.name] for m in made_of(further)}
    for (name, standard), parts in zip(described.items(), groups, strict=True):
        number = parts[0] if standard.quantity.startswith("part") else 0
        if standard.quantity.startswith("some"):
            number = [one.parts for one in sums].index(parts)
        np.testing.assert_array_equal(rows[standard.quantity, number], table[name], name)
    assert len(described) == {"ecal": 14, "hcal": 14, "vhcal": 2, "srd": 4, "veto": 6}[one.name]


def test_what_the_file_lacks_is_absent_and_not_zero() -> None:
    setup = replace(SETUP.with_detectors(of_role(Role.COUNTERS), TRACKER), columns=(Feature("own", "1", ""),))
    table = made(random_events(3), setup)
    for feature in further_features(setup):
        assert np.isnan(table[feature.name]).all()
    assert np.isfinite(table["ecal"]).all()
    assert not table.skip.any()


def test_columns_that_the_set_up_does_not_know_change_nothing() -> None:
    events = random_events(3)
    more = replace(events, detectors={**events.detectors, "other": events.detectors["srd"]})
    np.testing.assert_array_equal(made(more).values, made(events).values)


@pytest.mark.parametrize("role", SHAPES)
@pytest.mark.parametrize("hits", [True, False])
def test_an_event_with_a_value_that_is_not_finite_is_skipped_unless_it_says_absent(
    role: Role, hits: bool
) -> None:
    one = of_role(role)
    columns = random_columns(one, 4, 2, hits=hits)
    columns.energy.flat[0] = np.nan
    event = int(np.searchsorted(columns.offsets, 0, side="right")) - 1 if isinstance(columns, Hits) else 0
    table = features_of(columns, one, 4)
    assert table.skip.nonzero()[0].tolist() == [event]
    assert table.skip[event] == Skip.NONFINITE
    assert np.isnan(table.values[:, event]).all()
    absent = features_of(columns, one, 4, absent_nan=frozenset({"mine_energy"}))
    assert not absent.skip.any()
    assert np.isnan(absent["mine_sum"][event])
    assert np.isfinite(absent["mine_sum"]).sum() == 3


@pytest.mark.parametrize("order", CellOrder)
@pytest.mark.parametrize("cell", [-1, 16, 2**31 - 1])
def test_a_hit_in_a_cell_that_is_not_there_skips_the_event(cell: int, order: CellOrder) -> None:
    one = of_role(Role.COUNTERS, order)
    hits = Hits(np.array([0, 1, 2]), np.array([cell, 3], np.int32), np.ones(2), np.full(2, 50.0))
    table = features_of(hits, one, 2)
    assert table.skip.tolist() == [Skip.CELL_RANGE, Skip.NONE]
    assert table["mine_n_hits"][1] == 1


def test_hits_that_are_too_many_or_unequal_skip_the_event() -> None:
    one = of_role(Role.PADDLES)
    n = 64 * one.n_cells + 1
    crowd = Hits(np.array([0, n, n + 1]), np.zeros(n + 1, np.uint8), np.ones(n + 1), np.full(n + 1, 50.0))
    assert features_of(crowd, one, 2).skip.tolist() == [Skip.TOO_MANY_HITS, Skip.NONE]
    few = Hits(np.array([0, 1, 2]), np.zeros(2, np.uint8), np.ones(2), unequal=np.array([False, True]))
    assert features_of(few, one, 2).skip.tolist() == [Skip.NONE, Skip.UNEQUAL_HITS]


def test_a_tracker_counts_its_hits_and_has_the_first() -> None:
    hits = TrackerHits(np.array([1, 3, 3, 4]), np.array([9.0, 2.5, 7.0, -1.0, 8.0]))
    table = features_of(hits, TRACKER, 3)
    assert table["plane_n_hits"].tolist() == [2, 0, 1]
    np.testing.assert_array_equal(table["plane_first_hit"], [2.5, np.nan, -1.0])
    assert not table.skip.any()


def test_only_a_first_hit_that_is_not_finite_skips_the_event() -> None:
    hits = TrackerHits(np.array([0, 2, 4]), np.array([np.nan, 1.0, 1.0, np.nan]), np.array([False, False]))
    assert features_of(hits, TRACKER, 2).skip.tolist() == [Skip.NONFINITE, Skip.NONE]
    absent = features_of(hits, TRACKER, 2, absent_nan=frozenset({"plane_x"}))
    assert absent.skip.tolist() == [Skip.NONE, Skip.NONE]
    unequal = replace(hits, x=np.ones(4), unequal=np.array([True, False]))
    assert features_of(unequal, TRACKER, 2).skip.tolist() == [Skip.UNEQUAL_HITS, Skip.NONE]


@pytest.mark.parametrize(
    ("columns", "one", "message"),
    [
        (TrackerHits(np.array([0, 1]), np.ones(1)), of_role(Role.COUNTERS), "mine: hits of a tracker"),
        (Cells(np.ones((1, 1))), TRACKER, "plane: cells, but its role is tracker"),
        (
            TrackerHits(np.array([0, 2]), np.ones(1)),
            TRACKER,
            "plane: offsets do not point to 1 hits",
        ),
        (TrackerHits(np.array([2, 1]), np.ones(3)), TRACKER, "plane: offsets decrease"),
        (Cells(np.ones((1, 15))), of_role(Role.COUNTERS), "mine_energy: shape"),
    ],
)
def test_columns_of_another_kind_are_refused(columns: Any, one: Detector, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        features_of(columns, one, 1)


def test_a_window_that_needs_times_that_nobody_knows_is_refused() -> None:
    one = replace(of_role(Role.COUNTERS), timing=Timing(3.0, None, (), ()))
    with pytest.raises(ValueError, match="mine: no expected time, neither in the file nor in the period"):
        features_of(random_columns(one, 2, 1, hits=False), one, 2)


def test_columns_of_the_period_are_features_as_they_are() -> None:
    setup = replace(SETUP, columns=(Feature("p_out", "GeV", "behind"), Feature("n_out", "1", "tracks")))
    events = random_events(3)
    own = {"p_out": np.array([99.5, np.inf, np.nan]), "n_out": np.array([1, 2, 3])}
    table = made(replace(events, event=events.event | own), setup)
    assert table["p_out"][0] == 99.5
    assert table["n_out"][0] == 1
    assert table.skip.tolist() == [Skip.NONE, Skip.NONFINITE, Skip.NONFINITE]
    kept = made(replace(events, event=events.event | own), setup, absent_nan=frozenset({"p_out"}))
    assert kept.skip.tolist() == [Skip.NONE, Skip.NONFINITE, Skip.NONE]


def test_rows_that_a_table_does_not_have_are_nan() -> None:
    table = made(random_events(3))
    wider = table.with_rows((*table.index, "else"))
    assert np.isnan(wider["else"]).all()
    np.testing.assert_array_equal(wider["ecal"], table["ecal"])
    assert wider.with_rows(wider.index) is wider
    assert wider.skip is table.skip
