from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from na64.benchmarks.bars import bars
from na64.benchmarks.bench import run_bench
from na64.benchmarks.counts import BenchmarkCounts, DifferentCountsError, checksum, require_equal
from na64.benchmarks.dense import RNTUPLE, make_dense
from na64.benchmarks.end_to_end import (
    ITERATIVE,
    TWO_OF_DASK,
    TWO_PROCESSES,
    TWO_WORKERS,
    CommandTiming,
    measure_commands,
)
from na64.benchmarks.findings import Findings, Workload
from na64.benchmarks.parquet_peers import DUCKDB, POLARS
from na64.benchmarks.parts import QUICK, Part, parts_of
from na64.benchmarks.programs import FLOOR, OWN_READ, PROCESS, RERUN, Program
from na64.benchmarks.root_peers import FUSED_ROOT, IDIOMATIC_ROOT, LAZY_ROOT, RootServer
from na64.benchmarks.rounds import CpuTiming, TwoSizes, check, measure, measure_slopes
from na64.benchmarks.sample import make_sample
from na64.benchmarks.scaling import measure_scheduler
from na64.benchmarks.table import draw, to_markdown, write
from na64.benchmarks.workers import MANY_HITS, ONE_DENSE, Turn, WorkersResult, measure_workers
from na64.datasets.reading.read import read
from na64.datasets.synthetic.writers import RunFileFormat
from na64.run import main

COUNTS = BenchmarkCounts(passed=(3, 2), n_minus_one=(2,), runs=2, plane=7, variables=9)


@pytest.mark.parametrize(
    "other",
    [
        replace(COUNTS, passed=(3, 1)),
        replace(COUNTS, n_minus_one=(3,)),
        replace(COUNTS, runs=1),
        replace(COUNTS, plane=8),
        replace(COUNTS, variables=8),
    ],
)
def test_one_different_integer_is_refused(other: BenchmarkCounts) -> None:
    require_equal({"a": COUNTS, "b": COUNTS})
    with pytest.raises(DifferentCountsError, match="b and a differ"):
        require_equal({"a": COUNTS, "b": other})


def test_a_program_that_counts_less_is_compared_in_what_it_counts() -> None:
    require_equal({"a": COUNTS, "b": BenchmarkCounts(passed=(3, 2))})
    with pytest.raises(DifferentCountsError, match="b and a differ in passed"):
        require_equal({"a": COUNTS, "b": BenchmarkCounts(passed=(3, 1))})


def test_programs_that_count_differently_are_not_timed() -> None:
    programs = [Program("a", lambda: COUNTS), Program("b", lambda: replace(COUNTS, plane=8))]
    with pytest.raises(DifferentCountsError):
        check(programs)
    assert check(programs[:1]) == COUNTS


def test_a_checksum_tells_which_bin_an_event_is_in() -> None:
    assert checksum(np.array([0, 2, 1])) == 2 * 2 + 3
    assert checksum(np.array([2, 0, 1])) != checksum(np.array([0, 2, 1]))


def test_programs_take_turns() -> None:
    order = []
    programs = [
        Program(name, lambda name=name: order.append(name), lambda: 2.0)  # type: ignore[misc]
        for name in "ab"
    ]
    timings = measure(programs, n_events=1000, rounds=2)
    assert order == ["a", "b", "a", "b"]
    assert [timing.per_event for timing in timings] == [2e6, 2e6]


def test_the_median_counts_and_the_slope_leaves_out_what_is_fixed() -> None:
    times = TwoSizes([CpuTiming(PROCESS, 1000, (1.0, 1.5, 1.0))], [CpuTiming(PROCESS, 4000, (1.3, 9.0, 1.4))])
    assert times.many[0].per_event == pytest.approx(1.4e9 / 4000)
    assert times.slope(PROCESS) == pytest.approx(1e5)


