"""Every file that a command reads back, damaged in every way: one line that names it, or no difference.

A file is a line of `READ`; a kind of damage is a function of `damages`.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import os
import re
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from na64.run import main

READ: dict[str, tuple[str, ...]] = {
    "c.json": (
        "process c.json --selection mine.toml --dry-run",
        "why o 8701",
        "events o --to e.csv",
        "catalogue data --to c.json --update",
    ),
    "audit.jsonl": ("audit audit.jsonl", "freeze o"),
    "mine.toml": ("process c.json --selection mine.toml --dry-run", "why o 8701"),
    "my.py": ("process c.json --selection mine.toml --dry-run --plugin my.py",),
    "layout.toml": ("catalogue data --to d.json --layout layout.toml",),
    "cluster.toml": ("process c.json --selection dimuon_2023 --to p --cluster cluster.toml",),
    "campaign.toml": ("simulate campaign.toml --to s --events 50",),
    "rates.toml": ("background o --rates rates.toml",),
    "efficiency.csv": ("project --eot 1e12 --background 0.5+-0.2 --efficiency efficiency.csv --points 3",),
    "background.csv": ("project --eot 1e12 --background background.csv --efficiency 0.5 --points 3",),
    "data/conditions/runs.csv": ("catalogue data --to d.json",),
    "data/conditions/spills.csv": ("catalogue data --to d.json",),
    "data/conditions/bad.csv": ("catalogue data --to d.json",),
    "data/conditions/production.toml": ("catalogue data --to d.json",),
    "o/result.json": (
        "status o",
        "why o 8701",
        "freeze o",
        "compare o o",
        "limits o --efficiency 0.5",
        "dimuon o o",
    ),
    "o/provenance.json": ("status o", "report o"),
    "o/job.json": ("why o 8701", "freeze o", "events o --to e.csv", "audit o"),
    "o/metrics.json": ("report o",),
    "o/yields.csv": ("status o",),
    "o/cutflow.csv": ("status o",),
    "o/regions.csv": ("status o",),
    "o/histograms.uhi.zip": ("status o",),
    "o/spills.csv": ("probe o",),
    "o/background.csv": ("limits o --efficiency 0.5 --points 3",),
    "o/background.json": ("report o",),
    "o/limits.json": ("freeze o", "report o"),
    "o/freeze.json": ("audit o", "unblind o --freeze {freeze} --reason r --approved-by A --approved-by B"),
    "v/u/unblinded.json": (
        "report v/u",
        "events v/u --opened --to e.csv",
        "limits v/u --efficiency 0.5 --background 1 --points 3",
        "audit v/u",
        "freeze v/u",
        "status v/u",
    ),
    "v/u/opened/candidates.csv": ("report v/u", "audit v/u"),
    "v/u/opened/plane.csv": ("report v/u", "audit v/u"),
    "v/u/dimuon.json": ("report v/u",),
    "v/u/muon_peaks.csv": ("report v/u",),
    "v/u/efficiencies.csv": ("report v/u",),
    "periods/2023B.toml": ("catalogue data --to d.json --periods periods",),
    "periods/2023B.bad.csv": ("catalogue data --to d.json --periods periods",),
    "periods/2023B.runs.csv": ("catalogue data --to d.json --periods periods",),
    "efficiency_variations.csv": (
        "project --eot 1e12 --background 0.5+-0.2 --efficiency efficiency.csv --points 3",
    ),
    "b/batch/1/submission.json": ("status b", "merge b --no-report"),
    "b/batch/1/jobs/0.json": ("status b", "work b/batch/1/jobs/0.json"),
    "b/batch/1/states/0.json": ("status b",),
}
OPENED = "v/"
"""Where the files of a result are whose box was opened, which takes time."""
SLOW = ("report", "limits", "unblind", "events", "probe", "compare", "merge", "dimuon", "work", "background")
MOST, MOST_SLOW = (int(number) for number in os.environ.get("NA64_DAMAGES", "400,25").split(","))
HUGE = "x" * 200_000


def _is_quick(line: str) -> bool:
    return line.split(maxsplit=1)[0] not in SLOW


@dataclass(frozen=True)
class Damage:
    """What becomes of a file; None: a directory stands in its place."""

    name: str
    data: bytes | None


def damages(name: str, data: bytes) -> Iterator[Damage]:
    """Damage a file in every way that goes with what it is."""
    yield from _of_any_file(data)
    yield from {".json": _of_json, ".csv": _of_csv, ".toml": _of_toml}.get(Path(name).suffix, _of_nothing)(
        data
    )


def _of_any_file(data: bytes) -> Iterator[Damage]:
    yield Damage("a directory", None)
    yield Damage("empty", b"")
    yield Damage("half", data[: len(data) // 2])
    yield Damage("without its end", data[:-2])
    yield Damage("not UTF-8", data[: len(data) // 2] + b"\xff\xfe" + data[len(data) // 2 :])
    yield Damage("zero bytes", data[: len(data) // 3] + bytes(100) + data[len(data) // 3 :])
    yield Damage("a long line", HUGE.encode())
    yield Damage("a long line at the end", data + HUGE.encode() + b"\n")
    yield Damage("brackets", b"[" * 100_000)
    yield Damage("noise", hashlib.shake_256(data).digest(3000))


def _of_nothing(_data: bytes) -> Iterator[Damage]:
    yield from ()


def _of_json(data: bytes) -> Iterator[Damage]:
    for text in ("[]", "null", "1", '"x"', "{}", "NaN", '{"a": 1, "a": 2}'):
        yield Damage(text, text.encode())
    key = re.search(rb'"(\w+)":', data)
    if key:
        yield Damage("a key twice", data.replace(key[0], key[0] + b" 1, " + key[0], 1))
    plain = json.loads(data)
    for trail in _trails(plain):
        for word, value in _WRONG.items():
            yield Damage(f"{_name(trail)} {word}", json.dumps(_changed(plain, trail, value)).encode())
        yield Damage(f"{_name(trail)} gone", json.dumps(_changed(plain, trail, _GONE)).encode())


_GONE = object()
_WRONG: dict[str, Any] = {
    "null": None,
    "a list": [[]],
    "an object": {"x": {}},
    "a text": "x",
    "a long text": HUGE,
    "a number": -1.5,
    "NaN": float("nan"),
    "a huge number": 10**400,
    "true": True,
    "deep": json.loads("[" * 300 + "]" * 300),
}


def _trails(plain: Any, trail: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the way to every value; of lists the first entry only."""
    entries = list(plain.items()) if isinstance(plain, dict) else list(enumerate(plain))[:1]
    for key, value in entries:
        yield (*trail, key)
        if isinstance(value, (dict, list)):
            yield from _trails(value, (*trail, key))


