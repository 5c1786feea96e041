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


class _Codecs:
    """A campaign of one file of 600,000 dense events, as the codec of it says."""

    def __init__(self, folder: Path, compression: Any, kind: str = "ttree", path: str = "") -> None:
        self.job: Any = SimpleNamespace(feature_keys=lambda _: lambda start, stop: f"{start}-{stop}")
        self.store: Any = SimpleNamespace(path=folder.joinpath)
        if not path:
            path = str(folder / "run.root")
            with uproot.recreate(path, compression=compression) as file:
                file.mktree("tout", {"run": np.int32}).extend({"run": np.zeros(3, np.int32)})
        self.file = FileRecord(path, "a", size=1_800_000_000, format=kind, layout="tout2023", entries=600_000)
        self.file.runs[1] = 600_000

    def seconds(self) -> list[float]:
        tasks: Any = [
            SimpleNamespace(key=str(i), payload=self, start=i, stop=i + 1, n_events=300_000) for i in (0, 1)
        ]
        return seconds_left(tasks, self.job, None, self.store)


@pytest.fixture
def unchecked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(FileRecord, "_check_counts", lambda _: None)
    monkeypatch.setattr(os, "cpu_count", lambda: 2)


@pytest.mark.usefixtures("unchecked")
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
    seconds = _Codecs(tmp_path, compression).seconds()
    assert least < sum(seconds) < most
    assert choose(Workers(None), seconds)[0].executor == executor


@pytest.mark.usefixtures("unchecked")
def test_a_file_that_cannot_be_asked_is_taken_for_a_slow_one(tmp_path: Path) -> None:
    (tmp_path / "cut.root").write_bytes(b"root")
    for path in ("root://host//run.root", str(tmp_path / "gone.root"), str(tmp_path / "cut.root")):
        assert sum(_Codecs(tmp_path, None, path=path).seconds()) == pytest.approx(3.0)


@pytest.mark.usefixtures("unchecked")
def test_what_is_kept_is_quick_whatever_the_file(tmp_path: Path) -> None:
    campaign = _Codecs(tmp_path, uproot.LZMA(1))
    assert sum(campaign.seconds()) > 40
    (tmp_path / "0-1").touch()
    (tmp_path / "1-2").touch()
    assert sum(campaign.seconds()) < 0.2
