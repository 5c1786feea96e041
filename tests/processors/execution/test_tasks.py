from __future__ import annotations

import errno
import hashlib
import pickle
import threading
from pathlib import Path
from typing import Any

import cloudpickle
import numpy as np
import pytest

import na64.processors.execution.tasks
from na64.datasets.reading.stored import (
    BadFileError,
    ChangedFileError,
    StructureError,
    UndecodedError,
    readable,
)
from na64.datasets.servers.remote import PassingRemoteError, RemoteError
from na64.processors.execution.ledger import Partial, decode
from na64.processors.execution.tasks import (
    Done,
    Failed,
    Options,
    Task,
    Work,
    Worker,
    describe,
    is_transient,
    package_code,
)

KEY = hashlib.sha256(b"a key").hexdigest()
TASK = Task(KEY, "run.root", 10, 20)
OPEN = Options(blind=False, backoff=0.0)


def _fail_with(error: BaseException, options: Options = OPEN) -> Failed:
    def fail(_task: Task, _context: object) -> Partial:
        raise error

    report = Worker(Work(fail, options=options)).perform(TASK)
    assert isinstance(report, Failed)
    return report


@pytest.mark.parametrize(("key", "start", "stop"), [("abc", 0, 1), (KEY, 2, 1), (KEY, -1, 1)])
def test_tasks_that_make_no_sense_are_refused(key: str, start: int, stop: int) -> None:
    with pytest.raises(ValueError, match=r"not a sha256|not a range"):
        Task(key, "run.root", start, stop)


@pytest.mark.parametrize(
    "options", [{"debug": True}, {"attempts": 0}, {"backoff": -1.0}, {"deadline": 0.0}], ids=str
)
def test_options_that_make_no_sense_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"blind|expected"):
        Options(**options)


def test_a_task_has_its_result_under_its_key() -> None:
    report = Worker(
        Work(lambda task, context: Partial({"n": task.n_events, "c": context}), "shared")
    ).perform(TASK)
    assert isinstance(report, Done)
    assert decode(KEY, report.data).header == {"n": 10, "c": "shared"}


def test_preparation_happens_once_and_before_the_first_task() -> None:
    calls: list[str] = []

    def note(task: Task, _context: object) -> Partial:
        calls.append(task.path)
        return Partial()

    worker = Worker(Work(note, "context", prepare=calls.append))
    worker.perform(TASK)
    worker.perform(TASK)
    assert calls == ["context", "run.root", "run.root"]


def test_a_preparation_that_fails_is_the_reason_of_every_failure() -> None:
    def fail(_context: object) -> None:
        raise RuntimeError("no compiler")

    worker = Worker(Work(lambda task, context: Partial(), prepare=fail))
    report = worker.perform(TASK)
    assert isinstance(report, Failed)
    assert report.reason.startswith("RuntimeError: no compiler at processors/execution/tasks.py:")


def test_work_that_cannot_be_unpacked_is_a_failure_not_a_crash() -> None:
    packed = pickle.dumps(package_code).replace(b"package_code", b"packagx_code")
    report = Worker(packed).perform(TASK)
    assert isinstance(report, Failed)
    assert "packagx_code" in report.reason


def test_packed_work_is_the_same_work() -> None:
    packed = cloudpickle.dumps(Work(lambda task, context: Partial({"n": context}), 3))
    report = Worker(packed).perform(TASK)
    assert isinstance(report, Done)
    assert decode(KEY, report.data).header == {"n": 3}


def test_a_worker_with_other_code_refuses() -> None:
    work = Work(lambda task, context: Partial(), code="0" * 64)
    report = Worker(work).perform(TASK)
    assert isinstance(report, Failed)
    assert "that of the driver 000000000000" in report.reason


def test_a_worker_with_the_same_code_works(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "processors").mkdir()
    (tmp_path / "processors" / "a.py").write_text("x = 1\n")
    monkeypatch.setattr(na64.processors.execution.tasks, "_PACKAGE", tmp_path)
    package_code.cache_clear()
    code = package_code()
    assert isinstance(Worker(Work(lambda task, context: Partial(), code=code)).perform(TASK), Done)
    (tmp_path / "processors" / "a.py").write_text("x = 2\n")
    assert package_code() == code  # what this process works with, whatever is on disk by now
    package_code.cache_clear()
    assert package_code() != code
    package_code.cache_clear()


