from __future__ import annotations

import errno
import hashlib
import random
import signal
import sys
import threading
from collections.abc import Iterable
from pathlib import Path

import cloudpickle
import numpy as np
import pytest

from na64.processors.execution.backend import Answers, Backend
from na64.processors.execution.backends import IterativeBackend
from na64.processors.execution.dask_backend import DaskBackend
from na64.processors.execution.executor import Failure, Outcome, UserCodeError, run
from na64.processors.execution.ledger import Ledger, NoSpaceError, Partial, encode
from na64.processors.execution.processes import ProcessesBackend
from na64.processors.execution.tasks import Done, Options, Task, Work
from na64.processors.features.plugin import PluginError

cloudpickle.register_pickle_by_value(sys.modules[__name__])  # workers cannot import this module


def _tasks(n_tasks: int = 10) -> list[Task]:
    return [
        Task(
            hashlib.sha256(str(number).encode()).hexdigest(), f"run_{number}.root", 7 * number, 7 * number + 7
        )
        for number in range(n_tasks)
    ]


def _sum(task: Task, log: str) -> Partial:
    with Path(log).open("a") as file:
        file.write(f"{task.key}\n")
    return Partial({}, {"sum": np.array([sum(range(task.start, task.stop))])})


def _fail_third(task: Task, log: str) -> Partial:
    if task.path == "run_3.root":
        raise ValueError("no such cell")
    return _sum(task, log)


def _fill_disk(_task: Task, _context: str) -> Partial:
    raise OSError(errno.ENOSPC, "no space left on device")


def _fail_in_plugin(task: Task, log: str) -> Partial:
    if task.path == "run_3.root":
        raise PluginError("plug-in my.py, feature new: KeyError in line 4")
    return _sum(task, log)


def _total(outcome: Outcome) -> int:
    return sum(int(partial.arrays["sum"][0]) for partial in outcome.results.values())


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "performed"


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    return Ledger(tmp_path / "ledger")


def _performed(log: Path) -> list[str]:
    return log.read_text().split() if log.exists() else []


