"""A result of two runs, small enough to check by hand."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest

from na64.datasets.basics.sourced_values import Fact
from na64.outputs.result import histograms
from na64.outputs.result.descriptions import selection_facts
from na64.outputs.result.summary import Blinding, RunAccounting, Summary, Verdict
from na64.outputs.result.summary_facts import BoxFacts, FileFacts, PeriodFacts
from na64.processors.counting.booking import Booking, book
from na64.processors.counting.tally import N_COMPONENTS_WEIGHTED, Tally, with_histograms
from na64.selections.selection import Selection, load_selection

SELECTION = """
base = "dimuon_2023"
name = "tiny"
label = "a tiny selection"
description = "three cuts"
yields_after = "momentum"

[[cut]]
name = "master_time"
source = "[V: EJ]"
master_time = { min = 86.5, max = 113.5, unit = "ns" }

[[cut]]
name = "momentum"
source = "[R-med] 10 GeV"
track_momentum = { above = 90, below = 110, unit = "GeV" }

[[cut]]
name = "hcal_out_of_time"
source = "NOT FOUND: a choice"
hcal_out_of_time = { below = 50, unit = "GeV" }

[[histogram]]
name = "ecal_timing"
label = "ECAL before and after its window"
after = "momentum"
axes = [
  { feature = "ecal_total", bins = 15, low = 0, high = 150, unit = "GeV" },
  { feature = "ecal", bins = 15, low = 0, high = 150, unit = "GeV" },
]

[[histogram]]
name = "hcal_0"
label = "HCAL module 0"
after = "momentum"
axes = [{ feature = "hcal_0", bins = 30, low = 0, high = 30, unit = "GeV", label = "HCAL 0 [GeV]" }]
"""


@dataclass(frozen=True)
class Case:
    """What a pass over two runs leaves, and what is known of it."""

    facts: Summary
    tallies: dict[int, Tally]
    booking: Booking
    selection: Selection


def tally(
    booking: Booking, first_fail: list[list[int]], *, hidden: int = 0, skipped: int = 0, n_components: int = 1
) -> Tally:
    """Tally with these counts of its first layer; every other layer repeats them, histograms are made up."""
    counts = np.array(first_fail, np.int64)
    n_cuts = len(booking.cuts)
    visible = int(counts.sum())
    empty = booking.empty_tally(n_components)
    bins = np.zeros((n_components, booking.n_bins), np.int64)
    bins[:, ::7] = np.arange(len(range(0, booking.n_bins, 7))) % 5
    return replace(
        with_histograms(empty, bins),
        accounting={
            "processed": visible + hidden,
            "hidden": hidden,
            "open": 3 if hidden else 0,
            "skipped_nonfinite": 0,
            "skipped_cell_range": skipped,
            "skipped_unequal_hits": 0,
            "skipped_too_many_hits": 0,
        },
        first_fail=np.broadcast_to(counts, (n_components, *counts.shape)).copy(),
        single_cut=np.full((n_components, n_cuts), visible - 1, np.int64),
        n_minus_one=np.full((n_components, n_cuts), int(counts[-1].sum()) + 2, np.int64),
    )


def facts_of(
    case: dict[int, Tally], selection: Selection, booking: Booking, *, is_data: bool = True
) -> Summary:
    runs = tuple(
        RunAccounting(
            run,
            "2023A",
            "physics",
            {**t.accounting, "recorded": t.read + 5 * (run == 8701), "missing": 5 * (run == 8701)},
            2.5e9 if run == 8700 else None,
            2.25e9 if run == 8700 else None,
            particle="e-",
            energy=100.0,
        )
        for run, t in sorted(case.items())
    )
    totals = {name: sum(run.accounting[name] for run in runs) for name in runs[0].accounting}
    totals |= {"visible": 45, "selected": 20, "region_I": 8, "region_II": 5, "region_III": 6}
    return Summary(
        verdict=Verdict.INCOMPLETE,
        reasons=("5 events of run 8701 were not read",),
        is_data=is_data,
        has_truth=False,
        blinding=Blinding.BLIND if is_data else Blinding.NOT_BLINDED,
        scope="all runs",
        totals=totals,
        runs=runs,
        selection=selection_facts(selection),
        boxes=(BoxFacts("2023A", 60.0, 1.0, 5.0, 0.5, "ecal [V: x]; hcal [R-hi]", (0, 1)),),
        periods=(PeriodFacts("2023A", (Fact("beam.energy", "100", "GeV", "[V: JINR]"),)),),
        histograms=histograms.describe(booking),
        files=FileFacts(3, 2, (("bad.root", "truncated"),)),
        warnings=("run 8701 has no EOT record",),
        failures=(),
        identities={"selection": selection.identity},
    )


def build_case(folder: Path, *, is_data: bool = True, n_components: int = 1) -> Case:
    path = folder / "tiny.toml"
    path.write_text(SELECTION)
    selection = load_selection(path)
    booking = book(selection)
    # Rows: fails master_time, momentum, hcal_out_of_time, none. Columns: elsewhere, I, II, III.
    one = tally(
        booking,
        [[3, 1, 0, 0], [2, 0, 1, 0], [1, 0, 0, 2], [4, 5, 2, 1]],
        hidden=7 if is_data else 0,
        skipped=2,
        n_components=n_components,
    )
    two = tally(
        booking,
        [[1, 0, 2, 0], [6, 1, 0, 0], [2, 1, 1, 1], [2, 2, 2, 2]],
        hidden=4 if is_data else 0,
        n_components=n_components,
    )
    tallies = {8701: two, 8700: one}
    return Case(facts_of(tallies, selection, booking, is_data=is_data), tallies, booking, selection)


@pytest.fixture
def case(tmp_path: Path) -> Case:
    return build_case(tmp_path)


@pytest.fixture
def weighted_case(tmp_path: Path) -> Case:
    return build_case(tmp_path, is_data=False, n_components=N_COMPONENTS_WEIGHTED)


@pytest.fixture(scope="session")
def make_case() -> Callable[[Path], Case]:
    return build_case
