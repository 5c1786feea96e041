"""Worlds that differ only in what their hidden events are."""

from __future__ import annotations

import itertools
import re
import shutil
from collections.abc import Callable
from copy import copy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import awkward as ak
import numpy as np
import pytest
import uproot
from numpy.typing import NDArray

from na64.commands.progress import progress
from na64.datasets.catalogue.build import load
from na64.datasets.reading.layout import Layout
from na64.datasets.reading.read import read
from na64.datasets.synthetic.writers import RunFileFormat, open_writer
from na64.outputs.result.request import LOG
from na64.processors.execution.ledger import decode
from na64.processors.features.compute import compute
from na64.processors.features.feature_table import Skip
from na64.processors.job import Job, build_job
from na64.run import main
from na64.selections.hidden import visible_mask
from na64.selections.selection import load_selection
from na64.selections.variations import Effect
from na64.tests.blinding.branch_values import Branches, scaled, sum_of, to_jagged, type_of, values_of

N_EVENTS = 1_500
KEYS = ("run", "spill", "event", "trigger")
CAMPAIGNS = {"tout2023": "small", "hits": "small", "array2018": "small2018"}
WORLDS = ("box", "edge", "mad", "canary")
"""Hidden events in the box, in the guard band, with values that are no energies, and with magic numbers."""

VARIED = "varied"
"""A world whose hidden events are so only under a variation: nominally they are all beyond the guard band."""

PACKAGED = "packaged"
"""A world whose hidden events are so only under the packaged set-up: the user's has energies of `SCALE`."""

BAND = "band"
"""A world whose hidden events are in the box of another search, which has edges on both sides."""

BAND_EDGES = (73.0, 92.0)
"""GeV in the ECAL: `BAND_BOX` with its guard band."""

ALP, ALP_GUARD = "alp", "alp_guard"
"""Worlds of 2018 whose hidden events are in the box of axion-like particles, and in its guard band."""

ALP_EDGES = {ALP: (10.0, 84.5), ALP_GUARD: (85.5, 89.5)}
"""GeV in the ECAL."""

BAND_CANARY, BAND_ENERGY = "canary_band", 83.14159265
"""A world with magic numbers in that box, and the energy there."""

BAND_BOX = """
[[box]]
ecal = { value = 60, unit = "GeV", source = "test" }
hcal = { value = 1, unit = "GeV", source = "test" }

[[box]]
search = "alp"

[[box.bound]]
features = ["ecal", "ecal_total"]
between = { values = [75, 90], unit = "GeV", source = "test" }
guard = { value = 2, unit = "GeV", source = "test" }

[[box.bound]]
features = ["hcal", "hcal_total", "hcal_012_total"]
below = { value = 1, unit = "GeV", source = "test" }
guard = { value = 0.5, unit = "GeV", source = "test" }
implied_by = ["hcal_0"]
"""
PACKAGED_BOX = """\
[box]  # nobody looks at data below both energies, or in the guard band around them
ecal = { value = 60, unit = "GeV", source = "[V: 2503.11275 (abs)] missing energy > 40 GeV; [D] 100 - 40" }
hcal = { value = 1, unit = "GeV", source = "[R-hi]" }
"""

SCALE = 1.4

MAGIC_ENERGY, MAGIC_TIME, MAGIC_SPILL, MAGIC_EVENT = 31.41592653, 98.7654321, 271_828_182, 1_123_581_321

_DIGEST = re.compile(rb"[0-9a-f]{64}")
_WORLD = re.compile(rb"world-\w+")
_COMPILED = re.compile(r"^compil(?:ing|ed [0-9]+) kernels.*\n", re.MULTILINE)
"""Said of kernels that the machine has not kept yet: of the code, its types and what ran before."""


@dataclass(frozen=True)
class World:
    """A folder of run files and its catalogue."""

    name: str
    layout: str
    folder: Path

    @property
    def catalogue(self) -> Path:
        return self.folder / "catalogue.json"

    def files(self) -> list[Path]:
        return sorted(path for path in (self.folder / "data").glob("run*") if path.is_file())


