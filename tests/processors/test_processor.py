"""The processor under coffea's own Runner gives what the package itself gives."""

from __future__ import annotations

import pickle
from dataclasses import replace
from pathlib import Path

import pytest
from coffea.processor import IterativeExecutor, Runner, accumulate

from na64.datasets.calibration.calibration_file import to_toml
from na64.datasets.calibration.constants import Calibration, Quantity
from na64.datasets.catalogue.build import Catalogue, SampleKind, build
from na64.datasets.conditions.periods import packaged_periods
from na64.datasets.instrument.roles import CellOrder
from na64.datasets.reading.layout import load_layout, parse_layout
from na64.datasets.reading.schema import NA64Schema
from na64.datasets.synthetic import load_campaign, simulate
from na64.processors.counting.tally import Tally
from na64.processors.events.segment import process_segment
from na64.processors.features.plugin import Plugin
from na64.processors.job import build_job, file_context
from na64.processors.processor import NA64Processor
from na64.selections.selection import load_selection
from na64.tests.datasets.calibration.example_constants import calibration_of

N_EVENTS = 900
PLUGIN = Plugin(
    "my.py",
    "from na64.processors.features.plugin import feature\n"
    '@feature(name="lost", unit="GeV")\n'
    "def lost(event):\n"
    "    return 100 - event['visible_energy']\n",
)


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("campaign")
    return simulate(load_campaign("small"), to=folder, n_events=N_EVENTS, seed=3)


@pytest.fixture(scope="module")
def catalogue(files: list[Path]) -> Catalogue:
    # Without the conditions beside the files, which a notebook does not know either.
    found = build(files, simulation=False)
    return Catalogue(SampleKind.DATA, found.files)


def run_in_coffea(files: list[Path], processor: NA64Processor, chunk: int) -> dict[int, Tally]:
    runner = Runner(IterativeExecutor(status=False), schema=NA64Schema, chunksize=chunk, savemetrics=False)
    found = runner({"demo": [str(path) for path in files]}, processor, treename="tout")
    assert list(found) == ["demo"]
    return dict(sorted(found["demo"].items()))


def run_by_hand(
    catalogue: Catalogue, *, simulation: bool, calibration: Calibration | None = None
) -> dict[int, Tally]:
    kind = SampleKind.SIMULATION if simulation else SampleKind.DATA
    selection = load_selection("dimuon_2023")
    job = build_job(Catalogue(kind, catalogue.files), selection, calibration=calibration)
    tallies: dict[int, Tally] = {}
    for record in catalogue.good:
        file = file_context(record, job)
        tallies = accumulate(
            [tallies, process_segment(record, 0, record.entries, job, file, chunk_events=211)]
        )
    return tallies


@pytest.mark.parametrize("chunk", [150, 100_000])
@pytest.mark.parametrize("simulation", [False, True])
def test_coffea_and_the_package_agree(
    files: list[Path], catalogue: Catalogue, simulation: bool, chunk: int
) -> None:
    processor = NA64Processor("dimuon_2023", simulation=simulation)
    found = run_in_coffea(files, processor, chunk)
    assert found == run_by_hand(catalogue, simulation=simulation)
    assert sum(tally.read for tally in found.values()) == N_EVENTS
    assert (sum(tally.hidden for tally in found.values()) == 0) == simulation


def test_a_plugin_works_in_coffea(files: list[Path]) -> None:
    processor = NA64Processor("dimuon_2023", plugin=PLUGIN)
    found = run_in_coffea(files, processor, 100_000)
    assert found == run_in_coffea(files, NA64Processor("dimuon_2023"), 100_000)


def test_constants_of_cells_are_used_in_coffea_as_in_the_package(
    files: list[Path], catalogue: Catalogue, tmp_path: Path
) -> None:
    constants = calibration_of({("ecal", Quantity.SCALE): dict.fromkeys(range(60), 1.1)})
    (tmp_path / "calibration.toml").write_bytes(to_toml(constants))
    found = run_in_coffea(files, NA64Processor("dimuon_2023", calibration=tmp_path), 300)
    assert found == run_by_hand(catalogue, simulation=False, calibration=constants)
    assert found != run_by_hand(catalogue, simulation=False)


def test_the_processor_survives_the_way_to_a_worker(files: list[Path]) -> None:
    processor = pickle.loads(pickle.dumps(NA64Processor("dimuon_2023")))  # noqa: S301 (bytes made in this line)
    assert sum(tally.read for tally in run_in_coffea(files, processor, 100_000).values()) == N_EVENTS


def first_cause(error: BaseException) -> str:
    """Text of what was raised first; coffea tries again, and raises its own."""
    while (before := error.__cause__ or error.__context__) is not None:
        error = before
    return str(error)


def test_simulation_has_to_say_so(files: list[Path]) -> None:
    layout = load_layout("tout2023")
    text = layout.text.replace('"tout2023"', '"mine"')
    other = text.replace('= { branch = "truth_component"', '= { branch = "triggerSources"')
    with pytest.warns(UserWarning, match="layout mine says what is hidden"):
        processor = NA64Processor("dimuon_2023", simulation=True, layout=parse_layout(other, "mine"))
    with pytest.raises(Exception, match="attempt") as caught:
        run_in_coffea(files, processor, 100_000)
    assert "events do not say what was simulated" in first_cause(caught.value)


def test_cells_that_layout_and_period_both_put_in_order_are_refused(files: list[Path]) -> None:
    text = load_layout("tout2023").text.replace('"tout2023"', '"mine"\ncell_order = "x_fastest"', 1)
    layout, period = parse_layout(text, "mine.toml"), packaged_periods()["2023A"]
    other = replace(period.setup.calorimeter, cell_order=CellOrder.X_FASTEST)
    periods = {"2023A": replace(period, setup=period.setup.with_detectors(other))}
    with pytest.warns(UserWarning, match="cells of ecal are counted x first"):
        processor = NA64Processor("dimuon_2023", simulation=True, layout=layout, periods=periods)
    with pytest.raises(Exception, match="attempt") as caught:
        run_in_coffea(files, processor, 100_000)
    assert "cells of ecal would be put in order twice: layout mine says" in first_cause(caught.value)
