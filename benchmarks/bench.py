"""The benchmark: makes the samples, compares the counts, then the times, and says what it found."""

from __future__ import annotations

import json
import os
import platform
import shutil
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from na64.benchmarks import coffea_peers, rounds, scaling, starts
from na64.benchmarks.counts import bench_selection
from na64.benchmarks.dense import CLUSTER, CODECS, make_dense
from na64.benchmarks.parquet_peers import parquet_programs, write_features
from na64.benchmarks.programs import FLOOR, PROCESS, RERUN, Program, our_programs, process_cells
from na64.benchmarks.root_peers import RootServer, open_root
from na64.benchmarks.rounds import CpuTiming, Progress, check, measure
from na64.benchmarks.sample import BLOCK, BenchmarkSample, make_sample
from na64.benchmarks.scaling import SchedulerResult
from na64.benchmarks.workers import WorkersResult, measure_workers
from na64.datasets.synthetic.writers import RunFileFormat

IDIOMATIC_ROOT = "RDataFrame, one lambda a quantity"
FUSED_ROOT = "RDataFrame, fused by hand"
_SLOPE = 4
_TENFOLD = 10


@dataclass(frozen=True, slots=True)
class Workload:
    """How much is measured.

    Attributes
    ----------
    n_events : int
        Of the main sample; others are smaller, or larger where the cost of one event more is asked for.
    rounds : int
    scaling : bool
        Measure workers, memory and the scheduler too.
    chunks : tuple of int
        Numbers of chunks that do nothing.
    """

    n_events: int = 1_000_000
    rounds: int = 5
    scaling: bool = True
    chunks: tuple[int, ...] = (1_000, 10_000, 100_000)


