"""A task and what a worker does with it, in whatever process or thread the worker is."""

from __future__ import annotations

import errno
import os
import pickle
import socket
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, TypeAlias

from na64.datasets.basics.addresses import without_secrets
from na64.datasets.basics.identity import source_digest
from na64.datasets.reading.stored import BadFileError
from na64.datasets.servers.patience import NoAnswerError, within
from na64.datasets.servers.remote import RemoteError
from na64.processors.execution.cost import Cost
from na64.processors.execution.ledger import Partial, encode, is_full, is_key
from na64.processors.features.plugin import PluginError

_PACKAGE = Path(__file__).parents[2]
_PERMANENT = (FileNotFoundError, FileExistsError, NotADirectoryError, IsADirectoryError, PermissionError)
_KNOWN_PACKAGES = frozenset({"builtins", "na64", "numpy", "numba", "awkward", "uproot", "pyarrow", "fsspec"})
_CODE_FOLDERS = ("datasets", "selections", "processors")
_LONGEST_TEXT = 300


@dataclass(frozen=True, slots=True)
class Task:
    """Events ``start`` to ``stop`` (half-open) of one file, and the key of what comes out of them.

    Attributes
    ----------
    key : str
        sha256 in hexadecimal digits: everything the result depends on.
    path : str
        For the reader of a message too.
    payload : object
        What else the work needs for this task: small, picklable.
    """

    key: str
    path: str
    start: int
    stop: int
    payload: Any = None

    def __post_init__(self) -> None:
        if not is_key(self.key):
            raise ValueError(f"key of a task: {self.key!r} is not a sha256 in hexadecimal digits")
        if not 0 <= self.start <= self.stop:
            raise ValueError(f"{self.path}: events {self.start} to {self.stop} are not a range")

    @property
    def n_events(self) -> int:
        """Number of events."""
        return self.stop - self.start

    def __str__(self) -> str:
        return f"{self.path}, events {self.start} to {self.stop}"


@dataclass(frozen=True, slots=True)
class Options:
    """How a task is tried.

    Attributes
    ----------
    blind : bool
        Texts of exceptions stay in the worker: only their type and the place in our code come out.
    debug : bool
        Tracebacks come out too; not for blind data.
    attempts : int
        How often a task is tried when a file cannot be read for the moment.
    backoff : float, s
        Pause before the second attempt; doubled before each further one.
    deadline : float, s, or None
        A task that takes longer is given up.
    """

    blind: bool = True
    debug: bool = False
    attempts: int = 3
    backoff: float = 0.5
    deadline: float | None = None

    def __post_init__(self) -> None:
        if self.blind and self.debug:
            raise ValueError("debug shows the texts of exceptions: it is not for blind data")
        if self.attempts < 1:
            raise ValueError(f"attempts are {self.attempts}: expected at least 1")
        if self.backoff < 0:
            raise ValueError(f"backoff is {self.backoff} s: expected a time")
        if self.deadline is not None and self.deadline <= 0:
            raise ValueError(f"deadline is {self.deadline} s: expected a time above zero")


@dataclass(frozen=True, slots=True)
class Work:
    """What is done with every task.

    Attributes
    ----------
    function : callable
        ``function(task, context) -> Partial``.
    context : object
        What all tasks share; goes to a worker once.
    prepare : callable or None
        ``prepare(context)``, called once a worker before its first task (to compile, to load tables).
    options : Options
    code : str or None
        `package_code` of the driver: a worker with other code refuses to work.
    """

    function: Callable[[Task, Any], Partial]
    context: Any = None
    prepare: Callable[[Any], None] | None = None
    options: Options = field(default_factory=Options)
    code: str | None = None


@cache
def package_code() -> str:
    """Return the identity of the sources that results come from, as this process found them."""
    return source_digest(path for folder in _CODE_FOLDERS for path in (_PACKAGE / folder).rglob("*.py"))


@dataclass(frozen=True, slots=True)
class Done:
    """An encoded partial.

    Attributes
    ----------
    data : bytes
    cost : Cost or None
        What making it took.
    worker : str
        Who made it; to tell workers apart, not to be shown.
    """

    data: bytes
    cost: Cost | None = field(default=None, compare=False)
    worker: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class Failed:
    """Why there is no partial.

    Attributes
    ----------
    reason : str
        One line, never empty.
    detail : str
        The traceback if it was asked for.
    fatal : bool
        Going on makes no sense: the disk is full, or user code fails.
    user_code : bool
        A plug-in failed.
    abandoned : bool
        The deadline has passed and the worker may still be at it.
    divisible : bool
        A part of the events may be to blame, or their number: it ended its worker, or took all memory.
    """

    reason: str
    detail: str = ""
    fatal: bool = False
    abandoned: bool = False
    divisible: bool = False
    user_code: bool = False

    def __post_init__(self) -> None:
        if not self.reason.strip():
            raise ValueError("a failure without a reason")


