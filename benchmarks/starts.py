"""What the program costs before and after it counts: new processes, timed by the CPU time they leave."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from na64.benchmarks.rounds import cpu_seconds
from na64.benchmarks.sample import BenchmarkSample
from na64.datasets.catalogue.catalogue_file import save

_START = """
import sys
from pathlib import Path
from na64.benchmarks.counts import bench_selection
from na64.commands import progress
from na64.datasets.catalogue.catalogue_file import load
from na64.outputs.analysis import counting
from na64.processors.events.ready_kernels import make_ready, stored_variants
from na64.processors.job import build_job
catalogue = load(Path(sys.argv[1]))
job = build_job(catalogue, bench_selection())
make_ready(job, stored_variants(catalogue.good, job))
"""
"""What every `na64 process` does before it reads an event."""


def measure_starts(sample: BenchmarkSample, folder: Path) -> dict[str, float]:
    """Return CPU seconds of ``help``, of the ``start`` of a job, and of one that has ``nothing to do``."""
    folder.mkdir(parents=True, exist_ok=True)
    catalogue = folder / "catalogue.json"
    save(sample.catalogue(), catalogue)
    job = ["process", str(catalogue), "--selection", "dimuon_2023", "--to", str(folder / "out")]
    job += ["--executor", "iterative", "--store", str(folder / "features")]
    _run(job)
    found: dict[str, list[float]] = {"help": [], "start": [], "nothing to do": []}
    for _ in range(3):
        found["help"].append(_run(["--help"]))
        found["start"].append(_run([str(catalogue)], code=_START))
        found["nothing to do"].append(_run(job))
    return {name: min(times) for name, times in found.items()}


def _run(arguments: list[str], *, code: str | None = None) -> float:
    program = ["-m", "na64.run"] if code is None else ["-c", code]
    began = cpu_seconds()
    subprocess.run([sys.executable, *program, *arguments], check=True, capture_output=True)
    return cpu_seconds() - began
