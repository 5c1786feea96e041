"""A detector, formulas, cuts, a variation and a histogram of one's own, in TOML only."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from na64.datasets.catalogue.build import Catalogue, FileRecord, SampleKind
from na64.datasets.conditions.periods import Period, features_of_periods, load_period, load_periods
from na64.datasets.conditions.stated_boxes import StatedBound, StatedBox
from na64.datasets.instrument.columns import Cells, EventColumns
from na64.datasets.reading.layout import load_layout
from na64.processors.events import segment
from na64.processors.events.feature_store import FeatureStore
from na64.processors.events.segment import process_columns
from na64.processors.events.visible_events import visible_events
from na64.processors.features.varied_features import feature_rows
from na64.processors.job import FileContext, Job, build_job, with_features_of
from na64.processors.run_contexts import contexts_of_runs
from na64.selections.selection import Selection, load_selection
from na64.tests.processors.features.random_events import random_events

RUN, OLD_RUN = 9000, 8701
LAYOUTS = {"tout2023": load_layout("tout2023")}
FILE = FileContext("0" * 64, "tout2023", (RUN, OLD_RUN))
DECLARED = """
[constants]
left = { value = 2, unit = "MeV", source = "test" }
[[detector]]
name = "hodo"
role = "counters"
shape = { values = [1, 1, 16], source = "test" }
half_width = { value = 8, unit = "ns", source = "test" }
mip = { value = 2, unit = "MeV", source = "test" }
threshold = { value = 1, unit = "MeV", source = "test" }
[[feature]]
name = "lost"
unit = "GeV"
formula = "beam_energy - ecal - hodo_sum"
[[feature]]
name = "small"
unit = "GeV"
formula = "srd_sum + hodo_sum"
[[feature]]
name = "wide"
unit = "1"
formula = "hodo_0 > left or hodo_15 > left"
"""
SELECTION = """
name = "mine"
label = "mine"
yields_after = "hodo"
[[feature]]
name = "twice"
unit = "GeV"
formula = "2 * lost"
[[cut]]
name = "hodo"
hodo_n_hits = { min = 3 }
hodo_mip_7 = { above = 0.5, unit = "MIP" }
[[cut]]
name = "lost"
lost = { above = 40, unit = "GeV" }
twice = { below = 190, unit = "GeV" }
wide = { equals = 0 }
[[histogram]]
name = "hits"
after = "hodo"
axes = [{ feature = "hodo_n_hits", bins = 17, low = -0.5, high = 16.5 }]
[[variation]]
name = "up"
scale = { hodo = 1.5 }
[[variation]]
name = "ecal_up"
scale = { ecal = 1.5 }
[[variation]]
name = "srd_up"
scale = { srd = 1.5 }
"""

PLAIN = """
name = "plain"
label = "plain"
yields_after = "a"
[[feature]]
name = "twice"
unit = "GeV"
formula = "2 * ecal"
[[cut]]
name = "a"
ecal = { above = 60, unit = "GeV" }
"""


@pytest.fixture
def period(tmp_path: Path, edited: Callable[..., Path]) -> Period:
    path = edited("period", "2023A", tmp_path, ("8396", "9000"), ("8999", "9999"), to="mine")
    path.write_text(path.read_text(encoding="utf-8") + DECLARED, encoding="utf-8")
    return load_period(tmp_path, "mine")


@pytest.fixture
def periods(period: Period) -> dict[str, Period]:
    return {**load_periods(), "mine": period}


def load_text(folder: Path, periods: dict[str, Period], text: str = SELECTION) -> Selection:
    (folder / "mine_selection.toml").write_text(text)
    known = features_of_periods(periods.values())
    return load_selection(folder / "mine_selection.toml", period_features=known)


def job_of(selection: Selection, periods: dict[str, Period], *runs: int, simulation: bool = True) -> Job:
    contexts = contexts_of_runs(runs, periods, simulation=simulation)
    return Job(with_features_of(selection, contexts, periods), simulation, False, contexts, LAYOUTS)


def events_of(run: int, n_events: int = 4000) -> EventColumns:
    generator, events = np.random.default_rng(5), random_events(n_events)
    numbers = {"run": np.full(n_events, run), "spill": np.ones(n_events, int), "event": np.arange(n_events)}
    ecal, hcal = events.cells("ecal"), events.cells("hcal")
    wide = replace(ecal, energy=np.asarray(ecal.energy) * generator.uniform(0, 4, (n_events, 1)))
    half = replace(hcal, energy=np.asarray(hcal.energy) * generator.integers(0, 2, (n_events, 1)))
    energy = generator.exponential(0.001, (n_events, 16)) * (generator.random((n_events, 16)) < 0.7)
    hodo = Cells(energy, generator.normal(0, 5, energy.shape), np.zeros_like(energy))
    return replace(
        events,
        event=events.event | numbers,
        detectors=events.detectors | {"ecal": wide, "hcal": half, "hodo": hodo},
    )


def plain_cuts(events: EventColumns, ecal: Any, scale: float = 1.0) -> tuple[Any, Any]:
    """Ten lines of NumPy that do what the selection does."""
    hodo = events.cells("hodo")
    in_time = np.where(np.abs(np.asarray(hodo.time)) < 8, hodo.energy, 0) * scale
    lost = (100 - ecal - in_time.sum(axis=1)).astype("f4")
    first = ((in_time > 0.001).sum(axis=1) >= 3) & ((in_time[:, 7] / 0.002).astype("f4") > np.float32(0.5))
    wide = (in_time[:, 0] > 0.002) | (in_time[:, 15] > 0.002)
    return first, first & (lost > 40) & (2 * lost < 190) & ~wide


def test_a_hodoscope_is_declared_and_cut_on(tmp_path: Path, periods: dict[str, Period]) -> None:
    job, events = job_of(load_text(tmp_path, periods), periods, RUN), events_of(RUN)
    (part,) = visible_events(events, job, FILE)
    rows = feature_rows(job.selection)
    tally = process_columns(events, job, FILE)[RUN]
    hodo, lost = plain_cuts(events, part.values[rows["ecal"]].astype(float))
    assert tally.passed()[0].tolist() == [4000, hodo.sum(), lost.sum()]
    assert 50 < lost.sum() < hodo.sum() < 4000
    assert {"hodo_sum@0", "lost@0", "twice@0", "lost@1", "ecal@1"} <= {*rows}
    assert not {"ecal@0", "hodo_sum@1", "wide@1"} & {*rows}
    scaled = part.values[rows["ecal"]].astype(float)
    for number, factor in enumerate((1.5, 1.0)):
        ecal = part.values[rows["ecal@1"]].astype(float) if number else scaled
        varied = (100 - ecal - plain_sum(events) * factor).astype("f4")
        np.testing.assert_allclose(part.values[rows[f"lost@{number}"]], varied, rtol=1e-5, atol=1e-5)
    small = part.values[rows["srd_sum@2"]] + part.values[rows["hodo_sum"]]
    np.testing.assert_allclose(part.values[rows["small@2"]], small, rtol=1e-6)


def plain_sum(events: EventColumns) -> Any:
    hodo = events.cells("hodo")
    return np.where(np.abs(np.asarray(hodo.time)) < 8, hodo.energy, 0).sum(axis=1)


def test_runs_of_periods_without_the_detector_are_read_beside_it(
    tmp_path: Path, periods: dict[str, Period]
) -> None:
    job = job_of(load_text(tmp_path, periods, PLAIN), periods, RUN, OLD_RUN)
    alone = job_of(load_text(tmp_path, periods, PLAIN), load_periods(), OLD_RUN)
    (part,), (same,) = (visible_events(events_of(OLD_RUN), one, FILE) for one in (job, alone))
    rows = feature_rows(job.selection)
    assert np.isnan(part.values[[rows["hodo_sum"], rows["lost"]]]).all()
    for name, row in feature_rows(alone.selection).items():
        np.testing.assert_array_equal(part.values[rows[name]], same.values[row], name)
    assert "hodo_sum" not in feature_rows(alone.selection)
    assert job.selection.identity == alone.selection.identity
    key = job.feature_key(FILE, 0, 9)
    other = alone.feature_key(replace(FILE, runs=(OLD_RUN,)), 0, 9)
    assert key != other


def test_features_that_were_kept_without_another_period_do_not_stand_for_those_with_it(
    tmp_path: Path, periods: dict[str, Period], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A box of the other period looks at a feature that the kept ones do not have."""
    bound = StatedBound(("hodo_sum",), "GeV", -math.inf, 0.001, 0.0, (), "test")
    closed = replace(periods["mine"], boxes=(*periods["2023A"].boxes, StatedBox("other", {}, (bound,))))
    known, selection = periods | {"mine": closed}, load_text(tmp_path, periods, PLAIN)
    monkeypatch.setattr(segment, "registered_events", lambda *_, **__: iter([events_of(OLD_RUN)]))
    file, store = replace(FILE, runs=(OLD_RUN,)), FeatureStore(tmp_path / "store")
    alone = job_of(selection, load_periods(), OLD_RUN, simulation=False)
    both = job_of(selection, known, RUN, OLD_RUN, simulation=False)
    first = segment.process_segment("file", 0, 4000, alone, file, store=store)[OLD_RUN]
    beside = segment.process_segment("file", 0, 4000, both, file, store=store)[OLD_RUN]
    again = segment.process_segment("file", 0, 4000, both, file, store=store)[OLD_RUN]
    assert beside == again
    assert np.array_equal(first.first_fail, beside.first_fail)
    assert first.accounting == beside.accounting


