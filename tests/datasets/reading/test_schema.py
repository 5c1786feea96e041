from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import awkward as ak
import numpy as np
import pytest
from coffea.nanoevents import NanoEventsFactory
from coffea.processor import IterativeExecutor, ProcessorABC, Runner

from na64.datasets.instrument.columns import EventColumns, Hits
from na64.datasets.reading.layout import Layout, load_layout, parse_layout
from na64.datasets.reading.read import UNEQUAL, read
from na64.datasets.reading.schema import NA64Schema, columns_of
from na64.datasets.reading.stored import BadFileError

N_EVENTS = 30


OPENED = NA64Schema.opened(log_line="0" * 64)
"""Shows every event, as somebody sees it who said so in a log."""


def open_events(path: Path, tree: str, schema: type[NA64Schema] = OPENED, **options: Any) -> Any:
    return NanoEventsFactory.from_root({str(path): tree}, schemaclass=schema, **options).events()


def assert_equal(one: EventColumns, two: EventColumns) -> None:
    assert one.event.keys() == two.event.keys()
    for name in one.event:
        np.testing.assert_array_equal(one.event[name], two.event[name], strict=True)
    assert one.detectors.keys() == two.detectors.keys()
    for name, detector in one.detectors.items():
        other = two.detectors[name]
        for column in detector.__slots__:
            if getattr(detector, column) is not None:
                np.testing.assert_array_equal(getattr(detector, column), getattr(other, column), strict=True)
            else:
                assert getattr(other, column) is None


@pytest.mark.parametrize("container", ["ttree", "rntuple"])
@pytest.mark.parametrize("name", ["tout2023", "array2018", "hits"])
def test_coffea_events_hold_the_columns_of_the_file(
    name: str, container: str, make_values: Callable[..., Any], write_file: Callable[..., Path]
) -> None:
    layout = load_layout(name)
    path = write_file(layout.trees[0], make_values(layout, N_EVENTS), container=container)
    events = open_events(path, layout.trees[0], entry_start=5, entry_stop=25)
    assert_equal(columns_of(events), read(path, layout, 5, 25))
    assert_equal(columns_of(events, layout), read(path, layout, 5, 25))


def test_events_are_arranged_by_detector(
    make_values: Callable[..., Any], write_file: Callable[..., Path]
) -> None:
    layout = load_layout("tout2023")
    values = make_values(layout, N_EVENTS)
    events = open_events(write_file("tout", values), "tout", metadata={"dataset": "8701"})
    expected = values["ECAL_ene"].reshape(N_EVENTS, 60)
    np.testing.assert_array_equal(ak.to_numpy(events.ecal.energy), expected)
    np.testing.assert_array_equal(ak.to_numpy(events.hcal.time), values["HCAL_t0"].reshape(N_EVENTS, 36))
    np.testing.assert_array_equal(ak.to_numpy(events.srd.energy), values["SRD_ene"])
    np.testing.assert_array_equal(ak.to_numpy(events.veto.time_sigma), values["VETO_tSigma"])
    np.testing.assert_array_equal(ak.to_numpy(events.vhcal.expected_time), values["VHCAL_tE"].reshape(-1, 16))
    np.testing.assert_array_equal(ak.to_numpy(events.track.momentum), values["mom_genfit_upMM"])
    np.testing.assert_array_equal(ak.to_numpy(events.straw3.x), values["mpStraw3X"])
    np.testing.assert_array_equal(ak.to_numpy(events.run), values["runN"])
    assert events.metadata["dataset"] == "8701"


def test_other_units_and_elements_are_converted_when_asked_for(
    make_values: Callable[..., Any], write_file: Callable[..., Path]
) -> None:
    values = make_values(load_layout("tout2023"), N_EVENTS)
    events = open_events(write_file("tout", values), "tout")
    np.testing.assert_array_equal(ak.to_numpy(events.track.angle), values["inangle_genfit_upMM"] / 1000)
    np.testing.assert_array_equal(ak.to_numpy(events.shower_chi2), values["chi2"][:, 0])
    assert {"angle", "momentum"} <= set(dir(events.track))
    assert "shower_chi2" in dir(events)
    assert events[3].track.angle == values["inangle_genfit_upMM"][3] / 1000
    chosen = events[events.straw3.x == 2]
    np.testing.assert_array_equal(
        ak.to_numpy(chosen.shower_chi2), values["chi2"][values["mpStraw3X"] == 2, 0]
    )
    with pytest.raises(AttributeError, match="angel"):
        _ = events.track.angel


