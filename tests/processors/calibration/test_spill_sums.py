"""Sums of spills of files that lack a detector: nothing of the others stands for it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from na64.datasets.conditions.periods import packaged_periods
from na64.datasets.instrument.features import FEATURES, INDEX
from na64.outputs.control.calibration.followed import BEAM, Rows, rows_of, spills_of
from na64.processors.calibration.samples import SAMPLES, SampledCells
from na64.processors.calibration.spill_sums import spill_sums
from na64.processors.features.single_cells import CellTable

SETUP = packaged_periods()["2023A"].setup
N_EVENTS = 600


def sampled(seed: int, detectors: Sequence[str], *, absent: Sequence[str] = ()) -> SampledCells:
    """Events of a file with some detectors, of which some were not recorded."""
    random = np.random.default_rng(seed)
    cells = {}
    for name in detectors:
        shape = N_EVENTS, SETUP.detectors[name].n_cells
        energy, delay = random.exponential(1.0, shape), random.normal(0, 2, shape)
        cells[name] = CellTable(energy, energy, delay, np.full(shape, 10.0))
    values = random.exponential(2.0, (len(FEATURES), N_EVENTS)).astype(np.float32)
    gone = [*absent, *(name for name in SETUP.detectors if name not in detectors)]
    for feature in FEATURES.values():
        if not {*gone}.isdisjoint(feature.detectors):
            values[INDEX[feature.name]] = np.nan
    kind = np.arange(N_EVENTS) % 3
    return SampledCells(
        run=8701,
        spill=np.ones(N_EVENTS, np.int64),
        samples={
            name: kind == ["beam", "random", "led"].index(name)
            if name in ("beam", "random", "led")
            else np.zeros(N_EVENTS, bool)
            for name in SAMPLES
        },
        cells=cells,
        present={name: np.full(N_EVENTS, name not in absent) for name in detectors},
        values=values,
    )


def followed(*files: SampledCells) -> Rows:
    first, *others = (spill_sums(one, SETUP, INDEX) for one in files)
    total = sum(others, first)
    return rows_of(spills_of(total, SETUP)[1], SETUP)


@pytest.mark.parametrize("lacking", ["ecal", "vhcal", "veto"])
@pytest.mark.parametrize("is_absent", [False, True])
def test_a_file_without_a_detector_changes_nothing_of_it(lacking: str, is_absent: bool) -> None:
    names = [*SETUP.detectors]
    whole = sampled(1, names)
    there = names if is_absent else [name for name in names if name != lacking]
    other = sampled(2, there, absent=[lacking] if is_absent else [])
    both, alone, rest = followed(whole, other), followed(whole), followed(other)
    of_it = [key for key in both if key[0] == lacking or key == (BEAM, f"{lacking}_cells")]
    assert {key[1] for key in of_it} >= {"occupancy", "noise_occupancy", "led_occupancy", "signal", "noise"}
    for key in (*of_it, *([(BEAM, "vhcal_total")] if lacking == "vhcal" else [])):
        np.testing.assert_array_equal(both[key].value, alone[key].value)
        np.testing.assert_array_equal(both[key].error, alone[key].error)
    assert lacking not in {detector for detector, _ in rest}
    for name in {*names} - {lacking}:
        hits, trials = both[name, "occupancy"].hits, both[name, "occupancy"].trials
        assert hits is not None
        assert trials is not None
        assert trials.tolist() == [400] * len(hits)
        added = [one[name, "occupancy"].hits for one in (alone, rest)]
        np.testing.assert_array_equal(hits, added[0] + added[1])  # type: ignore[operator]