@pytest.mark.parametrize("seconds", [0.9, 1.0, 1.09])
def test_a_larger_sample_that_took_hardly_longer_gives_no_slope_and_no_negative_time(seconds: float) -> None:
    findings = Findings("machine", "date")
    names = (PROCESS, OWN_READ, RERUN, FUSED_ROOT)
    few = [CpuTiming(name, 1000, (1.0,)) for name in names]
    findings.hits = TwoSizes(few, [CpuTiming(name, 4000, (seconds,)) for name in names])
    assert findings.hits.slope(PROCESS) is None
    (row,) = (line for line in to_markdown(findings).splitlines() if line.startswith(f"| {PROCESS} |"))
    assert row.endswith(" |  |")
    assert "-" not in row
    assert {bar.verdict for bar in bars(findings)} == {"not measured"}


def test_a_second_size_is_measured_where_there_are_events_for_two() -> None:
    asked: list[int] = []

    def list_programs(n_events: int) -> list[Program]:
        asked.append(n_events)
        return [Program("a", lambda: None, lambda: n_events / 100)]

    times = measure_slopes(list_programs, 4000, 100, rounds=2)
    assert asked == [500, 4000]
    assert times.slope("a") == pytest.approx(1e7)
    assert [one.seconds for one in (*times.few, *times.many)] == [(5.0, 5.0), (40.0, 40.0)]
    assert measure_slopes(list_programs, 200, 100, rounds=1).few[0].n_events == 100
    alone = measure_slopes(list_programs, 199, 100, rounds=1)
    assert alone.few == []
    assert alone.slope("a") is None


@pytest.mark.parametrize("container", RunFileFormat)
def test_a_sample_has_its_events_under_different_numbers(container: RunFileFormat, tmp_path: Path) -> None:
    sample = make_sample("hits", container, 700, tmp_path)
    columns = read(
        sample.path, sample.layout, 0, 700, columns=["run", "spill", "event", "ecal_cell", "ecal_energy"]
    )
    assert set(columns.event["run"].tolist()) == {8701}
    assert len(set(columns.event["event"].tolist())) == 700
    n_hits = columns.cells("ecal").energy.size / 700
    assert 28 < n_hits < 36


def test_all_programs_give_the_same_integers(tmp_path: Path) -> None:
    said: list[str] = []
    plan = Workload(n_events=2000, rounds=1, parts=QUICK)
    findings = run_bench(plan, tmp_path, say=said.append)
    names = {timing.name for timing in findings.hits.many}
    assert {PROCESS, RERUN, "coffea and awkward", "our kernel in coffea's Runner"} <= names
    assert set(findings.formats) == {
        f"{layout} {container.value}"
        for layout in ("hits", "tout2023", "array2018")
        for container in RunFileFormat
    }
    assert not (tmp_path / "work").exists()
    table = write(findings, tmp_path)
    written = json.loads((tmp_path / "bench.json").read_text())
    assert written["hits"]["many"][0]["n_events"] == 2000
    assert written["parts"] == [part.value for part in QUICK]
    assert (tmp_path / "bench.svg").stat().st_size > 1000
    assert len(draw(findings).axes) == 5
    assert "| hits parquet |" in table
    dense = {codec: [one.name for one in times.many] for codec, times in findings.dense.items()}
    assert dense == {codec: [FLOOR, PROCESS] for codec in ("LZ4", "ZLIB", "ZSTD")}
    title = "| tout2023 with every cell filled, written by na64; one event more, ns | LZ4 | ZLIB"
    assert title in table
    assert "parts left out: lzma, memory, starts, workers, commands, scheduler." in table
    assert {bar.verdict for bar in bars(findings)} == {"not measured"}


def test_parts_that_are_not_asked_for_are_neither_measured_nor_held_against_bars(tmp_path: Path) -> None:
    findings = run_bench(Workload(n_events=200, rounds=1, parts=(Part.CUTS,)), tmp_path, say=lambda _: None)
    assert findings.variations
    assert not findings.hits.many
    assert bars(findings) == []
    assert {bar.name for bar in bars(replace(findings, parts=(Part.LZMA,)))} == {
        f"every cell filled, LZMA, process / {FUSED_ROOT}"
    }
    assert len(draw(findings).axes) == 0


def _workers(*, cpu: float, rate: float) -> list[WorkersResult]:
    speeds = (1.0, 0.5, 2.0)  # of the machine, round by round
    turns = [(1.0, 100.0), (1.0, cpu), (rate, 120.0)]
    return [
        WorkersResult(workers, tuple(Turn(rate * speed, cpu / speed) for speed in speeds))
        for workers, (rate, cpu) in enumerate(turns)
    ]


