"""Simulation without the events that data hide: the same files as data and as simulation agree exactly."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from matplotlib.patches import StepPatch

import na64
from na64.outputs.analysis.hidden_simulation import hide_as_in_data
from na64.outputs.analysis.listening import Listener
from na64.outputs.comparison.overlay import Overlay, ScaledSimulation, overlay
from na64.outputs.comparison.overlay_plot import draw_page
from na64.outputs.report.style import style
from na64.outputs.result.store import read_result
from na64.run import main

pytestmark = pytest.mark.usefixtures("undrawn")

N_EVENTS = 1500


@dataclass(frozen=True)
class Samples:
    """The same files as data and as simulation, and dark photons, most of them in the box."""

    data: Path
    same: Path
    signal: Path


@pytest.fixture(scope="module")
def samples(
    tmp_path_factory: pytest.TempPathFactory, simulate: Callable[..., Path], process: Callable[..., Path]
) -> Samples:
    folder = tmp_path_factory.mktemp("hidden")
    simulation = ("--simulation",)
    files = simulate(folder, "small", N_EVENTS)
    (folder / "same").mkdir()
    copied = shutil.copytree(files, folder / "same" / "data")
    photons = simulate(folder / "signal", "signal", 300)
    return Samples(
        process(files, "invisible_2023"),
        process(copied, "invisible_2023", name="same", catalogue=simulation),
        process(photons, "invisible_2023", name="signal", catalogue=simulation),
    )


def sources(samples: Samples) -> list[tuple[Path, ScaledSimulation]]:
    folders = (samples.same, samples.signal)
    return [(folder, ScaledSimulation(folder.name, read_result(folder))) for folder in folders]


@pytest.fixture(scope="module")
def alike(samples: Samples) -> Overlay:
    return overlay(read_result(samples.data), hide_as_in_data(samples.data, sources(samples), Listener()))


def test_what_is_left_of_the_same_events_is_what_the_data_show(alike: Overlay) -> None:
    assert len(alike.distributions) > 30
    for one in alike.distributions:
        assert one.scale == 1
        assert one.parts[0].tolist() == one.counts.tolist(), one.name
        assert one.hidden is not None
        assert one.hidden.min() > -1e-9


def test_what_is_hidden_is_counted_and_said(alike: Overlay, samples: Samples) -> None:
    n_hidden = read_result(samples.data).summary.totals["hidden"]
    assert n_hidden > 50
    first, second = alike.hidden
    assert first == (
        f"hidden in same as in data: {n_hidden} of {N_EVENTS:,} events, none of run 8703, "
        "where data are not hidden either"
    )
    assert second.startswith("hidden in signal as in data: ")
    assert int(second.split()[6]) > 20


def test_shown_and_hidden_parts_add_up_to_the_weights_of_the_whole(alike: Overlay, samples: Samples) -> None:
    plain = overlay(read_result(samples.data), [source for _, source in sources(samples)])
    wholes = {(one.name, one.events): one for one in plain.distributions}
    n_compared = 0
    for one in alike.distributions:
        whole = wholes.get((one.name, one.events))
        assert one.hidden is not None
        if whole is not None:  # planes lack bins there
            n_compared += 1
            assert one.expected + one.hidden == pytest.approx(whole.expected)
    assert n_compared > 30
    early = next(one for one in alike.distributions if one.name == "srd_sum")
    assert early.hidden is not None
    assert early.hidden_share == pytest.approx(early.hidden.sum() / (early.hidden + early.expected).sum())


def test_nothing_else_is_changed_by_it(samples: Samples) -> None:
    log = (samples.data.parent / "audit.jsonl").read_bytes()
    stored = {
        path: path.read_bytes() for folder in (samples.data, samples.same) for path in folder.glob("*.*")
    }
    whole = samples.data / "overlay" / "overlay.csv"
    na64.overlay(samples.data, samples.same, only=["srd_sum"])
    before = whole.read_bytes()
    na64.overlay(samples.data, samples.same, hide_in_simulation=True, only=["srd_sum"])
    assert whole.read_bytes() == before != (samples.data / "overlay_hidden" / "overlay.csv").read_bytes()
    assert (samples.data.parent / "audit.jsonl").read_bytes() == log
    assert {path: path.read_bytes() for path in stored} == stored


def test_both_panels_hatch_what_is_hidden(alike: Overlay) -> None:
    one = next(one for one in alike.distributions if one.name == "srd_sum")
    with style():
        upper, lower = draw_page(alike, [one], alike.label).axes
    (above,) = (patch for patch in upper.patches if patch.get_label() == "hidden in both")
    (below,) = (patch for patch in lower.patches if patch.get_hatch())
    assert isinstance(above, StepPatch)
    assert isinstance(below, StepPatch)
    assert above.get_hatch() == below.get_hatch()
    assert one.hidden is not None
    tops, _, bottoms = above.get_data()
    assert tops - bottoms == pytest.approx(np.maximum(one.hidden[1:-1], 0))
    part = one.hidden[1:-1] / np.maximum(one.hidden + one.expected, 1e-9)[1:-1]
    assert below.get_data()[0] == pytest.approx(2 * part)


def test_where_it_makes_no_sense_it_is_refused(
    samples: Samples,
    tmp_path: Path,
    simulate: Callable[..., Path],
    process: Callable[..., Path],
    capsys: pytest.CaptureFixture[str],
) -> None:
    def refusal(data: Path, *simulations: Path) -> str:
        capsys.readouterr()
        line = ["overlay", str(data), *map(str, simulations), "--hide-in-simulation"]
        assert main([*line, "--to", str(tmp_path / "no")]) == 2
        assert not (tmp_path / "no").exists()
        return capsys.readouterr().err.splitlines()[-1]

    data, same = samples.data, samples.same
    assert refusal(same, data).endswith("same: is simulation, in which nothing is hidden")
    listed, calibration = data.parent / "data.json", tmp_path / "calibration"
    asked = ["process", str(listed), "--selection", "invisible_2023", "--runs", "8703"]
    assert main([*asked, "--no-report", "--executor", "iterative", "--to", str(calibration)]) == 0
    assert "has calibration and beam runs only, in which nothing is hidden" in refusal(calibration, same)
    assert "was catalogued as data, so that its events are hidden already" in refusal(data, calibration)
    older = simulate(tmp_path / "older", "small2022", 200)
    kind = ("--simulation",)
    other = process(older, "invisible_2023", name="other", catalogue=kind)
    said = refusal(data, other)
    assert "would hide what is below 55 GeV in the ECAL" in said
    assert "hides what is below 65 GeV in the ECAL" in said
    assert said.endswith("other events")
    both = shutil.copytree(data.parent / "data", tmp_path / "both" / "data")
    for path in older.glob("*.root"):
        shutil.copy(path, both / path.name)
    two = process(both, "invisible_2023", name="two")
    assert "hide other events: process the runs of one period at a time (--runs)" in refusal(two, same)