def test_a_feature_that_the_period_of_a_run_does_not_have_is_refused_before_the_job(
    tmp_path: Path, periods: dict[str, Period]
) -> None:
    selection = load_text(tmp_path, periods)
    record = FileRecord(
        "a",
        "a" * 64,
        "b" * 16,
        9,
        "ttree",
        "tout",
        "tout2023",
        3,
        {OLD_RUN: 3},
        ((0, 3),),
        ({OLD_RUN: (1,)},),
    )
    catalogue = Catalogue(SampleKind.DATA, (record,))
    said = f'selection mine: period 2023A of run {OLD_RUN} has no feature "hodo_n_hits"'
    with pytest.raises(ValueError, match=said):
        build_job(catalogue, selection, periods=periods)
    with pytest.raises(KeyError, match='unknown name "lost"'):
        load_text(tmp_path, load_periods())


def test_a_selection_of_its_own_names_cannot_be_that_of_the_period(
    tmp_path: Path, periods: dict[str, Period]
) -> None:
    with pytest.raises(ValueError, match='"lost" is a feature already'):
        load_text(tmp_path, periods, SELECTION.replace('name = "twice"', 'name = "lost"'))
    plain = load_text(tmp_path, load_periods(), PLAIN)
    with pytest.raises(ValueError, match='its feature "twice" is called as one of a period'):
        plain.with_period_features([replace(plain.features["ecal"], name="twice")])


