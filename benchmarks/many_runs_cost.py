"""What each run more costs: every step of the straight line on campaigns of more and more tiny runs."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from na64.benchmarks.many_runs import FIRST, SPILLS, write_campaign
from na64.benchmarks.rounds import Progress, cpu_seconds

LIMIT = 1.2
"""Cost of a run more among many runs, against that among few: above it something grows faster than runs."""

_SMALLEST = 1e-3
"""Seconds a run that are within what one measurement varies: a ratio of less says nothing."""

_QUICK = ("plan", "process, nothing to do", "status", "why")
_AGAIN = 3
"""Steps that change nothing are done several times; the smallest time counts."""


@dataclass(frozen=True, slots=True)
class StepCost:
    """CPU seconds of one step by number of runs, user and system.

    Attributes
    ----------
    name : str
    seconds : dict of int to float
        By number of runs, three or more.
    """

    name: str
    seconds: dict[int, float]

    def slopes(self) -> tuple[float, float]:
        """Seconds that one run more costs, among few runs and among many."""
        (n_few, few), (n_some, some), *_, (n_many, many) = sorted(self.seconds.items())
        return (some - few) / (n_some - n_few), (many - some) / (n_many - n_some)

    @property
    def ratio(self) -> float:
        """Cost of a run more among many against that among few; 1 is linear."""
        few, many = self.slopes()
        return max(many, _SMALLEST) / max(few, _SMALLEST)

    @property
    def is_linear(self) -> bool:
        """Whether the ratio is within `LIMIT`."""
        return self.ratio <= LIMIT


def sizes_up_to(n_runs: int) -> tuple[int, int, int]:
    """Numbers of runs that are measured: a twentieth, a quarter, and all."""
    return max(n_runs // 20, 1), max(n_runs // 4, 2), max(n_runs, 3)


def measure_many_runs(
    sizes: Sequence[int], folder: Path, *, workers: int = 1, n_spills: int = SPILLS, say: Progress = print
) -> list[StepCost]:
    """Take the CPU time of every step, each in a process of its own, for campaigns of some sizes.

    Parameters
    ----------
    sizes : sequence of int
        Numbers of runs, three or more.
    folder : Path
        For campaigns and results; emptied at the end.
    workers : int
        That look at files side by side.
    n_spills : int
        Of each run.
    say : callable
    """
    found: dict[str, dict[int, float]] = {}
    _cpu_of(["compile"])
    for n_runs in sizes:
        say(f"{n_runs:,} runs of {n_spills} spills")
        place = folder / f"{n_runs}"
        write_campaign(n_runs, place, n_spills=n_spills)
        for name, command in _steps(place, workers):
            again = _AGAIN if name in _QUICK else 1
            found.setdefault(name, {})[n_runs] = min(_cpu_of(command) for _ in range(again))
        shutil.rmtree(place)
        say(", ".join(f"{name} {seconds[n_runs]:.1f} s" for name, seconds in found.items()))
    return [StepCost(name, seconds) for name, seconds in found.items()]


def _steps(place: Path, workers: int) -> Iterator[tuple[str, list[str]]]:
    catalogue, out = str(place / "catalogue.json"), str(place / "out")
    files = [str(place / "runs"), "--to", catalogue]
    process = ["process", catalogue, "--selection", "invisible_2023", "--to", out]
    process += ["--executor", "iterative", "--no-report"]
    yield "catalogue", ["catalogue", *files, "--periods", str(place / "periods"), "--workers", str(workers)]
    yield "catalogue, nothing new", ["catalogue", *files, "--update"]
    yield "plan", [*process, "--dry-run"]
    yield "process", process
    yield "process, nothing to do", process
    yield "status", ["status", out]
    yield "why", ["why", out, str(FIRST)]
    yield "report", ["report", out]


def _cpu_of(command: Sequence[str]) -> float:
    began = cpu_seconds()
    environment = os.environ | {"NA64_PERIODS": ""}
    ran = subprocess.run(
        [sys.executable, "-m", "na64.run", *command],
        capture_output=True,
        text=True,
        check=False,
        env=environment,
    )
    if ran.returncode:
        raise RuntimeError(f"na64 {command[0]}: {ran.stderr.strip().splitlines()[-1:]}")
    return cpu_seconds() - began


def to_markdown(costs: Sequence[StepCost]) -> str:
    """Set the costs as a table."""
    return "\n".join(_lines(costs)) + "\n"


def _lines(costs: Sequence[StepCost]) -> Iterator[str]:
    sizes = sorted(costs[0].seconds)
    yield f"| CPU, s, by runs | {' | '.join(f'{n:,}' for n in sizes)} | ms a run more | ratio | <= {LIMIT} |"
    yield f"|---|{'---:|' * len(sizes)}---:|---:|---|"
    for cost in costs:
        seconds = " | ".join(f"{cost.seconds[n]:.2f}" for n in sizes)
        verdict = "met" if cost.is_linear else "**missed**"
        yield f"| {cost.name} | {seconds} | {1e3 * cost.slopes()[1]:.2f} | {cost.ratio:.2f} | {verdict} |"


def write(costs: Sequence[StepCost], folder: Path) -> str:
    """Write ``scale.json`` and ``scale.md``; return the table."""
    table = to_markdown(costs)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "scale.json").write_text(json.dumps([asdict(cost) for cost in costs], indent=1) + "\n")
    (folder / "scale.md").write_text(table, encoding="utf-8")
    return table
