"""An append-only log in which every line carries the hash of the line before it."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from na64.datasets.basics.identity import bytes_digest
from na64.datasets.basics.named import shortened

FIRST = "0" * 64
"""What the first line carries as the hash of the line before."""

TORN = "torn"
"""Event of a line that keeps the text of one that was begun and not ended."""

_FIELDS = {"index", "time", "event", "details", "previous", "hash"}


def append(
    path: Path,
    event: str,
    details: Mapping[str, object],
    *,
    time: str | None = None,
    check: Callable[[], None] | None = None,
) -> str:
    """Add a line to the log and return its hash.

    A line that was begun and not ended, by a full disk or a kill, is kept in a line `TORN` before it.

    Parameters
    ----------
    path : Path
        The log; made if there is none.
    event : str
        What happened, one word: ``catalogue_simulation``, ``process``, ``processed``, ``freeze``,
        ``refusal``, ``opening``, ``opened``.
    details : mapping
        Anything JSON can hold; floats must be finite.
    time : str, optional
        UTC in ISO 8601; now by default.
    check : callable, optional
        Raises if the line may not be added; called while nobody else can add one.

    Raises
    ------
    ValueError
        The log has been altered: nothing is added to a broken chain.
    """
    now = time or datetime.now(UTC).isoformat(timespec="seconds")
    path.parent.mkdir(parents=True, exist_ok=True)
    with _held(path) as handle:
        lines, rest = _parts(_read(handle))
        if problems := _problems(lines):
            raise ValueError(f"{path.name}: {problems[0]}; nothing is added to an altered log")
        if check is not None:
            check()
        added = _mended(lines, rest, now)
        added.append(_line([*lines, *added], event, details, now))
        data = b"".join(line + b"\n" for line in added)
        _write(handle, data, start=sum(len(line) + 1 for line in lines), n_torn=len(rest))
    return str(json.loads(added[-1])["hash"])


@contextmanager
def _held(path: Path) -> Iterator[int]:
    """Open the log for one writer; the lock is the kernel's and ends with the program."""
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield handle
    finally:
        os.close(handle)


def _read(handle: int) -> bytes:
    return os.pread(handle, os.fstat(handle).st_size, 0)


def _write(handle: int, data: bytes, *, start: int, n_torn: int) -> None:
    """Write over the end of the log; what does not fit on the disk leaves no part of a line behind."""
    try:
        done = 0
        while done < len(data):
            done += os.pwrite(handle, data[done:], start + done)
        os.fsync(handle)
    except OSError:
        with suppress(OSError):
            if not n_torn:
                os.ftruncate(handle, start)
        raise


def _mended(lines: Sequence[bytes], rest: bytes, time: str) -> list[bytes]:
    """Make whole lines of what comes after the last one: itself, if it lacks only its end."""
    if not rest:
        return []
    if not _problems([*lines, rest]):
        return [rest]
    return [_line(lines, TORN, {"text": rest.decode(errors="backslashreplace")}, time)]


def _line(lines: Sequence[bytes], event: str, details: Mapping[str, object], time: str) -> bytes:
    last: dict[str, Any] = json.loads(lines[-1]) if lines else {"index": -1, "hash": FIRST}
    line: dict[str, object] = {
        "index": last["index"] + 1,
        "time": time,
        "event": event,
        "details": dict(details),
        "previous": last["hash"],
    }
    return _canonical(line | {"hash": _hash(line)})


def verify(path: Path) -> list[str]:
    """Problems of the log, one line each; empty if the chain holds or there is no log.

    Lines cut off at the end leave a valid shorter chain: compare the last hash with one kept elsewhere.
    """
    return [*altered(path), *torn(path)]


def altered(path: Path) -> list[str]:
    """Problems of the whole lines of the log."""
    return _problems(_parts(_content(path))[0])


