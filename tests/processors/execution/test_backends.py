from __future__ import annotations

import hashlib
import os
import random
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from multiprocessing.util import Finalize
from pathlib import Path
from types import SimpleNamespace

import cloudpickle
import numpy as np
import psutil
import pytest

from na64.processors.execution.backend import Backend, WorkersLostError
from na64.processors.execution.backends import ExecutorKind, IterativeBackend, open_backend
from na64.processors.execution.dask_backend import DaskBackend
from na64.processors.execution.ledger import Partial, decode
from na64.processors.execution.processes import ProcessesBackend
from na64.processors.execution.tasks import Done, Failed, Options, Report, Task, Work

cloudpickle.register_pickle_by_value(sys.modules[__name__])  # workers cannot import this module

N_TASKS = 12
FAST = Options(blind=False, backoff=0.0)


def _tasks(payloads: dict[int, object] | None = None) -> list[Task]:
    return [
        Task(
            hashlib.sha256(str(number).encode()).hexdigest(),
            "run.root",
            10 * number,
            10 * number + 10,
            (payloads or {}).get(number),
        )
        for number in range(N_TASKS)
    ]


def _sum(task: Task, offset: int) -> Partial:
    return Partial({"path": task.path}, {"sum": np.arange(task.start, task.stop) + offset})


def _sum_after_trouble(task: Task, offset: int) -> Partial:
    """Sum, unless the payload says what happens, and how often: a file keeps count over all processes."""
    if task.payload is not None:
        trouble, times, counter = task.payload
        n_before = Path(counter).stat().st_size if Path(counter).exists() else 0
        if n_before < times:
            with Path(counter).open("ab") as file:
                file.write(b".")
            _TROUBLES[trouble]()
    return _sum(task, offset)


def _fail(error: BaseException) -> None:
    raise error


_TROUBLES: dict[str, Callable[[], object]] = {
    "read": lambda: _fail(OSError(5, "input/output error")),
    "value": lambda: _fail(ValueError("not a number")),
    "exit": lambda: os._exit(3),
    "kill": lambda: os.kill(os.getpid(), signal.SIGKILL),
    "hang": lambda: threading.Event().wait(),
}


def _collect(backend: Backend, work: Work, tasks: list[Task]) -> dict[str, Report]:
    reports: dict[str, Report] = {}
    for task, report in backend.map(work, tasks):
        assert task.key not in reports
        reports[task.key] = report
    assert set(reports) == {task.key for task in tasks}
    return reports


@pytest.fixture(scope="module")
def dask() -> Iterator[DaskBackend]:
    with DaskBackend(workers=2) as backend:
        yield backend


@pytest.fixture(scope="module")
def processes() -> Iterator[ProcessesBackend]:
    with ProcessesBackend(2) as backend:
        yield backend


@pytest.fixture(params=[kind.value for kind in ExecutorKind])
def backend(request: pytest.FixtureRequest) -> Backend:
    if request.param == "iterative":
        return IterativeBackend()
    found: Backend = request.getfixturevalue(request.param)
    return found


@pytest.fixture(params=["processes", "dask"])
def pool(request: pytest.FixtureRequest) -> Backend:
    found: Backend = request.getfixturevalue(request.param)
    return found


@pytest.fixture(scope="module")
def expected() -> dict[str, Report]:
    return _collect(IterativeBackend(), Work(_sum, 5), _tasks())


def test_every_backend_reports_the_same_in_any_order(backend: Backend, expected: dict[str, Report]) -> None:
    tasks = _tasks()
    random.Random(1).shuffle(tasks)
    assert _collect(backend, Work(_sum, 5), tasks) == expected
    assert all(isinstance(report, Done) for report in expected.values())


def test_one_process_reports_the_same_as_two(expected: dict[str, Report]) -> None:
    with ProcessesBackend(1) as backend:
        assert _collect(backend, Work(_sum, 5), _tasks()) == expected


