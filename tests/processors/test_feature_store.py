"""The feature store gives back what was put into it, bit by bit, or nothing; and never a hidden event."""

from __future__ import annotations

import logging
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray

import na64
from na64.datasets.catalogue import Catalogue, FileRecord, build
from na64.datasets.synthetic import load_campaign, simulate
from na64.processors import feature_store
from na64.processors.counting import needed_features
from na64.processors.feature_store import FeatureStore
from na64.processors.job import Job, build_job, feature_digest, file_context
from na64.processors.kernels.jit import digest_of
from na64.processors.ledger import DamagedError
from na64.processors.plugin import Plugin, PluginError
from na64.processors.result import ACCOUNTING, Tally
from na64.processors.segment import join, process_segment
from na64.processors.visible import VisibleEvents
from na64.run import main
from na64.selections.features import FEATURES, INDEX
from na64.selections.selection import Histogram, Selection, load_selection
from na64.selections.signal_box import hidden

KEY = "0123456789abcdef" * 4
NAMES = ("energy", "flag", "same")
PLUGIN = Plugin(
    "my.py",
    "from na64.processors.plugin import feature\n"
    '@feature(name="lost", unit="GeV")\n'
    "def lost(event):\n"
    "    return 100 - event['visible_energy']\n",
)


def part(
    run: int, n_events: int, *, seed: int = 1, weighted: bool = False, hidden_events: int = 0
) -> VisibleEvents:
    random = np.random.default_rng(seed)
    rows = [random.normal(50, 20, n_events), random.integers(0, 2, n_events), np.full(n_events, np.nan)]
    accounting = dict.fromkeys(ACCOUNTING, 0) | {
        "processed": n_events + hidden_events,
        "hidden": hidden_events,
    }
    weight = random.uniform(0, 2, n_events) if weighted else None
    return VisibleEvents(run, np.array(rows, np.float32), weight, accounting)


def keep(store: FeatureStore, parts: list[VisibleEvents], key: str = KEY) -> Path:
    with store.writing(key, NAMES) as kept:
        assert [kept(each) for each in parts] == parts
    return store.path(key)


def bits(values: NDArray[np.float32]) -> list[list[int]]:
    found: list[list[int]] = np.ascontiguousarray(values).view(np.uint32).tolist()
    return found


def whole(parts: Iterator[VisibleEvents] | list[VisibleEvents]) -> dict[int, tuple[object, ...]]:
    """Join the parts of each run, which a store may cut elsewhere."""
    found: dict[int, list[VisibleEvents]] = {}
    for each in parts:  # what was yielded before is overwritten
        found.setdefault(each.run, []).append(
            replace(
                each, values=each.values.copy(), weight=None if each.weight is None else each.weight.copy()
            )
        )
    return {run: _joined(several) for run, several in sorted(found.items())}


def _joined(several: list[VisibleEvents]) -> tuple[object, ...]:
    weights = [each.weight for each in several if each.weight is not None]
    assert len(weights) in {0, len(several)}
    return (
        bits(np.concatenate([each.values for each in several], axis=1)),
        np.concatenate(weights).tolist() if weights else None,
        {name: sum(each.accounting[name] for each in several) for name in ACCOUNTING},
    )


# What is read is what was written


_FLOATS = st.sampled_from([0.0, -0.0, 1.0, 255.0, 256.0, -1.0, 0.5, np.nan, np.inf, 1e-45]) | st.floats(
    width=32
)


