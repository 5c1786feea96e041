"""The benchmark: makes the samples, compares the counts, then the times, part by part."""

from __future__ import annotations

import os
import platform
import shutil
from collections.abc import Callable
from contextlib import ExitStack
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from na64.benchmarks import coffea_peers, rounds, scaling, starts
from na64.benchmarks.counts import bench_selection
from na64.benchmarks.dense import make_dense
from na64.benchmarks.dense_rounds import measure_dense, measure_lzma, n_dense
from na64.benchmarks.end_to_end import COMMAND_CODECS, measure_commands
from na64.benchmarks.findings import Bench, Findings, Workload
from na64.benchmarks.parquet_peers import parquet_programs, write_features
from na64.benchmarks.parts import Part
from na64.benchmarks.programs import PROCESS, RERUN, Program, our_programs, process_cells
from na64.benchmarks.root_peers import open_root, root_programs
from na64.benchmarks.rounds import Progress, check, measure, measure_slopes
from na64.benchmarks.sample import BLOCK, BenchmarkSample, make_sample
from na64.benchmarks.workers import MANY_HITS, ONE_DENSE, measure_workers
from na64.datasets.synthetic.writers import RunFileFormat

_TENFOLD = 10
_WITH_ROOT = {Part.HITS, Part.TOUT2023, Part.DENSE, Part.LZMA, Part.WORKERS, Part.COMMANDS}


