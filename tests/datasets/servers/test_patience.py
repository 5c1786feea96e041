from __future__ import annotations

import threading
import time

import pytest

from na64.datasets.servers.patience import NoAnswerError, Patience, side_by_side, within


def test_an_answer_in_time_comes_back_and_so_does_an_error() -> None:
    assert within(30.0, lambda: 42) == 42
    with pytest.raises(KeyError):
        within(30.0, lambda: {"y": 1}["x"])


def test_a_call_that_hangs_is_left_behind() -> None:
    never = threading.Event()
    with pytest.raises(NoAnswerError, match=r"no answer within 0\.05 s"):
        within(0.05, never.wait)
    never.set()


def test_questions_are_asked_as_often_as_may_help() -> None:
    asked: list[int] = []

    def question() -> int:
        asked.append(1)
        if len(asked) < 3:
            raise OSError("no")
        return len(asked)

    assert Patience(600.0, attempts=3, pause=0.0).ask(question, lambda error: True) == 3
    asked.clear()
    with pytest.raises(OSError, match="no"):
        Patience(600.0, attempts=3, pause=0.0).ask(question, lambda error: False)
    assert len(asked) == 1
    asked.clear()
    with pytest.raises(OSError, match="no"):
        Patience(600.0, attempts=2, pause=0.0).ask(question, lambda error: True)


def test_pauses_grow(monkeypatch: pytest.MonkeyPatch) -> None:
    pauses: list[float] = []
    monkeypatch.setattr(time, "sleep", pauses.append)

    def fail() -> None:
        raise OSError("no")

    with pytest.raises(OSError, match="no"):
        Patience(600.0, attempts=4, pause=0.5).ask(fail, lambda error: True)
    assert pauses == [0.5, 2.0, 8.0]


def test_a_pause_that_would_end_after_the_time_is_not_made() -> None:
    def fail() -> None:
        raise OSError("no")

    before = time.monotonic()
    with pytest.raises(OSError, match="no"):
        Patience(1.0, attempts=5, pause=3600.0).ask(fail, lambda error: True)
    assert time.monotonic() - before < 600


@pytest.mark.parametrize("wrong", [{"limit": 0.0}, {"attempts": 0}, {"pause": -1.0}])
def test_patience_without_sense_is_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="expected times above zero"):
        Patience(**wrong)  # type: ignore[arg-type]


def test_things_are_done_side_by_side_and_an_error_ends_them() -> None:
    together = threading.Barrier(3)

    def meet(number: int) -> int:
        together.wait(600)
        return number * number

    assert dict(side_by_side(meet, range(3), 3)) == {0: 0, 1: 1, 2: 4}
    assert dict(side_by_side(lambda number: number, range(50), 4)) == {n: n for n in range(50)}
    assert list(side_by_side(meet, [])) == []
    with pytest.raises(ZeroDivisionError):
        list(side_by_side(lambda number: 1 // number, [0, 1], 1))