def _is_retried(error: OSError) -> bool:
    calls: list[Task] = []

    def fail(task: Task, _context: object) -> Partial:
        calls.append(task)
        raise error

    Worker(Work(fail, options=OPEN)).perform(TASK)
    assert len(calls) == (OPEN.attempts if is_transient(error) else 1)
    return len(calls) > 1


@pytest.mark.parametrize(
    "error",
    [OSError("cut off"), OSError(errno.EIO, "read"), TimeoutError(), ConnectionResetError()],
    ids=repr,
)
def test_a_read_that_fails_for_the_moment_is_tried_again(error: OSError) -> None:
    assert _is_retried(error)


@pytest.mark.parametrize(
    "error",
    [
        FileNotFoundError(errno.ENOENT, "gone"),
        PermissionError(errno.EACCES, "no"),
        OSError(errno.ENOSPC, "full"),
        OSError(errno.EDQUOT, "full"),
        ValueError("energy"),
    ],
    ids=repr,
)
def test_what_will_not_get_better_is_not_tried_again(error: OSError) -> None:
    assert not _is_retried(error)


def test_two_failed_reads_and_a_good_one_give_the_exact_result() -> None:
    faults = [OSError("one"), OSError("two")]

    def read(task: Task, _context: object) -> Partial:
        if faults:
            raise faults.pop()
        return Partial({}, {"sum": np.array([sum(range(task.start, task.stop))])})

    report = Worker(Work(read, options=OPEN)).perform(TASK)
    assert isinstance(report, Done)
    assert decode(KEY, report.data).arrays["sum"].tolist() == [145]


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_disk_in_a_worker_is_fatal(code: int) -> None:
    assert _fail_with(OSError(code, "full")).fatal
    assert not _fail_with(OSError(errno.EIO, "read")).fatal


class _EnergyIs42Error(KeyError):
    pass


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (ValueError("energy 42"), "ValueError at processors/execution/tasks.py:"),
        (_EnergyIs42Error("42"), "KeyError at processors/execution/tasks.py:"),
        (FileNotFoundError(errno.ENOENT, "42"), "FileNotFoundError: No such file or directory at "),
        (OSError(424242, "42"), "OSError at processors/execution/tasks.py:"),
        (SystemExit("42"), "SystemExit at processors/execution/tasks.py:"),
    ],
    ids=["text", "name", "path", "number", "exit"],
)
def test_a_blind_failure_tells_kind_and_place_only(error: BaseException, reason: str) -> None:
    failed = _fail_with(error, Options(backoff=0.0))
    assert failed.reason.startswith(reason)
    assert "42" not in failed.reason.rpartition(":")[0]
    assert failed.detail == ""


def test_a_blind_failure_keeps_its_cause_to_itself() -> None:
    def fail(_task: Task, _context: object) -> Partial:
        try:
            raise ValueError("secret")
        except ValueError as error:
            raise RuntimeError("secret") from error

    report = Worker(Work(fail)).perform(TASK)
    assert b"secret" not in pickle.dumps(report)


def test_an_open_failure_tells_one_line() -> None:
    failed = _fail_with(ValueError("first\x1b[31m\nsecond"))
    assert failed.reason.startswith("ValueError: first?[31m at processors/execution/tasks.py:")
    assert len(_fail_with(ValueError("x" * 10_000)).reason) < 400


def test_debug_brings_the_traceback() -> None:
    failed = _fail_with(ValueError("value"), Options(blind=False, debug=True))
    assert "Traceback" in failed.detail
    assert "ValueError: value" in failed.detail


def test_an_error_from_nowhere_is_described() -> None:
    assert describe(ValueError("x"), OPEN).reason == "ValueError: x at an unknown place"


def test_a_task_that_does_not_end_is_given_up() -> None:
    never = threading.Event()

    def hang(_task: Task, _context: object) -> Partial:
        never.wait()
        return Partial()

    report = Worker(Work(hang, options=Options(deadline=0.05))).perform(TASK)
    never.set()
    assert report == Failed("not done within 0.05 s", abandoned=True)


def test_a_task_in_time_is_not_touched_by_the_deadline() -> None:
    assert isinstance(
        Worker(Work(lambda task, context: Partial(), options=Options(deadline=600.0))).perform(TASK), Done
    )


