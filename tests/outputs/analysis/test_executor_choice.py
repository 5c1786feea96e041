from __future__ import annotations

import os

import pytest

from na64.outputs.analysis.executor_choice import choose
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
        (2, [3.0, 3.0], "iterative"),  # three seconds saved do not pay for the start
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
