from __future__ import annotations

import itertools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import awkward as ak
import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from na64.datasets.instrument.columns import Cells, EventColumns, Hits
from na64.datasets.reading.layout import Layout, load_layout, parse_layout
from na64.datasets.reading.read import UNEQUAL, assemble, read, read_batches
from na64.datasets.reading.stored import BadFileError, Jagged

FORMATS = ("ttree", "rntuple", "parquet")

SMALL = """
name = "small"
trees = ["t"]
[event]
run = { branch = "run" }
spill = { branch = "spill" }
event = { branch = "event" }
track_angle = { branch = "angle", unit = "mrad" }
shower_chi2 = { branch = "chi2[1]" }
weight = { branch = "w", required = false }
[ecal]
kind = "cells"
shape = [2, 2]
energy = { branch = "E", unit = "MeV" }
[hcal]
kind = "cells"
shape = [2, 1, 2]
energy = { branches = ["H0", "H1"], unit = "GeV" }
[srd]
kind = "hits"
cell = { branch = "c" }
energy = { branch = "e", unit = "MeV" }
time = { branch = "d", unit = "ns", required = false }
"""
KEYS: dict[str, Any] = {
    "run": np.array([8701, 8701, 8702], np.uint32),
    "spill": np.array([1, 2, 2], np.int16),
    "event": np.array([7, 8, 9], np.int64),
    "angle": np.array([0.5, -3.0, 80.0], np.float32),
}
GOOD: dict[str, Any] = KEYS | {
    "chi2": np.array([[0.0, 1.0], [2.0, 3.0], [4.0, 5.0]]),
    "E": np.arange(12.0).reshape(3, 2, 2),
    "H0": np.arange(6.0).reshape(3, 2),
    "H1": 100 + np.arange(6.0).reshape(3, 2),
    "c": Jagged(np.array([4, 5, 6], np.uint8), np.array([0, 2, 2, 3])),
    "e": Jagged(np.array([1.0, 2.0, 3.0], np.float32), np.array([0, 2, 2, 3])),
}


@pytest.fixture(scope="module")
def small() -> Layout:
    return parse_layout(SMALL, "small.toml")


def cells(events: EventColumns, name: str) -> Cells:
    detector = events.detectors[name]
    assert isinstance(detector, Cells)
    return detector


def hits(events: EventColumns, name: str) -> Hits:
    detector = events.detectors[name]
    assert isinstance(detector, Hits)
    return detector


def assert_equal(one: EventColumns, two: EventColumns) -> None:
    assert one.n_events == two.n_events
    assert one.event.keys() == two.event.keys()
    assert one.detectors.keys() == two.detectors.keys()
    for name in one.event:
        np.testing.assert_array_equal(one.event[name], two.event[name], strict=True)
    for name, detector in one.detectors.items():
        assert type(detector) is type(two.detectors[name])
        for column in detector.__slots__:
            first, second = getattr(detector, column), getattr(two.detectors[name], column)
            assert (first is None) == (second is None)
            if first is not None:
                np.testing.assert_array_equal(first, second, strict=True)


@pytest.mark.parametrize("container", FORMATS)
@pytest.mark.parametrize("name", ["tout2023", "array2018", "hits"])
def test_every_format_gives_what_was_written(
    name: str, container: str, make_values: Callable[..., Any], write_file: Callable[..., Path]
) -> None:
    layout = load_layout(name)
    values = make_values(layout, 20)
    path = write_file(
        layout.trees[0], make_values(layout, 12), make_values(layout, 8, first=12), container=container
    )
    halves = [make_values(layout, 12), make_values(layout, 8, first=12)]
    written = {
        key: ak.concatenate([half[key] for half in halves])
        if isinstance(values[key], ak.Array)
        else np.concatenate([half[key] for half in halves])
        for key in values
    }
    events = read(path, layout, 3, 17)
    assert events.n_events == 14
    for column, branch in layout.event.items():
        if branch.required:
            expected = written[branch.names[0]][3:17]
            expected = expected if branch.index is None else expected[:, branch.index]
            expected = expected / branch.unit.divide if branch.unit.divide > 1 else expected
            np.testing.assert_array_equal(events.event[column], expected)
            assert events.event[column].dtype in (np.int64, np.float64)
    for detector in layout.detectors.values():
        for column, branch in detector.columns.items():
            found = getattr(events.detectors[detector.name], column)
            if branch.jagged:
                part = written[branch.names[0]][3:17]
                np.testing.assert_array_equal(found, ak.to_numpy(ak.flatten(part)), strict=True)
                np.testing.assert_array_equal(
                    np.diff(hits(events, detector.name).offsets), ak.to_numpy(ak.num(part))
                )
            else:
                parts = [written[part][3:17].reshape(14, -1) for part in branch.names]
                np.testing.assert_array_equal(found, np.concatenate(parts, axis=1), strict=True)
                assert found.flags.c_contiguous


