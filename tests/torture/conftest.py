"""A small simulated campaign, its reference result, and what a damaged copy of it may lead to."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import awkward as ak
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import uproot

from na64.datasets.catalogue.build import Catalogue, build
from na64.datasets.conditions.periods import load_periods
from na64.datasets.synthetic.branches import JaggedBranch
from na64.datasets.synthetic.campaign_reader import load_campaign
from na64.datasets.synthetic.simulation import simulate
from na64.datasets.synthetic.writers import RunFileFormat, list_type, open_writer
from na64.outputs.result.assembly import summarise
from na64.outputs.result.summary import Summary
from na64.outputs.signal.efficiency.efficiency import EfficiencyPoint, efficiency_table
from na64.outputs.signal.efficiency.efficiency_variations import Varied, variations_table
from na64.processors.campaign import CampaignResult, process
from na64.processors.counting.booking import book
from na64.processors.execution.backends import IterativeBackend
from na64.processors.execution.ledger import Ledger
from na64.processors.job import build_job
from na64.run import main
from na64.selections.selection import load_selection

Branches = dict[str, Any]

N_EVENTS = 300
TREE = "events"


@dataclass(frozen=True)
class Campaign:
    """Run files to be damaged: `fill` copies the good ones, `read` and `write` change one."""

    source: Path
    folder: Path
    periods: Any = field(default_factory=load_periods)

    def path(self, name: str) -> Path:
        return self.folder / name

    def fill(self) -> Campaign:
        shutil.copytree(self.source / "conditions", self.folder / "conditions")
        for path in self.source.iterdir():
            if path.name.startswith("run_"):
                shutil.copyfile(path, self.path(path.name))
        return self

    def read(self, name: str) -> Branches:
        """Branches of a TTree, without the counters that it has for jagged ones."""
        with uproot.open({str(self.source / name): None}) as file:
            tree = file[TREE]
            branches = {key: tree[key].array() for key in tree.keys()}  # noqa: SIM118
        return {
            key: values if values.ndim > 1 else values.to_numpy()
            for key, values in branches.items()
            if key[1:] not in branches or key[0] != "n"
        }

    def write(
        self,
        name: str,
        *clusters: Branches,
        container: str = "ttree",
        tree: str = TREE,
        compression: Any = None,
    ) -> Path:
        path = self.path(name)
        path.unlink(missing_ok=True)
        if container == "parquet":
            write_parquet(path, clusters)
            return path
        if container == "packed":
            write_packed(path, clusters)
            return path
        with uproot.recreate(path, compression=compression or uproot.LZ4(4)) as file:
            write_cycle(file, tree, clusters, container)
        return path

    def catalogue(self, *paths: str | Path, simulation: bool = True, **options: Any) -> Catalogue:
        return build(paths or [self.folder], simulation=simulation, periods=self.periods, **options)

    def process(self, catalogue: Catalogue) -> tuple[CampaignResult, Summary]:
        job = build_job(catalogue, load_selection("dimuon_2023"), periods=self.periods)
        shutil.rmtree(self.folder / "partials", ignore_errors=True)
        result = process(catalogue, job, IterativeBackend(), Ledger(self.folder / "partials"))
        return result, summarise(catalogue, job, result, book(job.selection), self.periods)


def write_cycle(file: Any, tree: str, clusters: tuple[Branches, ...], container: str = "ttree") -> None:
    """Write one more cycle of a tree into an open file."""
    first = clusters[0]
    if container == "rntuple":
        stored = file.mkrntuple(tree, ak.Array(first).layout.form)
    else:
        stored = file.mktree(tree, {name: _tree_type(values) for name, values in first.items()})
    for branches in clusters:
        if len(branches["run"]):
            stored.extend(ak.Array(branches) if container == "rntuple" else branches)


def _tree_type(values: Any) -> Any:
    if isinstance(values, ak.Array):
        return list_type(values.layout.content.dtype)
    return np.dtype((values.dtype, values.shape[1:]))


def write_parquet(path: Path, clusters: tuple[Branches, ...], **options: Any) -> None:
    tables = [pa.table({name: _arrow(values) for name, values in one.items()}) for one in clusters]
    options = {"compression": "zstd", "write_page_checksum": True} | options
    with pq.ParquetWriter(path, tables[0].schema, **options) as writer:
        for table in tables:
            writer.write_table(table)


def write_packed(path: Path, clusters: tuple[Branches, ...]) -> None:
    """Write Parquet as the simulation does: hits are bytes, not lists."""
    with open_writer(path, RunFileFormat.PARQUET, TREE) as writer:
        for one in clusters:
            writer.extend({name: _packed(values) for name, values in one.items()})


def _packed(values: Any) -> Any:
    if not isinstance(values, ak.Array):
        return values
    lists = ak.to_packed(values).layout.to_ListOffsetArray64(True)
    return JaggedBranch(np.asarray(lists.offsets.data), np.asarray(lists.content.data))


def _arrow(values: Any) -> Any:
    if isinstance(values, ak.Array):
        return ak.to_arrow(values, extensionarray=False, list_to32=True)
    return pa.array(values)


@pytest.fixture(scope="session")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four run files of the hits layout with three runs: TTrees, and Parquet where it can be, to be quick."""
    folder = tmp_path_factory.mktemp("torture") / "source"
    simulate(load_campaign("small"), to=folder, n_events=N_EVENTS, layout="hits", format="ttree")
    files = Campaign(folder, folder)
    for path in folder.glob("run_8702_*.root"):
        files.write(f"{path.stem}.parquet", files.read(path.name), container="parquet")
        path.unlink()
    return folder


