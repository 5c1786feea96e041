from __future__ import annotations

import gc
import json
import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from na64.datasets.catalogue.build import build
from na64.datasets.catalogue.catalogue_file import VERSION, load, save
from na64.datasets.catalogue.rechecking import verify
from na64.datasets.catalogue.records import Catalogue, FileRecord, SampleKind
from na64.datasets.conditions.conditions import SpillFacts

Writer = Callable[..., Path]


@pytest.fixture
def catalogue(write_run: Writer) -> Catalogue:
    """Register one good file."""
    return build([write_run()], simulation=False)


def only(catalogue: Catalogue) -> FileRecord:
    (record,) = catalogue.files
    return record


def change(path: Path, keys: Sequence[str | int], value: Any) -> None:
    content = json.loads(path.read_text())
    place = content
    for key in keys[:-1]:
        place = place[key]
    place[keys[-1]] = value
    path.write_text(json.dumps(content))


@pytest.mark.parametrize("name", ["größe.root", "a:b c.root", "#1%20.root", "[x].root"])
def test_odd_names_are_registered(name: str, write_run: Writer, tmp_path: Path) -> None:
    path = write_run().rename(tmp_path / name)
    catalogue = build([path], simulation=False)
    assert only(catalogue).is_good
    save(catalogue, tmp_path / "c.json")
    assert load(tmp_path / "c.json") == catalogue


def test_nobody_searches_for_garbage_while_a_catalogue_is_read(tmp_path: Path, catalogue: Catalogue) -> None:
    spills = {(8396, spill): SpillFacts(8396, spill) for spill in range(1, 501)}
    save(replace(catalogue, spills=spills), tmp_path / "c.json")
    searches: list[str] = []
    before = gc.get_threshold()

    def note(phase: str, _info: dict[str, int]) -> None:
        searches.append(phase)

    gc.callbacks.append(note)
    gc.set_threshold(20)
    try:
        searches.clear()
        load(tmp_path / "c.json")
        n_searches = len(searches)
    finally:
        gc.set_threshold(*before)
        gc.callbacks.remove(note)
    assert n_searches < 10  # the begin and the end of one before, and of one after it
    assert gc.isenabled()


def test_the_file_is_canonical_and_relative(tmp_path: Path, catalogue: Catalogue) -> None:
    save(catalogue, tmp_path / "c.json")
    save(load(tmp_path / "c.json"), tmp_path / "d.json")
    assert (tmp_path / "c.json").read_bytes() == (tmp_path / "d.json").read_bytes()
    assert json.loads((tmp_path / "c.json").read_text())["files"][0]["path"] == "run.root"
    moved = tmp_path / "moved"
    moved.mkdir()
    for name in ("run.root", "c.json"):
        (tmp_path / name).rename(moved / name)
    verify(only(load(moved / "c.json")))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["d.json", "moved"]


def test_a_catalogue_saved_through_a_link_is_read_where_it_is(tmp_path: Path, catalogue: Catalogue) -> None:
    real, link = tmp_path / "far" / "away", tmp_path / "link"
    real.mkdir(parents=True)
    link.symlink_to(real)
    save(catalogue, link / "c.json")
    assert load(real / "c.json") == load(link / "c.json") == catalogue


def test_paths_that_share_only_the_root_stay_absolute(tmp_path: Path, catalogue: Catalogue) -> None:
    record = replace(only(catalogue), path="/elsewhere/run.root", aliases=("root://a//b.root",))
    save(Catalogue(SampleKind.DATA, (record,)), tmp_path / "c.json")
    stored = json.loads((tmp_path / "c.json").read_text())["files"][0]
    assert (stored["path"], stored["aliases"]) == ("/elsewhere/run.root", ["root://a//b.root"])
    assert only(load(tmp_path / "c.json")) == record