def test_bundles_report_the_same(dask: DaskBackend, expected: dict[str, Report], tmp_path: Path) -> None:
    tasks = _tasks({3: ("value", 1, str(tmp_path / "count"))})
    with DaskBackend(workers=1, bundle=5) as bundled:
        reports = _collect(bundled, Work(_sum_after_trouble, 5, options=FAST), tasks)
    assert isinstance(reports.pop(tasks[3].key), Failed)
    assert reports == {key: report for key, report in expected.items() if key != tasks[3].key}


def test_no_tasks_give_no_reports(backend: Backend) -> None:
    assert _collect(backend, Work(_sum, 5), []) == {}


def test_the_context_goes_to_a_worker_once(backend: Backend, tmp_path: Path) -> None:
    log = tmp_path / "prepared"

    def note(_context: object) -> None:
        with log.open("a") as file:
            file.write(f"{os.getpid()}\n")

    def tell(task: Task, _context: object) -> Partial:
        return Partial({"pid": os.getpid()})

    reports = _collect(backend, Work(tell, str(tmp_path), prepare=note), _tasks())
    workers = {
        decode(key, report.data).header["pid"] for key, report in reports.items() if isinstance(report, Done)
    }
    prepared = log.read_text().split()
    assert len(prepared) == len(set(prepared))
    assert {str(pid) for pid in workers} <= set(prepared)


def test_another_work_on_the_same_workers_is_not_mixed_up(
    backend: Backend, expected: dict[str, Report]
) -> None:
    other = _collect(backend, Work(_sum, 6), _tasks())
    assert not any(other[key] == expected[key] for key in expected)
    assert _collect(backend, Work(_sum, 5), _tasks()) == expected


def test_tasks_are_taken_as_late_as_possible(backend: Backend) -> None:
    n_taken = 0

    def taking() -> Iterator[Task]:
        nonlocal n_taken
        for task in _tasks():
            n_taken += 1
            yield task

    next(reports := backend.map(Work(_sum, 5), taking()))
    reports.close()
    assert n_taken <= 5


def test_two_failed_reads_then_a_good_one_give_the_exact_result(
    backend: Backend, expected: dict[str, Report], tmp_path: Path
) -> None:
    tasks = _tasks({4: ("read", 2, str(tmp_path / "count"))})
    assert _collect(backend, Work(_sum_after_trouble, 5, options=FAST), tasks) == expected


def test_a_task_that_fails_leaves_the_others_alone(
    backend: Backend, expected: dict[str, Report], tmp_path: Path
) -> None:
    tasks = _tasks({4: ("read", 99, str(tmp_path / "a")), 7: ("value", 99, str(tmp_path / "b"))})
    reports = _collect(backend, Work(_sum_after_trouble, 5, options=FAST), tasks)
    failed = {number: reports.pop(tasks[number].key) for number in (4, 7)}
    assert reports == {key: report for key, report in expected.items() if key in reports}
    assert isinstance(failed[4], Failed)
    assert failed[4].reason.startswith("OSError: [Errno 5] input/output error at ")
    assert isinstance(failed[7], Failed)
    assert failed[7].reason.startswith("ValueError: not a number at ")
    assert (tmp_path / "a").stat().st_size == FAST.attempts
    assert (tmp_path / "b").stat().st_size == 1


def test_no_text_of_an_exception_leaves_a_blind_worker(backend: Backend, tmp_path: Path) -> None:
    tasks = _tasks({1: ("value", 1, str(tmp_path / "count"))})
    report = _collect(backend, Work(_sum_after_trouble, 5), tasks)[tasks[1].key]
    assert isinstance(report, Failed)
    assert report.reason.startswith("ValueError at processors/execution/tasks.py:")


@pytest.mark.parametrize("trouble", ["exit", "kill"])
def test_a_worker_that_ends_once_changes_nothing(
    pool: Backend, trouble: str, expected: dict[str, Report], tmp_path: Path
) -> None:
    tasks = _tasks({5: (trouble, 1, str(tmp_path / "count"))})
    assert _collect(pool, Work(_sum_after_trouble, 5), tasks) == expected