def test_the_least_that_makes_sense_is_accepted() -> None:
    assert Task(KEY, "run.root", 0, 0).n_events == 0
    assert Options(attempts=1, backoff=0.0).attempts == 1


def test_a_blind_failure_may_tell_that_a_file_has_changed() -> None:
    blind = Options(blind=True)
    assert "run.root: 5 bytes" in describe(ChangedFileError("run.root: 5 bytes"), blind).reason
    assert "5 bytes" not in describe(BadFileError("run.root: 5 bytes"), blind).reason


def test_a_failure_for_want_of_memory_is_divisible_whatever_it_is_called() -> None:
    error = BadFileError("cannot be read")
    error.__cause__ = MemoryError()
    assert describe(error, OPEN).divisible
    assert describe(MemoryError(), OPEN).divisible
    assert not describe(BadFileError("cannot be read"), OPEN).divisible


@pytest.mark.parametrize(("length", "shown"), [(300, 300), (301, 303)])
def test_a_long_text_is_cut(length: int, shown: int) -> None:
    reason = describe(ValueError("x" * length), OPEN).reason
    assert reason.count("x") + reason.count("...") * 3 == shown


def test_a_slow_task_is_waited_for_until_its_deadline() -> None:
    def sleep(_task: Task, _context: object) -> Partial:
        threading.Event().wait(0.1)
        return Partial()

    report = Worker(Work(sleep, options=Options(blind=False, deadline=600.0))).perform(TASK)
    assert isinstance(report, Done)


def test_only_a_task_with_a_deadline_has_a_thread_of_its_own() -> None:
    def tell(_task: Task, _context: object) -> Partial:
        return Partial({"thread": threading.get_ident()})

    for deadline in (None, 600.0):
        report = Worker(Work(tell, options=Options(deadline=deadline))).perform(TASK)
        assert isinstance(report, Done)
        is_here = decode(KEY, report.data).header["thread"] == threading.get_ident()
        assert is_here is (deadline is None)


STRUCTURE = [
    (StructureError('branch "x": 3 values are null'), 'branch "x": 3 values are null'),
    (UndecodedError("value 42 is bad", "cannot be read: zlib.error"), "cannot be read: zlib.error"),
    (UndecodedError("42", "cannot be read").of("run.root"), "run.root: cannot be read"),
    (ChangedFileError("run.root: 5 bytes"), "run.root: 5 bytes"),
    (
        RemoteError("run.root: cannot be read: 503 Service Unavailable"),
        "cannot be read: 503 Service Unavailable",
    ),
    (PassingRemoteError("no answer within 60 s"), "no answer within 60 s"),
]


@pytest.mark.parametrize(("error", "text"), STRUCTURE, ids=[text for _, text in STRUCTURE])
def test_what_is_wrong_with_a_file_or_the_way_to_it_is_said_of_blind_data(
    error: Exception, text: str
) -> None:
    reason = _fail_with(error, Options(backoff=0.0)).reason
    assert reason.endswith(text)
    assert "42" not in reason


def test_a_library_that_quotes_what_it_read_is_quoted_only_if_nothing_is_blind() -> None:
    def decode_it() -> None:
        with readable('branch "x"'):
            raise ValueError("energy 42 cannot be converted")

    with pytest.raises(UndecodedError) as caught:
        decode_it()
    blind, is_open = (describe(caught.value, options).reason for options in (Options(), OPEN))
    assert blind == 'branch "x": cannot be read: ValueError'
    assert is_open == 'branch "x": cannot be read: ValueError: energy 42 cannot be converted'


def test_a_server_is_not_asked_again_by_the_task() -> None:
    assert not _is_retried(RemoteError("403"))
    assert not _is_retried(PassingRemoteError("503"))


@pytest.mark.parametrize("reason", ["", "  ", "\n"])
def test_no_failure_is_without_a_reason(reason: str) -> None:
    with pytest.raises(ValueError, match="without a reason"):
        Failed(reason)


def test_an_error_without_words_is_named_by_its_kind() -> None:
    for error in (TimeoutError(), ValueError(), OSError()):
        for options in (Options(), OPEN):
            assert describe(error, options).reason.startswith(type(error).__name__)
