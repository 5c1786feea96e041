"""Cuts whose bounds depend on the run."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from na64.datasets.conditions.periods import load_periods
from na64.datasets.instrument.features import INDEX
from na64.processors.counting.booking import book
from na64.processors.counting.tally import ACCOUNTING
from na64.processors.events.segment import count_parts
from na64.processors.events.visible_events import VisibleEvents
from na64.processors.job import Job
from na64.processors.run_contexts import contexts_of_runs
from na64.selections.selection import Selection, load_selection

RUNS = {8395: "2022", 8701: "2023A", 8702: "2023A"}
LIMITS = {8395: 70.0, 8701: 60.0, 8702: 50.0}
TEXT = """
name = "toy"
label = "toy"
yields_after = "ecal"
[[cut]]
name = "ecal"
ecal = { below = 60, unit = "GeV" }
[cut.when."period 2022"]
ecal = { below = 70, unit = "GeV" }
[cut.when."8702-8702"]
ecal = { below = 50, unit = "GeV" }
[[cut]]
name = "hcal"
hcal = { below = 1, unit = "GeV" }
[[variation]]
name = "tight"
threshold = { ecal = 0.5 }
"""


@pytest.fixture
def selection(tmp_path: Path) -> Selection:
    path = tmp_path / "toy.toml"
    path.write_text(TEXT)
    return load_selection(path)


def job_of(selection: Selection) -> Job:
    contexts = contexts_of_runs(RUNS, load_periods(), simulation=True)
    assert {run: context.period for run, context in contexts.items()} == RUNS
    return Job(selection, True, False, contexts, {})


def test_every_run_is_counted_with_its_own_bounds(selection: Selection) -> None:
    job, random = job_of(selection), np.random.default_rng(1)
    parts, expected = [], {}
    for run in RUNS:
        values = np.full((len(INDEX), 500), np.nan, np.float32)
        values[INDEX["ecal"]], values[INDEX["hcal"]] = random.uniform(0, 100, 500), random.uniform(0, 2, 500)
        parts.append(VisibleEvents(run, values, None, dict.fromkeys(ACCOUNTING, 0), None))
        ecal, hcal = values[INDEX["ecal"]], values[INDEX["hcal"]] < 1
        below, half = ecal < LIMITS[run], ecal < LIMITS[run] / 2
        expected[run] = [500, below.sum(), (below & hcal).sum()], [below.sum(), hcal.sum()], half.sum()
    found = count_parts(parts, job)
    booking = book(selection)
    for run, tally in found.items():
        passed, single_cut, half = expected[run]
        assert tally.passed()[0].tolist() == passed
        assert tally.single_cut[0].tolist() == single_cut
        (histogram,) = [
            one for one in booking.filled(tally.histograms) if one.name == "n_minus_one_ecal_ecal"
        ]
        assert histogram.contents.sum() == single_cut[1]
    assert len({tuple(expected[run][0]) for run in RUNS}) == 3


def test_results_are_kept_apart_by_what_holds_in_their_runs(selection: Selection) -> None:
    job = job_of(selection)
    assert [job.selection_in(run).chosen for run in RUNS] == [(("ecal", 1),), (("ecal", 0),), (("ecal", 2),)]
    assert len({book(job.selection_in(run)) for run in RUNS}) == 1


def test_a_run_of_which_a_cut_says_two_things_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "toy.toml"
    path.write_text(TEXT.replace('"8702-8702"', '"8000-8395"'))
    with pytest.raises(ValueError, match='cut ecal: both "2022" and "8000-8395" are about run 8395 of 2022'):
        job_of(load_selection(path))
