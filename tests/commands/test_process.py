"""Several selections in one command: a folder each, the same as one by one, cells read once."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from na64.run import main

SELECTIONS = ("dimuon_2023", "invisible_2023")


@pytest.fixture(scope="module")
def catalogue(tmp_path_factory: pytest.TempPathFactory, simulate: Callable[..., Path]) -> Path:
    folder = tmp_path_factory.mktemp("several")
    data = simulate(folder, "small", 900)
    assert main(["catalogue", str(data), "--to", str(folder / "c.json")]) == 0
    return folder / "c.json"


def _process(catalogue: Path, to: Path, *selections: str, more: tuple[str, ...] = ()) -> int:
    asked = [word for name in selections for word in ("--selection", name)]
    line = ["process", str(catalogue), *asked, "--to", str(to), "--executor", "iterative", "--no-report"]
    return main([*line, *more])


def test_several_selections_give_what_each_gives_alone(
    catalogue: Path,
    tmp_path: Path,
    canonical: Callable[[Path], dict[str, bytes]],
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert _process(catalogue, tmp_path / "all", *SELECTIONS) == 0
    told = capsys.readouterr()
    assert told.err.count("900 from cells") == 1
    assert told.err.count("900 from the store") == 1
    assert [line for line in told.out.splitlines() if line.startswith("selection")] == [
        f"selection {name}: {tmp_path / 'all' / name}" for name in SELECTIONS
    ]
    for name in SELECTIONS:
        own = ("--store", str(tmp_path / f"features of {name}"))
        assert _process(catalogue, tmp_path / name, name, more=own) == 0
        assert "from the store" not in capsys.readouterr().err
        assert canonical(tmp_path / "all" / name) == canonical(tmp_path / name)


def test_the_command_in_the_provenance_of_one_of_several_is_its_own(catalogue: Path, tmp_path: Path) -> None:
    assert _process(catalogue, tmp_path, *SELECTIONS) == 0
    for name in SELECTIONS:
        text = (tmp_path / name / "provenance.json").read_text()
        assert f'"command": "na64 process c.json --selection {name}"' in text


@pytest.mark.parametrize(
    ("second", "problem"),
    [
        ("dimuon_2023", "dimuon_2023 is asked for twice"),
        ("invisible_2033", 'nearest known is "invisible_2023"'),
    ],
)
def test_nothing_is_counted_before_all_selections_are_known(
    catalogue: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], second: str, problem: str
) -> None:
    assert _process(catalogue, tmp_path / "all", "dimuon_2023", second) == 2
    assert problem in capsys.readouterr().err
    assert not (tmp_path / "all").exists()


def test_one_that_is_incomplete_makes_the_command_so(catalogue: Path, tmp_path: Path) -> None:
    assert _process(catalogue, tmp_path, *SELECTIONS, more=("--limit", "100")) == 1
    assert _process(catalogue, tmp_path, *SELECTIONS, more=("--dry-run",)) == 0
