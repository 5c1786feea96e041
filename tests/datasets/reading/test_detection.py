"""Which tree of a file is read, and that no other one with events is passed over."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import awkward as ak
import numpy as np
import pytest
import uproot

from na64.datasets.catalogue.inspection import Expectation, inspect
from na64.datasets.catalogue.records import FileRecord
from na64.datasets.conditions.periods import load_periods
from na64.datasets.reading.detection import detect_layout
from na64.datasets.reading.files import open_file
from na64.datasets.reading.layout import LAYOUTS, load_layout
from na64.datasets.reading.read import read
from na64.datasets.reading.stored import BadFileError
from na64.datasets.synthetic.writers import list_type

Values = dict[str, Any]
HITS = load_layout("hits")
EXPECTED = Expectation((HITS,), load_periods())


@pytest.fixture
def values(make_values: Callable[..., Any]) -> Callable[..., Values]:
    """Make events of the layout with hits."""
    return lambda n_events, **options: make_values(HITS, n_events, **options)


def put(file: Any, name: str, values: Values, container: str = "ttree") -> None:
    """Write a tree into an open file, beside what is there or as a newer cycle of it."""
    if container == "rntuple":
        events = ak.Array(values)
        file.mkrntuple(name, events.layout.form).extend(events)
        return
    file.mktree(name, {key: _type(array) for key, array in values.items()}).extend(values)


def _type(values: Any) -> Any:
    return list_type(values.layout.content.dtype) if isinstance(values, ak.Array) else values.dtype


def write(path: Path, *trees: tuple[str, Values, str]) -> FileRecord:
    """Write trees one after the other, each as somebody who opens the file again, and look at it."""
    for number, tree in enumerate(trees):
        with (uproot.update if number else uproot.recreate)(path) as file:
            put(file, *tree)
    return inspect(str(path), EXPECTED)


def part(values: Values, start: int, stop: int) -> Values:
    return {name: array[start:stop] for name, array in values.items()}


def changed(values: Values, name: str, event: int) -> Values:
    """Another value of one event; its numbers stay."""
    array = values[name].to_list() if isinstance(values[name], ak.Array) else values[name].copy()
    if isinstance(array, list):
        array[event] = [value + 1 for value in array[event]]
        return values | {name: ak.values_astype(ak.Array(array), values[name].layout.content.dtype)}
    array[event] += 1
    return values | {name: array}


@pytest.mark.parametrize("container", ["ttree", "rntuple"])
@pytest.mark.parametrize("n_before", [1, 5, 9])
def test_an_older_cycle_with_the_first_events_is_a_backup(
    n_before: int, container: str, values: Callable[..., Values], tmp_path: Path
) -> None:
    whole = values(9)
    trees = [("events", part(whole, 0, n), container) for n in (1, n_before, 9)]
    record = write(tmp_path / "run.root", *trees)
    assert (record.reason, record.entries) == ("", 9)
    assert len(read(tmp_path / "run.root", HITS, 0, 9).event["run"]) == 9


@pytest.mark.parametrize("container", ["ttree", "rntuple"])
@pytest.mark.parametrize(
    "make",
    [
        lambda whole: (part(whole, 0, 4), part(whole, 4, 9)),
        lambda whole: (part(whole, 0, 6), part(whole, 3, 9)),
        lambda whole: (whole, part(whole, 0, 6)),
        lambda whole: (changed(whole, "event", 2), whole),
        lambda whole: (changed(whole, "ecal_energy", 2), whole),
        lambda whole: (changed(whole, "ecal_cell", 8), whole),
        lambda whole: ({name: v for name, v in whole.items() if name != "weight"}, whole),
    ],
    ids=["rest", "overlap", "fewer", "another event", "other values", "other cells", "other branches"],
)
def test_an_older_cycle_with_other_events_is_refused(
    make: Callable[[Values], tuple[Values, Values]],
    container: str,
    values: Callable[..., Values],
    tmp_path: Path,
) -> None:
    older, newer = make(values(9) | {"weight": np.ones(9)})
    record = write(tmp_path / "run.root", ("events", older, container), ("events", newer, container))
    assert record.reason == "two trees events;1 and events;2 with different events"
    with pytest.raises(BadFileError, match=r"run\.root: two trees events;1 and events;2 with different"):
        read(tmp_path / "run.root", HITS, 0, 1)


def test_the_backup_that_root_leaves_shares_its_baskets(
    values: Callable[..., Values], tmp_path: Path
) -> None:
    """ROOT writes a tree again with the baskets that are there: only what came later is compared."""
    record = write(tmp_path / "run.root", ("events", values(9), "ttree"))
    assert record.is_good
    with open_file(tmp_path / "run.root") as file:
        tree = file.tree("events")
        assert tree.shared(tree, HITS.stored_names(tree)) == 9
    write(tmp_path / "two.root", ("events", values(9), "ttree"), ("events", values(9), "ttree"))
    with open_file(tmp_path / "two.root") as file:
        (older,) = file.older("events").values()
        assert file.tree("events").shared(older, HITS.stored_names(older)) == 0


@pytest.mark.parametrize("containers", [("ttree", "rntuple"), ("rntuple", "ttree")])
def test_a_tree_and_an_rntuple_of_one_name_are_compared_too(
    containers: tuple[str, str], values: Callable[..., Values], tmp_path: Path
) -> None:
    first, second = containers
    whole = values(9)
    record = write(tmp_path / "a.root", ("events", part(whole, 0, 4), first), ("events", whole, second))
    assert record.format == ("" if record.reason else second)
    other = write(tmp_path / "b.root", ("events", whole, first), ("events", values(9, first=9), second))
    assert other.reason == "two trees events;1 and events;2 with different events"


def test_an_empty_older_cycle_is_no_loss(values: Callable[..., Values], tmp_path: Path) -> None:
    with uproot.recreate(tmp_path / "run.root") as file:
        file.mktree("events", {key: _type(array) for key, array in values(1).items()})
    with uproot.update(tmp_path / "run.root") as file:
        put(file, "events", values(5))
    assert inspect(str(tmp_path / "run.root"), EXPECTED).entries == 5


def test_an_older_cycle_that_cannot_be_read_is_no_backup(
    values: Callable[..., Values], tmp_path: Path
) -> None:
    path = tmp_path / "run.root"
    write(path, ("events", values(200), "ttree"), ("events", values(300), "ttree"))
    with uproot.open(path) as file:
        branch = file["events;1"]["event"]
        begin, size = int(branch.member("fBasketSeek")[0]), int(branch.member("fBasketBytes")[0])
    content = path.read_bytes()
    path.write_bytes(content[: begin + size // 2] + bytes(size // 2) + content[begin + size // 2 * 2 :])
    reason = inspect(str(path), EXPECTED).reason
    assert reason.startswith("tree events;1, which events;2 has replaced, cannot be compared: ") or (
        reason == "two trees events;1 and events;2 with different events"
    )


@pytest.mark.parametrize("other", ["copy/events", "a/b/events"])
def test_a_tree_of_the_same_name_in_a_folder_is_not_passed_over(
    other: str, values: Callable[..., Values], tmp_path: Path
) -> None:
    record = write(
        tmp_path / "run.root", ("events", values(5), "ttree"), (other, values(5, first=5), "ttree")
    )
    assert record.reason == f'trees "events" and "{other}" of layout hits, expected one'


def test_two_trees_of_the_list_of_a_layout_are_not_chosen_between(
    values: Callable[..., Values], tmp_path: Path
) -> None:
    text = HITS.text.replace('name = "hits"', 'name = "both"').replace("trees = [", 'trees = ["second", ')
    (tmp_path / "both.toml").write_text(text)
    both = load_layout(tmp_path / "both.toml")
    write(tmp_path / "run.root", ("events", values(5), "ttree"), ("second", values(5, first=5), "ttree"))
    with (
        open_file(tmp_path / "run.root") as file,
        pytest.raises(BadFileError, match='trees "events" and "second" of layout both, expected one'),
    ):
        detect_layout(file, [both])


@pytest.mark.parametrize("name", ["events_of_run", "calibration/pedestals", "copy/monitor"])
def test_a_tree_of_another_name_or_with_other_branches_does_not_matter(
    name: str, values: Callable[..., Values], tmp_path: Path
) -> None:
    record = write(tmp_path / "run.root", ("events", values(5), "ttree"), (name, values(5), "ttree"))
    assert record.is_good
    record = write(
        tmp_path / "two.root",
        ("events", values(5), "ttree"),
        ("monitor/events", {"rate": np.arange(5)}, "ttree"),
    )
    assert record.is_good


def test_the_nearest_layout_is_the_one_of_which_most_branches_are_there(
    write_run: Callable[..., Path],
) -> None:
    with open_file(write_run(container="parquet", masterT=None)) as file:
        known = [load_layout(name) for name in LAYOUTS]
        with pytest.raises(BadFileError, match='no known layout, nearest tout2023: branch "masterT" is mi'):
            detect_layout(file, known)