def torn(path: Path) -> list[str]:
    """Problem of the end of the log: a line that was begun and not ended; the next one repairs it."""
    lines, rest = _parts(_content(path))
    if not rest:
        return []
    return [f"the last line is not complete: line {len(lines) + 1} was begun and not ended"]


def entries(path: Path) -> list[dict[str, object]]:
    """Whole lines of the log, unverified."""
    return [json.loads(line) for line in _parts(_content(path))[0]]


def _content(path: Path) -> bytes:
    return path.read_bytes() if path.exists() else b""


def _parts(data: bytes) -> tuple[list[bytes], bytes]:
    """Divide a log into its whole lines and what comes after them."""
    *lines, rest = data.split(b"\n")
    return lines, rest


def details_of(path: Path, digest: str) -> Mapping[str, Any]:
    """Return what the line of some hash says; nothing if there is none. Unverified."""
    found = (line["details"] for line in entries(path) if line["hash"] == digest)
    details = next(found, {})
    return details if isinstance(details, Mapping) else {}


def head(path: Path) -> str:
    """Hash of the last whole line, or `FIRST`; unverified."""
    lines = entries(path)
    return str(lines[-1]["hash"]) if lines else FIRST


def lost(path: Path, known: Iterable[str]) -> list[str]:
    """Problems of a log that has not every line that is known from elsewhere by its hash."""
    there = {FIRST, "", *(str(line["hash"]) for line in entries(path))}
    return [f"the line with hash {shortened(name)} is gone" for name in known if name not in there]


def timeline(path: Path) -> Iterator[str]:
    """Events of the log, in one line each: what happened and when."""
    for line in entries(path):
        details = line["details"]
        facts = details if isinstance(details, Mapping) else {}
        known = [f"{key} {_word(facts[key])}" for key in _TOLD if facts.get(key)]
        yield f"{line['time']}  {line['event']:<20} {', '.join(known)}".rstrip()


_TOLD = (
    *(
        "selection",
        "search",
        "calibration",
        "reference",
        "result",
        "runs",
        "open_runs",
        "own_layouts",
        "not_packaged",
        "hides_less",
        "limit",
        "verdict",
    ),
    *("open_events", "freeze", "after", "fraction", "approved_by", "deviations", "reason"),
    *("command", "why", "events", "choice", "n_events", "in_box", "candidates", "p_value", "text"),
)
"""Details that the timeline shows."""


def _word(value: object) -> str:
    if isinstance(value, list):
        return " and ".join(map(str, value))
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {number}" for name, number in value.items())
    text = str(value)
    if not text.isprintable():  # of a torn line: nothing of it may reach a terminal as it is
        text = repr(text)
    return text[:12] if len(text) == len(FIRST) and text.isalnum() else text


def _problems(lines: Sequence[bytes]) -> list[str]:
    problems = []
    previous = FIRST
    for index, text in enumerate(lines):
        try:
            line = json.loads(text, parse_constant=_refuse)
        except (ValueError, RecursionError):
            line = None
        problem, previous = _check(line, text, index, previous)
        if problem:
            problems.append(f"line {index + 1}: {problem}")
    return problems


def _refuse(constant: str) -> object:
    raise ValueError(f"{constant} is not a number")


def _check(line: object, text: bytes, index: int, previous: str) -> tuple[str, str]:
    if not isinstance(line, dict) or set(line) != _FIELDS:
        return "not a line of this log", previous
    found = str(line["hash"])
    if found != _hash(line) or text != _canonical(line):
        return "its content does not have its hash", found
    if line["previous"] != previous:
        return "does not follow the line before", found
    if line["index"] != index:
        return f"has index {line['index']}, not {index}", found
    return "", found


def _hash(line: Mapping[str, object]) -> str:
    return bytes_digest(_canonical({key: line[key] for key in line if key != "hash"}))


def _canonical(line: Mapping[str, object]) -> bytes:
    return json.dumps(line, sort_keys=True, separators=(",", ":"), allow_nan=False).encode()
