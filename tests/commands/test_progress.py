"""What is said of progress, on a terminal and elsewhere."""

from __future__ import annotations

import io
import itertools

import pytest

from na64.commands import progress as commands_progress
from na64.commands.progress import Pace, progress


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def pace(*tellings: tuple[int, int], seconds: float) -> Pace:
    """Tell at the start and then once each number of seconds."""
    now = itertools.count(0.0, seconds)
    last = [0.0]

    def clock() -> float:
        return last[0]

    found = Pace("events", clock)
    for telling in tellings:
        last[0] = next(now)
        found.tell(*telling)
    return found


def test_rate_and_time_left() -> None:
    assert pace((0, 4000), seconds=2).text == "0 of 4,000 events"
    assert (
        pace((0, 4000), (400, 4000), (1400, 4000), seconds=2).text
        == "1,400 of 4,000 events, 500/s, 0:05 left"
    )
    assert pace((0, 40_000), (10, 40_000), (1010, 40_000), seconds=2).text.endswith(", 500/s, 1:18 left")
    assert pace((0, 0), (10, 0), (1010, 0), seconds=2).text == "1,010 events, 500/s"
    assert pace((0, 1000), (500, 1000), (1000, 1000), seconds=1).text == "1,000 of 1,000 events, 500/s"


def test_the_first_piece_tells_no_rate() -> None:
    assert pace((0, 4000), (1000, 4000), seconds=20).text == "1,000 of 4,000 events"


def test_what_was_done_before_does_not_count_for_the_rate() -> None:
    found = pace((3000, 4000), (3200, 4000), (3700, 4000), seconds=1)
    assert found.text == "3,700 of 4,000 events, 500/s, 0:01 left"
    assert found.summary == "700 events in 2.0 s, 350/s and 3,000 before"
    assert pace((4000, 4000), seconds=1).summary == "all 4,000 events were done before"


def test_a_rate_below_one_is_not_said() -> None:
    slow = pace((0, 9), (1, 9), (2, 9), seconds=3.4)
    assert slow.summary == "2 events in 6.8 s"
    assert slow.text == "2 of 9 events, 0:24 left"


def tell(stream: io.StringIO, *seconds: float) -> None:
    """Tell of 1,000 events more at each time."""
    now = [0.0]
    with progress("process", "events", stream, clock=lambda: now[0]) as show:
        for done, time in enumerate(seconds):
            now[0] = time
            show(1000 * done, 1000 * (len(seconds) - 1))


@pytest.mark.parametrize("stream", [io.StringIO(), Terminal()])
def test_the_last_line_is_a_summary(stream: io.StringIO) -> None:
    tell(stream, 0, 3, 5)
    assert stream.getvalue().endswith("process: 2,000 events in 5.0 s, 400/s\n")


def test_a_line_is_written_after_ten_seconds_at_the_earliest() -> None:
    stream = io.StringIO()
    tell(stream, 0, 5, 11, 16, 21, 31.5)
    assert stream.getvalue().splitlines() == [
        "process: 2,000 of 5,000 events, 167/s, 0:18 left",
        "process: 5,000 of 5,000 events, 151/s",
        "process: 5,000 events in 31.5 s, 159/s",
    ]


def test_only_a_terminal_gets_a_bar() -> None:
    plain, terminal = io.StringIO(), Terminal()
    for stream in (plain, terminal):
        with progress("process", "events", stream) as show:
            show(0, 2000)
            show(1000, 2000)
    assert len(plain.getvalue().splitlines()) == 1
    assert "1,000 of 2,000 events" in terminal.getvalue()
    assert "━" in terminal.getvalue()


def fail(stream: io.StringIO) -> None:
    with progress("process", "events", stream) as show:
        show(0, 1)
        raise ValueError("broken")


def test_an_exception_leaves_no_summary() -> None:
    stream = io.StringIO()
    with pytest.raises(ValueError, match="broken"):
        fail(stream)
    assert stream.getvalue() == ""


def test_a_note_is_the_end_of_a_last_word_or_a_line_of_its_own(capsys: pytest.CaptureFixture[str]) -> None:
    with commands_progress.Terminal() as shown:
        shown.progress("check", "files", at_end=False)(1, 1)
        shown.note("compiling")
        shown.progress("process", "events")(5, 5)
        shown.note("5 from cells")
    lines = capsys.readouterr().err.splitlines()
    assert "compiling" in lines
    assert lines[-1].endswith("; 5 from cells")
