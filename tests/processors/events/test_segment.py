"""From columns to tallies: what is hidden stays hidden, and how events come in pieces does not matter."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from coffea.processor import accumulate
from numpy.typing import NDArray

from na64.datasets.conditions.bad_spills import BadEntry, BadList
from na64.datasets.conditions.conditions import RunFacts, RunType
from na64.datasets.conditions.periods import load_periods
from na64.datasets.instrument.columns import DETECTORS, Cells, EventColumns
from na64.datasets.instrument.detector import Setup
from na64.datasets.instrument.features import INDEX
from na64.datasets.reading.layout import load_layout
from na64.processors.counting.counting import count_events
from na64.processors.counting.tally import Tally, sums
from na64.processors.events.segment import empty_tally, needed_columns, process_columns, warm_up
from na64.processors.events.visible_events import visible_events
from na64.processors.features.compute import compute
from na64.processors.features.plugin import Plugin, PluginError
from na64.processors.features.rows import take_rows
from na64.processors.job import FileContext, Job
from na64.processors.run_contexts import contexts_of_runs
from na64.selections.cut import Cut
from na64.selections.hidden import hidden
from na64.selections.interval import Interval
from na64.selections.selection import Selection, load_selection

RUNS = (8701, 8702)
PERIODS = load_periods()
SETUP = PERIODS["2023A"].setup
LAYOUT = load_layout("tout2023")
FILE = FileContext("0" * 64, LAYOUT.name, RUNS)
N_EVENTS = 400
PLUGIN = Plugin(
    "my.py",
    "from na64.processors.features.plugin import feature\n"
    '@feature(name="lowest", unit="GeV")\n'
    "def lowest(event):\n"
    "    assert len(event['ecal']) == 0 or event['ecal'].min() >= 0\n"
    "    return event['ecal'] + 0 * event['ecal'].min(initial=0)\n",
)


def cells(name: str, setup: Setup, totals: NDArray[np.float64]) -> Cells:
    """All energy in one cell in time, so that totals are what they are."""
    detector = setup.detectors[name]
    energy = np.zeros((len(totals), detector.n_cells))
    energy[:, -1 if name == "vhcal" else detector.n_cells // 2] = totals
    time = np.full_like(energy, 50.0)
    sigma = np.full((len(totals), 3 if name == "veto" else detector.n_cells), 2.0)
    return Cells(energy, time, time.copy(), sigma)


def make(n_events: int = N_EVENTS, seed: int = 5) -> EventColumns:
    random = np.random.default_rng(seed)
    totals: dict[str, Any] = {name: random.exponential(0.01, n_events) for name in DETECTORS}
    totals["ecal"] = random.uniform(0, 110, n_events)
    totals["hcal"] = random.choice([0.0, 0.5, 5.0, 20.0], n_events)
    event = {
        "run": random.choice(RUNS, n_events),
        "spill": random.integers(0, 5, n_events),
        "event": np.arange(n_events),
        "trigger": random.choice([4, 4, 4, 2, 6, 0], n_events),
        "master_time": random.uniform(80, 120, n_events),
        "track_momentum": random.normal(100, 5, n_events),
        "track_pvalue": random.uniform(0, 1, n_events),
        "track_angle": random.exponential(0.001, n_events),
        "shower_chi2": random.exponential(2, n_events),
        "weight": random.uniform(0, 2, n_events),
    }
    event |= {f"straw{n}_{axis}": random.integers(0, 7, n_events) for n in (3, 4) for axis in "xy"}
    detectors = {name: cells(name, SETUP, totals[name]) for name in DETECTORS}
    return EventColumns(n_events, event, detectors)  # type: ignore[arg-type]


def toy(**changes: Any) -> Selection:
    selection = load_selection("dimuon_2022")
    cuts = (
        Cut("trigger", (Interval("trigger_physics", 1.0, 1.0),), "", ""),
        Cut("time", (Interval("master_time", 86.5, 113.5),), "", ""),
        Cut("chi2", (Interval("shower_chi2", -1.0, 3.0),), "", ""),
    )
    return replace(selection, cuts=cuts, histograms=(), yields_after="chi2", **changes)


def make_job(*, simulation: bool = False, types: dict[int, RunType] | None = None, **changes: Any) -> Job:
    stated = {run: RunFacts(run, kind) for run, kind in (types or {}).items()}
    return Job(
        selection=changes.pop("selection", toy()),
        simulation=simulation,
        weighted=changes.pop("weighted", simulation),
        runs=contexts_of_runs(RUNS, PERIODS, stated),
        layouts={LAYOUT.name: LAYOUT},
        **changes,
    )


def rows_of(events: EventColumns, chosen: NDArray[np.bool_]) -> EventColumns:
    return take_rows(events, np.flatnonzero(chosen))


def in_box(events: EventColumns) -> NDArray[np.bool_]:
    values = compute(events, SETUP, bad=np.zeros(events.n_events, bool)).values
    boxes = make_job().runs[RUNS[0]].boxes
    trigger = events.event["trigger"]
    concerned: NDArray[np.bool_] = (trigger & 4 != 0) | (trigger == 0)
    return concerned & hidden(boxes, values)


def total(tallies: dict[int, Tally]) -> Tally:
    first, *others = tallies.values()
    for tally in others:
        first = first + tally
    return first


def test_data_are_counted_without_the_hidden_events() -> None:
    events = make()
    closed = in_box(events)
    assert 10 < closed.sum() < 200
    tally = total(process_columns(events, make_job(), FILE))
    assert (tally.processed, tally.hidden, tally.visible) == (N_EVENTS, closed.sum(), (~closed).sum())
    open_only = total(process_columns(rows_of(events, ~closed), make_job(), FILE))
    assert replace(tally, accounting=open_only.accounting) == open_only


def test_hidden_events_may_be_anything_that_is_hidden() -> None:
    events, job = (
        make(),
        make_job(plugin=PLUGIN, selection=toy(extra_features=tuple(PLUGIN.features.values()))),
    )
    closed = in_box(events)
    other = make()
    for name, totals in (
        ("ecal", np.linspace(1, 60, closed.sum())),
        ("hcal", np.linspace(0, 1.4, closed.sum())),
    ):
        part = other.detectors[name]
        assert isinstance(part, Cells)
        part.energy[closed] = 0
        part.energy[closed, part.energy.shape[1] // 2] = totals
    for name in ("master_time", "track_momentum", "shower_chi2"):
        other.event[name][closed] = np.nan
    assert process_columns(other, job, FILE) == process_columns(events, job, FILE)


def test_one_event_that_leaves_the_hidden_region_is_seen() -> None:
    events, other = make(), make()
    part = other.detectors["ecal"]
    assert isinstance(part, Cells)
    event = int(np.flatnonzero(in_box(events))[0])
    part.energy[event, part.energy.shape[1] // 2] = 100
    before, after = (total(process_columns(e, make_job(), FILE)) for e in (events, other))
    assert (before.hidden - 1, before.visible + 1) == (after.hidden, after.visible)


def test_a_plugin_sees_visible_events_only() -> None:
    source = PLUGIN.source.replace("assert", "assert not (SEEN).any(), event['ecal']\n    assert")
    region = "(event['ecal'] < 65) & (event['hcal'] < 1.5) & (event['trigger_physics'] == 1)"
    spy = Plugin("spy.py", source.replace("SEEN", region))
    selection = toy(extra_features=tuple(spy.features.values()))
    for part in visible_events(make(), make_job(plugin=spy, selection=selection), FILE):
        assert part.values[-1].tolist() == part.values[INDEX["ecal"]].tolist()
        assert part.values.shape[0] == len(INDEX) + 1
    with pytest.raises(PluginError, match=r"spy.py, feature lowest: AssertionError in line 4$"):
        list(visible_events(make(), make_job(plugin=spy, selection=selection, simulation=True), FILE))


def test_simulation_is_counted_whole_with_its_weights() -> None:
    events = make()
    tally = total(process_columns(events, make_job(simulation=True), FILE))
    assert (tally.processed, tally.hidden, tally.visible) == (N_EVENTS, 0, N_EVENTS)
    weight = sums(tally.first_fail)
    assert weight.sumw.sum() == pytest.approx(events.event["weight"].sum(), rel=1e-12)
    assert weight.sumw2.sum() == pytest.approx((events.event["weight"] ** 2).sum(), rel=1e-12)


def test_simulation_without_weights_has_weights_of_one() -> None:
    events = make()
    del events.event["weight"]
    tally = total(process_columns(events, make_job(simulation=True), FILE))
    numbers = sums(tally.first_fail)
    assert numbers.sumw.tolist() == numbers.sumw2.tolist() == numbers.count.tolist()


@pytest.mark.parametrize("simulation", [False, True])
def test_events_that_cannot_be_used_are_counted_by_reason(simulation: bool) -> None:
    events = make()
    events.event["trigger"][:] = 4
    events.event["trigger"][1] = 2
    events.event["track_momentum"][[0, 1]] = np.nan, np.inf
    events.event["unequal_hits"] = np.arange(N_EVENTS) == 2
    tally = total(process_columns(events, make_job(simulation=simulation), FILE))
    assert tally.accounting["skipped_nonfinite"] == (2 if simulation else 0)
    assert tally.accounting["skipped_unequal_hits"] == 1
    assert tally.accounting["skipped_cell_range"] == 0
    assert tally.read == N_EVENTS
    assert tally.visible + tally.hidden == tally.processed
    if not simulation:
        events.event["track_momentum"][[0, 1]] = 100
        kept = in_box(events)
        assert tally.hidden == kept[3:].sum() + 2


def test_a_weight_that_is_no_number_is_skipped() -> None:
    events = make()
    events.event["weight"][[3, 4]] = np.nan, np.inf
    tally = total(process_columns(events, make_job(simulation=True), FILE))
    assert tally.accounting["skipped_nonfinite"] == 2
    assert np.isfinite(sums(tally.first_fail).sumw).all()


def test_calibration_runs_are_open_but_for_what_is_not_finite() -> None:
    events = make()
    in_calibration = events.event["run"] == RUNS[0]
    events.event["track_momentum"][np.flatnonzero(in_calibration)[:3]] = np.nan
    kinds = {RUNS[0]: RunType.CALIBRATION, RUNS[1]: RunType.PHYSICS}
    tallies = process_columns(events, make_job(types=kinds), FILE)
    assert tallies[RUNS[0]].hidden == 3
    assert tallies[RUNS[1]].hidden == in_box(events)[~in_calibration].sum()


@pytest.mark.parametrize("step", [1, 7, 133])
@pytest.mark.parametrize("simulation", [False, True])
def test_pieces_add_up_to_the_whole(step: int, simulation: bool) -> None:
    events, job = make(), make_job(simulation=simulation)
    tallies: dict[int, Tally] = {}
    for start in range(0, N_EVENTS, step):
        part = take_rows(events, np.arange(start, min(start + step, N_EVENTS)))
        tallies = accumulate([tallies, process_columns(part, job, FILE)])
    assert tallies == process_columns(events, job, FILE)


def test_every_run_has_its_own_events_and_others_are_passed_over() -> None:
    events = make()
    events.event["run"][:5] = 1234
    both = process_columns(events, make_job(), FILE)
    assert list(both) == list(RUNS)
    for run in RUNS:
        alone = rows_of(events, events.event["run"] == run)
        assert process_columns(alone, make_job(), FILE) == {run: both[run]}
        assert process_columns(events, make_job(), replace(FILE, runs=(run,))) == {run: both[run]}
    assert process_columns(take_rows(events, np.arange(0)), make_job(), FILE) == {}


def test_runs_of_two_periods_are_each_computed_with_their_own_setup() -> None:
    events, job = make(), make_job(simulation=True)
    heavy = SETUP.with_detectors(replace(SETUP.calorimeter, scale=(3.0,) * SETUP.calorimeter.n_cells))
    contexts = job.runs | {RUNS[1]: replace(job.runs[RUNS[1]], setup=heavy)}
    seen = {part.run: part for part in visible_events(events, replace(job, runs=contexts), FILE)}
    for run, scale in zip(RUNS, (1, 3), strict=True):
        part = events.detectors["ecal"]
        assert isinstance(part, Cells)
        expected = scale * part.energy[events.event["run"] == run].sum(axis=1)
        assert np.allclose(seen[run].values[INDEX["ecal"]], expected, rtol=1e-6)


def test_the_bad_list_is_a_feature_like_others() -> None:
    events = make()
    job = make_job(simulation=True, bad=BadList((BadEntry(RUNS[0], 2), BadEntry(RUNS[1]))))
    for part in visible_events(events, job, FILE):
        here = events.event["run"] == part.run
        expected = here if part.run == RUNS[1] else here & (events.event["spill"] == 2)
        assert part.values[INDEX["bad_spill"]].tolist() == expected[here].tolist()


def test_the_tally_is_that_of_the_features() -> None:
    events, job = make(), make_job(simulation=True, weighted=False)
    for part in visible_events(events, job, FILE):
        expected = count_events(job.selection, part.values, np.zeros((0, part.values.shape[1]), np.int64))
        found = process_columns(events, job, FILE)[part.run]
        assert replace(found, accounting=expected.accounting) == expected


def test_weights_too_large_name_the_run() -> None:
    events = make()
    events.event["weight"][:] = 1e9
    with pytest.raises(ValueError, match="run 8701: weights up to 1e"):
        process_columns(events, make_job(simulation=True), FILE)


def test_weights_are_not_read_of_data() -> None:
    layout = load_layout("tout2023")
    assert "weight" not in needed_columns(make_job(), layout)
    assert "weight" in needed_columns(make_job(simulation=True), layout)
    assert "truth_component" not in needed_columns(make_job(simulation=True), layout)
    assert "ecal_energy" in needed_columns(make_job(), layout)


def test_a_worker_warms_up_and_the_empty_tally_adds_to_any() -> None:
    job = make_job(simulation=True)
    warm_up(job)
    tally = total(process_columns(make(), job, FILE))
    assert tally + empty_tally(job) == tally
