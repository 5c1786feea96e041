"""What is opened is what was registered; what cannot be read is named and not counted."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from na64.datasets.catalogue.build import Catalogue, build
from na64.processors.execution.backends import IterativeBackend
from na64.processors.job import build_job
from na64.processors.unblinded_counts import Opened, Opening, open_box
from na64.selections.selection import load_selection
from na64.selections.signal_box import Unblinding

WHOLE = Unblinding("f" * 64, "ready", ("Ada", "Emmy"), "key")


@pytest.fixture
def catalogue(simulate: Callable[..., Path], tmp_path: Path) -> Catalogue:
    files = simulate(tmp_path, "signal", 400, layout="hits", format="parquet")
    return build([files], simulation=False)


def opened(catalogue: Catalogue, unblinding: Unblinding = WHOLE) -> Opened:
    job = build_job(catalogue, load_selection("invisible_2023"))
    return open_box(catalogue, Opening(job, unblinding), IterativeBackend())


def test_every_run_is_opened_and_a_part_is_less(catalogue: Catalogue) -> None:
    found = opened(catalogue)
    n_cuts = len(load_selection("invisible_2023").cuts)
    assert list(found.counts) == sorted(catalogue.runs)
    assert {len(numbers) for numbers in found.counts.values()} == {n_cuts + 1}
    assert found.total == tuple(map(sum, zip(*found.counts.values(), strict=True)))
    assert found.total == tuple(sorted(found.total, reverse=True))
    assert found.total[0] > found.total[-1] > 0
    assert found.failures == ()
    part = opened(catalogue, replace(WHOLE, fraction=0.3))
    assert 0 < part.total[0] < found.total[0]


@pytest.mark.parametrize("damage", ["changed", "gone"])
def test_a_file_that_is_not_as_registered_is_not_opened(catalogue: Catalogue, damage: str) -> None:
    whole = opened(catalogue)
    record = next(record for record in catalogue.good if whole.counts[next(iter(record.runs))][0])
    path = Path(record.path)
    content = bytearray(path.read_bytes())
    path.unlink()
    if damage == "changed":
        content[20] ^= 1
        path.write_bytes(content)
    found = opened(catalogue)
    (failure,) = found.failures
    what = f"{record.name}: another content" if damage == "changed" else "FileNotFoundError: "
    assert failure.startswith(f"{record.name}, events 0 to {record.entries}: {what}")
    lost = {run for run in record.runs if sum(run in other.runs for other in catalogue.good) == 1}
    assert lost
    for run, numbers in found.counts.items():
        assert (set(numbers) == {0}) if run in lost else numbers == whole.counts[run]
