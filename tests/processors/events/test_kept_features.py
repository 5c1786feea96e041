"""A job counts the same from features that are kept as from cells, and keeps none of a hidden event."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from coffea.processor import accumulate

from na64.datasets.catalogue.build import Catalogue, FileRecord, build
from na64.datasets.instrument.features import FEATURES, INDEX
from na64.datasets.synthetic import load_campaign, simulate
from na64.processors.counting.counting import needed_features
from na64.processors.counting.tally import Tally
from na64.processors.events import feature_store
from na64.processors.events.feature_store import FeatureStore
from na64.processors.events.segment import process_segment
from na64.processors.features.plugin import Plugin, PluginError
from na64.processors.job import Job, build_job, file_context
from na64.run import main
from na64.selections.hidden import hidden
from na64.selections.histograms import Histogram
from na64.selections.selection import Selection, load_selection

PLUGIN = Plugin(
    "my.py",
    "from na64.processors.features.plugin import feature\n"
    '@feature(name="lost", unit="GeV")\n'
    "def lost(event):\n"
    "    return 100 - event['visible_energy']\n",
)


@pytest.fixture(scope="module", params=["tout2023", "hits"])
def folder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three runs of the small campaign, two of them mixed in one file."""
    folder = tmp_path_factory.mktemp(request.param)
    layout = {"layout": request.param, "format": "parquet"}
    files = simulate(load_campaign("small"), to=folder, n_events=1500, seed=4, **layout)
    first, second = (pq.read_table(path) for path in files[:2])
    both = pa.concat_tables([first, second])
    mixed = both.take(np.random.default_rng(1).permutation(both.num_rows))
    pq.write_table(mixed, files[0], row_group_size=400, use_dictionary=False)
    files[1].unlink()
    return folder


@pytest.fixture(scope="module", params=[False, True], ids=["data", "simulation"])
def catalogue(request: pytest.FixtureRequest, folder: Path) -> Catalogue:
    return build([str(folder)], simulation=request.param)


def selections() -> list[Selection]:
    dimuon = load_selection("dimuon_2023")
    cuts = tuple(replace(cut, intervals=cut.intervals[:1]) for cut in dimuon.cuts[:5])
    regions = tuple(replace(region, intervals=region.intervals[:1]) for region in dimuon.regions)
    return [
        dimuon,
        load_selection("invisible_2023"),
        replace(dimuon, cuts=cuts, regions=regions, histograms=(), yields_after=cuts[0].name),
    ]


def segments(catalogue: Catalogue) -> list[tuple[FileRecord, int, int]]:
    return [(record, *segment) for record in catalogue.good for segment in record.segments]


def count(
    catalogue: Catalogue, job: Job, store: FeatureStore | None, *, chunk_events: int | None = None
) -> dict[int, Tally]:
    tallies: dict[int, Tally] = {}
    for record, start, stop in segments(catalogue):
        file = file_context(record, job)
        found = process_segment(record, start, stop, job, file, store=store, chunk_events=chunk_events)
        tallies = accumulate([tallies, found])
    return tallies


def out_of_reach(catalogue: Catalogue) -> Catalogue:
    """Return the catalogue of files that are not there: whoever counts them has not read them."""
    return replace(catalogue, files=tuple(replace(file, path="gone") for file in catalogue.files))


def test_every_selection_counts_the_same_from_features_as_from_cells(
    catalogue: Catalogue, tmp_path: Path
) -> None:
    assert max(len(record.runs) for record in catalogue.good) == 2
    store = FeatureStore(tmp_path)
    first, *others = [build_job(catalogue, selection) for selection in selections()]
    count(catalogue, first, store, chunk_events=97)
    for job in (first, *others):
        tallies = count(out_of_reach(catalogue), job, store)
        assert tallies == count(catalogue, job, None)
        assert sum(tally.read for tally in tallies.values()) == sum(catalogue.runs.values())
        assert any(tally.hidden for tally in tallies.values()) != job.simulation


def test_features_of_a_plugin_are_kept_too(catalogue: Catalogue, tmp_path: Path) -> None:
    store, selection = FeatureStore(tmp_path), load_selection("dimuon_2023", extra_features=PLUGIN.features)
    job = build_job(catalogue, selection, plugin=PLUGIN)
    count(catalogue, job, store)
    axes = (replace(selection.histograms[0].axes[0], feature="lost", low=0.0, high=100.0),)
    wider = replace(selection, histograms=(Histogram("lost", "visible", axes, ""),))
    other = build_job(catalogue, wider, plugin=PLUGIN)
    assert count(out_of_reach(catalogue), other, store) == count(catalogue, other, None)
    changed = replace(PLUGIN, source=PLUGIN.source.replace("100", "99"))
    with pytest.raises(FileNotFoundError):
        count(out_of_reach(catalogue), replace(other, plugin=changed), store)


