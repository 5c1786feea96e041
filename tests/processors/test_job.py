"""A job knows its runs, and its keys name everything that a result depends on and nothing else."""

from __future__ import annotations

import pickle
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

import na64
from na64.datasets.catalogue.build import Catalogue, FileRecord, SampleKind, Status
from na64.datasets.compiled.jit import digest_of
from na64.datasets.conditions.bad_spills import BadEntry, BadList
from na64.datasets.conditions.conditions import RunFacts, RunType
from na64.datasets.conditions.periods import load_periods
from na64.datasets.instrument.detector import Setup
from na64.datasets.reading.layout import load_layout
from na64.processors import job as job_module
from na64.processors.code_digests import feature_digest, result_digest
from na64.processors.features.plugin import Plugin
from na64.processors.job import FileContext, Job, build_job, file_context
from na64.processors.run_contexts import contexts_of_runs
from na64.selections.selection import load_selection
from na64.tests.selections.example_boxes import TWO_SIDED

PERIODS = load_periods()
SELECTION = load_selection("dimuon_2023")
GOOD = FileRecord(
    "a.root",
    "a" * 64,
    "b" * 16,
    9,
    "ttree",
    "tout",
    "tout2023",
    30,
    {8701: 10, 8702: 20},
    ((0, 30),),
    ({8701: (1,), 8702: (1, 2)},),
    truth=True,
)
OTHER = replace(GOOD, path="b.root", sha256="c" * 64, runs={8703: 30}, spills=({8703: (1,)},), truth=False)
BROKEN = FileRecord("c.root", "d" * 64, status=Status.QUARANTINED, reason="truncated")
CATALOGUE = Catalogue(
    SampleKind.DATA,
    (GOOD, OTHER, BROKEN),
    run_facts={8702: RunFacts(8702, RunType.CALIBRATION)},
    bad=BadList((BadEntry(8701, 3), BadEntry(8999))),
)
PLUGIN = Plugin(
    "my.py",
    "from na64.processors.features.plugin import feature\n"
    '@feature(name="new", unit="1")\n'
    "def new(event):\n"
    "    return event['ecal']\n",
)


def make() -> Job:
    return build_job(CATALOGUE, SELECTION, periods=PERIODS)


FILE = file_context(GOOD, make())


def test_runs_layouts_and_bad_lists_come_from_catalogue_and_period() -> None:
    job = make()
    assert list(job.runs) == [8701, 8702, 8703]
    assert job.runs[8701].period == "2023A"
    assert job.runs[8701].setup == PERIODS["2023A"].setup
    assert [box.name for box in job.runs[8701].boxes] == ["2023A"]
    assert job.runs[8701].type is RunType.PHYSICS
    assert job.runs[8702].type is RunType.CALIBRATION
    assert job.layouts == {"tout2023": load_layout("tout2023")}
    assert job.bad == BadList((BadEntry(8701, 3),))
    assert (job.simulation, job.weighted, job.n_components) == (False, False, 1)
    assert FileContext("a" * 64, "tout2023", (8701, 8702)) == FILE


def test_simulation_with_truth_is_weighted() -> None:
    simulated = build_job(replace(CATALOGUE, kind=SampleKind.SIMULATION), SELECTION, periods=PERIODS)
    assert (simulated.simulation, simulated.weighted, simulated.n_components) == (True, True, 5)
    without = replace(CATALOGUE, kind=SampleKind.SIMULATION, files=(OTHER,))
    assert not build_job(without, SELECTION, periods=PERIODS).weighted


def test_runs_can_be_chosen() -> None:
    job = build_job(CATALOGUE, SELECTION, runs={8702}, periods=PERIODS)
    assert list(job.runs) == [8702]
    assert file_context(GOOD, job).runs == (8702,)
    assert file_context(OTHER, job).runs == ()
    with pytest.raises(KeyError, match="run 9 is in no good file"):
        build_job(CATALOGUE, SELECTION, runs=[8701, 9], periods=PERIODS)


def test_a_run_outside_every_period_is_refused_with_what_they_cover() -> None:
    with pytest.raises(ValueError, match=r"run 1000000 is outside every period: .*2023A covers 8396 to 8999"):
        contexts_of_runs([8701, 1_000_000], PERIODS)


def test_weights_of_data_are_refused() -> None:
    with pytest.raises(ValueError, match="data are counted"):
        replace(make(), weighted=True)


def test_a_selection_that_knows_other_features_than_the_plugin_is_refused() -> None:
    with pytest.raises(ValueError, match="knows 0 features of a plug-in, expected the 1 of this one"):
        replace(make(), plugin=PLUGIN)


def test_a_job_survives_the_way_to_a_worker() -> None:
    job = make()
    again = pickle.loads(pickle.dumps(job))  # noqa: S301 (bytes made in this line)
    assert again == job
    assert again.result_key(FILE, 0, 30) == job.result_key(FILE, 0, 30)


def with_veto_mip(setup: Setup, mip: float) -> Setup:
    return setup.with_detectors(replace(setup.paddles, mip=mip))


def with_plugin(job: Job) -> Job:
    selection = load_selection("dimuon_2023", extra_features=PLUGIN.features)
    return replace(job, selection=selection, plugin=PLUGIN)


def with_run(job: Job, **changes: object) -> Job:
    return replace(job, runs=job.runs | {8701: replace(job.runs[8701], **changes)})  # type: ignore[arg-type]


def with_other_layout(job: Job) -> Job:
    layout = job.layouts["tout2023"]
    text = layout.text.replace("ECAL_ene", "ECAL_energy")
    assert text != layout.text
    return replace(job, layouts={"tout2023": replace(layout, text=text)})