def _slopes(**programs: float) -> TwoSizes:
    """Programs that take so many ns an event more, and a second before."""
    few, many = (
        [CpuTiming(name, n_events, (1.0 + 1e-9 * n_events * more,)) for name, more in programs.items()]
        for n_events in (10**6, 10**7)
    )
    return TwoSizes(few, many)


def _found(*, worse: float = 1.0) -> Findings:
    findings = Findings("machine", "date")
    dense = {PROCESS: 500.0 * worse, RNTUPLE: 600 * worse**2}
    findings.hits = _slopes(
        **{PROCESS: 800.0 * worse, OWN_READ: 500.0, FUSED_ROOT: 3200.0, IDIOMATIC_ROOT: 800 / 0.3},
        **{RERUN: 80.0 * worse**2, DUCKDB: 80.0, POLARS: 80.0},
    )
    findings.flat = _slopes(**{PROCESS: 700.0 * worse, FUSED_ROOT: 1000.0})
    findings.dense = {
        codec: _slopes(**dense, **{FUSED_ROOT: 500 / fused, LAZY_ROOT: 500 / lazy})
        for codec, fused, lazy in (
            ("LZ4", 0.5, 0.75),
            ("ZLIB", 0.65, 0.75),
            ("ZSTD", 0.72, 0.95),
            ("LZMA", 1.0, 1.0),
        )
    }
    workers = _workers(cpu=115.0 * worse, rate=1.7 / worse)
    findings.workers = {MANY_HITS: workers, ONE_DENSE: _workers(cpu=100.0, rate=1 / 0.6 / worse)}
    walls = {ITERATIVE: 1.0, TWO_WORKERS: 1.05 * worse, TWO_PROCESSES: 0.6 * worse, TWO_OF_DASK: 0.7}
    findings.commands = {
        codec: [CommandTiming(name, (wall, 2.0), (wall, 2.0)) for name, wall in walls.items()]
        for codec in ("LZ4", "ZLIB")
    }
    findings.starts = {"help": 0.1 * worse, "start": worse, "nothing to do": 3.0 + 3 * (worse - 1)}
    findings.memory = {1000: 100.0, 10_000: 120.0 * worse}
    return findings


def test_every_bar_is_met_up_to_its_limit() -> None:
    verdicts = {bar.name: bar.verdict for bar in bars(_found(worse=0.9999))}
    assert len(verdicts) == 27
    assert set(verdicts.values()) == {"met"}


def test_every_bar_can_be_missed_and_left_out() -> None:
    found = _found(worse=1.05)
    assert {bar.name for bar in bars(found) if bar.verdict != "**missed**"} == set()
    assert {bar.verdict for bar in bars(Findings("machine", "date"))} == {"not measured"}


def test_what_a_start_dominates_is_not_held_against_bars() -> None:
    found = _found(worse=1.05)
    names = {bar.name for bar in bars(found)}
    found.hits, found.flat = replace(found.hits, few=[]), replace(found.flat, few=[])
    found.dense = {codec: replace(timings, few=[]) for codec, timings in found.dense.items()}
    found.memory, found.n_events = {1000: 500.0}, 999_999
    assert names & {bar.name for bar in bars(found) if bar.verdict != "not measured"} == {
        "start of na64 process, kernels compiled before",
        "na64 --help",
        "na64 process with nothing to do, less the start",
    }


def test_workers_are_compared_within_a_round() -> None:
    one = WorkersResult(1, (Turn(1.0, 115.0), Turn(1.0, 230.0), Turn(1.0, 100.0)))
    none = WorkersResult(0, (Turn(1.0, 100.0), Turn(1.0, 200.0), Turn(1.0, 200.0)))
    assert one.ratio(none, "cpu") == pytest.approx(1.15)  # of the medians it would be 0.575