def test_a_plugin_that_fails_leaves_no_features(catalogue: Catalogue, tmp_path: Path) -> None:
    plugin = replace(PLUGIN, source=PLUGIN.source.replace("100", "1 / 0"))
    selection = load_selection("dimuon_2023", extra_features=plugin.features)
    with pytest.raises(PluginError, match="ZeroDivisionError"):
        count(catalogue, build_job(catalogue, selection, plugin=plugin), FeatureStore(tmp_path))
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_features_without_the_shower_fit_do_not_serve_a_cut_on_it(
    catalogue: Catalogue, tmp_path: Path
) -> None:
    store, selection = FeatureStore(tmp_path), load_selection("dimuon_2023")
    count(catalogue, build_job(catalogue, selection), store)
    axes = (replace(selection.histograms[0].axes[0], feature="ecal_chi2", low=0.0, high=10.0),)
    fitted = replace(selection, histograms=(Histogram("fit", "visible", axes, ""),))
    job = build_job(catalogue, fitted)
    assert count(catalogue, job, store) == count(catalogue, job, None)


def test_the_store_holds_all_visible_events_and_no_hidden_one(catalogue: Catalogue, tmp_path: Path) -> None:
    store, job = FeatureStore(tmp_path), build_job(catalogue, load_selection("dimuon_2023"))
    tallies = count(catalogue, job, store)
    n_events = n_closed = 0
    for record, start, stop in segments(catalogue):
        key = job.feature_key(file_context(record, job), start, stop)
        for each in store.read(key, tuple(FEATURES)):
            box = hidden(job.runs[each.run].boxes, each.values)
            physics = each.values[INDEX["trigger_physics"]] == 1
            n_closed += int((box & physics).sum())
            n_events += each.values.shape[1]
    assert n_events == sum(tally.visible for tally in tallies.values())
    assert (n_closed > 0) == job.simulation


def test_deleted_and_damaged_files_are_made_again(
    catalogue: Catalogue, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    store, job = FeatureStore(tmp_path), build_job(catalogue, load_selection("dimuon_2023"))
    expected = count(catalogue, job, store)
    paths = sorted(tmp_path.rglob("*.features"))
    before = [path.read_bytes() for path in paths]
    flipped = bytearray(before[0])
    flipped[feature_offset(paths[0])] ^= 1
    paths[0].write_bytes(flipped)
    paths[1].unlink()
    assert count(catalogue, job, store) == expected
    assert [path.read_bytes() for path in paths] == before
    assert paths[0].with_suffix(".damaged").read_bytes() == flipped
    assert f"features {paths[0].name} are damaged and will be made again" in caplog.text
    assert caplog.record_tuples[0][1] == logging.WARNING
    shutil.rmtree(tmp_path)
    assert count(catalogue, job, store) == expected


def feature_offset(path: Path) -> int:
    """Return where a column that the selection needs begins."""
    assert needed_features(load_selection("dimuon_2023"))[0] == next(iter(FEATURES))
    return len(feature_store.MAGIC)


def test_fresh_reads_cells(catalogue: Catalogue, tmp_path: Path) -> None:
    store, job = FeatureStore(tmp_path), build_job(catalogue, load_selection("dimuon_2023"))
    count(catalogue, job, store)
    record, start, stop = segments(out_of_reach(catalogue))[0]
    with pytest.raises(FileNotFoundError):
        process_segment(record, start, stop, job, file_context(record, job), store=store, fresh=True)


def test_weights_belong_to_the_key(catalogue: Catalogue) -> None:
    job = replace(build_job(catalogue, load_selection("dimuon_2023")), simulation=True, weighted=True)
    file = file_context(catalogue.good[0], job)
    assert job.feature_key(file, 0, 9) != replace(job, weighted=False).feature_key(file, 0, 9)


def test_the_features_of_others_that_cannot_be_read_are_made_of_cells(
    catalogue: Catalogue, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    store, job = FeatureStore(tmp_path), build_job(catalogue, load_selection("dimuon_2023"))
    expected = count(catalogue, job, store)
    path = next(tmp_path.rglob("*.features"))
    path.unlink()
    path.mkdir()  # opening it is an error even for root
    assert count(catalogue, job, store) == expected
    assert f"features {path.name} are damaged and will be made again" in caplog.text
    (tmp_path / "file").touch()
    assert count(catalogue, job, FeatureStore(tmp_path / "file" / "store")) == expected


@pytest.mark.parametrize("kind", [[], ["--simulation"]])
def test_the_command_line_gives_the_same_bytes(
    folder: Path, kind: list[str], tmp_path: Path, canonical: Callable[[Path], dict[str, bytes]]
) -> None:
    made = tmp_path / "catalogue.json"
    assert main(["catalogue", str(folder), "--to", str(made), *kind]) == 0

    def process(to: str, selection: str, *options: str) -> dict[str, bytes]:
        line = ["process", str(made), "--selection", selection, "--to", str(tmp_path / to)]
        assert main([*line, "--executor", "iterative", "--no-report", *options]) == 0
        return canonical(tmp_path / to)

    process("first", "dimuon_2023")
    kept = {path: path.stat().st_mtime_ns for path in (tmp_path / "features").rglob("*.features")}
    assert kept
    again = process("second", "invisible_2023")
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "features").rglob("*.features")} == kept
    assert process("third", "invisible_2023", "--store", str(tmp_path / "elsewhere")) == again
    assert sum(1 for _ in (tmp_path / "elsewhere").rglob("*.features")) == len(kept)