FEATURES_CHANGE: dict[str, Callable[[Job], Job]] = {
    "setup": lambda job: with_run(job, setup=with_veto_mip(job.runs[8701].setup, 0.5)),
    "box": lambda job: with_run(job, boxes=(replace(job.runs[8701].boxes[0], version=99),)),
    "another box": lambda job: with_run(job, boxes=(*job.runs[8701].boxes, TWO_SIDED)),
    "run type": lambda job: with_run(job, type=RunType.BEAM),
    "bad list": lambda job: replace(job, bad=BadList((BadEntry(8702),))),
    "simulation": lambda job: replace(job, simulation=True),
    "plug-in": with_plugin,
    "layout": with_other_layout,
}
RESULT_CHANGES: dict[str, Callable[[Job], Job]] = {
    "selection": lambda job: replace(job, selection=load_selection("dimuon_2022")),
    "label": lambda job: replace(job, selection=replace(SELECTION, label="mine")),
}
NOTHING_CHANGES: dict[str, Callable[[Job], Job]] = {
    "other run": lambda job: replace(job, runs=job.runs | {8703: replace(job.runs[8703], type=RunType.BEAM)}),
    "bad spill elsewhere": lambda job: replace(job, bad=job.bad + BadList((BadEntry(8703, 1),))),
    "other layout": lambda job: replace(job, layouts=job.layouts | {"hits": load_layout("hits")}),
}


@pytest.mark.parametrize("name", FEATURES_CHANGE)
def test_what_changes_features_changes_both_keys(name: str) -> None:
    job, other = make(), FEATURES_CHANGE[name](make())
    assert other.feature_key(FILE, 0, 30) != job.feature_key(FILE, 0, 30)
    assert other.result_key(FILE, 0, 30) != job.result_key(FILE, 0, 30)


@pytest.mark.parametrize("name", RESULT_CHANGES)
def test_what_changes_cuts_changes_the_key_of_the_result_only(name: str) -> None:
    job, other = make(), RESULT_CHANGES[name](make())
    assert other.feature_key(FILE, 0, 30) == job.feature_key(FILE, 0, 30)
    assert other.result_key(FILE, 0, 30) != job.result_key(FILE, 0, 30)


@pytest.mark.parametrize("name", NOTHING_CHANGES)
def test_what_another_file_needs_changes_no_key(name: str) -> None:
    job, other = make(), NOTHING_CHANGES[name](make())
    assert other.feature_key(FILE, 0, 30) == job.feature_key(FILE, 0, 30)
    assert other.result_key(FILE, 0, 30) == job.result_key(FILE, 0, 30)


@pytest.mark.parametrize(
    ("file", "start", "stop"),
    [
        (replace(FILE, sha256="e" * 64), 0, 30),
        (replace(FILE, runs=(8701,)), 0, 30),
        (FILE, 0, 29),
        (FILE, 1, 30),
    ],
)
def test_the_keys_name_file_runs_and_segment(file: FileContext, start: int, stop: int) -> None:
    job = make()
    assert job.feature_key(file, start, stop) != job.feature_key(FILE, 0, 30)
    assert job.result_key(file, start, stop) != job.result_key(FILE, 0, 30)


@pytest.mark.parametrize("digest", ["kernel_digest", "feature_digest", "result_digest"])
def test_the_keys_name_the_code(digest: str, monkeypatch: pytest.MonkeyPatch) -> None:
    job = make()
    features, result = job.feature_key(FILE, 0, 30), job.result_key(FILE, 0, 30)
    assert features != result
    monkeypatch.setattr(job_module, digest, lambda: "other code")
    job = make()  # a job names the code once, as it was loaded
    assert (job.feature_key(FILE, 0, 30) == features) == (digest == "result_digest")
    assert job.result_key(FILE, 0, 30) != result


@pytest.fixture
def package(tmp_path: Path) -> Path:
    source = Path(na64.__file__).parent
    for name in ("datasets", "selections", "processors"):
        shutil.copytree(
            source / name, tmp_path / name, ignore=shutil.ignore_patterns("showers", "__pycache__")
        )
    return tmp_path


def digests(package: Path) -> tuple[str, str]:
    feature_digest.cache_clear()
    return digest_of(package), feature_digest(package)


@pytest.mark.parametrize(
    ("file", "kernels"),
    [
        ("processors/kernels/calorimeter.py", True),
        ("processors/features/compute.py", True),
        ("processors/events/visible_events.py", False),
        ("processors/events/feature_store.py", False),
        ("processors/features/plugin.py", False),
        ("selections/signal_box.py", False),
        ("datasets/reading/read.py", False),
    ],
)
def test_other_code_is_noticed_and_another_comment_is_not(package: Path, file: str, kernels: bool) -> None:
    before = digests(package)
    assert before == digests(Path(na64.__file__).parent)
    text = (package / file).read_text()
    (package / file).write_text(f"# A comment.\n{text}\n# Another.\n")
    assert digests(package) == before
    (package / file).write_text(f"{text}\nCHANGED = 1\n")
    changed = [new != old for new, old in zip(digests(package), before, strict=True)]
    assert any(changed)
    assert changed[0] == kernels


@pytest.mark.parametrize("file", ["weighted_sums.py", "weighted_fills.py", "tally.py"])
def test_other_code_of_counting_is_noticed(package: Path, file: str) -> None:
    before = result_digest(package)
    path = package / "processors" / "counting" / file
    path.write_text(f"{path.read_text()}\nCHANGED = 1\n")
    result_digest.cache_clear()
    assert result_digest(package) != before
