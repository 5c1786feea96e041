"""The same cuts on the same features by other programs."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from na64.benchmarks.counts import BenchmarkCounts, DifferentCountsError, bench_selection
from na64.benchmarks.parquet_peers import DUCKDB, POLARS, parquet_programs, write_features
from na64.benchmarks.programs import Program, process_cells
from na64.benchmarks.rounds import check
from na64.benchmarks.sample import make_sample
from na64.datasets.synthetic.writers import RunFileFormat
from na64.selections.cut import When

SELECTION = bench_selection()


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, BenchmarkCounts]:
    """A Parquet file of features, and what we count of them."""
    folder = tmp_path_factory.mktemp("peers")
    sample = make_sample("hits", RunFileFormat.TTREE, 400, folder)
    write_features(sample, SELECTION, folder / "features.parquet")
    return folder / "features.parquet", process_cells(sample.catalogue(), SELECTION, folder / "partials")


def test_the_file_has_a_row_an_event_and_what_the_cuts_need(written: tuple[Path, BenchmarkCounts]) -> None:
    path, counts = written
    table = pq.read_table(path)
    assert table.num_rows == counts.passed[0]
    assert {*SELECTION.feature_names} <= {*table.column_names}


@pytest.mark.parametrize("module", ["duckdb", "polars"])
def test_others_count_as_we_do_or_are_not_timed(module: str, written: tuple[Path, BenchmarkCounts]) -> None:
    pytest.importorskip(module)
    path, counts = written
    name = {"duckdb": DUCKDB, "polars": POLARS}[module]
    (program,) = (one for one in parquet_programs(path, SELECTION)[0] if one.name == name)
    check([Program("ours", lambda: counts), program])
    others = replace(counts, passed=(*counts.passed[:-1], counts.passed[-1] + 1))
    with pytest.raises(DifferentCountsError, match=f"{name} and ours differ in passed"):
        check([Program("ours", lambda: others), program])


def test_what_cannot_be_imported_is_left_out_with_the_reason(
    monkeypatch: pytest.MonkeyPatch, written: tuple[Path, BenchmarkCounts]
) -> None:
    for module in ("duckdb", "polars"):
        monkeypatch.setitem(sys.modules, module, None)
    programs, left_out = parquet_programs(written[0], SELECTION)
    assert programs == []
    assert [line.split(": left out, ")[0] for line in left_out] == [DUCKDB, POLARS]


def test_cuts_that_are_more_than_intervals_are_refused(written: tuple[Path, BenchmarkCounts]) -> None:
    first, *others = SELECTION.cuts
    changed = replace(first, when=(When("1-2", ((1, 2),), first.condition),))
    with pytest.raises(ValueError, match=f"cut {first.name}: not only intervals"):
        parquet_programs(written[0], replace(SELECTION, cuts=(changed, *others)))
