"""Whole commands on one dense file: how long somebody waits, from the start of a program to its products."""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from na64.benchmarks.counts import BenchmarkCounts, bench_selection
from na64.benchmarks.programs import Program
from na64.benchmarks.root_peers import FUSED_ROOT, LAZY_ROOT, open_root
from na64.benchmarks.rounds import check, cpu_seconds
from na64.benchmarks.sample import BenchmarkSample
from na64.datasets.catalogue.catalogue_file import save
from na64.outputs.result.cutflow import ALL_RUNS
from na64.outputs.result.store import read_result

ITERATIVE = "na64 process --executor iterative"
TWO_WORKERS = "na64 process --workers 2"
TWO_PROCESSES = "na64 process --executor processes --workers 2"
TWO_OF_DASK = "na64 process --executor dask --workers 2"

COMMAND_CODECS = ("LZ4", "ZLIB")
"""The fastest, and ROOT's default."""

_OURS = (ITERATIVE, TWO_WORKERS, TWO_PROCESSES, TWO_OF_DASK)
_ROOT = {
    FUSED_ROOT: ("fused", 1),
    LAZY_ROOT: ("lazy", 1),
    f"{LAZY_ROOT}, two threads": ("lazy", 2),
}


@dataclass(frozen=True, slots=True)
class CommandTiming:
    """What a command took.

    Attributes
    ----------
    name : str
    wall, cpu : tuple of float
        Seconds, one a round; CPU of all its processes, user and system.
    """

    name: str
    wall: tuple[float, ...]
    cpu: tuple[float, ...]


def measure_commands(
    sample: BenchmarkSample, folder: Path, rounds: int, *, root_python: Path | None, build: Path
) -> list[CommandTiming]:
    """Run whole commands in turns, after all of them have counted the same.

    Parameters
    ----------
    sample : BenchmarkSample
        Its catalogue is there before.
    folder : Path
        For products and feature stores, both made anew every time.
    rounds : int
    root_python : Path or None
        An interpreter with ROOT, which is started with compiled programs.
    build : Path
        Where these are.
    """
    folder.mkdir(parents=True, exist_ok=True)
    save(sample.catalogue(), folder / "catalogue.json")
    programs = [Program(name, partial(_process, name.split()[1:], folder)) for name in _OURS]
    if root_python is not None:
        programs += _root_programs(root_python, build, sample)
    check(programs)
    taken: dict[str, list[tuple[float, float]]] = {program.name: [] for program in programs}
    for _ in range(rounds):
        for program in programs:
            wall, cpu = time.monotonic(), cpu_seconds()
            program.run()
            taken[program.name].append((time.monotonic() - wall, cpu_seconds() - cpu))
    return [CommandTiming(name, *zip(*times, strict=True)) for name, times in taken.items()]


def _process(words: Sequence[str], folder: Path) -> BenchmarkCounts:
    """Run a command of ours, and read what passed from its products."""
    products, store = folder / "products", folder / "features"
    for old in (products, store):
        shutil.rmtree(old, ignore_errors=True)
    command = [*words, str(folder / "catalogue.json"), "--selection", "dimuon_2023", "--no-report"]
    command += ["--to", str(products), "--store", str(store)]
    subprocess.run([sys.executable, "-m", "na64.run", *command], check=True, capture_output=True)
    flow = read_result(products).cutflow
    return BenchmarkCounts(passed=tuple(row.passed for row in flow.rows if row.run == ALL_RUNS))


def _root_programs(python: Path, build: Path, sample: BenchmarkSample) -> Iterator[Program]:
    def run(kind: str, threads: int) -> BenchmarkCounts:
        with open_root(python, build, bench_selection()) as root:
            root.share_among(threads)
            return root.run(f"{kind}_{sample.layout.name}", sample.path)

    for name, (kind, threads) in _ROOT.items():
        yield Program(name, partial(run, kind, threads))
