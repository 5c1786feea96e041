"""Cells in other orders, numbers from 1, cells in two branches, sums and own columns: from any container."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import awkward as ak
import numpy as np
import pytest
import uproot

from na64.datasets.instrument.columns import Cells, Hits
from na64.datasets.reading.layout import parse_layout
from na64.datasets.reading.read import read
from na64.datasets.reading.stored import BadFileError

CONTAINERS = ("ttree", "rntuple", "parquet")
SHAPE = (2, 3, 4)
N_CELLS, N_EVENTS = 24, 40
HEAD = """
name = "mine"
trees = ["t"]
[event]
run = { branch = "R" }
spill = { value = 7 }
event = { branch = "E" }
"""
KEYS: dict[str, Any] = {"R": np.full(N_EVENTS, 8701, np.int32), "E": np.arange(N_EVENTS, dtype=np.int32)}
Write = Callable[..., Path]


def at(cell: Any) -> tuple[Any, ...]:
    """Plane, x and y of a cell that counts y fastest."""
    return cell // 12, cell // 4 % 3, cell % 4


def x_first(cell: Any) -> Any:
    plane, x, y = at(cell)
    return plane * 12 + y * 3 + x


@pytest.fixture
def hits() -> tuple[Any, Any]:
    random = np.random.default_rng(1)
    counts = random.integers(0, 6, N_EVENTS)
    cells = ak.unflatten(random.integers(0, N_CELLS, counts.sum()), counts)
    return cells, ak.unflatten(random.random(counts.sum()).astype(np.float32), counts)


@pytest.mark.parametrize("container", CONTAINERS)
@pytest.mark.parametrize("form", ["flat", "dimensions", "branches", "vector"])
def test_cells_of_either_order_are_read_alike(container: str, form: str, write_file: Write) -> None:
    energies = np.random.default_rng(2).random((N_EVENTS, N_CELLS))
    table = '[detector.calo]\nkind = "cells"\nshape = [2, 3, 4]\n'
    column = 'energy = {{ {}, unit = "MeV" }}\n'
    names = '"A", "B"' if form == "branches" else '"A"'
    text = HEAD + table + column.format(f"branches = [{names}]")
    stored = np.empty_like(energies)
    stored[:, x_first(np.arange(N_CELLS))] = energies
    parts: dict[str, Any] = {"A": stored}
    if form == "dimensions":
        parts = {"A": stored.reshape(-1, 2, 4, 3)}
    elif form == "branches":
        parts = {name: stored.reshape(-1, 2, 4, 3)[:, n] for n, name in enumerate("AB")}
    elif form == "vector":
        parts = {"A": ak.from_regular(ak.Array(stored))}
    layout = parse_layout(text.replace('"t"]', '"t"]\ncell_order = "x_fastest"'), "mine")
    found = read(write_file("t", {**KEYS, **parts}, container=container), layout, 5, 30)
    cells = found.detectors["calo"]
    assert isinstance(cells, Cells)
    assert cells.energy.flags.c_contiguous
    np.testing.assert_array_equal(cells.energy, energies[5:30] / 1000)
    np.testing.assert_array_equal(found.event["spill"], np.full(25, 7))


@pytest.mark.parametrize("container", CONTAINERS)
@pytest.mark.parametrize("first", [0, 1])
@pytest.mark.parametrize("form", ["y_fastest", "x_fastest", "parts"])
def test_hits_are_of_the_same_cells_however_they_are_numbered(
    container: str, first: int, form: str, write_file: Write, hits: tuple[Any, Any]
) -> None:
    cells, energies = hits
    number = {"y_fastest": cells, "x_fastest": x_first(cells)}
    names = ("cell_plane", "cell_x", "cell_y")
    columns = {"cell": number[form]} if form in number else dict(zip(names, at(cells), strict=True))
    order = 'cell_order = "x_fastest"\n' if form == "x_fastest" else ""
    table = f'[ecal]\nkind = "hits"\nshape = {list(SHAPE)}\nfirst_cell = {first}\n{order}'
    table += "".join(f'{key} = {{ branch = "b_{key}" }}\n' for key in columns)
    text = HEAD + table + 'energy = { branch = "EN", unit = "GeV" }\n'
    stored = {f"b_{key}": ak.values_astype(column + first, np.uint8) for key, column in columns.items()}
    path = write_file("t", {**KEYS, **stored, "EN": energies}, container=container)
    found = read(path, parse_layout(text, "mine"), 0, N_EVENTS).detectors["ecal"]
    assert isinstance(found, Hits)
    np.testing.assert_array_equal(found.cell, ak.flatten(cells))
    np.testing.assert_array_equal(found.energy, ak.flatten(energies))
    np.testing.assert_array_equal(np.diff(found.offsets), ak.num(cells))


@pytest.mark.parametrize(
    ("table", "stored", "expected"),
    [
        ("first_cell = 1\n", {"cell": [0, 1, 24, 25]}, [-1, 0, 23, -1]),
        ('cell_order = "x_fastest"\n', {"cell": [-1, 0, 23, 24]}, [-1, 0, 23, -1]),
        ('cell_order = "x_fastest"\nfirst_cell = 1\n', {"cell": [0, 1, 24, 25]}, [-1, 0, 23, -1]),
        ("", {"cell_plane": [0, 1, 2, 0], "cell_x": [0, 2, 0, 3], "cell_y": [0, 3, 0, 0]}, [0, 23, -1, -1]),
        ("", {"cell_plane": [0, 0, -1, 0], "cell_x": [0, -1, 0, 0], "cell_y": [4, 1, 0, 1]}, [-1, -1, -1, 1]),
    ],
)
def test_what_is_no_cell_in_the_file_is_none_when_read(
    table: str, stored: dict[str, list[int]], expected: list[int], write_file: Write
) -> None:
    columns = "".join(f'{key} = {{ branch = "b_{key}" }}\n' for key in stored)
    shape = f'[ecal]\nkind = "hits"\nshape = {list(SHAPE)}\n'
    text = HEAD + shape + table + columns + 'energy = { branch = "EN", unit = "GeV" }\n'
    values = {f"b_{key}": ak.Array([np.array(cells, np.int64)]) for key, cells in stored.items()}
    keys = {name: column[:1] for name, column in KEYS.items()}
    path = write_file("t", {**keys, **values, "EN": ak.Array([np.ones(4, np.float32)])})
    found = read(path, parse_layout(text, "mine"), 0, 1).detectors["ecal"]
    assert isinstance(found, Hits)
    assert found.cell.tolist() == expected


GIVEN = """
mine = { branch = "M", unit = "1", meaning = "a number" }
second = { branch = "V[1]", unit = "cm", meaning = "of a vector", nan_is_absent = true }
[feature]
hcal_0 = { branch = "H0", unit = "MeV" }
hcal_1 = { branch = "H[1]", unit = "GeV" }
hcal_01 = { sum_of = ["hcal_0", "hcal_1"] }
ecal_total = { sum_of = ["ecal"] }
ecal = { branch = "EC", unit = "GeV", required = false }
"""


@pytest.mark.parametrize("container", CONTAINERS)
def test_own_columns_and_sums_are_read_in_base_units(container: str, write_file: Write) -> None:
    random = np.random.default_rng(3)
    vector = ak.unflatten(np.arange(N_EVENTS * 2, dtype=np.float32), np.arange(N_EVENTS) % 2 * 4)
    stored = {
        "M": np.arange(N_EVENTS, dtype=np.uint16),
        "V": vector,
        "H0": random.random(N_EVENTS) * 1000,
        "H": random.random((N_EVENTS, 2)),
    }
    layout = parse_layout(HEAD + GIVEN, "mine")
    path = write_file("t", {**KEYS, **stored}, container=container)
    found = read(path, layout, 0, N_EVENTS).event
    np.testing.assert_array_equal(found["mine"], np.arange(N_EVENTS))
    np.testing.assert_array_equal(np.isnan(found["second"]), np.arange(N_EVENTS) % 2 == 0)
    np.testing.assert_array_equal(found["second"][1::2], vector[1::2, 1] * 10)
    np.testing.assert_array_equal(found["hcal_0"], stored["H0"] / 1000)
    np.testing.assert_array_equal(found["hcal_01"], stored["H0"] / 1000 + stored["H"][:, 1])
    assert not {"ecal", "ecal_total"} & {*found}
    with_ecal = write_file(
        "t", {**KEYS, **stored, "EC": stored["H0"].astype(np.float32)}, container=container, name="b.root"
    )
    event = read(with_ecal, layout, 0, N_EVENTS, columns=["ecal_total"]).event
    np.testing.assert_array_equal(event["ecal_total"], stored["H0"].astype(np.float32))
    assert "hcal_0" not in event


@pytest.mark.parametrize("container", CONTAINERS)
@pytest.mark.parametrize("dtype", ["int8", "int32", "uint16", "uint64"])
def test_integers_in_another_unit_are_converted_as_floats_are(
    container: str, dtype: str, write_file: Write
) -> None:
    text = HEAD + (
        'light = { branch = "L", unit = "MeV", types = ["TYPE"], meaning = "light" }\n'
        '[feature]\nhcal_0 = { branch = "H[1]", unit = "keV", types = ["TYPE"] }\n'
        'hcal_1 = { branch = "H[0]", unit = "GeV", types = ["TYPE"] }\n'
        'hcal_01 = { sum_of = ["hcal_0", "hcal_1"] }\n'
    ).replace("TYPE", dtype)
    light = np.arange(N_EVENTS).astype(dtype)
    two = np.stack([light, light[::-1]], axis=1)
    path = write_file("t", {**KEYS, "L": light, "H": two}, container=container)
    found = read(path, parse_layout(text, "mine"), 0, N_EVENTS).event
    first, second = light.astype(float), light[::-1].astype(float) / 1e6
    np.testing.assert_array_equal(found["light"], first / 1000)
    np.testing.assert_array_equal(found["hcal_0"], second)
    np.testing.assert_array_equal(found["hcal_1"], first)
    np.testing.assert_array_equal(found["hcal_01"], second + first)


def test_events_may_be_numbered_by_their_entries(write_file: Write) -> None:
    text = HEAD.replace('{ branch = "E" }', "{ entry = true }").replace(
        '{ branch = "R" }', "{ value = 8701 }"
    )
    path = write_file("t", {"X": np.zeros(N_EVENTS)})
    found = read(path, parse_layout(text, "mine"), 5, 9).event
    assert {name: column.tolist() for name, column in found.items()} == {
        "run": [8701] * 4,
        "spill": [7] * 4,
        "event": [5, 6, 7, 8],
    }


def test_an_integer_that_some_events_lack_is_named(write_file: Write) -> None:
    text = HEAD + 'mine = { branch = "V[1]", unit = "1", meaning = "of a vector" }\n'
    vector = ak.unflatten(np.arange(N_EVENTS), np.ones(N_EVENTS, int))
    path = write_file("t", {**KEYS, "V": vector})
    with pytest.raises(BadFileError, match=r'branch "V" has events without value 1, expected an integer'):
        read(path, parse_layout(text, "mine"), 0, N_EVENTS)


def test_a_tree_in_a_folder_is_read_its_newest_cycle(tmp_path: Path) -> None:
    layout = parse_layout(HEAD.replace('"t"', '"ana/deep/t"'), "mine")
    with uproot.recreate(tmp_path / "a.root") as file:
        for n_events in (N_EVENTS // 2, N_EVENTS):
            tree = file.mktree("ana/deep/t", {name: column.dtype for name, column in KEYS.items()})
            tree.extend({name: column[:n_events] for name, column in KEYS.items()})
    assert read(tmp_path / "a.root", layout, 0, N_EVENTS).event["event"].tolist() == KEYS["E"].tolist()


def test_two_trees_of_the_layout_in_other_folders_are_refused(tmp_path: Path) -> None:
    layout = parse_layout(HEAD.replace('"t"', '"ana/t"'), "mine")
    with uproot.recreate(tmp_path / "a.root") as file:
        for folder in ("ana", "other"):
            file.mktree(f"{folder}/t", {name: c.dtype for name, c in KEYS.items()}).extend(KEYS)
    with pytest.raises(BadFileError, match='trees "ana/t" and "other/t" of layout mine, expected one'):
        read(tmp_path / "a.root", layout, 0, N_EVENTS)


def test_a_tracking_plane_has_positions(write_file: Write) -> None:
    text = HEAD + '[detector.gem1_x]\nkind = "positions"\nx = { branch = "G", unit = "cm" }\n'
    positions = ak.unflatten(np.arange(N_EVENTS * 2, dtype=np.float64), np.arange(N_EVENTS) % 2 * 4)
    path = write_file("t", {**KEYS, "G": positions})
    found = read(path, parse_layout(text, "mine"), 0, N_EVENTS).detectors["gem1_x"]
    np.testing.assert_array_equal(found.x, np.arange(N_EVENTS * 2) * 10)  # type: ignore[union-attr]
    np.testing.assert_array_equal(np.diff(found.offsets), np.arange(N_EVENTS) % 2 * 4)  # type: ignore[union-attr]