def run_bench(
    plan: Workload, folder: Path, *, root_python: Path | None = None, say: Progress = print
) -> Findings:
    """Measure everything that is planned.

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
    findings = Findings(machine, f"{datetime.now(tz=UTC):%Y-%m-%d %H:%M} UTC", plan.parts, plan.n_events)
    work, build = folder / "work", folder / "build"
    with ExitStack() as stack:
        stack.callback(shutil.rmtree, work, ignore_errors=True)
        root = None
        if root_python is not None and _WITH_ROOT & set(plan.parts):
            say("compiling the RDataFrame programs")
            root = stack.enter_context(open_root(root_python, build, bench_selection()))
        bench = Bench(plan, work, build, root_python, root, findings, say)
        for part in plan.parts:
            _PARTS[part](bench)
    findings.load = rounds.load()
    return findings


def _sample(bench: Bench, layout: str, container: RunFileFormat, n_events: int) -> BenchmarkSample:
    sample = make_sample(layout, container, n_events, bench.work)
    bench.say(f"{sample.name}: {n_events:,} events of {sample.bytes_per_event:.0f} bytes")
    return sample


def _quarter(bench: Bench) -> int:
    return max(bench.plan.n_events // 4, 1)


def _measure_hits(bench: Bench) -> None:
    list_programs = partial(_hits_programs, bench)
    bench.findings.hits = measure_slopes(list_programs, bench.plan.n_events, BLOCK, bench.plan.rounds)


def _hits_programs(bench: Bench, n_events: int) -> list[Program]:
    selection = bench_selection()
    hits = _sample(bench, "hits", RunFileFormat.TTREE, n_events)
    features = bench.work / f"features_{n_events}.parquet"
    write_features(hits, selection, features)
    peers, left_out = parquet_programs(features, selection)
    bench.findings.notes += [line for line in left_out if line not in bench.findings.notes]
    programs = [
        *our_programs(hits, selection, bench.work / f"hits_{n_events}"),
        Program("our kernel in coffea's Runner", lambda: coffea_peers.run_kernel(hits, selection)),
        Program("coffea and awkward", lambda: coffea_peers.run_awkward(hits, selection)),
        *root_programs(bench.root, hits),
        *peers,
    ]
    check(programs)
    return programs


def _measure_flat(bench: Bench) -> None:
    list_programs = partial(_flat_programs, bench)
    bench.findings.flat = measure_slopes(list_programs, _quarter(bench), BLOCK, bench.plan.rounds)


def _flat_programs(bench: Bench, n_events: int) -> list[Program]:
    flat = _sample(bench, "tout2023", RunFileFormat.TTREE, n_events)
    programs = our_programs(flat, bench_selection(), bench.work / f"flat_{n_events}")
    programs += root_programs(bench.root, flat)
    check(programs)
    return programs


def _measure_cuts(bench: Bench) -> None:
    sample = _sample(bench, "hits", RunFileFormat.TTREE, bench.plan.n_events)
    programs = scaling.vary_selection(bench.work / "varied", sample.catalogue())
    for program in programs:
        program.run()
    bench.findings.variations = measure(programs, sample.n_events, bench.plan.rounds)


def _measure_formats(bench: Bench) -> None:
    n_events = _quarter(bench)
    for layout in ("hits", "tout2023", "array2018"):
        for container in RunFileFormat:
            sample = _sample(bench, layout, container, n_events)
            programs = _with_features(sample, bench.work / "format")
            check(programs)
            kept = [one for one in programs if one.name in (PROCESS, RERUN)]
            bench.findings.formats[sample.name] = measure(kept, n_events, bench.plan.rounds)
            sample.path.unlink()


def _with_features(sample: BenchmarkSample, folder: Path) -> list[Program]:
    """Put first what writes the features that a rerun reads."""
    catalogue, selection = sample.catalogue(), bench_selection()
    keep = Program(
        "keep features",
        lambda: process_cells(catalogue, selection, folder / "partials", store=folder / "features"),
    )
    return [keep, *(one for one in our_programs(sample, selection, folder) if one.name in (PROCESS, RERUN))]


def _measure_memory(bench: Bench) -> None:
    for size in (bench.plan.n_events, _TENFOLD * bench.plan.n_events):
        bench.say(f"peak memory with {size:,} events")
        sample = make_sample("hits", RunFileFormat.TTREE, size, bench.work, run=8703)
        bench.findings.memory[size] = scaling.peak_memory(sample, bench.work / "memory")
        sample.path.unlink()


def _measure_starts(bench: Bench) -> None:
    bench.say("starts")
    sample = make_sample("hits", RunFileFormat.TTREE, BLOCK, bench.work, run=8704)
    bench.findings.starts = starts.measure_starts(sample, bench.work / "starts")


def _measure_workers(bench: Bench) -> None:
    size = max(bench.plan.n_events // 2, 1)
    numbers = range(8710, 8726)
    many = [make_sample("hits", RunFileFormat.TTREE, size, bench.work, run=run) for run in numbers]
    one = make_dense("LZ4", n_dense(bench), bench.work / "dense", bench.root)
    for name, samples in ((MANY_HITS, many), (ONE_DENSE, [one])):
        n_events = sum(sample.n_events for sample in samples)
        bench.say(f"no, one and two workers, warm, {name}: {n_events:,} events")
        found = measure_workers(samples, bench.work / "workers", bench.plan.rounds)
        bench.findings.workers[name] = found
        for sample in samples:
            sample.path.unlink()


def _measure_commands(bench: Bench) -> None:
    for codec in COMMAND_CODECS:
        bench.say(f"whole commands, one dense file, {codec}: {n_dense(bench):,} events")
        sample = make_dense(codec, n_dense(bench), bench.work / "dense", bench.root)
        bench.findings.commands[codec] = measure_commands(
            sample,
            bench.work / "commands",
            bench.plan.rounds,
            root_python=bench.root_python,
            build=bench.build,
        )
        sample.path.unlink()


def _measure_scheduler(bench: Bench) -> None:
    for n_chunks in bench.plan.chunks:
        bench.say(f"{n_chunks:,} chunks that do nothing")
        bench.findings.scheduler += [
            scaling.measure_scheduler(n_chunks, bench.work / "scheduler", kept=kept) for kept in (False, True)
        ]


_PARTS: dict[Part, Callable[[Bench], None]] = {
    Part.HITS: _measure_hits,
    Part.TOUT2023: _measure_flat,
    Part.CUTS: _measure_cuts,
    Part.DENSE: measure_dense,
    Part.LZMA: measure_lzma,
    Part.FORMATS: _measure_formats,
    Part.MEMORY: _measure_memory,
    Part.STARTS: _measure_starts,
    Part.WORKERS: _measure_workers,
    Part.COMMANDS: _measure_commands,
    Part.SCHEDULER: _measure_scheduler,
}