@pytest.mark.parametrize("container", FORMATS)
def test_ranges_join_to_the_whole(
    container: str, make_values: Callable[..., Any], write_file: Callable[..., Path]
) -> None:
    layout = load_layout("hits")
    path = write_file("events", make_values(layout, 9), make_values(layout, 8, first=9), container=container)
    whole = read(path, layout, 0, 17)
    for cuts in ((0, 9, 17), (0, 5, 11, 17), (0, 0, 16, 17)):
        parts = [read(path, layout, start, stop) for start, stop in itertools.pairwise(cuts)]
        energy = np.concatenate([hits(part, "ecal").energy for part in parts])
        np.testing.assert_array_equal(energy, hits(whole, "ecal").energy)
        assert sum(part.n_events for part in parts) == 17
        assert all(hits(part, "ecal").offsets[0] == 0 for part in parts)


@pytest.mark.parametrize("container", FORMATS)
def test_batches_end_with_clusters_and_join_to_the_whole(
    container: str, make_values: Callable[..., Any], write_file: Callable[..., Path]
) -> None:
    layout = load_layout("hits")
    clusters = [make_values(layout, 4, first=first) for first in (0, 4, 8, 12)]
    path = write_file("events", *clusters, container=container)
    batches = list(read_batches(path, layout, 1, 15, n_events=8, columns=["event", "srd_cell", "srd_energy"]))
    assert [batch.n_events for batch in batches] == [7, 7]
    assert [batch.event["event"][0] for batch in batches] == [1, 8]
    energy = np.concatenate([hits(batch, "srd").energy for batch in batches])
    np.testing.assert_array_equal(energy, hits(read(path, layout, 1, 15), "srd").energy)
    assert [batch.n_events for batch in read_batches(path, layout, 0, 16, n_events=1)] == [4, 4, 4, 4]
    assert list(read_batches(path, layout, 5, 5)) == []
    with pytest.raises(BadFileError, match=r"run\.\w+: has 16 events, asked for 3 to 17"):
        next(read_batches(path, layout, 3, 17))


@pytest.mark.parametrize("container", FORMATS)
def test_cells_of_batches_are_those_of_the_whole_whatever_their_byte_order(
    container: str, make_values: Callable[..., Any], write_file: Callable[..., Path]
) -> None:
    layout = load_layout("tout2023")
    path = write_file("tout", make_values(layout, 9), make_values(layout, 8, first=9), container=container)
    whole = read(path, layout, 1, 16)
    for n_events in (1, 40):
        batches = list(read_batches(path, layout, 1, 16, n_events=n_events, native=False))
        native = list(read_batches(path, layout, 1, 16, n_events=n_events))
        for name, cells in whole.detectors.items():
            for column in ("energy", "time", "expected_time"):
                expected = getattr(cells, column)
                found = [getattr(batch.detectors[name], column) for batch in batches]
                np.testing.assert_array_equal(np.concatenate(found), expected)
                assert expected.dtype.isnative
                turned = [getattr(batch.detectors[name], column) for batch in native]
                np.testing.assert_array_equal(np.concatenate(turned), expected)
                assert all(part.dtype.isnative for part in turned)
                assert {part.dtype.byteorder for part in found} == {">" if container == "ttree" else "="}


