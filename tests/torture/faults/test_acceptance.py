"""Many files, some bad and some twice, while workers are killed: every event is accounted for."""

from __future__ import annotations

import csv
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest

from na64.datasets.synthetic.campaign_reader import load_campaign
from na64.datasets.synthetic.simulation import simulate
from na64.run import main

Row = dict[str, str]
RUNS = (8701, 8702, 8703)
PAUSE = 5.0
"""Seconds between two kills."""


def table(path: Path) -> list[Row]:
    with path.open(newline="") as stream:
        return list(csv.DictReader(stream))


def cut_up(campaign: Any, n_files: int) -> list[Path]:
    """Simulate the campaign's runs and make many small files of them, with some twenty events each."""
    simulate(load_campaign("small"), to=campaign.source, n_events=20 * n_files, layout="hits", format="ttree")
    shutil.copytree(campaign.source / "conditions", campaign.folder / "conditions")
    paths = []
    for source in sorted(campaign.source.glob("run_*.root")):
        branches = campaign.read(source.name)
        n_events = len(branches["run"])
        edges = np.linspace(0, n_events, round(n_events / 20) + 1).astype(int).tolist()
        for number, (start, stop) in enumerate(pairwise(edges)):
            part = {key: values[start:stop] for key, values in branches.items()}
            name = f"{source.stem}_{number:03d}.parquet"
            paths.append(campaign.write(name, part, container="parquet"))
    return paths


DAMAGES: list[Callable[[Path], object]] = [
    lambda path: path.write_bytes(path.read_bytes()[: path.stat().st_size // 2]),
    lambda path: path.write_bytes(path.read_bytes()[:-1]),
    lambda path: path.write_text(f"run,spill\n{path.name},\n"),
    lambda path: path.rename(path.with_suffix(".root")),
]
"""Each gives another content for another file: the same twice would count once."""


def change(path: Path) -> None:
    """Damage a file after it was registered."""
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(bytes(data))


@contextmanager
def killing(pid: int, place: Path, pause: float, killed: list[int]) -> Iterator[None]:
    """Kill a worker of a driver every few seconds, by the id it has, once it has done a chunk.

    No chunk loses its worker twice by this: three times, and it would rightly be given up.
    """
    end, hit = threading.Event(), set()

    def work() -> None:
        while not end.wait(pause):
            working = {int(path.name.split()[1]) for path in place.glob("working *")}
            at = {victim: (place / f"at {victim}").read_text() for victim in working & workers_of(pid)}
            for victim in sorted(victim for victim, chunk in at.items() if chunk not in hit)[:1]:
                hit.add(at[victim])
                killed.append(victim)
                os.kill(victim, signal.SIGKILL)

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield
    finally:
        end.set()
        thread.join()


def workers_of(pid: int) -> set[int]:
    """Processes that a driver has started."""
    try:
        children = psutil.Process(pid).children(recursive=True)
        return {child.pid for child in children if child.status() != psutil.STATUS_ZOMBIE}
    except psutil.Error:
        return set()


@pytest.mark.soak
@pytest.mark.parametrize(
    ("n_files", "n_bad", "n_kills", "executor"),
    [(200, 10, 5, "processes"), (200, 10, 5, "dask")],
)
def test_every_event_is_accounted_for(  # noqa: PLR0917
    n_files: int,
    n_bad: int,
    n_kills: int,
    executor: str,
    campaign: Any,
    bench: Any,
    tmp_path: Path,
    tell: Callable[[str, str, str], None],
) -> None:
    (tmp_path / "files").mkdir()
    campaign = type(campaign)(tmp_path / "many", tmp_path / "files")
    files = cut_up(campaign, n_files - 3)
    bad = [files[number] for number in np.linspace(1, len(files) - 2, n_bad).astype(int)]
    good = [path for path in files if path not in bad]
    for path in good[:3]:
        shutil.copyfile(path, path.with_name(f"copy_of_{path.name}"))
    assert len(list(campaign.folder.glob("*.parquet"))) == n_files

    clean = tmp_path / "clean.json"
    assert main(["catalogue", *map(str, good), "--to", str(clean)]) == 0
    options = ["--selection", "dimuon_2023", "--no-report", "--plugin", str(bench.plugin)]
    reference = tmp_path / "reference"
    assert main(["process", str(clean), "--to", str(reference), "--executor", "iterative", *options]) == 0

    listed, products = tmp_path / "listed.json", tmp_path / "products"
    changed = bad[: n_bad // 4]
    n_changed = dict.fromkeys(RUNS, 0)
    for number, path in enumerate(bad[n_bad // 4 :]):
        DAMAGES[number % len(DAMAGES)](path)
    assert main(["catalogue", str(campaign.folder), "--to", str(listed)]) == 1
    for record in json.loads(listed.read_text())["files"]:
        for run, entries in record["runs"].items():
            if Path(record["path"]).name in {path.name for path in changed}:
                n_changed[int(run)] += entries
    for path in changed:
        change(path)

    (bench.place / "slow").write_text("0.5")
    killed: list[int] = []
    command = [sys.executable, "-m", "na64.run", "process", str(listed), "--to", str(products), *options]
    command += ["--executor", executor, "--workers", "2", "--store", str(tmp_path / "store")]
    start = time.monotonic()
    pipes: Any = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    with subprocess.Popen(command, **pipes) as driver, killing(driver.pid, bench.place, PAUSE, killed):
        said, _ = driver.communicate(timeout=1800)
    assert driver.returncode == 1, said
    assert (products / "result.json").exists(), said
    check(products, reference, n_changed)
    result = json.loads((products / "result.json").read_text())
    assert len(result["files"]["not_read"]) == n_bad - len(changed)
    assert len(result["failures"]) == len(changed)
    assert sum("listed 2 times" in line for line in result["warnings"]) == 3
    assert len(killed) >= n_kills
    tell(
        f"{n_files} files, {n_bad} bad, 3 twice, {executor}",
        "INCOMPLETE",
        f"{len(killed)} workers killed in {time.monotonic() - start:.0f} s; yields as of the good files",
    )


def check(products: Path, reference: Path, n_changed: dict[int, int]) -> None:
    """Compare counts with those of the good files, and exposure with the spills that were read."""
    rows, clean = table(products / "yields.csv"), table(reference / "yields.csv")
    assert [row["run"] for row in rows] == [row["run"] for row in clean]
    for row, other in zip(rows, clean, strict=True):
        lost = n_changed[int(row["run"])]
        assert int(row["missing"]) == lost
        assert int(row["recorded"]) == int(other["recorded"]) + lost
        counts = [name for name in row if name not in ("eot", "recorded", "missing")]
        assert [row[name] for name in counts] == [other[name] for name in counts]
        check_exposure(row, [spill for spill in table(products / "spills.csv") if spill["run"] == row["run"]])
    for name in ("cutflow.csv", "regions.csv", "histograms.uhi.zip"):
        assert (products / name).read_bytes() == (reference / name).read_bytes()


def check_exposure(row: Row, spills: list[Row]) -> None:
    used = [spill for spill in spills if spill["read"] == "yes" and spill["quality"] == "good"]
    if any(spill["read"] == "part" for spill in spills):
        assert row["eot"] == ""
    else:
        total = sum(float(s["eot_delivered"]) * float(s["good_fraction"] or 1) for s in used)
        assert float(row["eot"]) == pytest.approx(total)