@settings(max_examples=60)
@given(
    columns=st.lists(hnp.arrays(np.float32, st.integers(0, 9), elements=_FLOATS), max_size=6),
    smallest=st.integers(1, 8),
    largest=st.integers(1, 8),
)
@example(columns=[np.r_[np.zeros(70), -0.0].astype(np.float32)], smallest=1, largest=100)
@example(columns=[np.r_[np.ones(70), 256].astype(np.float32)], smallest=1, largest=100)
def test_events_are_read_back_bit_by_bit(
    columns: list[NDArray[np.float32]],
    smallest: int,
    largest: int,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    store = FeatureStore(tmp_path_factory.mktemp("store"))
    accounting = dict.fromkeys(ACCOUNTING, 1)
    parts = [
        VisibleEvents(8700 + i % 2, np.stack([row, row[::-1], np.roll(row, 1)]), None, accounting)
        for i, row in enumerate(columns)
    ]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(feature_store, "_SMALLEST_BLOCK", smallest)
        patch.setattr(feature_store, "LARGEST_BLOCK", largest)
        keep(store, parts)
        assert whole(store.read(KEY, NAMES)) == whole(parts)


@pytest.mark.parametrize("weighted", [False, True])
def test_events_of_several_runs_come_with_their_accounting_and_weights(
    tmp_path: Path, weighted: bool
) -> None:
    store = FeatureStore(tmp_path)
    parts = [
        part(run, n, seed=n, weighted=weighted, hidden_events=n)
        for run, n in ((2, 9), (1, 5), (2, 3), (3, 0))
    ]
    keep(store, parts)
    assert whole(store.read(KEY, NAMES)) == whole(parts)


def test_only_the_wanted_columns_are_read(tmp_path: Path) -> None:
    store, events = FeatureStore(tmp_path), part(1, 40)
    keep(store, [events])
    *_, found = store.read(KEY, ("same", "energy"))
    assert bits(found.values) == bits(events.values[[2, 0]])
    assert found.values.flags.c_contiguous
    assert found.values.flags.writeable  # as those made of cells: one signature of a kernel


def test_whole_numbers_take_a_byte_and_equal_ones_next_to_nothing(tmp_path: Path) -> None:
    n = 100_000
    assert keep(FeatureStore(tmp_path), [part(1, n)]).stat().st_size < (4 + 1) * n + 2000


def test_a_file_is_the_same_however_few_events_come_at_a_time(tmp_path: Path) -> None:
    events = part(1, 30)
    pieces = [
        replace(events, values=events.values[:, i : i + 1], accounting=part(1, 1).accounting)
        for i in range(30)
    ]
    one, other = FeatureStore(tmp_path / "one"), FeatureStore(tmp_path / "other")
    assert keep(one, [events]).read_bytes() == keep(other, pieces).read_bytes()


def test_what_was_kept_may_be_overwritten(tmp_path: Path) -> None:
    store, events = FeatureStore(tmp_path), part(1, 40, weighted=True)
    expected = whole([events])
    with store.writing(KEY, NAMES) as kept:
        kept(events)
        events.values[:] = 0
        events.weight[:] = 0  # type: ignore[index]
    assert whole(store.read(KEY, NAMES)) == expected


# Damage


def test_every_flipped_bit_is_seen(tmp_path: Path) -> None:
    store = FeatureStore(tmp_path)
    path = keep(store, [part(1, 6, weighted=True)])
    data = path.read_bytes()
    for position in range(len(data)):
        flipped = bytearray(data)
        flipped[position] ^= 1 << position % 8
        path.write_bytes(flipped)
        with pytest.raises(DamagedError):
            list(store.read(KEY, NAMES))


def test_every_truncation_is_seen(tmp_path: Path) -> None:
    store = FeatureStore(tmp_path)
    path = keep(store, [part(1, 6)])
    data = path.read_bytes()
    for length in range(len(data)):
        path.write_bytes(data[:length])
        with pytest.raises(DamagedError):
            list(store.read(KEY, NAMES))


def test_the_file_of_another_key_is_refused(tmp_path: Path) -> None:
    store, other = FeatureStore(tmp_path), "f" * 64
    path = keep(store, [part(1, 6)])
    store.path(other).parent.mkdir()
    path.rename(store.path(other))
    with pytest.raises(DamagedError, match="belongs to key 0123"):
        list(store.read(other, NAMES))
    with pytest.raises(ValueError, match="not a sha256"):
        store.path("../../etc")


def test_what_fails_half_way_leaves_nothing(tmp_path: Path) -> None:
    store = FeatureStore(tmp_path)
    with pytest.raises(ValueError, match="in between"), store.writing(KEY, NAMES) as kept:  # noqa: PT012
        kept(part(1, 200_000))
        raise ValueError("in between")
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


@pytest.fixture(params=["size=64k", "nr_inodes=1"])
def tiny_disk(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "disk"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", request.param, "tmpfs", str(folder)]
    mount = subprocess.run(command, check=False, capture_output=True, text=True)
    if mount.returncode:
        pytest.skip(f"no small disk to fill: {mount.stderr.strip()}")
    yield folder
    subprocess.run(["umount", folder], check=True)


def test_a_full_disk_is_an_error_and_leaves_nothing(tiny_disk: Path) -> None:
    store = FeatureStore(tiny_disk)
    with pytest.raises(OSError, match="No space left"):
        keep(store, [part(1, 200_000)])
    assert [path for path in tiny_disk.rglob("*") if path.is_file()] == []


def test_a_folder_that_cannot_be_written_is_a_warning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").touch()
    keep(FeatureStore(tmp_path / "file" / "store"), [part(1, 6)])
    assert "features are not kept in" in caplog.text


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


# From run files to tallies


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
        tallies = join(tallies, found)
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
            box = hidden(job.runs[each.run].box, each.values)
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


CANONICAL = ("yields.csv", "cutflow.csv", "regions.csv", "histograms.uhi.zip")


@pytest.mark.parametrize("kind", [[], ["--simulation"]])
def test_the_command_line_gives_the_same_bytes(folder: Path, kind: list[str], tmp_path: Path) -> None:
    made = tmp_path / "catalogue.json"
    assert main(["catalogue", str(folder), "--to", str(made), *kind]) == 0

    def process(to: str, selection: str, *options: str) -> list[bytes]:
        line = ["process", str(made), "--selection", selection, "--to", str(tmp_path / to)]
        assert main([*line, "--executor", "iterative", "--no-report", *options]) == 0
        return [(tmp_path / to / name).read_bytes() for name in CANONICAL]

    process("first", "dimuon_2023")
    kept = {path: path.stat().st_mtime_ns for path in (tmp_path / "features").rglob("*.features")}
    assert kept
    again = process("second", "invisible_2023")
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "features").rglob("*.features")} == kept
    assert process("third", "invisible_2023", "--store", str(tmp_path / "elsewhere")) == again
    assert sum(1 for _ in (tmp_path / "elsewhere").rglob("*.features")) == len(kept)


