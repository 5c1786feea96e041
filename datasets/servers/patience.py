"""How long an answer is waited for, how often it is asked for, and many questions side by side."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from queue import SimpleQueue
from typing import TypeVar

T = TypeVar("T")
V = TypeVar("V")

ANSWER = 60.0
"""Seconds that a storage has to answer one question, all attempts together."""

_SIDE_BY_SIDE = 16


class NoAnswerError(TimeoutError):
    """Nothing came back in time."""


@dataclass(frozen=True, slots=True)
class Patience:
    """How a storage is asked.

    Attributes
    ----------
    limit : float, s
        For one answer, all attempts together.
    attempts : int
        At most; further ones only where they can help.
    pause : float, s
        Before the second attempt; four times as long before each further one.
    """

    limit: float = ANSWER
    attempts: int = 4
    pause: float = 0.5

    def __post_init__(self) -> None:
        if self.limit <= 0 or self.attempts < 1 or self.pause < 0:
            raise ValueError(f"{self}: expected times above zero and at least one attempt")

    def ask(self, question: Callable[[], T], may_help: Callable[[Exception], bool]) -> T:
        """Ask until there is an answer, an error that another attempt cannot help, or no time left.

        Parameters
        ----------
        question : callable
        may_help : callable
            Tells if another attempt may help after an error.

        Raises
        ------
        NoAnswerError
        """
        end = time.monotonic() + self.limit
        pause = self.pause
        for left in reversed(range(self.attempts)):
            remaining = end - time.monotonic()
            try:
                return within(remaining / 2 if left else remaining, question)
            except NoAnswerError:
                if not left or end - time.monotonic() <= pause:
                    raise NoAnswerError(f"no answer within {self.limit:g} s") from None
            except Exception as error:
                if not left or not may_help(error) or end - time.monotonic() <= pause:
                    raise
            time.sleep(pause)
            pause *= 4
        raise NoAnswerError(f"no answer within {self.limit:g} s")


def within(seconds: float, call: Callable[[], T]) -> T:
    """Call something and give its result, or leave it behind in a thread of its own after some seconds.

    Raises
    ------
    NoAnswerError
    """
    results: list[T] = []
    errors: list[BaseException] = []

    def try_it() -> None:
        try:
            results.append(call())
        except BaseException as error:
            errors.append(error)

    thread = threading.Thread(target=try_it, daemon=True)
    thread.start()
    thread.join(max(seconds, 0.0))
    if results:
        return results[0]
    if errors:
        raise errors[0]
    raise NoAnswerError(f"no answer within {seconds:g} s")


def side_by_side(
    call: Callable[[V], T], items: Iterable[V], n_threads: int = _SIDE_BY_SIDE
) -> Iterator[tuple[V, T]]:
    """Call something for many items, some at a time; yield each with its result as it comes.

    An error of one is raised, and no more are begun.
    """
    listed = list(items)
    todo: SimpleQueue[V | None] = SimpleQueue()
    done: SimpleQueue[tuple[V, T | None, BaseException | None]] = SimpleQueue()
    stop = threading.Event()
    for item in listed:
        todo.put(item)

    def work() -> None:
        while not stop.is_set() and not todo.empty():
            item = todo.get()
            if item is None:
                return
            try:
                done.put((item, call(item), None))
            except BaseException as error:
                done.put((item, None, error))

    n_workers = min(n_threads, len(listed))
    for _ in range(n_workers):
        todo.put(None)
    for _ in range(n_workers):
        threading.Thread(target=work, daemon=True).start()
    try:
        for _ in listed:
            item, result, error = done.get()
            if error is not None:
                raise error
            yield item, result  # type: ignore[misc]
    finally:
        stop.set()