@pytest.mark.parametrize(
    ("keys", "value", "message"),
    [
        (
            ["na64_catalogue"],
            VERSION - 1,
            rf"c\.json: a catalogue of version {VERSION - 1}, expected {VERSION}",
        ),
        (["files", 0, "spills"], [], r"run\.root: spills of 0 segments and 0 runs"),
        (["files", 0, "spills", 0], {"8701": "2-1"}, r"spills\[0\]\.8701: \"2-1\" is not ascending"),
        (["files", 0, "spills", 0], {"8702": "1"}, r"run\.root: spills of 1 segments and 1 runs"),
        (["kind"], "date", "'date' is not a valid SampleKind"),
        (["extra"], 1, r'c\.json: unknown key "extra"'),
        (["files", 0, "entries"], 5, r"run\.root: 6 entries by run, 5 in all"),
        (["files", 0, "segments"], [0, 3], r"run\.root: segments do not cover 6 entries"),
        (["files", 0, "status"], "fine", "'fine' is not a valid Status"),
        (["files", 0, "status"], "quarantined", 'quarantined for the reason ""'),
        (["files", 0, "size"], "1", r"c\.json: files\[0\]\.size: '1' is not an integer"),
        (["files", 0, "sise"], 1, r'files\[0\]: unknown key "sise", nearest known is "size"'),
    ],
)
def test_a_wrong_catalogue_is_refused(
    keys: list[str | int], value: Any, message: str, tmp_path: Path, catalogue: Catalogue
) -> None:
    save(catalogue, tmp_path / "c.json")
    change(tmp_path / "c.json", keys, value)
    with pytest.raises((KeyError, ValueError), match=message):
        load(tmp_path / "c.json")


@pytest.mark.parametrize(
    ("keys", "value"),
    [
        (["kind"], "simulation"),
        (["files", 0, "truth"], True),
        (["files", 0, "path"], "other.root"),
        (["files", 0, "layout"], "hits"),
        (["run_facts"], [{"run": 8701, "type": "calibration"}]),
        (["bad"], [{"run": 8701}]),
        (["layouts"], {"mine": "x"}),
        (["periods"], {"path": "p", "files": {}}),
        (["seal"], "0" * 64),
        (["seal"], ""),
    ],
)
def test_a_catalogue_that_was_edited_is_refused(
    keys: list[str | int], value: Any, tmp_path: Path, catalogue: Catalogue
) -> None:
    path = tmp_path / "c.json"
    save(catalogue, path)
    text = path.read_text()
    change(path, keys, value)
    path.write_text(json.dumps(json.loads(path.read_text()), indent=1, sort_keys=True) + "\n")
    with pytest.raises(ValueError, match=r"^c\.json: it was edited after it was written; na64 catalogue"):
        load(path)
    path.write_text(text)
    assert load(path) == catalogue


@pytest.mark.parametrize("text", ["", "[]", "{", '{"a": 1, "a": 2}', '{"na64_catalogue": NaN}', "\x00\xff"])
def test_what_is_no_catalogue_is_refused(text: str, tmp_path: Path) -> None:
    (tmp_path / "c.json").write_bytes(text.encode("latin-1"))
    with pytest.raises(ValueError, match=r"c\.json: not a catalogue"):
        load(tmp_path / "c.json")


def test_a_failed_write_leaves_the_old_file(
    tmp_path: Path, catalogue: Catalogue, monkeypatch: pytest.MonkeyPatch
) -> None:
    save(catalogue, tmp_path / "c.json")
    before = (tmp_path / "c.json").read_bytes()

    def fail(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(OSError, match="No space"):
        save(Catalogue(SampleKind.DATA, ()), tmp_path / "c.json")
    assert (tmp_path / "c.json").read_bytes() == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["c.json", "run.root"]


def test_a_catalogue_that_states_a_key_twice_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "catalogue.json"
    path.write_text('{"na64_catalogue": 3, "na64_catalogue": 3}')
    with pytest.raises(ValueError, match=r"^catalogue\.json: not a catalogue: a key is there twice$"):
        load(path)