# Code


@pytest.fixture
def package(tmp_path: Path) -> Path:
    source = Path(na64.__file__).parent
    for name in ("datasets", "selections", "processors"):
        shutil.copytree(
            source / name, tmp_path / name, ignore=shutil.ignore_patterns("showers", "__pycache__")
        )
    return tmp_path


def digests(package: Path) -> tuple[str, str]:
    feature_digest.cache_clear()
    return digest_of(package), feature_digest(package)


@pytest.mark.parametrize(
    ("file", "kernels"),
    [
        ("processors/kernels/ecal.py", True),
        ("processors/features.py", True),
        ("processors/visible.py", False),
        ("processors/feature_store.py", False),
        ("processors/plugin.py", False),
        ("selections/signal_box.py", False),
        ("datasets/read.py", False),
    ],
)
def test_other_code_is_noticed_and_another_comment_is_not(package: Path, file: str, kernels: bool) -> None:
    before = digests(package)
    assert before == digests(Path(na64.__file__).parent)
    text = (package / file).read_text()
    (package / file).write_text(f"# A comment.\n{text}\n# Another.\n")
    assert digests(package) == before
    (package / file).write_text(f"{text}\nCHANGED = 1\n")
    assert [new != old for new, old in zip(digests(package), before, strict=True)] == [kernels, not kernels]