def test_modules_in_branches_of_their_own_are_joined(
    make_values: Callable[..., Any], write_file: Callable[..., Path]
) -> None:
    values = make_values(load_layout("array2018"), N_EVENTS)
    events = open_events(write_file("reco", values), "reco")
    expected = np.concatenate([values[f"HCAL{n}_ene"].reshape(N_EVENTS, 9) for n in range(4)], axis=1)
    np.testing.assert_array_equal(ak.to_numpy(events.hcal.energy), expected)


def test_hits_are_jagged(make_values: Callable[..., Any], write_file: Callable[..., Path]) -> None:
    values = make_values(load_layout("hits"), N_EVENTS)
    events = open_events(write_file("events", values), "events")
    assert ak.to_list(events.ecal.cell) == ak.to_list(values["ecal_cell"])
    assert ak.to_list(events.ecal.energy) == ak.to_list(values["ecal_energy"])


def test_hits_of_unequal_number_stay_apart(
    make_values: Callable[..., Any], write_file: Callable[..., Path]
) -> None:
    layout = load_layout("hits")
    values = make_values(layout, 3)
    values["srd_energy"] = ak.Array([[1.0], [2.0], [3.0, 4.0]])
    path = write_file("events", values)
    events = open_events(path, "events")
    assert ak.to_list(events.srd.energy) == [[1.0], [2.0], [3.0, 4.0]]
    hits = columns_of(events).detectors["srd"]
    assert isinstance(hits, Hits)
    np.testing.assert_array_equal(hits.unequal, [True, False, False])


def test_columns_of_some_events_are_those_of_the_file(
    make_values: Callable[..., Any], write_file: Callable[..., Path]
) -> None:
    for name in ("tout2023", "hits"):
        layout = load_layout(name)
        path = write_file(layout.trees[0], make_values(layout, N_EVENTS))
        events = open_events(path, layout.trees[0])
        assert_equal(columns_of(events[7:19]), read(path, layout, 7, 19))
        odd = columns_of(events[events.event % 2 == 1])
        np.testing.assert_array_equal(odd.event["event"], np.arange(1, N_EVENTS, 2))


def test_vectors_of_a_wrong_length_are_marked(
    make_values: Callable[..., Any], write_file: Callable[..., Path]
) -> None:
    values = make_values(load_layout("tout2023"), 3)
    values["SRD_ene"] = ak.Array([[1.0, 2.0, 3.0], [1.0], [4.0, 5.0, 6.0]])
    columns = columns_of(open_events(write_file("tout", values), "tout"))
    np.testing.assert_array_equal(columns.event[UNEQUAL], [False, True, False])


def test_an_element_of_a_short_vector_is_nan(
    make_values: Callable[..., Any], write_file: Callable[..., Path]
) -> None:
    values = make_values(load_layout("tout2023"), 3) | {"chi2": ak.Array([[1.0, 9.0], [], [2.0]])}
    events = open_events(write_file("tout", values), "tout")
    np.testing.assert_array_equal(ak.to_numpy(events.shower_chi2), [1.0, np.nan, 2.0])
    np.testing.assert_array_equal(columns_of(events).event["shower_chi2"], [1.0, np.nan, 2.0])


OTHER = """
name = "other"
trees = ["t"]
[event]
run = { branch = "r" }
spill = { branch = "s" }
event = { branch = "e" }
[srd]
kind = "cells"
shape = [2]
energy = { branch = "SRD", unit = "MeV" }
"""


@pytest.fixture
def other() -> Layout:
    return parse_layout(OTHER, "other.toml")


def test_a_layout_of_ones_own_is_used(other: Layout, write_file: Callable[..., Path]) -> None:
    values = {name: np.arange(3) for name in "rse"} | {
        "SRD": np.arange(6.0).reshape(3, 2),
        "extra": np.zeros(3),
    }
    path = write_file("t", values)
    with pytest.warns(
        UserWarning, match="layout other says what is hidden by branches that no packaged layout"
    ):
        schema = OPENED.using(other)
    events = open_events(path, "t", schema)
    np.testing.assert_array_equal(ak.to_numpy(events.srd.energy), values["SRD"] / 1000)
    assert_equal(columns_of(events), read(path, other, 0, 3))
    with pytest.raises(BadFileError, match="of no known layout, nearest"):
        open_events(path, "t")