def test_hidden_events_do_not_show_in_what_is_made_of_a_further_detector(
    tmp_path: Path, periods: dict[str, Period]
) -> None:
    selection = load_text(tmp_path, periods)
    job = job_of(selection, periods, RUN, simulation=False)
    assert [effect.moves_plane for effect in selection.effects] == [True, True, False]
    (part,) = visible_events(events_of(RUN), job, FILE)
    whole = job_of(selection, periods, RUN)
    (every,) = visible_events(events_of(RUN), whole, FILE)
    rows, box = feature_rows(job.selection), job.runs[RUN].boxes[0].rectangle()
    assert 0 < part.accounting["hidden"] < 4000
    assert part.values.shape[1] + part.accounting["hidden"] == 4000
    assert part.rows is not None
    np.testing.assert_array_equal(part.values, every.values[:, part.rows])
    physics = part.values[rows["trigger_physics"]] == 1
    ecal, hcal = (part.values[rows[name]][physics] for name in ("ecal", "hcal"))
    assert ((ecal >= box.hidden_width) | (hcal >= box.hidden_height)).all()


def test_a_variation_of_what_no_box_is_about_hides_nothing_more(
    tmp_path: Path, periods: dict[str, Period]
) -> None:
    selection = load_text(tmp_path, periods)
    hidden = []
    for variations in ((), selection.variations[:1]):
        job = job_of(replace(selection, variations=variations), periods, RUN, simulation=False)
        (part,) = visible_events(events_of(RUN), job, FILE)
        hidden.append(part.accounting["hidden"])
    assert hidden[0] == hidden[1] > 0


def test_keys_name_the_detectors_and_formulas_of_the_period(
    period: Period, periods: dict[str, Period]
) -> None:
    job = job_of(load_selection("dimuon_2023"), periods, RUN)
    keys = {job.feature_key(replace(FILE, runs=(RUN,)), 0, 9)}
    fewer = replace(job, selection=job.selection.with_period_features(()))
    assert fewer.feature_key(replace(FILE, runs=(RUN,)), 0, 9) not in keys
    hodo = period.setup.detectors["hodo"]
    changed = [
        period.setup.with_detectors(replace(hodo, threshold=0.5)),
        replace(period.setup, formulas=period.setup.formulas[:2]),
        replace(period.setup, constants=(("left", 0.003), ("beam_energy", 100.0))),
    ]
    for setup in changed:
        other = job_of(load_selection("dimuon_2023"), {"mine": replace(period, setup=setup)}, RUN)
        keys.add(other.feature_key(replace(FILE, runs=(RUN,)), 0, 9))
    assert len(keys) == 4
