from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from na64.outputs.batch.submissions import (
    Submission,
    System,
    events_of_job,
    keys_of_job,
    list_of_job,
    read_submission,
    split_tasks,
    status,
    write_submission,
)
from na64.outputs.result.request import Request
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


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """Make a submission of two jobs with three and two segments."""
    request = Request("c.json", "dimuon_2023", None)
    submission = Submission(System.SLURM, request, "result", "code", 1, "store")
    shares = [[_task(n, 10) for n in range(3)], [_task(n, 10) for n in range(3, 5)]]
    return write_submission(tmp_path, submission, shares)[0]


def test_a_submission_that_is_read_back_has_the_keys_that_were_dealt_out(place: Path) -> None:
    submission = read_submission(place)
    keys = [keys_of_job(place, submission, job) for job in range(submission.n_jobs)]
    assert keys == [[_task(n, 10).key for n in range(3)], [_task(n, 10).key for n in range(3, 5)]]
    assert [events_of_job(place, submission, job) for job in (0, 1)] == [30, 20]


def _drop_key(place: Path) -> None:
    _edit(list_of_job(place, 0), lambda plain: plain["keys"].pop(0))


def _repeat_key(place: Path) -> None:
    _edit(list_of_job(place, 0), lambda plain: plain["keys"].append(plain["keys"][0]))


def _state_other_events(place: Path) -> None:
    _edit(list_of_job(place, 0), lambda plain: plain.update(events=31))


def _take_list_of_another_job(place: Path) -> None:
    list_of_job(place, 0).write_bytes(list_of_job(place, 1).read_bytes())


def _drop_list(place: Path) -> None:
    _edit(place / "submission.json", lambda plain: plain["lists"].pop())


def _change_list(place: Path) -> None:
    _edit(place / "submission.json", lambda plain: plain["lists"].__setitem__(0, "x"))


def _add_job(place: Path) -> None:
    list_of_job(place, 2).write_bytes(list_of_job(place, 1).read_bytes())


def _remove_last(place: Path) -> None:
    list_of_job(place, 1).unlink()


def _edit(path: Path, change: Callable[[dict[str, Any]], object]) -> None:
    plain = json.loads(path.read_text())
    change(plain)
    path.write_text(json.dumps(plain))


@pytest.mark.parametrize(
    ("damage", "named"),
    [
        (_drop_key, "jobs/0.json"),
        (_repeat_key, "jobs/0.json"),
        (_state_other_events, "jobs/0.json"),
        (_take_list_of_another_job, "jobs/0.json"),
        (_change_list, "jobs/0.json"),
        (_drop_list, "1/submission.json"),
        (_add_job, "1/submission.json"),
        (_remove_last, "1/submission.json"),
    ],
)
def test_lists_of_jobs_that_do_not_add_up_to_what_was_sent_are_named(
    damage: Callable[[Path], None], named: str, place: Path
) -> None:
    damage(place)
    with pytest.raises(ValueError, match=f"^{re.escape(named)}: "):
        list(status(place.parents[1], {}))