@pytest.mark.parametrize("container", FORMATS)
def test_batches_are_of_bytes_unless_events_are_asked_for(
    container: str,
    make_values: Callable[..., Any],
    write_file: Callable[..., Path],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    layout = load_layout("hits")
    clusters = [make_values(layout, 4, first=first) for first in (0, 4, 8, 12)]
    path = write_file("events", *clusters, container=container)
    assert [batch.n_events for batch in read_batches(path, layout, 0, 16)] == [16]
    # An event has 15 numbers of 4 or 8 bytes and 20 columns of some dozen hits: about a kilobyte.
    monkeypatch.setattr("na64.datasets.reading.read.BATCH", 10_000)
    assert [batch.n_events for batch in read_batches(path, layout, 0, 16)] == [8, 8]


@pytest.mark.parametrize("container", FORMATS)
def test_fixed_cells_may_come_as_vectors(
    container: str, make_values: Callable[..., Any], write_file: Callable[..., Path]
) -> None:
    layout = load_layout("tout2023")
    values = make_values(layout, 6)
    plain = read(write_file("tout", values, container=container), layout, 0, 6)
    vectors = {
        name: ak.from_regular(array.reshape(6, -1)) if array.ndim > 1 else array
        for name, array in values.items()
    }
    path = write_file("tout", vectors, container=container, name=f"vectors.{container}")
    assert_equal(read(path, layout, 0, 6), plain)


def test_float32_stays_float32_and_event_numbers_become_int64(
    make_values: Callable[..., Any], write_file: Callable[..., Path]
) -> None:
    layout = load_layout("tout2023")
    values = {
        name: array.astype(np.float32) if array.dtype == np.float64 else array.astype(np.uint8)
        for name, array in make_values(layout, 5).items()
    }
    events = read(write_file("tout", values), layout, 0, 5)
    assert cells(events, "ecal").energy.dtype == np.float32
    assert events.event["track_angle"].dtype == np.float32
    assert events.event["event"].dtype == np.int64


def test_only_wanted_columns_are_read(
    make_values: Callable[..., Any], write_file: Callable[..., Path]
) -> None:
    layout = load_layout("tout2023")
    path = write_file("tout", make_values(layout, 5))
    events = read(path, layout, 0, 5, columns=["run", "hcal_energy", "hcal_time"])
    assert set(events.event) == {"run"}
    assert set(events.detectors) == {"hcal"}
    assert cells(events, "hcal").time is not None
    assert cells(events, "hcal").expected_time is None
    with pytest.raises(KeyError, match='unknown column "hcal_enery", nearest known is "hcal_energy"'):
        read(path, layout, 0, 5, columns=["hcal_enery"])


def test_truth_is_read_where_it_is_there(
    make_values: Callable[..., Any], write_file: Callable[..., Path]
) -> None:
    layout = load_layout("tout2023")
    values = make_values(layout, 4) | {"weight": np.full(4, 0.5), "truth_component": np.arange(4)}
    events = read(write_file("tout", values), layout, 1, 3)
    np.testing.assert_array_equal(events.event["weight"], [0.5, 0.5])
    np.testing.assert_array_equal(events.event["truth_component"], [1, 2])


@pytest.mark.parametrize(("start", "stop"), [(0, 6), (-1, 3), (4, 3)])
def test_events_that_are_not_there_are_refused(
    start: int, stop: int, make_values: Callable[..., Any], write_file: Callable[..., Path]
) -> None:
    path = write_file("tout", make_values(load_layout("tout2023"), 5))
    with pytest.raises(BadFileError, match=rf"run\.root: has 5 events, asked for {start} to {stop}"):
        read(path, load_layout("tout2023"), start, stop)


def test_another_layout_is_refused_with_the_name_of_the_file(
    make_values: Callable[..., Any], write_file: Callable[..., Path]
) -> None:
    path = write_file("tout", make_values(load_layout("tout2023"), 5))
    with pytest.raises(BadFileError, match=r'run\.root: tree "tout" found, expected "events"'):
        read(path, load_layout("hits"), 0, 5)


def test_units_are_converted_in_the_precision_of_the_file(small: Layout) -> None:
    events = assemble(small, GOOD, 3)
    expected = KEYS["angle"] / np.float32(1000)
    np.testing.assert_array_equal(events.event["track_angle"], expected, strict=True)
    np.testing.assert_array_equal(cells(events, "ecal").energy[2], np.array([8, 9, 10, 11]) / 1000)
    np.testing.assert_array_equal(
        hits(events, "srd").energy, GOOD["e"].values / np.float32(1000), strict=True
    )


def test_branches_are_joined_along_the_cells(small: Layout) -> None:
    energy = cells(assemble(small, GOOD, 3), "hcal").energy
    np.testing.assert_array_equal(energy, [[0, 1, 100, 101], [2, 3, 102, 103], [4, 5, 104, 105]])


def test_what_is_read_is_not_changed(small: Layout) -> None:
    energy, angle = GOOD["E"].copy(), KEYS["angle"].copy()
    assemble(small, GOOD, 3)
    np.testing.assert_array_equal(GOOD["E"], energy)
    np.testing.assert_array_equal(KEYS["angle"], angle)


def test_an_element_of_a_short_vector_is_nan(small: Layout) -> None:
    chi2 = Jagged(np.array([9.0, 1.0, 8.0, 7.0, 6.0]), np.array([0, 2, 3, 5]))
    found = assemble(small, GOOD | {"chi2": chi2}, 3).event["shower_chi2"]
    np.testing.assert_array_equal(found, [1.0, np.nan, 6.0])


def test_vectors_of_another_length_mark_the_event_and_hold_zeros(small: Layout) -> None:
    energy = Jagged(np.arange(1.0, 12.0) * 1000, np.array([0, 4, 7, 11]))
    events = assemble(small, GOOD | {"E": energy}, 3)
    np.testing.assert_array_equal(events.event[UNEQUAL], [False, True, False])
    np.testing.assert_array_equal(cells(events, "ecal").energy, [[1, 2, 3, 4], [0, 0, 0, 0], [8, 9, 10, 11]])
    assert UNEQUAL not in assemble(small, GOOD, 3).event


def test_a_wrong_length_in_any_part_of_a_column_marks_the_event(small: Layout) -> None:
    second = Jagged(np.arange(6.0), np.array([0, 1, 4, 6]))
    events = assemble(small, GOOD | {"H1": second}, 3)
    np.testing.assert_array_equal(events.event[UNEQUAL], [True, True, False])
    np.testing.assert_array_equal(cells(events, "hcal").energy[2], [4, 5, 4, 5])


counts = st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)), min_size=1, max_size=12)