@dataclass(slots=True)
class Findings:
    """Everything that was measured.

    Attributes
    ----------
    machine, date : str
    main : list of CpuTiming
        The hits layout as TTree: every program.
    flat : list of CpuTiming
        The flat layout of 2023 as TTree: ours and RDataFrame.
    dense : dict of str to list of CpuTiming
        The flat layout with every cell filled, by codec: floor, `PROCESS` and RDataFrame.
    dense_writer : str
        Who wrote these files.
    dense_from : int
        Events of a smaller file, whose time is taken off; 0 if it was not.
    left_out : list of str
        Programs that are not installed.
    formats : dict of str to list of CpuTiming
        `PROCESS` and `RERUN` for each layout and format.
    sizes : list of CpuTiming
        `PROCESS` and `RERUN` for four times the events of `main`.
    variations : list of CpuTiming
        Numbers of cuts and of histograms.
    workers : list of WorkersResult
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
    main: list[CpuTiming] = field(default_factory=list)
    flat: list[CpuTiming] = field(default_factory=list)
    dense: dict[str, list[CpuTiming]] = field(default_factory=dict)
    dense_writer: str = "na64"
    dense_from: int = 0
    left_out: list[str] = field(default_factory=list)
    formats: dict[str, list[CpuTiming]] = field(default_factory=dict)
    sizes: list[CpuTiming] = field(default_factory=list)
    variations: list[CpuTiming] = field(default_factory=list)
    workers: list[WorkersResult] = field(default_factory=list)
    memory: dict[int, float] = field(default_factory=dict)
    starts: dict[str, float] = field(default_factory=dict)
    scheduler: list[SchedulerResult] = field(default_factory=list)
    load: float = 0.0

    def slope(self, program: str) -> float | None:
        """Return what one more event costs, ns, from the two sizes of the main sample.

        None if the larger sample took no longer: one round on a busy machine says nothing.
        """
        small, large = (next(t for t in times if t.name == program) for times in (self.main, self.sizes))
        slope = 1e9 * (large.median - small.median) / (large.n_events - small.n_events)
        return slope if slope > 0 else None

    def to_json(self) -> str:
        """Return all of it."""
        return json.dumps(asdict(self), indent=1) + "\n"


def run_bench(
    plan: Workload, folder: Path, *, root_python: Path | None = None, say: Progress = print
) -> Findings:
    """Measure everything.

    Parameters
    ----------
    plan : Workload
    folder : Path
        For samples, builds and partial results; samples are deleted at the end.
    root_python : Path, optional
        An interpreter with ROOT; without it RDataFrame is left out.
    say : callable

    Raises
    ------
    DifferentCountsError
        Programs that should count the same do not.
    """
    machine = f"{os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}"
    findings = Findings(machine, f"{datetime.now(tz=UTC):%Y-%m-%d %H:%M} UTC")
    work = folder / "work"
    with ExitStack() as stack:
        stack.callback(shutil.rmtree, work, ignore_errors=True)
        root = None
        if root_python is not None:
            say("compiling the RDataFrame programs")
            root = stack.enter_context(open_root(root_python, folder / "build", bench_selection()))
        _measure_layouts(plan, work, root, findings, say)
        _measure_dense(plan, work, root, findings, say)
        _measure_formats(plan, work, findings, say)
        if plan.scaling:
            _measure_scaling(plan, work, findings, say)
    findings.load = rounds.load()
    return findings


def _measure_layouts(
    plan: Workload, work: Path, root: RootServer | None, findings: Findings, say: Progress
) -> None:
    selection = bench_selection()
    hits = make_sample("hits", RunFileFormat.TTREE, plan.n_events, work)
    say(f"hits layout, TTree: {plan.n_events:,} events of {hits.bytes_per_event:.0f} bytes")
    programs = [
        *our_programs(hits, selection, work / "hits"),
        Program("our kernel in coffea's Runner", lambda: coffea_peers.run_kernel(hits, selection)),
        Program("coffea and awkward", lambda: coffea_peers.run_awkward(hits, selection)),
        *_root_programs(root, hits),
    ]
    expected = check(programs)
    features = work / "features.parquet"
    write_features(hits, selection, features)
    peers, findings.left_out = parquet_programs(features, selection, expected)
    programs += [Program(peer.name, peer.run) for peer in peers if peer.run() is None]
    findings.main = measure(programs, hits.n_events, plan.rounds)
    large = make_sample("hits", RunFileFormat.TTREE, plan.n_events * _SLOPE, work, run=8702)
    say(f"the same, {large.n_events:,} events")
    programs = [one for one in our_programs(large, selection, work / "large") if one.name in (PROCESS, RERUN)]
    check(_with_features(large, work / "large", programs))
    findings.sizes = measure(programs, large.n_events, plan.rounds)
    large.path.unlink()
    catalogue = hits.catalogue()
    programs = scaling.vary_selection(work / "varied", catalogue)
    findings.variations = measure(programs, hits.n_events, plan.rounds)
    flat = make_sample("tout2023", RunFileFormat.TTREE, max(plan.n_events // _SLOPE, 1), work)
    say(f"tout2023 layout, TTree: {flat.n_events:,} events of {flat.bytes_per_event:.0f} bytes")
    programs = [*our_programs(flat, selection, work / "flat"), *_root_programs(root, flat)]
    check(programs)
    findings.flat = measure(programs, flat.n_events, plan.rounds)


def _measure_dense(
    plan: Workload, work: Path, root: RootServer | None, findings: Findings, say: Progress
) -> None:
    n_events = max(plan.n_events // _SLOPE, 1)
    findings.dense_writer = "na64" if root is None else "ROOT"
    few = 2 * CLUSTER  # the first cluster of ROOT is of many small baskets
    findings.dense_from = few if n_events >= 2 * few else 0
    for codec in CODECS:
        say(f"every cell filled, {codec}, written by {findings.dense_writer}: {n_events:,} events")
        large = _measure_codec(codec, n_events, plan, work, root)
        small = _measure_codec(codec, few, plan, work, root) if findings.dense_from else []
        findings.dense[codec] = above(small, large) if small else large


def _measure_codec(
    codec: str, n_events: int, plan: Workload, work: Path, root: RootServer | None
) -> list[CpuTiming]:
    sample = make_dense(codec, n_events, work, root)
    programs = [
        one for one in our_programs(sample, bench_selection(), work / "dense") if one.name in (FLOOR, PROCESS)
    ]
    programs += _root_programs(root, sample)
    check(programs)
    timings = measure(programs, n_events, plan.rounds)
    sample.path.unlink()
    return timings


def above(small: list[CpuTiming], large: list[CpuTiming]) -> list[CpuTiming]:
    """Take off what does not depend on the events: least times of a sample less those of a smaller one.

    If a larger sample of one program took no longer, nothing is taken off any of them.
    """
    more = [
        CpuTiming(many.name, many.n_events - few.n_events, (min(many.seconds) - min(few.seconds),))
        for few, many in zip(small, large, strict=True)
    ]
    return more if all(timing.median > 0 for timing in more) else large


def _with_features(sample: BenchmarkSample, folder: Path, programs: list[Program]) -> list[Program]:
    """Put first what writes the features that a rerun reads."""
    catalogue, selection = sample.catalogue(), bench_selection()
    keep = Program(
        "keep features",
        lambda: process_cells(catalogue, selection, folder / "partials", store=folder / "features"),
    )
    return [keep, *programs]


def _root_programs(root: RootServer | None, sample: BenchmarkSample) -> list[Program]:
    if root is None:
        return []
    kinds = {IDIOMATIC_ROOT: "idiomatic", FUSED_ROOT: "fused"}
    return [_root_program(root, name, f"{kind}_{sample.layout.name}", sample) for name, kind in kinds.items()]


def _root_program(root: RootServer, name: str, function: str, sample: BenchmarkSample) -> Program:
    return Program(name, lambda: root.run(function, sample.path), lambda: root.cpu)


def _measure_formats(plan: Workload, work: Path, findings: Findings, say: Progress) -> None:
    selection, n_events = bench_selection(), max(plan.n_events // _SLOPE, 1)
    for layout in ("hits", "tout2023", "array2018"):
        for container in RunFileFormat:
            sample = make_sample(layout, container, n_events, work)
            say(f"{sample.name}: {n_events:,} events")
            wanted = (PROCESS, RERUN)
            found = [one for one in our_programs(sample, selection, work / "format") if one.name in wanted]
            check(_with_features(sample, work / "format", found))
            findings.formats[sample.name] = measure(found, n_events, plan.rounds)
            sample.path.unlink()


def _measure_scaling(plan: Workload, work: Path, findings: Findings, say: Progress) -> None:
    for size in (plan.n_events, _TENFOLD * plan.n_events):
        say(f"peak memory with {size:,} events")
        sample = make_sample("hits", RunFileFormat.TTREE, size, work, run=8703)
        findings.memory[size] = scaling.peak_memory(sample, work / "memory")
        sample.path.unlink()
    say("starts")
    sample = make_sample("hits", RunFileFormat.TTREE, BLOCK, work, run=8704)
    findings.starts = starts.measure_starts(sample, work / "starts")
    samples = [
        make_sample("hits", RunFileFormat.TTREE, plan.n_events // 2, work, run=8710 + n) for n in range(16)
    ]
    say(f"no, one and two workers, {sum(sample.n_events for sample in samples):,} events")
    findings.workers = measure_workers(samples, work / "workers", plan.rounds)
    for n_chunks in plan.chunks:
        say(f"{n_chunks:,} chunks that do nothing")
        findings.scheduler += [
            scaling.measure_scheduler(n_chunks, work / "scheduler", kept=kept) for kept in (False, True)
        ]
