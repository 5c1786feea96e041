"""An append-only log in which every line carries the hash of the line before it."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from na64.datasets.named import shortened

FIRST = "0" * 64
"""What the first line carries as the hash of the line before."""

_FIELDS = {"index", "time", "event", "details", "previous", "hash"}


def append(path: Path, event: str, details: Mapping[str, object], *, time: str | None = None) -> str:
    """Add a line to the log and return its hash.

    Parameters
    ----------
    path : Path
        The log; made if there is none.
    event : str
        What happened, one word: ``catalogue_simulation``, ``process``, ``freeze``, ``refusal``, ``opening``,
        ``opened``.
    details : mapping
        Anything JSON can hold; floats must be finite.
    time : str, optional
        UTC in ISO 8601; now by default.

    Raises
    ------
    ValueError
        The log has been altered: nothing is added to a broken chain.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a+b") as log:
        fcntl.flock(log, fcntl.LOCK_EX)
        log.seek(0)
        lines = log.read()
        if problems := _problems(lines):
            raise ValueError(f"{path.name}: {problems[0]}; nothing is added to an altered log")
        last: dict[str, Any] = json.loads(lines.splitlines()[-1]) if lines else {"index": -1, "hash": FIRST}
        line: dict[str, object] = {
            "index": last["index"] + 1,
            "time": time or datetime.now(UTC).isoformat(timespec="seconds"),
            "event": event,
            "details": dict(details),
            "previous": last["hash"],
        }
        line["hash"] = _hash(line)
        log.write(_canonical(line) + b"\n")
        log.flush()
        os.fsync(log.fileno())
    return str(line["hash"])


def verify(path: Path) -> list[str]:
    """Problems of the log, one line each; empty if the chain holds or there is no log.

    Lines cut off at the end leave a valid shorter chain: compare the last hash with one kept elsewhere.
    """
    return _problems(path.read_bytes()) if path.exists() else []


def entries(path: Path) -> list[dict[str, object]]:
    """Lines of the log, unverified."""
    return [json.loads(line) for line in path.read_bytes().splitlines()] if path.exists() else []


def head(path: Path) -> str:
    """Hash of the last line, or `FIRST`; unverified."""
    lines = entries(path)
    return str(lines[-1]["hash"]) if lines else FIRST


def lost(path: Path, known: Iterable[str]) -> list[str]:
    """Problems of a log that has not every line that is known from elsewhere by its hash."""
    there = {FIRST, "", *(str(line["hash"]) for line in entries(path))}
    return [f"the line with hash {shortened(name)} is gone" for name in known if name not in there]


def timeline(path: Path) -> Iterator[str]:
    """Say in one line each what happened and when."""
    for line in entries(path):
        details = line["details"]
        facts = details if isinstance(details, Mapping) else {}
        known = [f"{key} {_word(facts[key])}" for key in _TOLD if facts.get(key)]
        yield f"{line['time']}  {line['event']:<20} {', '.join(known)}".rstrip()


_TOLD = ("selection", "runs", "open_runs", "limit", "freeze", "after", "fraction", "approved_by", "reason")
"""Details that the timeline shows."""


def _word(value: object) -> str:
    if isinstance(value, list):
        return " and ".join(map(str, value))
    text = str(value)
    return text[:12] if len(text) == len(FIRST) and text.isalnum() else text


def _problems(data: bytes) -> list[str]:
    problems = []
    previous = FIRST
    lines = data.split(b"\n")
    if lines.pop():
        problems.append("the last line is not complete")
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
    return hashlib.sha256(_canonical({key: line[key] for key in line if key != "hash"})).hexdigest()


def _canonical(line: Mapping[str, object]) -> bytes:
    return json.dumps(line, sort_keys=True, separators=(",", ":"), allow_nan=False).encode()