class Shuffled(Backend):
    """Performs everything, and reports in a random order."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)

    def map(self, work: Work, tasks: Iterable[Task]) -> Answers:
        reports = list(IterativeBackend().map(work, tasks))
        self._random.shuffle(reports)
        yield from reports


@pytest.mark.parametrize("seed", range(3))
def test_results_come_in_the_order_of_their_keys_whatever_order_they_were_made_in(
    seed: int, ledger: Ledger, log: Path
) -> None:
    outcome = run(_tasks(), Work(_sum, str(log)), Shuffled(seed), ledger)
    assert list(outcome.results) == sorted(task.key for task in _tasks())
    assert len(outcome.results) == 10
    assert _total(outcome) == sum(range(70))
    assert outcome.is_complete


def _files(ledger: Ledger) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in ledger.folder.rglob("*.partial")}


def test_ledgers_are_equal_to_the_byte_on_every_backend(tmp_path: Path, log: Path) -> None:
    kept: list[dict[str, bytes]] = []
    for backend in (IterativeBackend(), ProcessesBackend(1), ProcessesBackend(2), DaskBackend(workers=2)):
        ledger = Ledger(tmp_path / str(len(kept)))
        with backend:
            assert run(_tasks(), Work(_sum, str(log)), backend, ledger).is_complete
        kept.append(_files(ledger))
    assert len(kept[0]) == 10
    assert all(files == kept[0] for files in kept)


def test_only_missing_tasks_are_performed(ledger: Ledger, log: Path) -> None:
    tasks = _tasks()
    run(tasks[:6], Work(_sum, str(log)), IterativeBackend(), ledger)
    outcome = run(tasks, Work(_sum, str(log)), IterativeBackend(), ledger)
    assert outcome.n_resumed == 6
    assert _performed(log) == [task.key for task in tasks]
    assert _total(outcome) == sum(range(70))


def test_results_of_tasks_that_were_not_asked_for_are_left_out(ledger: Ledger, log: Path) -> None:
    run(_tasks(), Work(_sum, str(log)), IterativeBackend(), ledger)
    assert _total(run(_tasks(4), Work(_sum, str(log)), IterativeBackend(), ledger)) == sum(range(28))


def test_a_damaged_partial_is_made_again(ledger: Ledger, log: Path) -> None:
    tasks = _tasks()
    run(tasks, Work(_sum, str(log)), IterativeBackend(), ledger)
    path = ledger.path(tasks[2].key)
    path.write_bytes(path.read_bytes()[:-40])
    outcome = run(tasks, Work(_sum, str(log)), IterativeBackend(), ledger)
    assert _performed(log)[10:] == [tasks[2].key]
    assert _total(outcome) == sum(range(70))


def test_fresh_performs_everything_again(ledger: Ledger, log: Path) -> None:
    for _ in range(2):
        outcome = run(_tasks(), Work(_sum, str(log)), IterativeBackend(), ledger, fresh=True)
        assert outcome.n_resumed == 0
    assert len(_performed(log)) == 20


def test_a_result_that_vanishes_after_it_was_made_is_an_error(ledger: Ledger, log: Path) -> None:
    outcome = run(_tasks(), Work(_sum, str(log)), IterativeBackend(), ledger)
    ledger.path(_tasks()[4].key).unlink()
    with pytest.raises(OSError, match="was lost from"):
        _total(outcome)
    with pytest.raises(KeyError):
        outcome.results["0" * 64]


def test_one_failure_is_told_with_its_file_and_range_and_the_rest_is_done(ledger: Ledger, log: Path) -> None:
    work = Work(_fail_third, str(log), options=Options(blind=False))
    outcome = run(_tasks(), work, IterativeBackend(), ledger)
    assert len(outcome.results) == 9
    assert not outcome.is_complete
    (failure,) = outcome.failures
    assert failure.task == _tasks()[3]
    assert str(failure).startswith(
        "run_3.root, events 21 to 28: ValueError: no such cell at processors/execution/tasks.py:"
    )
    healed = run(_tasks(), Work(_sum, str(log)), IterativeBackend(), ledger)
    assert healed.n_resumed == 9
    assert _total(healed) == sum(range(70))


def test_failures_come_in_the_order_of_their_keys(ledger: Ledger) -> None:
    def fail(_task: Task, _context: object) -> Partial:
        raise ValueError

    work = Work(fail)
    failures: tuple[Failure, ...] = run(_tasks(), work, Shuffled(1), ledger).failures
    assert [failure.task.key for failure in failures] == sorted(task.key for task in _tasks())


def test_two_tasks_with_one_key_are_refused(ledger: Ledger, log: Path) -> None:
    tasks = [*_tasks(3), Task(_tasks()[1].key, "other.root", 0, 5)]
    with pytest.raises(
        ValueError, match=r"two tasks with key \w+: run_1.root, events 7 to 14 and other.root"
    ):
        run(tasks, Work(_sum, str(log)), IterativeBackend(), ledger)
    assert not _performed(log)


def test_a_full_disk_in_a_worker_ends_everything(ledger: Ledger) -> None:
    with pytest.raises(NoSpaceError, match=r"run_0.root, events 0 to 7: OSError: No space left on device"):
        run(_tasks(), Work(_fill_disk), IterativeBackend(), ledger)


def test_user_code_that_fails_ends_everything_by_name_and_what_was_done_is_kept(
    ledger: Ledger, log: Path
) -> None:
    said = (
        r"run_3\.root, events 21 to 28: plug-in my\.py, feature new: KeyError in line 4; it would fail again"
    )
    with pytest.raises(UserCodeError, match=said):
        run(_tasks(), Work(_fail_in_plugin, str(log)), IterativeBackend(), ledger)
    assert run(_tasks(), Work(_sum, str(log)), IterativeBackend(), ledger).n_resumed == 3


class _FullLedger(Ledger):
    def store(self, key: str, data: bytes) -> None:
        if len(list(self.folder.rglob("*.partial"))) == 4:
            raise NoSpaceError("no space left")
        super().store(key, data)


def test_a_full_ledger_ends_everything_and_keeps_what_it_has(tmp_path: Path, log: Path) -> None:
    with ProcessesBackend(2) as backend:
        with pytest.raises(NoSpaceError, match="no space left"):
            run(_tasks(), Work(_sum, str(log)), backend, _FullLedger(tmp_path / "ledger"))
        outcome = run(_tasks(), Work(_sum, str(log)), backend, Ledger(tmp_path / "ledger"))
    assert outcome.n_resumed == 4
    assert _total(outcome) == sum(range(70))


class _Forgetful(Backend):
    """Loses every third task."""

    def map(self, work: Work, tasks: Iterable[Task]) -> Answers:
        for number, task in enumerate(tasks):
            if number % 3:
                yield task, Done(encode(task.key, work.function(task, work.context)))


def test_a_backend_that_loses_tasks_is_found_out(ledger: Ledger, log: Path) -> None:
    with pytest.raises(RuntimeError, match=r"the backend lost 4 of 10 tasks: run_0\.root, events 0 to 7"):
        run(_tasks(), Work(_sum, str(log)), _Forgetful(), ledger)


def test_progress_counts_settled_tasks_and_their_events(ledger: Ledger, log: Path) -> None:
    run(_tasks(2), Work(_sum, str(log)), IterativeBackend(), ledger)
    seen: list[tuple[int, int, int]] = []
    run(
        _tasks(5),
        Work(_fail_third, str(log)),
        IterativeBackend(),
        ledger,
        progress=lambda *step: seen.append(step),
    )
    assert seen == [(2, 5, 14), (3, 5, 21), (4, 5, 28), (5, 5, 35)]


def test_the_first_interrupt_stops_handing_out_and_keeps_what_is_done(ledger: Ledger, log: Path) -> None:
    def interrupt(done: int, total: int, events: int) -> None:
        if done == 3:
            signal.raise_signal(signal.SIGINT)

    handler = signal.getsignal(signal.SIGINT)
    outcome = run(_tasks(), Work(_sum, str(log)), IterativeBackend(), ledger, progress=interrupt)
    assert signal.getsignal(signal.SIGINT) is handler
    assert outcome.interrupted
    assert not outcome.is_complete
    assert len(outcome.results) == 3
    assert outcome.untried == tuple(_tasks()[3:])
    assert _total(run(_tasks(), Work(_sum, str(log)), IterativeBackend(), ledger)) == sum(range(70))


def test_the_second_interrupt_ends_at_once(ledger: Ledger, log: Path) -> None:
    def interrupt(done: int, total: int, events: int) -> None:
        if done == 3:
            signal.raise_signal(signal.SIGINT)
            signal.raise_signal(signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        run(_tasks(), Work(_sum, str(log)), IterativeBackend(), ledger, progress=interrupt)
    assert len(_performed(log)) == 3


def test_a_run_in_a_thread_leaves_the_signals_alone(ledger: Ledger, log: Path) -> None:
    outcomes: list[Outcome] = []
    thread = threading.Thread(
        target=lambda: outcomes.append(run(_tasks(), Work(_sum, str(log)), IterativeBackend(), ledger))
    )
    thread.start()
    thread.join()
    assert _total(outcomes[0]) == sum(range(70))


def test_the_executor_needs_nothing_but_the_protocol() -> None:
    backend: Backend = Shuffled(1)
    with backend:
        assert list(backend.map(Work(_sum), [])) == []


def _hungry(task: Task, log: str) -> Partial:
    if task.start <= 25 < task.stop:
        raise MemoryError
    return _sum(task, log)


def _halve(task: Task) -> tuple[Task, ...]:
    middle = (task.start + task.stop) // 2
    ranges = ((task.start, middle), (middle, task.stop)) if task.n_events > 1 else ()
    name = f"{task.key} {task.start}"
    return tuple(
        Task(hashlib.sha256(f"{name} {ends}".encode()).hexdigest(), task.path, *ends) for ends in ranges
    )


def test_a_task_that_takes_all_memory_is_split_until_one_event_is_left(ledger: Ledger, log: Path) -> None:
    outcome = run(_tasks(), Work(_hungry, str(log)), IterativeBackend(), ledger, split=_halve)
    (failure,) = outcome.failures
    assert (failure.task.path, failure.task.start, failure.task.stop) == ("run_3.root", 25, 26)
    assert "MemoryError" in failure.reason
    assert _total(outcome) == sum(range(70)) - 25
    assert sum(task.n_events for task in outcome.done) == 69
    assert not outcome.is_complete


def test_parts_that_have_results_are_not_performed_again(ledger: Ledger, log: Path) -> None:
    first = run(_tasks(), Work(_hungry, str(log)), IterativeBackend(), ledger, split=_halve)
    log.unlink()
    again = run(_tasks(), Work(_hungry, str(log)), IterativeBackend(), ledger, split=_halve)
    assert not log.exists()
    assert again.n_resumed == 9
    assert _total(again) == _total(first)
    shown: list[tuple[int, int, int]] = []
    whole = run(
        _tasks(),
        Work(_sum, str(log)),
        IterativeBackend(),
        ledger,
        split=_halve,
        progress=lambda *counts: shown.append(counts),
    )
    assert len(_performed(log)) == 1
    assert whole.is_complete
    assert _total(whole) == sum(range(70))
    assert shown[-1] == (10, 10, 70)


def test_a_failure_of_another_kind_is_not_split(ledger: Ledger, log: Path) -> None:
    outcome = run(_tasks(), Work(_fail_third, str(log)), IterativeBackend(), ledger, split=_halve)
    assert [failure.task.n_events for failure in outcome.failures] == [7]


def test_progress_counts_the_parts_of_split_tasks(ledger: Ledger, log: Path) -> None:
    shown: list[tuple[int, int, int]] = []
    work = Work(_hungry, str(log))
    for _ in range(2):
        run(_tasks(), work, IterativeBackend(), ledger, split=_halve, progress=lambda *n: shown.append(n))
        done, total, events = shown[-1]
        assert done == total > 10
        assert events == 70


def test_what_was_done_is_forced_onto_the_disk_in_the_end(
    ledger: Ledger, log: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[int] = []
    monkeypatch.setattr(ledger, "sync", lambda: synced.append(len(_files(ledger))))
    run(_tasks(), Work(_sum, str(log)), IterativeBackend(), ledger)
    assert synced[-1] == 10
    with pytest.raises(NoSpaceError):
        run(_tasks(), Work(_fill_disk, str(log)), IterativeBackend(), ledger, fresh=True)
    assert len(synced) == 2