@dataclass(frozen=True)
class Seen:
    """All that anybody can see of a run of the program, input hashes and durations aside."""

    code: int
    out: str
    err: str
    products: dict[str, bytes]
    partials: list[Any]
    sizes: list[int]
    features: list[bytes]


def make_worlds(
    layout: str,
    folder: Path,
    change: Callable[[Branches], None] | None = None,
    *,
    names: tuple[str, ...] = WORLDS,
    container: RunFileFormat = RunFileFormat.TTREE,
    selection: str = "dimuon_2022",
    n_events: int = N_EVENTS,
    periods: Path | None = None,
) -> list[World]:
    """Simulate a campaign and write it again for each world with other hidden events.

    Which those are depends on the variations of the selection, and on the periods of a user.
    """
    own = [] if periods is None else ["--periods", str(periods)]
    original = folder / "original"
    size = ["--events", str(n_events), "--layout", layout]
    assert main(["simulate", CAMPAIGNS[layout], "--to", str(original / "data"), *size]) == 0
    assert main(["catalogue", str(original / "data"), "--to", str(original / "catalogue.json"), *own]) == 0
    catalogue = load(original / "catalogue.json")
    job = build_job(catalogue, load_selection(selection))
    files = {Path(record.path): record.tree for record in catalogue.good}
    read_once = {path: _read(path, job.layouts[layout], job, tree) for path, tree in files.items()}
    worlds = []
    for name in names:
        world = World(name, layout, folder / f"world-{name}")
        (world.folder / "data").mkdir(parents=True)
        shutil.copytree(original / "data" / "conditions", world.folder / "data" / "conditions")
        for path, tree in files.items():
            branches = _of_world(*read_once[path], world, job)
            if change is not None:
                change(branches)
            _write(world.folder / "data" / path.with_suffix(container.suffix).name, branches, container, tree)
        assert main(["catalogue", str(world.folder / "data"), "--to", str(world.catalogue), *own]) == 0
        worlds.append(world)
    return worlds


def _read(path: Path, layout: Layout, job: Job, tree: str) -> tuple[Branches, NDArray[np.int64], int]:
    """Branches of a file, rows of its hidden events, and one of those that is typical."""
    names = [name for branch in layout.branches() for name in branch.names]
    with uproot.open(path) as file:
        here = [name for name in file[tree].keys() if name in names]  # noqa: SIM118
        branches = {name: values_of(file[tree][name].array()) for name in here}
    return branches, *_hidden(path, job, layout)


def _of_world(read_once: Branches, hidden: NDArray[np.int64], donor: int, world: World, job: Job) -> Branches:
    branches = {name: copy(values) for name, values in read_once.items()}
    if len(hidden):
        _move(branches, hidden, donor, world, job)
    return branches


def _write(path: Path, branches: Branches, container: RunFileFormat, tree: str) -> None:
    if container is RunFileFormat.TTREE:
        with uproot.recreate(path, compression=None) as file:
            made = file.mktree(tree, {name: type_of(values) for name, values in branches.items()})
            made.extend(branches)
        return
    with open_writer(path, container, tree) as writer:
        writer.extend({name: to_jagged(values) for name, values in branches.items()})


def _hidden(path: Path, job: Job, layout: Layout) -> tuple[NDArray[np.int64], int]:
    """Rows of a file with one run that are hidden though every value is finite, and one that is typical."""
    with uproot.open(path) as file:
        n_events = file[layout.trees[0]].num_entries
    events = read(path, layout, 0, n_events)
    context = job.runs[int(events.event["run"][0])]
    seen = np.ones(n_events, bool)
    for setup in reversed(context.setups):
        table, *varied = (
            compute(
                events,
                effect.of(setup),
                bad=np.zeros(n_events, bool),
                residual_times=layout.time_is_residual,
                absent_nan=layout.absent_nan,
            )
            for effect in (Effect(), *job.closing_effects)
        )
        seen &= visible_mask(
            table.values,
            boxes=context.boxes,
            run_type=context.type,
            trigger=events.event["trigger"],
            nonfinite=table.skip != Skip.NONE,
            simulation=False,
            varied=[other.values for other in varied],
            index=table.index,
        )
    hidden = np.flatnonzero(~seen & (table.skip == Skip.NONE))
    most_in_time = (
        np.argmax(table["ecal"][hidden] - 10 * table["ecal_out_of_time"][hidden]) if len(hidden) else 0
    )
    return hidden, int(hidden[most_in_time]) if len(hidden) else 0


