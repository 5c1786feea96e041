from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from na64.datasets.catalogue.build import build, load, save
from na64.datasets.conditions.reconstruction import ReconstructionTags, tags_in
from na64.datasets.reading.layout import load_layout

TEXT = """
pass = "5"
reconstruction = "v3.2"
calibration = "2023A-4"
led_corrected = true
upstream_blinding = "part"
"""
STATED = ReconstructionTags("5", "v3.2", "2023A-4", led_corrected=True, upstream_blinding="part")
Writer = Callable[[str, str | None], Path]


@pytest.fixture
def write(tmp_path: Path, make_values: Callable[..., Any], write_file: Callable[..., Path]) -> Writer:
    """Write a run file into a folder of its own, with a statement beside it."""

    def make(name: str, text: str | None) -> Path:
        folder = tmp_path / name
        (folder / "conditions").mkdir(parents=True)
        if text is not None:
            (folder / "conditions" / "production.toml").write_text(text)
        values = make_values(load_layout("tout2023"), 6, first=100 * ord(name))
        return write_file("tout", values, name=f"{name}/{name}.root")

    return make


def test_what_is_stated_is_read_and_nothing_is_made_up(tmp_path: Path) -> None:
    assert tags_in(tmp_path) == ReconstructionTags()
    (tmp_path / "production.toml").write_text(TEXT)
    assert tags_in(tmp_path) == STATED
    (tmp_path / "production.toml").write_text("led_corrected = false\n")
    assert tags_in(tmp_path) == ReconstructionTags(led_corrected=False)
    assert str(tags_in(tmp_path)) == "led_corrected False"
    assert str(ReconstructionTags()) == "not stated"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("pas = 'x'", r'production\.toml: unknown key "pas", nearest known is "pass"'),
        ("pass = 5", r"production\.toml: pass: 5 is not a string"),
        ("led_corrected = 'yes'", r"led_corrected: 'yes' is not true or false"),
    ],
)
def test_a_wrong_statement_is_refused(text: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "production.toml").write_text(text)
    with pytest.raises((KeyError, ValueError), match=message):
        tags_in(tmp_path)


def test_the_production_is_kept_in_the_catalogue(write: Writer, tmp_path: Path) -> None:
    built = build([write("a", TEXT)], simulation=True)
    save(built, tmp_path / "c.json")
    (record,) = load(tmp_path / "c.json").files
    assert record.production == STATED
    (tmp_path / "a" / "conditions" / "production.toml").unlink()
    (again,) = build([tmp_path / "a"], simulation=True, previous=built).files
    assert again.production == ReconstructionTags()


def test_the_production_is_part_of_the_identity(write: Writer, tmp_path: Path) -> None:
    path = write("a", TEXT)
    first = build([path], simulation=True).identity
    (path.parent / "conditions" / "production.toml").write_text(TEXT.replace("part", "none"))
    assert build([path], simulation=True).identity != first


@pytest.mark.parametrize("other", [TEXT.replace('"5"', '"6"'), TEXT.replace("true", "false"), None])
def test_mixed_productions_are_refused(other: str | None, write: Writer) -> None:
    paths = [write("a", TEXT), write("b", other)]
    with pytest.raises(ValueError, match=r"[ab]\.root is of production: .*expected one production"):
        build(paths, simulation=True)
    assert len(build([paths[0], write("c", TEXT)], simulation=True).good) == 2


def test_a_file_that_is_not_good_mixes_nothing(write: Writer) -> None:
    paths = [write("a", TEXT), write("b", None)]
    paths[1].write_bytes(b"nothing")
    assert len(build(paths, simulation=True).good) == 1
