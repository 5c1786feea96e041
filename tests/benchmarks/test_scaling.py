"""Long runs: memory and the scheduler at sizes that people have."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from na64.benchmarks.sample import make_sample
from na64.benchmarks.scaling import measure_scheduler, peak_memory
from na64.datasets.synthetic.writers import RunFileFormat

pytestmark = pytest.mark.soak

_BYTES = 600
"""Of an event on disk, or a few more."""


def _peak(n_events: int, folder: Path) -> float:
    sample = make_sample("hits", RunFileFormat.TTREE, n_events, folder)
    try:
        return peak_memory(sample, folder / "memory")
    finally:
        sample.path.unlink()


def test_ten_times_the_events_need_no_more_memory(tmp_path: Path) -> None:
    few, many = 1_000_000, 10_000_000
    if shutil.disk_usage(tmp_path).free < 2 * many * _BYTES:
        pytest.skip("the disk is too small")
    assert _peak(many, tmp_path) <= 1.2 * _peak(few, tmp_path)


def test_a_hundred_thousand_chunks_are_scheduled_at_the_cost_of_ten_thousand(tmp_path: Path) -> None:
    few = measure_scheduler(10_000, tmp_path / "few", kept=False)
    many = measure_scheduler(100_000, tmp_path / "many", kept=False)
    assert many.chunks == 100_000
    assert many.cpu < 5.0 * few.cpu  # quadratic would be ten times; load may double it