def test_a_task_that_always_ends_its_worker_fails_alone(
    pool: Backend, expected: dict[str, Report], tmp_path: Path
) -> None:
    tasks = _tasks({5: ("exit", 99, str(tmp_path / "count"))})
    reports = _collect(pool, Work(_sum_after_trouble, 5), tasks)
    failed = reports.pop(tasks[5].key)
    assert isinstance(failed, Failed)
    assert failed.reason.startswith("its worker ended")
    assert reports == {key: report for key, report in expected.items() if key in reports}
    assert (tmp_path / "count").stat().st_size == 3


def test_a_worker_killed_from_outside_changes_nothing(pool: Backend) -> None:
    def tell(task: Task, offset: int) -> Partial:
        return Partial({"pid": os.getpid()}, _sum(task, offset).arrays)

    totals: dict[str, list[int]] = {}
    for task, report in pool.map(Work(tell, 5), _tasks()):
        assert isinstance(report, Done)
        partial = decode(task.key, report.data)
        if not totals:
            os.kill(partial.header["pid"], signal.SIGKILL)
        totals[task.key] = partial.arrays["sum"].tolist()
    assert totals == {task.key: [x + 5 for x in range(task.start, task.stop)] for task in _tasks()}


def test_a_task_that_hangs_is_given_up_and_the_others_go_on(
    backend: Backend, expected: dict[str, Report], tmp_path: Path, patience: Callable[..., float]
) -> None:
    tasks = _tasks({2: ("hang", 99, str(tmp_path / "count"))})
    deadline = patience(lambda: _collect(backend, Work(_sum_after_trouble, 5), _tasks()), least=1.0)
    work = Work(_sum_after_trouble, 5, options=Options(deadline=deadline))
    reports = _collect(backend, work, tasks)
    assert reports.pop(tasks[2].key) == Failed(f"not done within {deadline:g} s", abandoned=True)
    assert reports == {key: report for key, report in expected.items() if key in reports}
    assert (tmp_path / "count").stat().st_size == 1
    assert _collect(backend, Work(_sum, 5), _tasks()) == expected


def test_a_worker_with_a_task_that_hangs_is_replaced(pool: Backend, tmp_path: Path) -> None:
    log = tmp_path / "pid"

    def hang(_task: Task, _context: object) -> Partial:
        log.write_text(str(os.getpid()))
        threading.Event().wait()
        return Partial()

    reports = _collect(pool, Work(hang, options=Options(deadline=0.5)), _tasks()[:1])
    assert all(isinstance(report, Failed) for report in reports.values())
    stat = Path(f"/proc/{log.read_text()}/stat")
    assert not stat.exists() or stat.read_text().rpartition(")")[2].split()[0] == "Z"


