from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from na64.benchmarks.bars import bars
from na64.benchmarks.bench import FUSED_ROOT, IDIOMATIC_ROOT, Findings, Workload, above, run_bench
from na64.benchmarks.counts import BenchmarkCounts, DifferentCountsError, checksum, require_equal
from na64.benchmarks.parquet_peers import DUCKDB, POLARS
from na64.benchmarks.programs import FLOOR, OWN_READ, PROCESS, RERUN, Program
from na64.benchmarks.rounds import CpuTiming, check, measure
from na64.benchmarks.sample import make_sample
from na64.benchmarks.scaling import measure_scheduler
from na64.benchmarks.table import draw, to_markdown, write
from na64.benchmarks.workers import Turn, WorkersResult, measure_workers
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
    findings = Findings("machine", "date")
    findings.main = [CpuTiming(PROCESS, 1000, (1.0, 1.0, 1.0))]
    findings.sizes = [CpuTiming(PROCESS, 4000, (1.3, 9.0, 1.2))]
    assert findings.sizes[0].per_event == pytest.approx(1.3e9 / 4000)
    assert findings.slope(PROCESS) == pytest.approx(1e5)


def test_a_larger_sample_that_took_no_longer_gives_no_slope_and_no_negative_time() -> None:
    findings = Findings("machine", "date")
    findings.main = [
        CpuTiming(name, 1000, (seconds,))
        for name, seconds in zip((PROCESS, OWN_READ, RERUN), (1.0, 1.1, 0.5), strict=True)
    ]
    findings.sizes = [CpuTiming(PROCESS, 4000, (0.9,)), CpuTiming(RERUN, 4000, (0.4,))]
    assert findings.slope(PROCESS) is None
    table = to_markdown(findings)
    assert f"| {PROCESS} | not measured |  |" in table
    assert "-" not in "".join(line for line in table.splitlines() if line.startswith(f"| {PROCESS} |"))
    assert next(bar for bar in bars(findings) if bar.name == "hits, process less own read").measured is None


def test_what_a_smaller_dense_file_takes_is_taken_off_all_programs_or_none() -> None:
    small = [CpuTiming(FLOOR, 100, (0.3, 0.2)), CpuTiming(PROCESS, 100, (0.5, 0.4))]
    large = [CpuTiming(FLOOR, 1100, (1.2, 1.3)), CpuTiming(PROCESS, 1100, (2.4, 2.5))]
    assert [timing.per_event for timing in above(small, large)] == pytest.approx([1e6, 2e6])
    assert above([small[0], CpuTiming(PROCESS, 100, (2.6,))], large) == large


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
    findings = run_bench(Workload(n_events=2000, rounds=1, scaling=False), tmp_path, say=said.append)
    names = {timing.name for timing in findings.main}
    assert {PROCESS, RERUN, "coffea and awkward", "our kernel in coffea's Runner"} <= names
    assert set(findings.formats) == {
        f"{layout} {container.value}"
        for layout in ("hits", "tout2023", "array2018")
        for container in RunFileFormat
    }
    assert not (tmp_path / "work").exists()
    table = write(findings, tmp_path)
    assert PROCESS in table
    assert json.loads((tmp_path / "bench.json").read_text())["main"][0]["n_events"] == 2000
    assert (tmp_path / "bench.svg").stat().st_size > 1000
    assert len(draw(findings).axes) == 2
    assert "| hits parquet |" in to_markdown(findings)
    assert {codec: [timing.name for timing in timings] for codec, timings in findings.dense.items()} == {
        codec: [FLOOR, PROCESS] for codec in ("LZ4", "ZLIB", "ZSTD")
    }
    assert "| tout2023 with every cell filled, written by na64, 500 events, ns/event | LZ4 | ZLIB" in table


def _workers(*, cpu: float, rate: float) -> list[WorkersResult]:
    speeds = (1.0, 0.5, 2.0)  # of the machine, round by round
    turns = [(1.0, 100.0), (1.0, cpu), (rate, 120.0)]
    return [
        WorkersResult(workers, tuple(Turn(rate * speed, cpu / speed) for speed in speeds))
        for workers, (rate, cpu) in enumerate(turns)
    ]


def _found() -> Findings:
    findings = Findings("machine", "date")
    findings.main = [
        CpuTiming(name, 1000, (seconds,))
        for name, seconds in (
            (PROCESS, 600e-6),
            (OWN_READ, 350e-6),
            (FUSED_ROOT, 1000e-6),
            (IDIOMATIC_ROOT, 2000e-6),
            (RERUN, 60e-6),
            (DUCKDB, 60e-6),
            (POLARS, 60e-6),
        )
    ]
    findings.sizes = [CpuTiming(PROCESS, 2000, (1100e-6,)), CpuTiming(RERUN, 2000, (110e-6,))]
    findings.flat = [CpuTiming(PROCESS, 1000, (700e-6,)), CpuTiming(FUSED_ROOT, 1000, (1000e-6,))]
    findings.dense = {
        codec: [CpuTiming(PROCESS, 1000, (seconds,)), CpuTiming(FUSED_ROOT, 1000, (1e-3,))]
        for codec, seconds in (("LZ4", 0.5e-3), ("ZLIB", 0.65e-3), ("ZSTD", 0.72e-3))
    }
    findings.workers = _workers(cpu=115.0, rate=1.7)
    findings.starts = {"help": 0.1, "start": 1.0, "nothing to do": 3.0}
    findings.memory = {1000: 100.0, 10_000: 120.0}
    return findings


def test_every_bar_is_met_up_to_its_limit() -> None:
    verdicts = {bar.name: bar.verdict for bar in bars(_found())}
    assert len(verdicts) == 17
    assert set(verdicts.values()) == {"met"}


def test_every_bar_can_be_missed_and_left_out() -> None:
    found = _found()
    slow = CpuTiming(PROCESS, 1000, (1300e-6,))
    found.main[0] = slow
    found.main[4] = CpuTiming(RERUN, 1000, (61e-6,))
    found.sizes = [CpuTiming(PROCESS, 2000, (1900e-6,)), CpuTiming(RERUN, 2000, (150e-6,))]
    for timings in (found.flat, *found.dense.values()):
        timings[0] = slow
    found.workers = _workers(cpu=116.0, rate=1.6)
    found.starts = {"help": 0.2, "start": 1.1, "nothing to do": 3.2}
    found.memory = {1000: 100.0, 10_000: 121.0}
    assert {bar.verdict for bar in bars(found)} == {"**missed**"}
    assert {bar.verdict for bar in bars(Findings("machine", "date"))} == {"not measured"}


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
    lines = to_markdown(Findings("machine", "date", workers=found)).splitlines()
    row = next(line for line in lines if line.startswith("| none: iterative |"))
    assert row.split(" | ")[4] == "1.00 x"


@pytest.mark.parametrize("kept", [True, False])
def test_chunks_that_do_nothing_all_come_back(kept: bool, tmp_path: Path) -> None:
    found = measure_scheduler(20, tmp_path, kept=kept, workers=1)
    assert found.chunks == 20
    assert found.wall > 0
    assert len([path for path in (tmp_path / "20").rglob("*") if path.is_file()]) == 20 * kept


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
