from __future__ import annotations

from pathlib import Path

import pytest

from na64.datasets.basics.packaged import PackagedFiles


@pytest.fixture
def colours(tmp_path: Path) -> PackagedFiles:
    for name in ("red.toml", "blue.toml", "index.toml", "README.md"):
        (tmp_path / name).touch()
    return PackagedFiles("colour", tmp_path, besides=("index",))


def test_names_are_those_of_the_files_of_the_kind(colours: PackagedFiles) -> None:
    assert colours.names == ("blue", "red")


def test_a_packaged_one_is_found_by_name_and_any_by_path(colours: PackagedFiles, tmp_path: Path) -> None:
    assert colours.find("red") == tmp_path / "red.toml"
    assert colours.find("red.toml") == Path("red.toml")
    assert colours.find(Path("mine.toml")) == Path("mine.toml")
    assert colours.named("blue", "place") == tmp_path / "blue.toml"


@pytest.mark.parametrize("name", ["rad", Path("rad"), "index", "../red"])
def test_what_is_neither_a_name_nor_a_path_is_refused(colours: PackagedFiles, name: str | Path) -> None:
    with pytest.raises(KeyError, match=f'unknown colour "{name}", nearest known is'):
        colours.find(name)


def test_a_path_is_no_name_where_a_name_is_wanted(colours: PackagedFiles) -> None:
    with pytest.raises(KeyError, match=r'like: unknown colour "red\.toml", nearest known is "red"'):
        colours.named("red.toml", "mine.toml: like")
