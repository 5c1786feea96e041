"""Files with every cell filled, codec by codec: ours and RDataFrame on what ROOT wrote."""

from __future__ import annotations

import shutil
from functools import partial

from na64.benchmarks.counts import bench_selection
from na64.benchmarks.dense import CLUSTER, RNTUPLE, import_ntuple, make_dense
from na64.benchmarks.findings import Bench
from na64.benchmarks.programs import FLOOR, PROCESS, Program, our_programs, process_cells
from na64.benchmarks.root_peers import FUSED_ROOT, LAZY_ROOT, root_programs
from na64.benchmarks.rounds import check, measure_slopes
from na64.datasets.reading.decompression import libraries

LZMA = "LZMA"

_LEAST = 2 * CLUSTER  # the first cluster of ROOT is of many small baskets
_OF_LZMA = 4 * CLUSTER  # decompressing takes 50 us an event, compressing 400
_CODECS = ("LZ4", "ZLIB", "ZSTD")
_AS_RNTUPLE = ("LZ4", "ZSTD")


def n_dense(bench: Bench) -> int:
    """Events of a dense file: 600,000 of a million."""
    return max(3 * bench.plan.n_events // 5, 1)


def measure_dense(bench: Bench) -> None:
    """Measure the codecs that are quick to write."""
    for codec in _CODECS:
        _measure(bench, codec, n_dense(bench))


def measure_lzma(bench: Bench) -> None:
    """Measure LZMA on fewer events."""
    bench.findings.notes.append(f"LZMA is decompressed by {libraries()[LZMA]}")
    _measure(bench, LZMA, min(n_dense(bench), _OF_LZMA))


def _measure(bench: Bench, codec: str, n_events: int) -> None:
    bench.say(f"every cell filled, {codec}, written by {bench.writer}: {n_events:,} events")
    timings = measure_slopes(partial(_programs, bench, codec), n_events, _LEAST, bench.plan.rounds)
    bench.findings.dense[codec] = timings
    bench.findings.dense_writer = bench.writer
    shutil.rmtree(bench.work / "dense")


def _programs(bench: Bench, codec: str, n_events: int) -> list[Program]:
    selection, folder, root = bench_selection(), bench.work / "dense", bench.root
    sample = make_dense(codec, n_events, folder, root)
    partials = folder / "partials"
    programs = [one for one in our_programs(sample, selection, partials) if one.name in (FLOOR, PROCESS)]
    if root is not None and codec in _AS_RNTUPLE:
        catalogue = import_ntuple(sample, root).catalogue()
        programs.append(Program(RNTUPLE, lambda: process_cells(catalogue, selection, partials)))
    programs += root_programs(root, sample, (LAZY_ROOT, FUSED_ROOT))
    check(programs)
    return programs
