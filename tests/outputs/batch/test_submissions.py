from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from na64.outputs.batch.submissions import keys_of_job, list_of_job, split_tasks
from na64.processors.execution.tasks import Task


def _task(number: int, size: int) -> Task:
    return Task(
        hashlib.sha256(str(number).encode()).hexdigest(), f"run_{number % 7}.root", number, number + size
    )


@given(st.lists(st.integers(0, 1000), max_size=60), st.integers(1, 20))
def test_every_task_is_dealt_out_once_and_no_job_has_much_more_than_its_part(
    sizes: list[int], n_jobs: int
) -> None:
    tasks = [_task(number, size) for number, size in enumerate(sizes)]
    shares = split_tasks(tasks, n_jobs)
    assert len(shares) <= n_jobs
    assert all(shares)
    assert sorted(task.key for each in shares for task in each) == sorted(task.key for task in tasks)
    most = sum(sizes) / n_jobs + max(sizes, default=0)
    assert all(sum(task.n_events for task in each) <= most for each in shares)


def test_a_file_stays_together() -> None:
    shares = split_tasks([_task(number, 10) for number in range(28)], 7)
    assert [{task.path for task in each} for each in shares] == [
        {f"run_{number}.root"} for number in range(7)
    ]


@pytest.mark.parametrize("key", ["", "../x", "0" * 63, "x" * 200_000])
def test_a_key_that_is_none_is_named_with_its_file(key: str, tmp_path: Path) -> None:
    path = list_of_job(tmp_path, 0)
    path.parent.mkdir()
    path.write_text(json.dumps({"keys": [key], "events": 1}))
    with pytest.raises(ValueError, match=re.escape(f'jobs/0.json: key "{key[:20]}')) as caught:
        keys_of_job(tmp_path, 0)
    assert len(str(caught.value)) < 300
    path.write_text(json.dumps({"keys": [], "events": 1}))
    with pytest.raises(ValueError, match=re.escape("jobs/0.json: a job without a key")):
        keys_of_job(tmp_path, 0)