def test_the_time_to_get_ready_does_not_count_against_the_deadline(
    processes: ProcessesBackend, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun = tmp_path / "begun"

    def prepare(_context: object) -> None:
        begun.touch()
        threading.Event().wait(0.5)  # until the driver has looked, most likely

    # The clock stands still but for the time that they take to get ready.
    clock = SimpleNamespace(monotonic=lambda: 1000.0 * begun.exists())
    monkeypatch.setattr("na64.processors.execution.processes.time", clock)
    work = Work(_sum, 5, prepare=prepare, options=Options(deadline=0.1))
    assert all(isinstance(report, Done) for report in _collect(processes, work, _tasks()).values())


def test_an_answer_that_came_in_time_counts_however_late_it_is_heard(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def work(task: Task, folder: Path) -> Partial:
        while task.start and not (folder / "first is heard").exists():
            threading.Event().wait(0.01)
        return _sum(task, 5)

    now = [0.0]
    monkeypatch.setattr("na64.processors.execution.processes.time", SimpleNamespace(monotonic=lambda: now[0]))
    with ProcessesBackend(2) as processes:
        _collect(processes, Work(_sum, 5), _tasks())
        reports = []
        for _, report in processes.map(Work(work, tmp_path, options=Options(deadline=600.0)), _tasks()[:2]):
            reports.append(report)
            (tmp_path / "first is heard").touch()
            # the other has spoken, and the driver is kept waiting by a disk
            for process in processes._workers:
                assert process.task is None or process.connection.poll(600)
            now[0] += 1000
    assert [type(report) for report in reports] == [Done, Done]


def test_a_map_that_is_left_early_leaves_usable_workers(
    backend: Backend, expected: dict[str, Report]
) -> None:
    reports = backend.map(Work(_sum, 5), _tasks())
    next(reports)
    reports.close()
    assert _collect(backend, Work(_sum, 5), _tasks()) == expected


def _die(_context: object) -> None:
    os._exit(4)


def test_workers_that_never_get_ready_are_an_error_not_a_loop(pool: Backend) -> None:
    with pytest.raises(WorkersLostError, match=r"before they have done anything|nothing was done"):
        _collect(pool, Work(_sum, 5, prepare=_die), _tasks())


def _own_id(_task: Task, _offset: int) -> Partial:
    time.sleep(0.05)  # so that every worker gets some
    return Partial({}, {"process": np.array([os.getpid()])})


def _worker_ids(backend: Backend) -> set[int]:
    reports = _collect(backend, Work(_own_id, 0), _tasks())
    done = [decode(key, report.data) for key, report in reports.items() if isinstance(report, Done)]
    return {int(partial.arrays["process"][0]) for partial in done}


def test_closed_backends_leave_no_process() -> None:
    with ProcessesBackend(2) as processes, DaskBackend(workers=1) as dask:
        workers = [_worker_ids(backend) for backend in (processes, dask)]
        assert all(workers)
        assert all(map(psutil.pid_exists, set.union(*workers)))
    assert not any(map(psutil.pid_exists, set.union(*workers)))


@pytest.mark.parametrize("kind", list(ExecutorKind))
def test_backends_are_opened_by_name(kind: ExecutorKind) -> None:
    with open_backend(kind, workers=2) as backend:
        assert type(backend).__name__.lower().startswith(kind.value)


def test_a_scheduler_without_dask_is_refused() -> None:
    with pytest.raises(ValueError, match="given with the processes executor"):
        open_backend(ExecutorKind.PROCESSES, scheduler="localhost:8786")


@pytest.mark.parametrize("make", [lambda: ProcessesBackend(0), lambda: DaskBackend(workers=0)])
def test_no_workers_at_all_are_refused(make: Callable[[], Backend]) -> None:
    with pytest.raises(ValueError, match="expected at least 1"):
        make()


def test_a_driver_goes_on_to_see_interrupts(processes: ProcessesBackend, expected: dict[str, Report]) -> None:
    assert _collect(processes, Work(_sum, 5), _tasks()) == expected
    assert signal.SIGINT not in signal.pthread_sigmask(signal.SIG_BLOCK, [])


def test_a_process_without_a_task_is_let_end_by_itself(tmp_path: Path) -> None:
    def prepare(folder: Path) -> None:
        Finalize(None, (folder / str(os.getpid())).touch, exitpriority=1)

    with ProcessesBackend(1) as backend:
        _collect(backend, Work(_sum_nothing, tmp_path, prepare=prepare), _tasks()[:1])
        assert not list(tmp_path.iterdir())
    assert len(list(tmp_path.iterdir())) == 1


def _sum_nothing(_task: Task, _context: object) -> Partial:
    return Partial()


def test_processes_that_get_ready_at_last_are_waited_for(tmp_path: Path) -> None:
    def prepare(log: Path) -> None:
        with log.open("a") as file:
            file.write(".")
        if log.stat().st_size < 4:
            os._exit(4)

    with ProcessesBackend(1) as backend:
        reports = _collect(backend, Work(_sum_nothing, tmp_path / "starts", prepare=prepare), _tasks())
    assert all(isinstance(report, Done) for report in reports.values())