Report: TypeAlias = Done | Failed


class Worker:
    """The work as one worker holds it: unpacked and prepared once, then performed task by task.

    Parameters
    ----------
    work : Work or bytes
        Bytes are a pickled `Work` that came from the driver.
    """

    def __init__(self, work: Work | bytes) -> None:
        self._work: Work | Failed
        try:
            # From the driver, over a pipe of its own or the cluster's connection; never from a disk.
            self._work = _prepared(pickle.loads(work) if isinstance(work, bytes) else work)  # noqa: S301
        except (Exception, SystemExit) as error:
            self._work = describe(error, Options(blind=False))

    def perform(self, task: Task) -> Report:
        """Do one task; whatever goes wrong comes back as a `Failed`."""
        if isinstance(self._work, Failed):
            return self._work
        work, deadline = self._work, self._work.options.deadline
        if deadline is None:
            return _try_task(work, task)
        try:
            return within(deadline, lambda: _try_task(work, task))
        except NoAnswerError:
            return overdue(deadline)


def _prepared(work: Work) -> Work:
    if work.code is not None and work.code != (found := package_code()):
        raise RuntimeError(f"the code of this worker is {found[:12]}, that of the driver {work.code[:12]}")
    if work.prepare is not None:
        work.prepare(work.context)
    return work


def _try_task(work: Work, task: Task) -> Report:
    attempt = 1
    while True:
        try:
            partial = work.function(task, work.context)
            worker = f"{socket.gethostname()}:{os.getpid()}"
            return Done(encode(task.key, partial), partial.cost, worker)
        except (Exception, SystemExit) as error:
            failed = describe(error, work.options)
            again = is_transient(error) and attempt < work.options.attempts
        if not again:
            return failed
        time.sleep(work.options.backoff * 2 ** (attempt - 1))
        attempt += 1


def overdue(deadline: float) -> Failed:
    """Return the failure of a task that took longer than its deadline (s)."""
    return Failed(f"not done within {deadline:g} s", abandoned=True)


def is_transient(error: BaseException) -> bool:
    """Whether another attempt may succeed: the file was there but could not be read just now.

    A server has been asked several times already.
    """
    return (
        isinstance(error, OSError)
        and not isinstance(error, (*_PERMANENT, RemoteError, ValueError))
        and not is_full(error)
    )


def describe(error: BaseException, options: Options) -> Failed:
    """Return an exception as a failure, with no more of its text than the options allow."""
    user_code = isinstance(error, PluginError)
    reason = _line_of(str(error)) if user_code else _of_file(error, options)
    if not reason:
        text = _fixed_text(error) if options.blind else _line_of(str(error))
        reason = f"{_kind(error, options)}{': ' if text else ''}{text} at {_place(error)}"
    detail = without_secrets("".join(traceback.format_exception(error))) if options.debug else ""
    fatal = user_code or (isinstance(error, OSError) and is_full(error))
    return Failed(reason, detail, fatal=fatal, divisible=_is_of_memory(error), user_code=user_code)


def _is_of_memory(error: BaseException | None) -> bool:
    """Whether memory ran out; readers say that a file cannot be read because of it."""
    while error is not None and not isinstance(error, MemoryError):
        error = error.__cause__
    return error is not None


def _kind(error: BaseException, options: Options) -> str:
    kinds = type(error).__mro__
    if options.blind:
        kinds = tuple(kind for kind in kinds if kind.__module__.partition(".")[0] in _KNOWN_PACKAGES)
    return kinds[0].__name__


def _of_file(error: BaseException, options: Options) -> str:
    """What is wrong with how a file is built, or with the way to it; empty if it is something else.

    Neither can be of what is in the events: it is said of blind data too.
    """
    if isinstance(error, RemoteError):
        return _line_of(str(error))
    if isinstance(error, BadFileError):
        return _line_of(error.structure if options.blind else str(error))
    return ""


def _fixed_text(error: BaseException) -> str:
    code = (error.errno or 0) if isinstance(error, OSError) else 0
    return os.strerror(code) if code in errno.errorcode else ""


def _line_of(text: str) -> str:
    lines = without_secrets(text).strip().splitlines()
    text = "".join(letter if letter.isprintable() else "?" for letter in lines[0]) if lines else ""
    return text if len(text) <= _LONGEST_TEXT else text[:_LONGEST_TEXT] + "..."


def _place(error: BaseException) -> str:
    frames = traceback.extract_tb(error.__traceback__)
    for frame in reversed(frames):
        path = Path(frame.filename)
        if path.is_relative_to(_PACKAGE) and path.relative_to(_PACKAGE).parts[0] in _CODE_FOLDERS:
            return f"{path.relative_to(_PACKAGE).as_posix()}:{frame.lineno}"
    return "an unknown place"
