"""What the hidden events are cannot be seen: same bytes, messages, sizes, exit codes whatever they are."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import uproot
from distributed import LocalCluster

from na64.datasets.catalogue.build import Catalogue, load
from na64.datasets.synthetic.writers import RunFileFormat
from na64.processors.events.segment import process_segment
from na64.processors.job import Job, build_job, file_context
from na64.selections.selection import load_selection

VARIED, PACKAGED = "varied", "packaged"
PAIRS = [
    ("tout2023", "invisible_2023"),
    ("hits", "dimuon_2022"),
    ("array2018", "invisible_2018"),
    pytest.param("tout2023", "dimuon_2023", marks=pytest.mark.soak),
    pytest.param("hits", "invisible_2023", marks=pytest.mark.soak),
]

PLUGIN = """
from na64.processors.features.plugin import feature

@feature(name="missing_energy", unit="GeV")
def missing_energy(event):
    print(len(event["ecal"]), event["ecal"].min(initial=1e9), event["hcal"].sum())
    return 100 - event["ecal"] - event["hcal"]
"""
FORMULAS = """
base = "systematics_2023"
name = "formulas"
label = "formulas of everything that could tell of hidden events"
[[feature]]
name = "missing"
unit = "GeV"
formula = "beam_energy - ecal - hcal"
[[feature]]
name = "in_box"
unit = "1"
formula = "where(ecal < 60 and hcal < 1, 1, 0) + where(missing > 40, 2, 0)"
[[feature]]
name = "undefined"
unit = "1"
formula = "hcal / (ecal - ecal)"
[[append]]
name = "missing"
any = [{ missing = { below = 90, unit = "GeV" } }, { in_box = { equals = 3 } }]
not = { undefined = { above = 0 } }
[[append_histogram]]
name = "in_box"
after = "visible"
axes = [
  { feature = "in_box", bins = 4, low = -0.5, high = 3.5 },
  { feature = "missing", bins = 50, low = -50, high = 150, unit = "GeV" },
]
[[append_histogram]]
name = "missing_by_ecal"
after = "visible"
weight = "missing"
axes = [{ feature = "ecal", bins = 50, low = 0, high = 150, unit = "GeV" }]
[[append_histogram]]
name = "undefined_by_energies"
after = "visible"
weight = "undefined"
axes = [
  { feature = "ecal", bins = 30, low = 0, high = 150, unit = "GeV" },
  { feature = "hcal", bins = 30, low = 0, high = 150, unit = "GeV" },
]
"""
FAILING = PLUGIN.replace(
    "    return",
    "    assert not (event['ecal'] < 80).any(), f'unexpected {event[\"ecal\"].min()}'\n    return",
)


def assert_equal(seen: list[Any]) -> None:
    first, *others = seen
    for other in others:
        assert other.code == first.code
        assert other.out == first.out
        assert other.err == first.err
        assert other.sizes == first.sizes
        assert other.partials == first.partials
        assert other.features == first.features
        assert list(other.products) == list(first.products)
        assert [name for name in first.products if other.products[name] != first.products[name]] == []


def hidden_total(seen: Any) -> int:
    lines = seen.products["yields.csv"].decode().splitlines()
    column = lines[0].split(",").index("hidden")
    return sum(int(line.split(",")[column]) for line in lines[1:])


@pytest.mark.parametrize(("layout", "selection"), PAIRS)
def test_worlds_look_the_same(worlds: Any, look: Any, layout: str, selection: str) -> None:
    seen = [look(world, "--selection", selection) for world in worlds(layout)]
    assert_equal(seen)
    assert seen[0].code == 0
    assert hidden_total(seen[0]) > 20
    assert len(seen[0].partials) == len(seen[0].features) >= 2
    assert len(seen[0].err.splitlines()) > len(seen[0].partials)  # each piece had a line


def test_a_world_with_another_visible_event_looks_different(worlds: Any, look: Any) -> None:
    one, other = (
        look(world, "--selection", "dimuon_2023", "--limit", limit)
        for world, limit in zip(worlds("hits"), ("300", "301"), strict=False)
    )
    with pytest.raises(AssertionError):
        assert_equal([one, other])


OPTIONS = {
    "limit": (["--limit", "150"], 1),
    "runs": (["--runs", "8701"], 0),
    "chunks": (["--chunk-events", "57"], 0),
    "processes": (["--executor", "processes", "--workers", "1"], 0),
}


@pytest.mark.parametrize("name", OPTIONS)
def test_no_option_makes_a_difference(worlds: Any, look: Any, name: str) -> None:
    options, code = OPTIONS[name]
    seen = [look(world, "--selection", "invisible_2023", *options) for world in worlds("hits")[:2]]
    assert_equal(seen)
    assert seen[0].code == code


@pytest.fixture
def scheduler(capfd: pytest.CaptureFixture[str]) -> Iterator[str]:
    """A cluster with a worker process that writes where this one does."""
    with LocalCluster(
        n_workers=1,
        threads_per_worker=1,
        protocol="tcp",
        silence_logs=logging.CRITICAL,  # it warns of loops and of garbage that take long
        host="127.0.0.1",
        dashboard_address="127.0.0.1:0",
    ) as cluster:
        yield cluster.scheduler_address


def test_dask_makes_no_difference(worlds: Any, look: Any, tmp_path: Path, scheduler: str) -> None:
    plugin = tmp_path / "my.py"
    plugin.write_text(FAILING)
    line = ["--selection", "invisible_2023", "--executor", "dask", "--scheduler", scheduler]
    seen = [look(world, *line) for world in worlds("hits")[:2]]
    assert_equal(seen)
    assert seen[0].code == 0
    failed = [look(world, *line, "--plugin", str(plugin)) for world in worlds("hits")[:2]]
    # The first failure stops the pass: how much a worker printed until it heard of that is chance.
    assert [one.code for one in failed] == [1, 1]
    told = {one.err.splitlines()[-1].partition("plug-in my.py, feature ")[2] for one in failed}
    assert {one.partition(";")[0] for one in told} == {"missing_energy: AssertionError in line 7"}
    assert all(one.products == {} for one in failed)


@pytest.mark.parametrize("container", [RunFileFormat.RNTUPLE, RunFileFormat.PARQUET])
def test_no_format_makes_a_difference(new_worlds: Any, look: Any, container: RunFileFormat) -> None:
    worlds = new_worlds("hits", container=container, names=("box", "edge"), n_events=600)
    assert {path.suffix for path in worlds[0].files()} == {container.suffix}
    seen = [look(world, "--selection", "invisible_2023") for world in worlds]
    assert_equal(seen)
    assert hidden_total(seen[0]) > 20
    for world in worlds:
        world.files()[0].unlink()
    assert_equal([look(world, "--selection", "invisible_2023") for world in worlds])


def test_events_that_only_a_variation_hides_cannot_be_seen(
    new_worlds: Any, look: Any, tmp_path: Path
) -> None:
    selection = "systematics_2023"
    worlds = new_worlds("hits", names=("box", VARIED, "mad"), selection=selection, n_events=600)
    plugin = tmp_path / "my.py"
    plugin.write_text(PLUGIN)
    line = ["--selection", selection, "--plugin", str(plugin), "--chunk-events", "91"]
    seen = [look(world, *line) for world in worlds]
    assert_equal(seen)
    assert {"variations.csv", "variations_yields.csv"} < seen[0].products.keys()
    assert hidden_total(seen[0]) > 20
    # Without the variations they can be seen: the worlds do differ in what these hide.
    nominal = [look(world, "--selection", "invisible_2023") for world in worlds[:2]]
    assert hidden_total(nominal[0]) > hidden_total(nominal[1])
    with pytest.raises(AssertionError):
        assert_equal(nominal)


def test_events_that_only_the_packaged_set_up_hides_cannot_be_seen(
    new_worlds: Any, look: Any, own_periods: Path
) -> None:
    worlds = new_worlds("hits", names=("box", PACKAGED, "mad"), periods=own_periods, n_events=600)
    seen = [look(world, "--selection", "invisible_2023", "--chunk-events", "91") for world in worlds]
    assert_equal(seen)
    assert hidden_total(seen[0]) > 20
    assert "by the packaged set-up too" in seen[0].err
    # The user's set-up alone does not hide them: the worlds do differ in what the packaged one hides.
    counts = []
    for world in worlds[:2]:
        catalogue = load(world.catalogue)
        job = build_job(catalogue, load_selection("invisible_2023"))
        alone = {run: replace(context, packaged=None) for run, context in job.runs.items()}
        counts.append(sum(hidden_in(catalogue, replace(job, runs=alone))))
    assert hidden_total(seen[0]) > counts[0] > counts[1]


def hidden_in(catalogue: Catalogue, job: Job) -> Iterator[int]:
    for record in catalogue.good:
        for tally in process_segment(record, 0, record.entries, job, file_context(record, job)).values():
            yield tally.hidden


def test_a_formula_sees_the_same(worlds: Any, look: Any, tmp_path: Path) -> None:
    mine = tmp_path / "formulas.toml"
    mine.write_text(FORMULAS.replace("systematics", "invisible"))
    seen = [look(world, "--selection", str(mine), "--chunk-events", "91") for world in worlds("hits")]
    assert_equal(seen)
    assert seen[0].code == 0
    # What is hidden does not depend on what is made of it.
    plain = look(worlds("hits")[0], "--selection", "invisible_2023")
    assert hidden_total(seen[0]) == hidden_total(plain) > 20


def test_a_formula_sees_nothing_that_only_a_variation_hides(
    new_worlds: Any, look: Any, tmp_path: Path
) -> None:
    mine = tmp_path / "formulas.toml"
    mine.write_text(FORMULAS)
    worlds = new_worlds("hits", names=("box", VARIED), selection="systematics_2023", n_events=600)
    seen = [look(world, "--selection", str(mine)) for world in worlds]
    assert_equal(seen)
    assert "variations.csv" in seen[0].products


@pytest.mark.parametrize(
    ("source", "chunk"),
    [
        pytest.param(PLUGIN, "100000", id="works"),
        pytest.param(FAILING, "29", id="fails in small chunks"),
        pytest.param(PLUGIN, "29", id="works in small chunks", marks=pytest.mark.soak),
        pytest.param(FAILING, "100000", id="fails", marks=pytest.mark.soak),
    ],
)
def test_user_code_sees_the_same(worlds: Any, look: Any, tmp_path: Path, source: str, chunk: str) -> None:
    plugin = tmp_path / "my.py"
    plugin.write_text(source)
    line = ["--selection", "dimuon_2023", "--plugin", str(plugin), "--chunk-events", chunk]
    seen = [look(world, *line, "--runs", "8701") for world in worlds("hits")[:3]]
    assert_equal(seen)
    assert seen[0].code == (1 if source == FAILING else 0)
    assert (len(seen[0].out.splitlines()) > 3) == (source != FAILING)
    assert ("AssertionError in line" in seen[0].err) == (source == FAILING)
    assert "unexpected" not in seen[0].out + seen[0].err


def _break_basket(path: Path) -> None:
    with uproot.open(path) as file:
        tree = file[file.keys()[0]]
        branch = next(one for one in tree.branches if one.name.lower().startswith("ecal_ene"))
        start = int(branch.member("fBasketSeek")[0])
    data = bytearray(path.read_bytes())
    data[start : start + 4000] = b"\xff" * 4000
    path.write_bytes(bytes(data))


def _cut_off(path: Path) -> None:
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])


@pytest.mark.parametrize(
    ("layout", "damage"),
    [
        ("tout2023", _break_basket),
        ("tout2023", _cut_off),
        ("hits", Path.unlink),
        pytest.param("hits", _break_basket, marks=pytest.mark.soak),
        pytest.param("hits", _cut_off, marks=pytest.mark.soak),
        pytest.param("tout2023", Path.unlink, marks=pytest.mark.soak),
    ],
)
def test_errors_look_the_same(worlds: Any, look: Any, layout: str, damage: Callable[[Path], None]) -> None:
    seen = []
    for world in worlds(layout)[:3]:
        path = world.files()[0]
        data = path.read_bytes()
        try:
            damage(path)
            seen.append(look(world, "--selection", "dimuon_2023"))
        finally:
            path.write_bytes(data)
    assert_equal(seen)
    assert seen[0].code == 1
    assert path.name in seen[0].out
