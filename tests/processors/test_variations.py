"""Variations of a selection against a program that makes every feature and looks at every event again."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from coffea.processor import accumulate
from numpy.typing import NDArray

from na64.datasets.conditions.periods import load_periods
from na64.datasets.instrument.columns import DETECTORS, Cells, EventColumns
from na64.datasets.instrument.features import FEATURES, INDEX
from na64.datasets.reading.layout import load_layout
from na64.processors.counting.booking import book
from na64.processors.counting.counting import needed_features
from na64.processors.counting.migrations import VariedCounts, migration_matrix, varied_counts
from na64.processors.counting.tally import Tally, sums
from na64.processors.events import segment
from na64.processors.events.feature_store import FeatureStore
from na64.processors.events.segment import process_columns, process_segment
from na64.processors.events.visible_events import visible_events
from na64.processors.features.compute import compute
from na64.processors.features.plugin import Plugin
from na64.processors.features.rows import take_rows
from na64.processors.features.varied_features import feature_rows
from na64.processors.job import FileContext, Job
from na64.processors.run_contexts import contexts_of_runs
from na64.selections.cut import Condition
from na64.selections.hidden import hidden
from na64.selections.interval import Interval
from na64.selections.selection import Selection, load_selection
from na64.selections.variations import Effect, Variation

RUN = 8701
PERIODS = load_periods()
SETUP = PERIODS["2023A"].setup
LAYOUT = load_layout("tout2023")
FILE = FileContext("0" * 64, LAYOUT.name, (RUN,))
PLUGIN = Plugin(
    "my.py",
    "from na64.processors.features.plugin import feature\n"
    '@feature(name="missing", unit="GeV")\n'
    "def missing(event):\n"
    "    return 100 - event['ecal'] - event['hcal']\n",
)
SELECTION = """
name = "toy"
label = "a toy"
yields_after = "srd"
[[cut]]
name = "trigger"
trigger_physics = { equals = 1 }
[[cut]]
name = "momentum"
track_momentum = { above = 94, below = 106, unit = "GeV" }
[[cut]]
name = "srd"
srd_0 = { above = 1, below = 12, unit = "MeV" }
[[cut]]
name = "shower_chi2"
[cut.shower_chi2]
of = "ecal"
edges_unit = "GeV"
edges = [0, 70]
below = [2]
beyond = 3
[[cut]]
name = "ecal_energy"
ecal_out_of_time = { below = 20, unit = "GeV" }
vhcal_total = { below = 1.5, unit = "GeV" }
[[cut]]
name = "either"
any = [
  { ecal = { below = 60, unit = "GeV" }, srd_0 = { above = 3, unit = "MeV" } },
  { hcal = { above = 4, unit = "GeV" }, not = { srd_1 = { above = 9, unit = "MeV" } } },
]
not = { ecal = { above = 90, unit = "GeV" }, hcal_0 = { above = 0.5, unit = "GeV" } }
[cut.when.2023A]
srd_2 = { above = 0.5, unit = "MeV" }
[region.I]
visible_energy = { below = 75, unit = "GeV" }
hcal_0 = { min = 1, unit = "GeV" }
[region.II]
visible_energy = { min = 75, max = 100, unit = "GeV" }
hcal = { min = 1, unit = "GeV" }
[region.III]
visible_energy = { above = 100, unit = "GeV" }
hcal = { min = 1, unit = "GeV" }
[[variation]]
name = "ecal_up"
scale = { ecal = 1.04 }
[[variation]]
name = "srd_up"
scale = { srd = 1.3 }
[[variation]]
name = "narrow"
window = { ecal = 0.6, hcal = 0.6 }
[[variation]]
name = "loose"
threshold = { momentum = 1.02, shower_chi2 = 1.5, either = 1.1 }
[[variation]]
name = "other_either"
[variation.cut.either]
any = [{ ecal = { below = 50, unit = "GeV" } }, { hcal = { above = 6, unit = "GeV" } }]
[[variation]]
name = "both"
scale = { ecal = 1.04 }
threshold = { srd = 1.2 }
[variation.cut.momentum]
track_momentum = { above = 90, below = 110, unit = "GeV" }
"""
CUT_ON_PLUGIN = '[[cut]]\nname = "missing"\nmissing = { above = 5, unit = "GeV" }\n[region.I]'


def make(n_events: int = 2_000, seed: int = 3) -> EventColumns:
    """Events all over the plane, with pulses all over the time windows."""
    random = np.random.default_rng(seed)
    totals: dict[str, Any] = {name: random.exponential(0.01, n_events) for name in DETECTORS}
    totals["ecal"] = random.uniform(0, 110, n_events)
    totals["hcal"] = random.choice([0.0, 0.9, 1.6, 5.0, 20.0], n_events)
    totals["vhcal"] = random.exponential(1.0, n_events)
    event = {
        "run": np.full(n_events, RUN),
        "spill": random.integers(0, 5, n_events),
        "event": np.arange(n_events),
        "trigger": random.choice([4, 4, 4, 2], n_events),
        "track_momentum": random.normal(100, 5, n_events),
        "shower_chi2": random.exponential(2, n_events),
        "weight": random.uniform(0, 2, n_events),
    }
    detectors = {name: _cells(name, totals[name], random) for name in DETECTORS}
    return EventColumns(n_events, event, detectors)  # type: ignore[arg-type]


def _cells(name: str, totals: NDArray[np.float64], random: np.random.Generator) -> Cells:
    detector = SETUP.detectors[name]
    energy = random.dirichlet(np.full(detector.n_cells, 0.3), len(totals)) * totals[:, None]
    time = np.full_like(energy, 50.0)
    width = 16 if detector.timing.half_width is not None else 6
    late = time + random.normal(0, width / 2, energy.shape)
    sigma = np.full((len(totals), 3 if name == "veto" else detector.n_cells), 2.0)
    return Cells(energy, late, time, sigma)


@pytest.fixture(scope="module")
def selection(tmp_path_factory: pytest.TempPathFactory) -> Selection:
    return load_text(tmp_path_factory.mktemp("toml"), SELECTION)


def load_text(folder: Path, text: str, plugin: Plugin | None = None) -> Selection:
    (folder / "toy.toml").write_text(text)
    return load_selection(folder / "toy.toml", extra_features=plugin.features if plugin else None)


def job_of(selection: Selection, *, simulation: bool, plugin: Plugin | None = None) -> Job:
    contexts = contexts_of_runs([RUN], PERIODS)
    return Job(selection, simulation, simulation, contexts, {LAYOUT.name: LAYOUT}, plugin=plugin)


# The twin


Places = tuple[NDArray[np.int64], NDArray[np.int64]]


def table_of(events: EventColumns, effect: Effect, plugin: Plugin | None) -> NDArray[np.float32]:
    setup = effect.of(SETUP)
    values = compute(events, setup, bad=np.zeros(events.n_events, bool)).values
    return values if plugin is None else np.concatenate([values, plugin.compute(values, tuple(FEATURES))])


def inside(interval: Interval, values: NDArray[np.float32]) -> NDArray[np.bool_]:
    row = values[INDEX.get(interval.feature, len(INDEX))]
    high: Any = interval.high
    if interval.limits is not None:
        of = values[INDEX[interval.limits.feature]]
        bins = np.searchsorted(np.array(interval.limits.edges), of, side="right") - 1
        high = np.array(interval.limits.values)[np.maximum(bins, 0)]
    return np.asarray((row >= interval.low) & (row <= high))


def holds(condition: Condition, values: NDArray[np.float32]) -> NDArray[np.bool_]:
    masks = [inside(one, values) for one in condition.intervals]
    for clause in condition.clauses:
        groups = [np.all([inside(one, values) for one in g], axis=0) for g in clause.alternatives]
        masks.append(np.any(groups, axis=0))
    return np.asarray(np.all(masks, axis=0))


def places(selection: Selection, variation: Variation | None, values: NDArray[np.float32]) -> Places:
    cuts = selection.cuts if variation is None else variation.cuts_of(selection.cuts)
    first = np.full(values.shape[1], len(cuts))
    for number, cut in reversed(list(enumerate(cuts))):
        first[~holds(cut.conditions[len(cut.when)], values)] = number
    region = np.zeros(values.shape[1], np.int64)
    for number, one in enumerate(selection.regions, start=1):
        region[holds(one.condition, values)] = number
    return first, region


def expected(selection: Selection, events: EventColumns, job: Job) -> tuple[Any, dict[str, dict[str, Any]]]:
    """Nominal places of the visible events, and counts by variation."""
    tables = {effect: table_of(events, effect, job.plugin) for effect in (Effect(), *selection.effects)}
    seen = np.ones(events.n_events, bool)
    if not job.simulation:
        closed = [hidden(job.runs[RUN].boxes, tables[e]) for e in tables if e.moves_plane or not e]
        seen = (np.asarray(events.event["trigger"]) != 4) | ~np.any(closed, axis=0)
    nominal = places(selection, None, tables[Effect()][:, seen])
    found = {}
    for variation in selection.variations:
        varied = places(selection, variation, tables[variation.effect][:, seen])
        found[variation.name] = counts_of(nominal, varied, len(selection.cuts) + 1)
    return nominal, found


def counts_of(nominal: Places, varied: Places, n_stages: int) -> dict[str, Any]:
    (first, region), (first_then, region_then) = nominal, varied
    counts: dict[str, Any] = {name: [] for name in VariedCounts.__dataclass_fields__}
    for stage in range(n_stages):
        was, is_ = first >= stage, first_then >= stage
        counts["passed"].append(is_.sum())
        counts["gained"].append((is_ & ~was).sum())
        counts["lost"].append((was & ~is_).sum())
        there = [(was & (region == r), is_ & (region_then == r)) for r in range(4)]
        counts["regions"].append([then.sum() for _, then in there])
        counts["regions_gained"].append([(then & ~before).sum() for before, then in there])
        counts["regions_lost"].append([(before & ~then).sum() for before, then in there])
    return counts


def flows(selection: Selection, tally: Tally) -> dict[str, VariedCounts]:
    booking = book(selection)
    return {
        name: varied_counts(tally.first_fail, migration_matrix(tally, booking.migration_bins(name)))
        for name in booking.variations
    }


def assert_as_expected(selection: Selection, tally: Tally, found: dict[str, dict[str, Any]]) -> None:
    for name, varied in flows(selection, tally).items():
        for what, counts in found[name].items():
            assert getattr(varied, what)[0].tolist() == np.array(counts).tolist(), (name, what)


@pytest.mark.parametrize("simulation", [True, False])
@pytest.mark.parametrize("with_plugin", [False, True])
def test_counts_are_those_of_every_event_looked_at_again(
    tmp_path: Path, simulation: bool, with_plugin: bool
) -> None:
    text = SELECTION.replace("[region.I]", CUT_ON_PLUGIN) if with_plugin else SELECTION
    plugin = PLUGIN if with_plugin else None
    selection = load_text(tmp_path, text, plugin)
    events, job = make(), job_of(selection, simulation=simulation, plugin=plugin)
    (tally,) = process_columns(events, job, FILE).values()
    nominal, found = expected(selection, events, job)
    assert tally.visible == len(nominal[0])
    first = np.bincount(nominal[0], minlength=len(selection.cuts) + 1)
    assert tally.first_fail[0].sum(axis=1).tolist() == first.tolist()
    assert_as_expected(selection, tally, found)
    moved = {
        name: np.sum(counts["gained"]) + np.sum(counts["regions_gained"]) for name, counts in found.items()
    }
    assert min(moved.values()) > 0
    assert sum(np.sum(found["ecal_up"]["regions_gained"], axis=0)) > 10
    if not simulation:
        assert tally.hidden > 50


def test_weights_are_summed_in_the_same_way(selection: Selection) -> None:
    events, job = make(), job_of(selection, simulation=True)
    (tally,) = process_columns(events, job, FILE).values()
    values, weight = table_of(events, Effect(), None), events.event["weight"]
    nominal, n_cuts = places(selection, None, values), len(selection.cuts)
    for variation in selection.variations:
        varied = places(selection, variation, table_of(events, variation.effect, None))
        lost = (nominal[0] == n_cuts) & (varied[0] < n_cuts)
        gained = (varied[0] == n_cuts) & (nominal[0] < n_cuts)
        counted = flows(selection, tally)[variation.name]
        for name, chosen in (("lost", lost), ("gained", gained), ("passed", varied[0] == n_cuts)):
            numbers = sums(getattr(counted, name)[:, -1])
            assert int(numbers.count) == chosen.sum()
            assert float(numbers.sumw) == pytest.approx(math.fsum(weight[chosen]), abs=1e-9)
            assert float(numbers.sumw2) == pytest.approx(math.fsum(weight[chosen] ** 2), abs=1e-9)


@pytest.mark.parametrize("simulation", [True, False])
def test_an_event_hidden_under_any_variation_is_hidden(selection: Selection, simulation: bool) -> None:
    events = make()
    alone = replace(selection, variations=())
    counts = {}
    for name, chosen in (("none", alone), ("all", selection)):
        (tally,) = process_columns(events, job_of(chosen, simulation=simulation), FILE).values()
        counts[name] = tally
    if simulation:
        assert counts["all"].hidden == 0
        assert np.array_equal(counts["all"].first_fail, counts["none"].first_fail)
        return
    tables = [table_of(events, effect, None) for effect in (Effect(), *selection.effects)]
    boxes = job_of(selection, simulation=False).runs[RUN].boxes
    physics = events.event["trigger"] == 4
    closed = [hidden(boxes, table) & physics for table in tables]
    assert counts["none"].hidden == closed[0].sum()
    assert counts["all"].hidden == np.any(closed, axis=0).sum() > closed[0].sum()


def test_nominal_counts_do_not_depend_on_variations_that_hide_nothing(selection: Selection) -> None:
    chosen = [v for v in selection.variations if not v.effect.moves_plane]
    assert [v.name for v in chosen] == ["srd_up", "loose", "other_either"]
    found = []
    for variations in ((), tuple(chosen)):
        job = job_of(replace(selection, variations=variations), simulation=False)
        (tally,) = process_columns(make(), job, FILE).values()
        n_bins = book(replace(selection, variations=())).n_bins
        found.append((tally.accounting, tally.first_fail.tolist(), tally.histograms[:, :n_bins].tolist()))
    assert found[0] == found[1]


def test_how_events_come_in_pieces_does_not_matter(selection: Selection) -> None:
    events, job = make(), job_of(selection, simulation=True)
    whole = process_columns(events, job, FILE)
    parts: dict[int, Tally] = {}
    for rows in np.array_split(np.arange(events.n_events), [0, 1, 700, 1_999]):
        parts = accumulate([parts, process_columns(take_rows(events, rows), job, FILE)])
    assert parts == whole


def test_only_what_an_effect_changes_is_kept_with_the_nominal_features(selection: Selection) -> None:
    rows = feature_rows(selection)
    assert list(rows)[: len(FEATURES)] == list(FEATURES)
    assert {name for name in rows if name.endswith("@1")} == {f"srd_{n}@1" for n in ("sum", 0, 1, 2)}
    assert {"ecal@0", "shower_chi2@0", "visible_energy@0"} < rows.keys()
    assert "hcal_0@0" not in rows
    assert "hcal_0@2" in rows
    (part,) = visible_events(make(), job_of(selection, simulation=False), FILE)
    assert part.values.shape[0] == len(rows)
    assert {"ecal@0", "srd_0@1", "hcal_0@2"} < set(needed_features(selection)) < rows.keys()


def test_the_key_of_features_names_the_effects_and_not_the_thresholds(selection: Selection) -> None:
    ecal_up, srd_up, narrow, loose, _, both = selection.variations
    chosen = [(), (loose,), (ecal_up,), (ecal_up, loose, both), (srd_up,), (narrow,), (ecal_up, srd_up)]
    keys = []
    for variations in chosen:
        job = job_of(replace(selection, variations=variations), simulation=False)
        keys.append(job.feature_key(FILE, 0, 10))
        assert job.result_key(FILE, 0, 10) != keys[-1]
    assert keys[0] == keys[1]
    assert keys[2] == keys[3]
    assert len(set(keys)) == 5


def test_a_rerun_reads_varied_features_from_the_store(
    selection: Selection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    events, store = make(), FeatureStore(tmp_path)
    monkeypatch.setattr(segment, "registered_events", lambda *_, **__: iter([events]))
    job = job_of(selection, simulation=False)
    first = process_segment("file", 0, events.n_events, job, FILE, store=store)
    monkeypatch.setattr(segment, "registered_events", lambda *_, **__: pytest.fail("cells were read"))
    assert process_segment("file", 0, events.n_events, job, FILE, store=store) == first
    other = load_text(tmp_path, SELECTION.replace("momentum = 1.02", "momentum = 0.99"))
    again = job_of(other, simulation=False)
    (tally,) = process_segment("file", 0, events.n_events, again, FILE, store=store).values()
    assert_as_expected(other, tally, expected(other, events, again)[1])


DOUBLE = Plugin(
    "double.py",
    "from na64.processors.features.plugin import feature\n"
    '@feature(name="missing", unit="GeV")\n'
    "def missing(event):\n"
    "    return 100 - event['ecal'].astype('f8') - event['hcal'].astype('f8')\n",
)
FORMULA = '[[feature]]\nname = "missing"\nunit = "GeV"\nformula = "beam_energy - ecal - hcal"\n'


@pytest.mark.parametrize("simulation", [False, True])
def test_a_formula_counts_as_a_plugin_that_does_the_same(tmp_path: Path, simulation: bool) -> None:
    text = SELECTION.replace("[region.I]", CUT_ON_PLUGIN)
    of_plugin, of_formula = load_text(tmp_path, text, DOUBLE), load_text(tmp_path, text + FORMULA)
    events = make()
    (one,) = process_columns(events, job_of(of_plugin, simulation=simulation, plugin=DOUBLE), FILE).values()
    (other,) = process_columns(events, job_of(of_formula, simulation=simulation), FILE).values()
    assert one.accounting == other.accounting
    for name in ("first_fail", "single_cut", "n_minus_one", "bins", "contents"):
        assert np.array_equal(getattr(one, name), getattr(other, name)), name
    without = load_text(tmp_path, text + FORMULA.replace("ecal - hcal", "2 * ecal"))
    (third,) = process_columns(events, job_of(without, simulation=simulation), FILE).values()
    assert not np.array_equal(one.first_fail, third.first_fail)
    keys = {job_of(s, simulation=simulation).feature_key(FILE, 0, 9) for s in (of_formula, without)}
    assert len(keys) == 2