def _move(branches: Branches, hidden: NDArray[np.int64], donor: int, world: World, job: Job) -> None:
    """Let every hidden event be a copy of one of them, with such energies as the world has."""
    layout = job.layouts[world.layout]
    keys = {layout.event[key].names[0] for key in KEYS}
    rows = np.arange(len(branches[next(iter(keys))]))
    is_hidden = np.isin(rows, hidden)
    rows[hidden] = donor
    for name in set(branches) - keys:
        branches[name] = branches[name][rows]
    edges = next(iter(job.runs.values())).boxes[0].rectangle()
    ecal, hcal = (layout.detectors[name].columns["energy"].names for name in ("ecal", "hcal"))
    random = np.random.default_rng(7)
    low, high = {
        "box": (1.0, edges.width - 1),
        BAND: (BAND_EDGES[0] + 0.5, BAND_EDGES[1] - 0.5),
        VARIED: (edges.hidden_width + 0.1, edges.hidden_width / 0.99 - 0.1),
        **ALP_EDGES,
        PACKAGED: (edges.hidden_width / SCALE + 0.5, edges.hidden_width - 0.5),
    }.get(world.name, (edges.width + 0.5, edges.hidden_width - 0.5))
    moved = random.uniform(low, high, len(rows)) / np.maximum(sum_of(branches, ecal), 1e-6)
    if world.name == "mad":
        moved = random.choice([np.nan, np.inf, -np.inf, -1e30, 1e-300], len(rows))
    for name in ecal:
        branches[name] = scaled(branches[name], np.where(is_hidden, moved, 1.0))
    if world.name in ("canary", BAND_CANARY):
        _plant(branches, is_hidden, layout, MAGIC_ENERGY if world.name == "canary" else BAND_ENERGY)
    for name in hcal:
        branches[name] = scaled(branches[name], np.where(is_hidden, 0.0, 1.0))
    if world.name in ALP_EDGES:  # in the middle cell of module 1
        branches[hcal[1]].reshape(len(rows), -1)[is_hidden, 4] = random.uniform(16, 60, len(rows))[is_hidden]


def _plant(branches: Branches, is_hidden: NDArray[np.bool_], layout: Layout, energy: float) -> None:
    """Give hidden events magic numbers: one cell with an energy, a time, a spill, an event number."""
    for name in layout.detectors["ecal"].columns["energy"].names:
        values = scaled(branches[name], np.where(is_hidden, 0.0, 1.0))
        if isinstance(values, np.ndarray):
            values.reshape(len(values), -1)[is_hidden, -16] = energy
        else:
            counts, flat = ak.num(values).to_numpy(), ak.flatten(values).to_numpy().copy()
            flat[(np.cumsum(counts) - counts)[is_hidden]] = energy
            values = ak.unflatten(flat, counts)
        branches[name] = values
    time, spill, event = (branches[layout.event[key].names[0]] for key in ("master_time", "spill", "event"))
    first = MAGIC_EVENT + 1000 * (int(spill.min()) - 1)  # two files of a run have no event in common
    event[is_hidden] = first + np.arange(is_hidden.sum())
    time[is_hidden], spill[is_hidden] = MAGIC_TIME, MAGIC_SPILL


@pytest.fixture(scope="session")
def worlds(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], list[World]]:
    """Worlds of a layout, made once."""
    made: dict[str, list[World]] = {}

    def of_layout(layout: str) -> list[World]:
        if layout not in made:
            made[layout] = make_worlds(layout, tmp_path_factory.mktemp(layout))
        return made[layout]

    return of_layout


