"""Files whose cells are not those of the period: refused when they are registered."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import awkward as ak
import numpy as np
import pytest

from na64.datasets.catalogue.geometry import check_layout
from na64.datasets.catalogue.inspection import Expectation, inspect
from na64.datasets.catalogue.records import Status
from na64.datasets.conditions.periods import load_periods
from na64.datasets.reading.layout import LAYOUTS, load_layout, parse_layout

EXPECTED = Expectation(tuple(load_layout(name) for name in LAYOUTS), load_periods())
Writer = Callable[..., Path]


def hits(cells: list[list[int]]) -> dict[str, Any]:
    counts = np.array([len(event) for event in cells])
    one = ak.unflatten(np.ones(counts.sum(), np.float32), counts)
    numbers = ak.unflatten(np.array([cell for event in cells for cell in event], np.int32), counts)
    return {"hcal_cell": numbers, "hcal_energy": one, "hcal_residual": one, "hcal_sigma": one}


def test_hits_of_a_larger_calorimeter_are_quarantined(write_run: Writer) -> None:
    cells = [[17, 40, 71], [50], [71, 3], [], [60]] * 5
    path = write_run(layout="hits", tree="events", n_events=25, **hits(cells))
    record = inspect(str(path), EXPECTED)
    assert record.status is Status.QUARANTINED
    assert record.reason == "hcal has hits in cells beyond the 36 (4x3x3) of period 2023A"


@pytest.mark.parametrize("cells", [[[35], [71], [0], [], [3]] * 20, [[71]] * 15, [[]] * 20])
def test_single_damaged_events_do_not_condemn_a_file(cells: list[list[int]], write_run: Writer) -> None:
    path = write_run(layout="hits", tree="events", n_events=len(cells), **hits(cells))
    assert inspect(str(path), EXPECTED).status is Status.GOOD


@pytest.mark.parametrize("container", ["ttree", "parquet"])
def test_vectors_of_another_number_of_cells_are_quarantined(container: str, write_run: Writer) -> None:
    other = {"HCAL_ene": ak.from_regular(np.ones((20, 72)))}
    record = inspect(str(write_run(n_events=20, container=container, **other)), EXPECTED)
    assert record.status is Status.QUARANTINED
    assert record.reason == 'branch "HCAL_ene" has 72 values an event, layout tout2023 36'


@pytest.mark.parametrize(
    ("shape", "is_told"),
    [
        ([4, 3, 3], False),
        ([36], False),
        ([12, 3], False),
        ([4, 9], False),
        ([9, 4], True),
        ([2, 6, 3], True),
        ([4, 6, 3], True),
        ([3, 3, 3], True),
        ([6, 6], True),
    ],
)
def test_a_shape_is_that_of_the_period_or_a_part_of_it_taken_together(
    shape: list[int], is_told: bool
) -> None:
    text = load_layout("tout2023").text.replace("shape = [4, 3, 3]", f"shape = {shape}")
    layout = parse_layout(text.replace("shape = [36]", f"shape = [{np.prod(shape)}]"), "mine")
    reason = check_layout(layout, load_periods()["2023A"])
    assert bool(reason) is is_told
    if is_told:
        assert reason == f"hcal of layout tout2023 is {'x'.join(map(str, shape))}, of period 2023A 4x3x3"


@pytest.mark.parametrize(
    ("column", "size", "expected"),
    [("ECAL_ene", 30, "60"), ("VETO_tSigma", 2, "at least 3"), ("SRD_tE", 1, "3")],
)
def test_a_column_with_too_few_values_is_named(column: str, size: int, expected: str) -> None:
    lines = load_layout("tout2023").text.splitlines()
    (at,) = [n for n, line in enumerate(lines) if f'"{column}"' in line]
    lines[at] = (
        f'{lines[at].split("=")[0]}= {{ branch = "{column}", unit = "{_unit(column)}", shape = [{size}] }}'
    )
    reason = check_layout(parse_layout("\n".join(lines), "mine"), load_periods()["2023A"])
    assert f"has {size} values an event, expected {expected} in period 2023A" in reason


def _unit(column: str) -> str:
    return "GeV" if column.endswith("_ene") else "ns"


def test_the_packaged_layouts_fit_their_periods() -> None:
    periods = load_periods()
    for layout, period in (("tout2023", "2023A"), ("array2018", "2018"), ("hits", "2023A"), ("hits", "2018")):
        assert check_layout(load_layout(layout), periods[period]) == ""


def test_another_number_of_modules_is_told() -> None:
    period = load_periods()["2023A"]
    hcal = replace(
        period.setup.modules,
        shape=(2, 3, 3),
        scale=(1.0,) * 18,
        sigma_of_cell=tuple(range(18)),
        timing=replace(period.setup.modules.timing, expected=(0.0,) * 18, sigma=(1.0,) * 18),
    )
    smaller = replace(period, name="mine", setup=period.setup.with_detectors(hcal))
    assert check_layout(load_layout("tout2023"), smaller) == (
        "hcal of layout tout2023 is 4x3x3, of period mine 2x3x3"
    )