@pytest.fixture
def campaign(source: Path, tmp_path: Path) -> Campaign:
    """A copy of the run files."""
    (tmp_path / "data").mkdir()
    return Campaign(source, tmp_path / "data").fill()


@pytest.fixture(scope="session")
def reference(source: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., CampaignResult]:
    """The result of the undamaged files: as simulation, or as data."""
    found: dict[bool, CampaignResult] = {}

    def give(*, simulation: bool = True) -> CampaignResult:
        if simulation not in found:
            folder = tmp_path_factory.mktemp("reference")
            whole = Campaign(source, folder).fill()
            found[simulation], summary = whole.process(whole.catalogue(simulation=simulation))
            assert not summary.reasons
        return found[simulation]

    return give


@pytest.fixture
def tell(request: pytest.FixtureRequest) -> Callable[[str, str, str], None]:
    """Note case, outcome and reason for the table that is printed at the end."""
    noted = request.node.user_properties
    return lambda case, outcome, reason: noted.append(("outcome", (case, outcome, reason)))


@pytest.fixture(autouse=True)
def _inside(tmp_path: Path) -> Iterator[None]:
    """Nothing a case does may leave files behind elsewhere."""
    before = Path.cwd()
    os.chdir(tmp_path)
    yield
    os.chdir(before)


PLUGIN = """
from na64.processors.features.plugin import feature

@feature(name="third", unit="GeV")
def third(event):
    return event["ecal"] / 3
"""

POINTS = [
    EfficiencyPoint(mass, "2023A", "dimuon_2023", 50.0, 1000, 900, 500, 400)
    for mass in (0.001, 0.01, 0.1, 1.0)
]

VARIED = [Varied(point.mass, "2023A", "dimuon_2023", "up", 500, 3, 2, "x", "y") for point in POINTS]

WRITE = (
    "simulate small --to data --events 600",
    "catalogue data --to c.json",
    "process c.json --selection mine.toml --to o --executor iterative --no-report",
    "background o",
    "limits o --efficiency 0.5 --points 3",
    "freeze o",
    "submit c.json --selection mine.toml --to b --condor",
    "work b/batch/1/jobs/0.json",
)

OPEN = (
    "catalogue data --to v/c.json",
    "process v/c.json --selection mine.toml --to v/u --executor iterative --no-report",
    "catalogue data --to v/s.json --simulation --reason test",
    "process v/s.json --selection mine.toml --to v/s --executor iterative --no-report",
    "dimuon v/u v/s",
    "probe v/u",
    "freeze v/u",
    "unblind v/u --freeze {freeze} --reason r --approved-by A --approved-by B --executor iterative",
)


@pytest.fixture(scope="module")
def built(
    tmp_path_factory: pytest.TempPathFactory,
    edited: Callable[..., Path],
    undrawing: Callable[[], AbstractContextManager[None]],
) -> Path:
    """A result and every file that commands read back: written by them, or packaged ones."""
    folder, package = tmp_path_factory.mktemp("damaged"), Path(main.__code__.co_filename).parent
    before = Path.cwd()
    os.chdir(folder)
    try:
        for name, source in {
            "mine.toml": "selections/dimuon_2023.toml",
            "layout.toml": "datasets/reading/layouts/tout2023.toml",
            "cluster.toml": "processors/execution/clusters/local.toml",
            "campaign.toml": "datasets/synthetic/campaigns/small.toml",
        }.items():
            shutil.copy(package / source, name)
        text = Path("layout.toml").read_text().replace('name = "tout2023"', 'name = "mine"')
        Path("layout.toml").write_text(text)
        shutil.copy(package / "outputs/background/background_rates.toml", "rates.toml")
        Path("my.py").write_text(PLUGIN)
        Path("efficiency.csv").write_bytes(efficiency_table(POINTS).to_csv())
        Path("efficiency_variations.csv").write_bytes(variations_table(VARIED).to_csv())
        edited("period", "2023A", Path("periods"), ("8396", "9900"), ("8999", "9999"), to="2023B")
        Path("periods", "2023B.bad.csv").write_text("run,spill,start,stop\n9901,3,,\n")
        Path("periods", "2023B.runs.csv").write_text("run,type\n9901,calibration\n")
        for line in WRITE:
            with undrawing():
                assert main(line.split()) in (0, 1), line
        shutil.copy("o/background.csv", "background.csv")
        Path("data/conditions/production.toml").write_text('pass = "1"\nled_corrected = true\n')
    finally:
        os.chdir(before)
    return folder


@pytest.fixture(scope="module")
def built_with_box(built: Path) -> Path:
    """Add a result whose box was opened, compared with a simulation."""
    before = Path.cwd()
    os.chdir(built)
    try:
        for line in OPEN:
            freeze = (
                hashlib.sha256(Path("v/u/freeze.json").read_bytes()).hexdigest() if "{freeze}" in line else ""
            )
            assert main(line.format(freeze=freeze).split()) in (0, 1), line
    finally:
        os.chdir(before)
    return built