class Counter(ProcessorABC):  # type: ignore[misc]
    """What somebody's notebook might hold."""

    def process(self, events: Any) -> dict[str, Any]:
        energy = ak.sum(events.ecal.energy, axis=-1)
        return {events.metadata["dataset"]: {"n": len(events), "energy": float(ak.sum(energy))}}

    def postprocess(self, accumulator: dict[str, Any]) -> dict[str, Any]:
        return accumulator


def test_a_plain_runner_works(make_values: Callable[..., Any], write_file: Callable[..., Path]) -> None:
    layout = load_layout("tout2023")
    values = [make_values(layout, N_EVENTS, run=run) for run in (8701, 8702)]
    files = {
        str(run): {"files": {str(write_file("tout", one, name=f"{run}.root")): "tout"}}
        for run, one in zip((8701, 8702), values, strict=True)
    }
    run = Runner(IterativeExecutor(status=False), schema=OPENED, chunksize=11)
    found = run(files, processor_instance=Counter())
    assert {name: entry["n"] for name, entry in found.items()} == {"8701": N_EVENTS, "8702": N_EVENTS}
    assert found["8701"]["energy"] == pytest.approx(values[0]["ECAL_ene"].sum())


@pytest.mark.parametrize("mode", ["eager", "virtual"])
@pytest.mark.parametrize("name", ["tout2023", "hits"])
def test_by_itself_it_shows_run_numbers_only(
    name: str, mode: str, make_values: Callable[..., Any], write_file: Callable[..., Path]
) -> None:
    layout = load_layout(name)
    path = write_file(layout.trees[0], make_values(layout, N_EVENTS))
    events = open_events(path, layout.trees[0], NA64Schema, mode=mode)
    assert events.fields == ["run"]
    assert ak.to_list(events) == [{"run": 8701}] * N_EVENTS
    for column in ("ecal", "hcal", "track", "trigger", "shower_chi2"):
        with pytest.raises(
            AttributeError, match=rf"{column}: coffea reads hidden events too; na64\.nanoevents"
        ):
            getattr(events, column)
        with pytest.raises(KeyError, match=rf"{column}: coffea reads hidden events too"):
            _ = events[column]
    with pytest.raises(AttributeError, match="ecla"):
        _ = events.ecla
    with pytest.raises(ValueError, match="columns: coffea reads hidden events too"):
        columns_of(events)


def test_what_says_that_it_was_simulated_is_shown(
    make_values: Callable[..., Any], write_file: Callable[..., Path]
) -> None:
    values = make_values(load_layout("tout2023"), N_EVENTS)
    schema = NA64Schema.simulated()
    with pytest.raises(BadFileError, match="does not say what was simulated"):
        open_events(write_file("tout", values), "tout", schema)
    path = write_file("tout", values | {"truth_component": np.zeros(N_EVENTS, np.int32)}, name="s.root")
    assert open_events(path, "tout", schema).ecal.energy.ndim == 2
    assert open_events(path, "tout", NA64Schema).fields == ["run"]


def test_any_integer_is_not_taken_for_truth(
    make_values: Callable[..., Any], write_file: Callable[..., Path]
) -> None:
    layout = load_layout("tout2023")
    path = write_file("tout", make_values(layout, N_EVENTS))
    text = layout.text.replace('"truth_component"', '"triggerSources"').replace('"tout2023"', '"mine"')
    with pytest.warns(UserWarning, match="truth_component is .triggerSources. .trigger of "):
        schema = NA64Schema.using(parse_layout(text, "mine.toml")).simulated()
    with pytest.raises(BadFileError, match="does not say what was simulated"):
        open_events(path, "tout", schema)


def test_hidden_events_are_not_shown_without_a_line_in_a_log() -> None:
    with pytest.raises(ValueError, match=r"shown by na64\.opened_schema"):
        NA64Schema.opened(log_line="because")
