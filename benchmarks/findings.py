"""What is to be measured, and all that was."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path

from na64.benchmarks.end_to_end import CommandTiming
from na64.benchmarks.parts import Part
from na64.benchmarks.root_peers import RootServer
from na64.benchmarks.rounds import CpuTiming, Progress, TwoSizes
from na64.benchmarks.scaling import SchedulerResult
from na64.benchmarks.workers import WorkersResult


@dataclass(frozen=True, slots=True)
class Workload:
    """How much is measured.

    Attributes
    ----------
    n_events : int
        Of the main sample; others are smaller, or larger where memory is watched.
    rounds : int
    parts : tuple of Part
    chunks : tuple of int
        Numbers of chunks that do nothing.
    """

    n_events: int = 1_000_000
    rounds: int = 5
    parts: tuple[Part, ...] = tuple(Part)
    chunks: tuple[int, ...] = (1_000, 10_000, 100_000)


@dataclass(slots=True)
class Findings:
    """Everything that was measured; what was not is empty.

    Attributes
    ----------
    machine, date : str
    parts : tuple of Part
        What was to be measured.
    n_events : int
        See `Workload`.
    hits : TwoSizes
        The hits layout as TTree: every program.
    flat : TwoSizes
        The flat layout of 2023 as TTree: ours and RDataFrame.
    dense : dict of str to TwoSizes
        The flat layout with every cell filled, by codec: floor, `PROCESS` and RDataFrame.
    dense_writer : str
        Who wrote these files.
    notes : list of str
        Programs and libraries that are not installed.
    formats : dict of str to list of CpuTiming
        `PROCESS` and `RERUN` for each layout and format.
    variations : list of CpuTiming
        Numbers of cuts and of histograms.
    workers : dict of str to list of WorkersResult
        By what the files are: Dask clusters that are warm.
    commands : dict of str to list of CommandTiming
        By codec of one dense file: whole commands.
    memory : dict of int to float
        Peak anonymous memory, MB, by number of events.
    starts : dict of str to float
        CPU seconds of what is done once, see `na64.benchmarks.starts`.
    scheduler : list of SchedulerResult
    load : float
        Processes that wanted a core at the end: above 1 somebody else was at work.
    """

    machine: str
    date: str
    parts: tuple[Part, ...] = tuple(Part)
    n_events: int = 1_000_000
    hits: TwoSizes = field(default_factory=TwoSizes)
    flat: TwoSizes = field(default_factory=TwoSizes)
    dense: dict[str, TwoSizes] = field(default_factory=dict)
    dense_writer: str = "na64"
    notes: list[str] = field(default_factory=list)
    formats: dict[str, list[CpuTiming]] = field(default_factory=dict)
    variations: list[CpuTiming] = field(default_factory=list)
    workers: dict[str, list[WorkersResult]] = field(default_factory=dict)
    commands: dict[str, list[CommandTiming]] = field(default_factory=dict)
    memory: dict[int, float] = field(default_factory=dict)
    starts: dict[str, float] = field(default_factory=dict)
    scheduler: list[SchedulerResult] = field(default_factory=list)
    load: float = 0.0

    def to_json(self) -> str:
        """Return all of it."""
        return json.dumps(asdict(self), indent=1, default=lambda part: part.value) + "\n"


@dataclass(frozen=True, slots=True)
class Bench:
    """What the parts of a benchmark share.

    Attributes
    ----------
    plan : Workload
    work : Path
        For samples and partial results.
    build : Path
        For compiled programs.
    root_python : Path or None
        An interpreter with ROOT.
    root : RootServer or None
        Runs RDataFrame.
    findings : Findings
        Filled part by part.
    say : callable
    """

    plan: Workload
    work: Path
    build: Path
    root_python: Path | None
    root: RootServer | None
    findings: Findings
    say: Progress

    @property
    def writer(self) -> str:
        """Who writes dense files."""
        return "na64" if self.root is None else "ROOT"