def _changed(plain: Any, trail: tuple[Any, ...], value: Any) -> Any:
    copy = json.loads(json.dumps(plain))
    inner = copy
    for key in trail[:-1]:
        inner = inner[key]
    if value is _GONE:
        del inner[trail[-1]]
    else:
        inner[trail[-1]] = value
    return copy


def _name(trail: tuple[Any, ...]) -> str:
    return ".".join(str(key)[:12] for key in trail)


def _of_csv(data: bytes) -> Iterator[Damage]:
    rows = list(csv.reader(io.StringIO(data.decode())))
    head = next((n for n, row in enumerate(rows) if row and not row[0].startswith("#")), 0)
    yield Damage("without its header", _csv(rows[head + 1 :]))
    for column, title in enumerate(rows[head]):
        yield Damage(f"{title} twice", _csv([*rows[:head], [*rows[head], title], *rows[head + 1 :]]))
        if head + 1 >= len(rows):
            continue
        for word in ("x", "nan", "inf", "-1", "9" * 400, HUGE, '"', "", "1;2"):
            row = [*rows[head + 1]]
            row[column : column + 1] = [word]
            yield Damage(f"{title} {word[:5]}", _csv([*rows[: head + 1], row, *rows[head + 2 :]]))
    if head + 1 < len(rows):
        yield Damage("a field less", _csv([*rows[: head + 1], rows[head + 1][:-1], *rows[head + 2 :]]))


def _csv(rows: list[list[str]]) -> bytes:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue().encode()


def _of_toml(data: bytes) -> Iterator[Damage]:
    lines = data.decode().splitlines()
    for number, line in enumerate(lines):
        key = re.match(r"(\w+) = ", line)
        if key is None or line.endswith(("[", "{")):
            continue
        for word in ('"x"', "[[]]", "{ x = 1 }", "-1.5", "nan", "1e400", "true", "9" * 400, f'"{HUGE}"'):
            yield Damage(f"{number} {key[1]} {word[:6]}", _lines(lines, number, [f"{key[0]}{word}"]))
        yield Damage(f"{number} {key[1]} gone", _lines(lines, number, []))
        yield Damage(f"{number} {key[1]} twice", _lines(lines, number, [line, line]))
        yield Damage(f"{number} {key[1]} misspelt", _lines(lines, number, [f"x{line}"]))