@given(counts=counts)
@example(counts=[(2, 1), (1, 2)])
def test_hits_stay_with_their_event_whatever_the_counts(counts: list[tuple[int, int]]) -> None:
    layout = parse_layout(SMALL, "small.toml")
    n_cell, n_energy = np.array(counts).T
    owner = np.repeat(np.arange(len(counts)), n_energy)
    branches = {
        "c": Jagged(np.zeros(n_cell.sum(), np.uint8), np.concatenate([[0], np.cumsum(n_cell)])),
        "e": Jagged(owner * 1000.0, np.concatenate([[0], np.cumsum(n_energy)])),
    }
    found = hits(assemble(layout, branches, len(counts)), "srd")
    unequal = n_cell != n_energy
    if found.unequal is None:
        assert not unequal.any()
    else:
        np.testing.assert_array_equal(found.unequal, unequal)
    assert len(found.cell) == len(found.energy) == found.offsets[-1]
    for event in np.flatnonzero(~unequal):
        mine = found.energy[found.offsets[event] : found.offsets[event + 1]]
        np.testing.assert_array_equal(mine, np.full(n_cell[event], event))


def test_one_unequal_column_of_several_is_enough(small: Layout) -> None:
    times = Jagged(np.array([1.0, 2.0, 3.0]), np.array([0, 2, 2, 3]))
    energy = Jagged(np.array([1.0, 2.0, 3.0]), np.array([0, 1, 2, 3]))
    found = hits(assemble(small, GOOD | {"e": energy, "d": times}, 3), "srd")
    np.testing.assert_array_equal(found.unequal, [True, True, False])
    found = hits(assemble(small, GOOD | {"e": times, "d": energy}, 3), "srd")
    np.testing.assert_array_equal(found.unequal, [True, True, False])


def test_a_detector_without_its_energy_is_absent(small: Layout) -> None:
    without = {name: values for name, values in GOOD.items() if name not in ("E", "c", "w")}
    events = assemble(small, without, 3)
    assert set(events.detectors) == {"hcal"}
    assert "weight" not in events.event


def test_several_values_where_one_is_expected_are_refused(small: Layout) -> None:
    with pytest.raises(BadFileError, match='branch "run" has several values'):
        assemble(small, GOOD | {"run": GOOD["c"]}, 3)
    with pytest.raises(BadFileError, match='branch "c" is not jagged'):
        assemble(small, GOOD | {"c": KEYS["run"]}, 3)
