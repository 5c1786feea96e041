from __future__ import annotations

import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import uproot

from na64.datasets.catalogue.records import FileRecord
from na64.outputs.analysis.executor_choice import choose, seconds_left
from na64.outputs.analysis.workers import Workers
from na64.processors.events.feature_store import FeatureStore
from na64.processors.execution.tasks import Task
from na64.processors.job import FileContext


def test_an_executor_that_was_chosen_stays() -> None:
    for name in ("iterative", "processes", "dask"):
        workers = Workers(name, 2)
        assert choose(workers, [1e6]) == (workers, "")


@pytest.mark.parametrize(
    "workers",
    [
        Workers(None, scheduler="tcp://host:8786"),
        Workers(None, cluster="slurm"),
        Workers(None, dashboard=True),
        Workers(None, memory=4000),
    ],
)
def test_what_only_workers_have_needs_them(workers: Workers) -> None:
    chosen, said = choose(workers, [])
    assert (chosen.executor, said) == ("dask", "")


@pytest.mark.parametrize(
    ("n_cores", "seconds", "executor"),
    [
        (2, [], "iterative"),
        (2, [2.0, 2.0], "iterative"),  # two seconds saved do not pay for the start
        (2, [6.0, 6.0], "dask"),
        (2, [1000.0], "iterative"),  # one segment is the work of one worker
        (2, [1000.0, 1.0], "iterative"),
        (1, [1000.0] * 10, "iterative"),
    ],
)
def test_workers_are_started_where_they_save_more_than_their_start(
    n_cores: int, seconds: list[float], executor: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "cpu_count", lambda: n_cores)
    chosen, said = choose(Workers(None), seconds)
    assert chosen.executor == executor
    assert ("--executor" in said) == bool(seconds)


class _Campaign:
    """A file of 600,000 dense events in two segments, of which only the header is there."""

    def __init__(self, folder: Path, compression: Any, path: str = "") -> None:
        if not path:
            path = str(folder / "run.root")
            with uproot.recreate(path, compression=compression) as file:
                file.mktree("tout", {"run": np.int32})
        segments = ((0, 300_000), (300_000, 600_000))
        self.record = FileRecord(
            path,
            "a",
            size=1_800_000_000,
            format="ttree",
            layout="tout2023",
            entries=600_000,
            runs={8701: 600_000},
            segments=segments,
            spills=({8701: ()}, {8701: ()}),
        )
        payload = SimpleNamespace(file=FileContext("a", "tout2023", (8701,)))
        self.tasks = [Task(f"{start:064x}", path, start, stop, payload) for start, stop in segments]
        self.job: Any = SimpleNamespace(feature_keys=lambda _: lambda start, _: f"{start:064x}")
        self.store = FeatureStore(folder)

    def seconds(self) -> list[float]:
        return seconds_left(self.tasks, [self.record], self.job, None, self.store)


@pytest.fixture
def two_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "cpu_count", lambda: 2)


@pytest.mark.usefixtures("two_cores")
@pytest.mark.parametrize(
    ("compression", "least", "most", "executor"),
    [
        (uproot.LZ4(4), 0.9, 1.5, "iterative"),  # measured: 1.5 us an event
        (uproot.ZLIB(1), 5.4, 7.0, "dask"),  # 9.1
        (uproot.ZSTD(1), 2.4, 3.5, "iterative"),  # 4.2
        (None, 0.9, 1.5, "iterative"),
    ],
    ids=["LZ4", "ZLIB", "ZSTD", "none"],
)
def test_the_codec_of_a_file_decides_whether_a_cluster_pays(
    compression: Any, least: float, most: float, executor: str, tmp_path: Path
) -> None:
    seconds = _Campaign(tmp_path, compression).seconds()
    assert least < sum(seconds) < most
    assert choose(Workers(None), seconds)[0].executor == executor


def test_a_file_that_cannot_be_asked_is_taken_for_a_slow_one(tmp_path: Path) -> None:
    (tmp_path / "cut.root").write_bytes(b"root")
    for path in ("root://host//run.root", str(tmp_path / "gone.root"), str(tmp_path / "cut.root")):
        assert sum(_Campaign(tmp_path, None, path=path).seconds()) == pytest.approx(3.0)


def test_what_is_kept_is_quick_whatever_the_file(tmp_path: Path) -> None:
    campaign = _Campaign(tmp_path, uproot.LZMA(1))
    assert sum(campaign.seconds()) > 40
    for task in campaign.tasks:
        path = campaign.store.path(task.key)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    assert sum(campaign.seconds()) < 0.2