def _lines(lines: list[str], number: int, new: list[str]) -> bytes:
    return "\n".join([*lines[:number], *new, *lines[number + 1 :], ""]).encode()


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


@dataclass
class World:
    """A folder with a result and everything that is read back of it."""

    folder: Path
    files: dict[str, bytes]
    tell: Callable[[], tuple[str, str]]

    def command(self, line: str) -> list[str]:
        """Fill in what is not known before."""
        return line.format(freeze=_digest(self.files["o/freeze.json"])).split()

    def problems(self, name: str, damage: Damage, line: str) -> list[str]:
        """Say what a command does wrong with a damaged file."""
        path = self.folder / name
        path.unlink()
        if damage.data is None:
            path.mkdir()
        else:
            path.write_bytes(damage.data)
        try:
            return list(self._wrong(path, self.command(line)))
        finally:
            self.restore(path)

    def _wrong(self, path: Path, words: list[str]) -> Iterator[str]:
        self.tell()
        try:
            code = main(words)
        except Exception as error:
            yield f"{type(error).__name__}: {str(error)[:200]}"
            return
        except SystemExit as error:
            code = int(str(error.code))
        out, err = self.tell()
        said = [line for line in err.splitlines() if line.startswith("na64: ")]
        if code not in (0, 1, 2):
            yield f"code {code}"
        if len(out) + len(err) > 20_000 or any(len(line) > 620 for line in (out + err).splitlines()):
            yield f"{len(out) + len(err)} letters were printed"
        if "Traceback" in out + err:
            yield "a traceback"
        if code == 2 and (len(said) != 1 or not self._is_named(path, said[0])):
            yield f"code {code}: {said[:3]}"
        if code == 1 and not self._is_named(path, out + err):
            yield f"code {code}: {out[-200:]}{err[-200:]}"

    def _is_named(self, path: Path, text: str) -> bool:
        words = (path.name, "is of another result", "have changed since")
        return any(word in text for word in words) or path.stem in text.split()

    def restore(self, path: Path) -> None:
        """Bring everything back to what it was."""
        if path.is_dir():
            path.rmdir()
        for name, data in self.files.items():
            there = self.folder / name
            if not there.is_file() or there.read_bytes() != data:
                there.write_bytes(data)
        for name in ("p", "s"):
            shutil.rmtree(self.folder / name, ignore_errors=True)


@pytest.fixture
def world(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> World:
    is_soak = request.node.get_closest_marker("soak") is not None
    built: Path = request.getfixturevalue("built_with_box" if is_soak else "built")
    monkeypatch.chdir(built)
    files = {name: (built / name).read_bytes() for name in READ if (built / name).exists()}

    def tell() -> tuple[str, str]:
        captured = capsys.readouterr()
        return captured.out, captured.err

    return World(built, files, tell)


def _cases(world: World, name: str, lines: tuple[str, ...]) -> list[tuple[Damage, str]]:
    """Pair damages and commands, in an order that is drawn once for all."""
    pairs = [(damage, line) for damage in damages(name, world.files[name]) for line in lines]
    return sorted(
        pairs, key=lambda pair: hashlib.sha256(f"{name} {pair[0].name} {pair[1]}".encode()).digest()
    )


def _found(world: World, name: str, cases: list[tuple[Damage, str]]) -> dict[str, list[str]]:
    found = {f"{damage.name}, {line}": world.problems(name, damage, line) for damage, line in cases}
    return {case: problems for case, problems in found.items() if problems}


QUICK = [name for name in READ if any(map(_is_quick, READ[name])) and not name.startswith(OPENED)]


@pytest.mark.parametrize("name", QUICK)
def test_a_damaged_file_is_named_in_one_line(world: World, name: str) -> None:
    lines = tuple(line for line in READ[name] if _is_quick(line))[:2]
    assert _found(world, name, _cases(world, name, lines)[:4]) == {}


@pytest.mark.soak
@pytest.mark.parametrize("name", READ)
def test_a_damaged_file_is_named_whatever_the_damage_and_the_command(world: World, name: str) -> None:
    cases = _cases(world, name, READ[name])
    slow = [case for case in cases if not _is_quick(case[1])][:MOST_SLOW]
    quick = [case for case in cases if _is_quick(case[1])][:MOST]
    assert _found(world, name, quick + slow) == {}