def test_workers_take_turns_and_are_set_as_a_table(tmp_path: Path) -> None:
    sample = make_sample("hits", RunFileFormat.TTREE, 1000, tmp_path)
    found = measure_workers([sample], tmp_path / "work", rounds=2, numbers=(0, 1))
    assert [(one.workers, len(one.turns)) for one in found] == [(0, 2), (1, 2)]
    assert all(turn.rate > 0 and turn.cpu > 0 for one in found for turn in one.turns)
    assert all(turn.others >= turn.stolen for one in found for turn in one.turns)
    lines = to_markdown(Findings("machine", "date", workers={MANY_HITS: found})).splitlines()
    row = next(line for line in lines if line.startswith("| none: iterative |"))
    assert row.split(" | ")[4] == "1.00 x"


@pytest.mark.parametrize("kept", [True, False])
def test_chunks_that_do_nothing_all_come_back(kept: bool, tmp_path: Path) -> None:
    found = measure_scheduler(20, tmp_path, kept=kept, workers=1)
    assert found.chunks == 20
    assert found.wall > 0
    assert len([path for path in (tmp_path / "20").rglob("*") if path.is_file()]) == 20 * kept


@pytest.mark.soak
def test_whole_commands_count_alike_and_are_set_as_a_table(tmp_path: Path) -> None:
    sample = make_dense("LZ4", 300, tmp_path, None)
    found = measure_commands(sample, tmp_path / "work", 1, root_python=None, build=tmp_path)
    assert [one.name for one in found] == [ITERATIVE, TWO_WORKERS, TWO_PROCESSES, TWO_OF_DASK]
    assert all(len(one.wall) == len(one.cpu) == 1 for one in found)
    table = to_markdown(Findings("machine", "date", commands={"LZ4": found}))
    assert f"| {ITERATIVE} | {found[0].wall[0]:.2f} | 1.00 x |" in table


def test_answers_of_root_are_counts_of_what_it_counts(tmp_path: Path) -> None:
    answers = ["ready", '{"cpu": 2.5, "counts": {"passed": [3, 2]}}', '{"cpu": 0.5, "counts": {}}']
    script = f"import sys; [(print('na64: ' + one, flush=True), sys.stdin.readline()) for one in {answers!r}]"
    with subprocess.Popen([sys.executable, "-c", script], stdin=-1, stdout=-1, text=True) as process:
        root = RootServer(process, tmp_path / "axes")
        assert root.read() == "ready\n"
        assert root.run("lazy_hits", tmp_path) == BenchmarkCounts(passed=(3, 2))
        assert root.cpu == 2.5
        root.share_among(2)


def test_the_command_refuses_an_interpreter_without_root(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["bench", "--quick", "--events", "100", "--to", str(tmp_path)]
    assert main([*command, "--root-python", str(tmp_path / "no_python")]) == 2
    assert "no_python" in capsys.readouterr().err


def test_the_command_prints_its_table_line_by_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("na64.benchmarks.bench.run_bench", lambda *_, **__: Findings("machine", "date"))
    assert main(["bench", "--quick", "--to", str(tmp_path)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert "| bar | measured | limit | |" in lines
    assert not any("\\x" in line or "| met |" in line for line in lines)


def test_parts_are_known_by_name_and_keep_their_order(capsys: pytest.CaptureFixture[str]) -> None:
    assert parts_of("workers, dense") == (Part.DENSE, Part.WORKERS)
    with pytest.raises(SystemExit, match="2"):
        main(["bench", "--only", "dense,densest"])
    assert "'densest' is no part of the benchmark: expected any of hits, tout2023" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "rounds", "parts"),
    [
        ([], 5, tuple(Part)),
        (["--quick"], 1, QUICK),
        (["--only", "lzma"], 5, (Part.LZMA,)),
        (["--quick", "--only", "starts"], 1, (Part.STARTS,)),
    ],
)
def test_the_command_measures_what_it_is_asked_for(
    options: list[str], rounds: int, parts: tuple[Part, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plans: list[Workload] = []

    def run(plan: Workload, *_: object, **__: object) -> Findings:
        plans.append(plan)
        return Findings("machine", "date", plan.parts)

    monkeypatch.setattr("na64.benchmarks.bench.run_bench", run)
    assert main(["bench", *options, "--to", str(tmp_path)]) == 0
    assert [(plan.rounds, plan.parts) for plan in plans] == [(rounds, parts)]