@pytest.fixture(scope="session")
def new_worlds(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., list[World]]:
    """Worlds of another kind, see `make_worlds`."""

    def make(layout: str, **options: Any) -> list[World]:
        return make_worlds(layout, tmp_path_factory.mktemp(layout), **options)

    return make


@pytest.fixture
def own_periods(tmp_path: Path, own_period: Callable[..., Path]) -> Path:
    """A folder with a period 2023A whose ECAL energies are larger by `SCALE` than the packaged ones."""
    return own_period(tmp_path / "periods", ("scale = { value = 1,", f"scale = {{ value = {SCALE},"))


@pytest.fixture
def two_searches(tmp_path: Path, own_period: Callable[..., Path]) -> Path:
    """A folder with a period 2023A that has the box of another search too."""
    return own_period(tmp_path / "periods", (PACKAGED_BOX, BAND_BOX))


@pytest.fixture(scope="session")
def own_period(edited: Callable[..., Path]) -> Callable[..., Path]:
    """What writes a packaged period with changed texts into a folder of the user, and gives that."""

    def write(folder: Path, *changes: tuple[str, str], name: str = "2023A", to: str = "") -> Path:
        return edited("period", name, folder, *changes, to=to).parent

    return write


@pytest.fixture
def ticking(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the clock of progress go on by 11 s whenever it is read.

    What is said of progress depends on what is told of it and on nothing else, and every piece has its line.
    """

    def show(*of: Any, **options: Any) -> Any:
        return progress(*of, **options, clock=itertools.count(0.0, 11.0).__next__)

    monkeypatch.setattr("na64.commands.progress.progress", show)


@pytest.fixture
def look(capfd: pytest.CaptureFixture[str], tmp_path: Path, ticking: None) -> Callable[..., Seen]:
    """Process a world as if for the first time and give all that can be seen of it.

    A line of progress for every piece is in it; no warning of what other tests have had of the world is.
    """

    def process(world: World, *options: str, report: bool = False) -> Seen:
        folder = tmp_path / "out"
        store = world.folder / "features"
        for old in (folder, store):
            shutil.rmtree(old, ignore_errors=True)
        (world.folder / LOG).unlink(missing_ok=True)
        capfd.readouterr()
        line = ["process", str(world.catalogue), "--to", str(folder), *options]
        executor = [] if "--executor" in options else ["--executor", "iterative"]
        code = main([*line, *executor, *([] if report else ["--no-report"])])
        out, err = (
            _COMPILED.sub("", _WORLD.sub(b"WORLD", text.encode()).decode()) for text in capfd.readouterr()
        )
        return Seen(code, out, err, *_contents(folder), _features(store))

    return process


def _contents(folder: Path) -> tuple[dict[str, bytes], list[Any], list[int]]:
    """Products by name, what the partials hold, and the size of each file."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    products = {
        str(path.relative_to(folder)): _without_digests(path) for path in files if path.suffix != ".partial"
    }
    partials = [decode(path.stem, path.read_bytes()) for path in files if path.suffix == ".partial"]
    inside = [(p.header, {name: array.tobytes() for name, array in p.arrays.items()}) for p in partials]
    sizes = [path.stat().st_size for path in files if path.suffix == ".partial"]
    return products, sorted(inside, key=str), sorted(sizes)


def _without_digests(path: Path) -> bytes:
    data = _WORLD.sub(b"WORLD", _DIGEST.sub(b"DIGEST", path.read_bytes()))
    if path.name == "metrics.json":  # how long it took is never the same twice
        times = (b'"seconds"', b'"read"', b'"count"', b'"wait"', b'"rate"')
        return b"\n".join(line for line in data.splitlines() if not line.strip().startswith(times))
    if path.name != "provenance.json":
        return data
    # It names the inputs in the order of their digests.
    return b"\n".join(sorted(line.rstrip(b",") for line in data.splitlines()))


def _features(store: Path) -> list[bytes]:
    """What the feature store holds, without the digest at the end of a file."""
    files = [path for path in store.rglob("*") if path.is_file()]
    return sorted(_DIGEST.sub(b"DIGEST", path.read_bytes()[:-32]) for path in files)
