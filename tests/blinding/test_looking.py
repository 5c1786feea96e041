"""Nothing that looks at single events tells of hidden ones: same words, bytes and reads whatever they are."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import awkward as ak
import numpy as np
import pyarrow.parquet as pq
import pytest
import uproot

from na64.datasets.catalogue.registered_events import registered_events
from na64.datasets.synthetic.writers import list_type
from na64.processors.events import segment
from na64.run import main

pytestmark = pytest.mark.usefixtures("undrawn")

Number = tuple[int, int, int]
Says = Callable[..., tuple[int, str, str]]


@pytest.fixture(scope="module")
def folders(worlds: Any) -> list[Path]:
    """Give the results of worlds that differ only in their hidden events; `canary` has other numbers."""
    found = []
    for world in worlds("hits"):
        folder = world.folder / "looked"
        line = ["process", str(world.catalogue), "--selection", "invisible_2023", "--to", str(folder)]
        assert main([*line, "--executor", "iterative", "--no-report"]) == 0
        found.append(folder)
    return found


@pytest.fixture
def says(capsys: pytest.CaptureFixture[str], ticking: None) -> Says:
    """Run the program and give its exit code and what it says, the name of the world aside."""

    def run(line: list[str], folder: Path) -> tuple[int, str, str]:
        capsys.readouterr()
        code = main(line)
        out, err = capsys.readouterr()
        return code, out.replace(str(folder.parent), "WORLD"), err.rstrip()

    return run


def numbers(folder: Path) -> set[Number]:
    """Give the numbers of all recorded events."""
    found: set[Number] = set()
    for path in sorted((folder.parent / "data").glob("*.root")):
        with uproot.open(path) as file:
            tree = file[file.keys()[0]].arrays(["run", "spill", "event"], library="np")
        found |= set(zip(*(tree[name].tolist() for name in ("run", "spill", "event")), strict=True))
    return found


def visible(folder: Path) -> set[Number]:
    path = folder / "all.parquet"
    assert main(["events", str(folder), "--after", "visible", "--to", str(path)]) == 0
    table = pq.read_table(path)
    return set(zip(*(table[name].to_pylist() for name in ("run", "spill", "event")), strict=True))


def test_skims_are_the_same_in_all_worlds(folders: list[Path], says: Says) -> None:
    seen = []
    for folder in folders:
        for name in ("x.parquet", "x.csv"):
            line = ["events", str(folder), "--after", "visible", "--cells", "--to", str(folder / name)]
            seen.append((says(line, folder), (folder / name).read_bytes()))
    assert len({said[0] for said, _ in seen}) == 1
    for suffix in (0, 1):
        assert len({data for _, data in seen[suffix::2]}) == 1


def test_a_hidden_event_is_refused_as_one_that_is_not_there(folders: list[Path], says: Says) -> None:
    recorded, other = numbers(folders[0]), numbers(folders[-1])
    closed = recorded - visible(folders[0])
    gone = sorted(closed - other)  # the last world has no event with this number
    assert len(gone) > 50
    run, spill, event = gone[0]
    answers = set()
    for number in (gone[0], (run, spill, 999_999_999), (run, 77, event), (1, 1, 1)):
        text = ":".join(map(str, number))
        for folder in folders:
            code, out, err = says(["show", str(folder), text, "--to", str(folder / "pictures")], folder)
            answers.add((code, out, err.replace(text, "NUMBER")))
            assert not (folder / "pictures").exists()
    assert answers == {(2, "", "na64: event NUMBER: no visible event of looked has this number")}


def test_a_hidden_event_among_others_spoils_all_of_them(folders: list[Path], says: Says) -> None:
    seen = sorted(visible(folders[0]))
    closed = sorted(numbers(folders[0]) - set(seen))
    line = ["show", *(":".join(map(str, number)) for number in (seen[0], closed[0]))]
    code, out, _ = says([line[0], str(folders[0]), *line[1:], "--to", str(folders[0] / "p")], folders[0])
    assert (code, out) == (2, "")
    assert not (folders[0] / "p").exists()


def test_as_much_is_read_whatever_the_event_is(
    folders: list[Path], says: Says, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[int] = []
    plain = registered_events

    def counting(*arguments: Any, **options: Any) -> Iterator[Any]:
        for events in plain(*arguments, **options):
            read.append(events.n_events)
            yield events

    monkeypatch.setattr(segment, "registered_events", counting)
    seen = sorted(visible(folders[0]))
    closed = sorted(numbers(folders[0]) - set(seen))
    run = closed[0][0]
    amounts = []
    for number in (next(n for n in seen if n[0] == run), closed[0], (run, 1, 999_999_999)):
        read.clear()
        line = ["show", str(folders[0]), ":".join(map(str, number)), "--to", str(folders[0] / "q")]
        says(line, folders[0])
        amounts.append(list(read))
    assert amounts[0] == amounts[1] == amounts[2]
    assert sum(amounts[0]) == sum(1 for number in numbers(folders[0]) if number[0] == run)


def test_against_time_and_beside_each_other_worlds_are_the_same(folders: list[Path], says: Says) -> None:
    seen = []
    for folder in (folders[0], folders[-1]):
        said = says(["stability", str(folder), "--to", str(folder / "s")], folder)
        line = ["compare", str(folder), str(folders[0]), "--same-events", "--to", str(folder / "c")]
        beside = says(line, folder)
        written = [(folder / name).read_bytes() for name in ("s/stability.csv", "c/runs.csv", "c/events.csv")]
        lines = [line for line in beside[1].splitlines() if "tables and plot" not in line]
        seen.append((said, beside[0], lines, written))
    assert all(one == seen[0] for one in seen)


def test_the_beam_is_the_same_in_all_worlds(worlds: Any, says: Says) -> None:
    seen = []
    for world in worlds("hits"):
        folder = world.folder / "beam"
        line = ["process", str(world.catalogue), "--selection", "beam_2023", "--to", str(folder)]
        assert main([*line, "--executor", "iterative", "--no-report"]) == 0
        seen.append((says(["beam", str(folder)], folder), (folder / "beam.csv").read_bytes()))
    assert seen[0][0][0] == 0
    assert all(one == seen[0] for one in seen)


def test_a_skipped_event_is_refused_in_the_same_words(worlds: Any, tmp_path: Path, says: Says) -> None:
    folder = tmp_path / "world"
    shutil.copytree(worlds("hits")[0].folder / "data", folder / "data")
    path = sorted((folder / "data").glob("*.root"))[0]
    with uproot.open(path) as file:
        name = file.keys()[0].partition(";")[0]
        branches = {key: file[name][key].array() for key in file[name].keys()}  # noqa: SIM118
    victim = int(np.flatnonzero(ak.num(branches["ecal_cell"]).to_numpy() > 3)[5])
    cells = ak.to_list(branches["ecal_cell"])
    cells[victim][0] = 250
    branches["ecal_cell"] = ak.values_astype(ak.Array(cells), "uint8")
    types = {
        key: list_type(str(ak.flatten(one).type.content)) if one.ndim > 1 else np.dtype(str(one.type.content))
        for key, one in branches.items()
        if not key.startswith("n")
    }
    with uproot.recreate(path) as file:
        file.mktree(name, types).extend({key: branches[key] for key in types})
    number = ":".join(str(int(branches[key][victim])) for key in ("run", "spill", "event"))
    catalogue, result = folder / "catalogue.json", folder / "looked"
    assert main(["catalogue", str(folder / "data"), "--to", str(catalogue)]) == 0
    line = ["process", str(catalogue), "--selection", "dimuon_2023", "--to", str(result), "--no-report"]
    assert main([*line, "--executor", "iterative"]) == 0
    answer = says(["show", str(result), number], folder)
    assert answer == (2, "", f"na64: event {number}: no visible event of looked has this number")
    assert 'skipped_cell_range": 1' in (result / "result.json").read_text()


def test_the_refusal_can_fail(folders: list[Path], says: Says) -> None:
    seen = sorted(visible(folders[0]))[0]
    text = ":".join(map(str, seen))
    code, out, _ = says(["show", str(folders[0]), text, "--to", str(folders[0] / "r")], folders[0])
    assert code == 0
    assert text in out
