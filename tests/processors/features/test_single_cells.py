"""Single cells are those that the features are made of."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from na64.datasets.conditions.periods import load_periods
from na64.datasets.instrument.columns import DETECTORS, EventColumns
from na64.datasets.reading.layout import load_layout
from na64.datasets.reading.read import read
from na64.processors.features.compute import compute
from na64.processors.features.feature_table import FeatureTable
from na64.processors.features.single_cells import CellTable, cell_tables

LAYOUTS = {"tout2023": ("small", "2023A"), "hits": ("small", "2023A"), "array2018": ("small2018", "2018")}


@pytest.fixture(scope="module", params=LAYOUTS)
def sample(
    request: pytest.FixtureRequest, simulate: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory
) -> tuple[str, EventColumns, dict[str, CellTable], FeatureTable]:
    """Give sixty events of a layout, their cells and their features."""
    campaign, period = LAYOUTS[request.param]
    files = simulate(tmp_path_factory.mktemp(request.param), campaign, 300, layout=request.param)
    layout, setup = load_layout(request.param), load_periods()[period].setup
    events = read(sorted(files.glob("*.root"))[0], layout, 0, 60)
    residual, absent = layout.time_is_residual, layout.absent_nan
    features = compute(events, setup, bad=np.zeros(60, bool), residual_times=residual, absent_nan=absent)
    return (
        request.param,
        events,
        cell_tables(events, setup, residual_times=residual, absent_nan=absent),
        features,
    )


def test_cells_add_up_to_the_features(sample: Any) -> None:
    _, events, tables, features = sample
    assert set(tables) == set(events.detectors) <= set(DETECTORS)
    for detector, made in {"ecal": "ecal", "srd": "srd_sum", "vhcal": "vhcal"}.items():
        if detector in tables:
            total = tables[detector].in_time.sum(axis=1)
            assert total == pytest.approx(features[made], rel=1e-6, nan_ok=True)
    assert tables["ecal"].energy.sum(axis=1) == pytest.approx(features["ecal_total"], rel=1e-6)
    assert (tables["ecal"].energy > 0).sum() > 500


def test_what_is_in_time_lies_in_the_window(sample: Any) -> None:
    name, _, tables, _ = sample
    n_out_of_time = 0
    for table in tables.values():
        inside = np.abs(table.delay) < table.window
        assert (np.isnan(table.delay) == (table.energy == 0)).all()
        # Two pulses in a cell may disagree; of one pulse in a cell all is in time or nothing.
        whole = (table.in_time == 0) | (table.in_time == table.energy)
        assert (inside == (table.in_time > 0))[whole].all()
        n_out_of_time += int((~inside & (table.energy > 0)).sum())
    assert n_out_of_time > 10 or name == "array2018"  # which has no times of the ECAL
