from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from pathlib import Path

from na64.outputs.result.metrics import METRICS, Metered, read_metrics, to_json
from na64.processors.execution.backend import Answers, Backend
from na64.processors.execution.cost import Cost
from na64.processors.execution.ledger import Partial
from na64.processors.execution.tasks import Done, Failed, Task, Work


def _task(number: int) -> Task:
    return Task(hashlib.sha256(str(number).encode()).hexdigest(), f"run_{number}.root", 0, 10)


class Crew(Backend):
    """Two workers that take one second a task; the third task fails."""

    def map(self, _work: Work, tasks: Iterable[Task]) -> Answers:
        for number, task in enumerate(tasks):
            stored = 10 if number else 0
            done = Done(b"", Cost(1, 10, stored, 2_600_000, 0.25, 1.0), f"secret-host:{number % 2}")
            yield task, Failed("why") if number == 2 else done


def _count(_task: Task, _context: object) -> Partial:
    return Partial()


def _metered() -> Metered:
    metered = Metered(Crew())
    tasks = [_task(number) for number in range(4)]
    assert [task for task, _ in metered.map(Work(_count), tasks)] == tasks
    metered.seconds = 2.0
    return metered


def test_workers_are_summed_and_not_named() -> None:
    data = to_json(_metered())
    assert b"secret" not in data
    plain = json.loads(data)
    assert [share["events"] for share in plain["workers"]] == [10, 20]
    assert plain["all"] == {
        "segments": 3,
        "events": 30,
        "from_store": 20,
        "megabytes": 8,
        "read": 0.8,
        "count": 2.2,
        "wait": 1.0,
        "rate": 10,
    }


def test_nothing_is_told_of_a_single_segment_of_several() -> None:
    plain = json.loads(to_json(_metered()))
    assert set(plain) == {"schema", "seconds", "workers", "all"}
    names = {"segments", "events", "from_store", "megabytes", "read", "count", "wait", "rate"}
    assert all(set(share) == names for share in [plain["all"], *plain["workers"]])


def test_where_events_came_from_is_said() -> None:
    assert _metered().note == "10 from cells, 20 from the store"
    assert Metered(Crew()).note == ""


def test_metrics_are_read_back_or_absent(tmp_path: Path) -> None:
    assert read_metrics(tmp_path) is None
    (tmp_path / METRICS).write_bytes(to_json(_metered()))
    found = read_metrics(tmp_path)
    assert found is not None
    assert found["seconds"] == 2.0
