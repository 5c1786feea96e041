"""Features of cells and hits against plain sums."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from na64.datasets.instrument.columns import DETECTORS, Cells, EventColumns, Hits, Shape
from na64.datasets.instrument.detector import Setup
from na64.datasets.instrument.features import FEATURES
from na64.datasets.instrument.roles import Role
from na64.processors.features.compute import DIRECT, MADE_OF, warm_up
from na64.processors.kernels import blocks
from na64.processors.kernels.window import LANES
from na64.tests.processors.features.random_events import (
    SCALARS,
    SETUP,
    as_hits,
    detector,
    made,
    plain_sums,
    put,
    random_events,
    with_column,
)


def test_features_of_cells_are_the_plain_sums_of_the_columns() -> None:
    events = random_events(2 * LANES + 17)
    table = made(events)
    assert table.values.dtype == np.float32
    assert table.values.shape == (len(FEATURES), events.n_events)
    assert not table.skip.any()
    for name, twin in plain_sums(events).items():
        np.testing.assert_allclose(table[name], twin, rtol=1e-6, atol=1e-6, err_msg=name)


def test_visible_energy_is_rounded_once() -> None:
    events = random_events(LANES)
    exact = plain_sums(events)["visible_energy"].astype(np.float32)
    table = made(events)
    assert (table["visible_energy"] == exact).mean() > 0.999
    assert (table["ecal"] + table["hcal_012"] != exact).any()


def test_every_feature_is_made() -> None:
    features = {name for names in MADE_OF.values() for name in names}
    assert features | set(DIRECT) | {"trigger_physics", "bad_spill", "visible_energy"} == set(FEATURES)
    values = np.full((len(FEATURES), 40), 77.0, np.float32)
    made(random_events(40), out=values, profile_chi2=True)
    assert not (values == 77.0).any()
    assert np.isfinite(values).all()


@settings(max_examples=25)
@given(st.integers(0, 2**32 - 1), st.integers(0, 6), st.sampled_from([np.float32, np.float64]))
def test_hits_and_cells_of_the_same_values_give_the_same_bits(seed: int, n_events: int, dtype: Any) -> None:
    events = random_events(n_events, seed)
    cells: dict[str, Cells | Hits] = {}
    hits: dict[str, Cells | Hits] = {}
    for name, columns in events.detectors.items():
        assert isinstance(columns, Cells)
        arrays = (columns.energy, columns.time, columns.expected_time, columns.time_sigma)
        cells[name] = Cells(*(np.asarray(array).astype(dtype) for array in arrays))
        hits[name] = as_hits(
            cells[name],
            np.array(SETUP.detectors[name].sigma_of_cell)
            if name == "veto"
            else np.arange(60)[: columns.energy.shape[1]],
        )
    dense = made(replace(events, detectors={**cells}), profile_chi2=True)
    sparse = made(replace(events, detectors={**hits}), profile_chi2=True)
    assert dense.values.tobytes() == sparse.values.tobytes()


def test_how_events_are_cut_into_chunks_does_not_matter() -> None:
    events = random_events(3 * LANES // 2)
    whole = made(events)
    for start, stop in ((0, 1), (1, LANES + 1), (LANES + 1, events.n_events)):
        part = EventColumns(
            stop - start,
            {name: column[start:stop] for name, column in events.event.items()},
            {
                name: Cells(
                    *(
                        getattr(cells, what)[start:stop]
                        for what in ("energy", "time", "expected_time", "time_sigma")
                    )
                )
                for name, cells in events.detectors.items()
            },
        )
        assert made(part).values.tobytes() == whole.values[:, start:stop].tobytes()


def test_no_events_give_an_empty_table() -> None:
    table = made(random_events(0))
    assert table.values.shape == (len(FEATURES), 0)
    assert table.skip.shape == (0,)


@pytest.mark.parametrize("name", DETECTORS)
def test_without_a_detector_its_features_are_nan_and_the_others_unchanged(name: str) -> None:
    events = random_events(5)
    whole = made(events)
    less = made(
        replace(events, detectors={key: value for key, value in events.detectors.items() if key != name})
    )
    lost = {*MADE_OF[name], *(["visible_energy"] if name in ("ecal", "hcal") else [])}
    for feature in FEATURES:
        expected = np.full(5, np.nan) if feature in lost else whole[feature]
        np.testing.assert_array_equal(less[feature], expected, err_msg=feature)
    assert not less.skip.any()


@pytest.mark.parametrize("name", SCALARS)
def test_without_a_column_its_feature_is_nan(name: str) -> None:
    events = random_events(5)
    table = made(replace(events, event={key: value for key, value in events.event.items() if key != name}))
    if name == "shower_chi2":
        np.testing.assert_array_equal(table["shower_chi2"], table["ecal_chi2"])
        assert np.isfinite(table["shower_chi2"]).all()
    else:
        assert np.isnan(table["trigger_physics" if name == "trigger" else name]).all()
    assert not table.skip.any()


def test_the_profile_chi2_is_made_when_asked_or_needed() -> None:
    events = random_events(5)
    assert np.isnan(made(events)["ecal_chi2"]).all()
    asked = made(events, profile_chi2=True)
    assert np.isfinite(asked["ecal_chi2"]).all()
    np.testing.assert_array_equal(asked["shower_chi2"], events.event["shower_chi2"].astype(np.float32))


def test_residual_times_are_relative_to_nothing() -> None:
    events = random_events(50)
    residual = events
    for name in events.detectors:
        cells = events.cells(name)
        assert cells.time is not None
        residual = with_column(residual, name, time=cells.time - cells.expected_time, expected_time=None)
    np.testing.assert_array_equal(made(residual, residual_times=True)["ecal"], made(events)["ecal"])
    assert (made(residual)["ecal"] == 0.0).all()


def test_what_the_file_lacks_of_times_is_the_periods() -> None:
    events = random_events(50)
    ecal = events.cells("ecal")
    lacking = with_column(events, "ecal", time_sigma=None, expected_time=None)
    setup = SETUP.with_detectors(detector("ecal", expected=(50.0,) * 60, sigma=(0.5,) * 60))
    twin = np.where(np.abs(np.asarray(ecal.time) - 50.0) < 1.5, ecal.energy, 0.0).sum(axis=1)
    np.testing.assert_allclose(made(lacking, setup)["ecal"], twin, rtol=1e-6)
    timeless = made(with_column(events, "ecal", time=None), setup)
    np.testing.assert_array_equal(timeless["ecal"], timeless["ecal_total"])


def test_a_resolution_that_is_nowhere_is_refused() -> None:
    setup = SETUP.with_detectors(detector("ecal", sigma=(np.nan,) * 60))
    with pytest.raises(ValueError, match="ecal: no time resolution"):
        made(with_column(random_events(2), "ecal", time_sigma=None), setup)


def test_energies_are_scaled() -> None:
    events = random_events(20)
    doubled = SETUP.with_detectors(replace(SETUP.detectors["srd"], scale=(2.0, 2.0, 2.0)))
    np.testing.assert_array_equal(made(events, doubled)["srd_sum"], 2 * made(events)["srd_sum"])


@pytest.mark.parametrize("how", ["read-only", "big-endian", "strided", "unaligned"])
def test_how_an_array_is_stored_does_not_matter(how: str) -> None:
    events = random_events(5)
    energy = events.cells("ecal").energy
    if how == "read-only":
        stored = energy.copy()
        stored.flags.writeable = False
    elif how == "big-endian":
        stored = energy.astype(">f8")
    elif how == "strided":
        stored = np.repeat(energy, 2, axis=1)[:, ::2]
    else:
        stored = np.frombuffer(b"x" + energy.tobytes(), np.uint8)[1:].view(np.float64).reshape(energy.shape)
    assert made(with_column(events, "ecal", energy=stored)).values.tobytes() == made(events).values.tobytes()


def test_inputs_are_left_as_they_are() -> None:
    events = random_events(5)
    before = events.cells("ecal").energy.copy()
    made(events)
    np.testing.assert_array_equal(events.cells("ecal").energy, before)
    assert events.cells("ecal").energy.flags.writeable


def test_a_value_beyond_float32_is_infinite_without_a_warning() -> None:
    events = random_events(2)
    table = made(
        with_column(events, "ecal", energy=put(events.cells("ecal").energy, (0, 0), 1e300), time=None)
    )
    assert table["ecal"][0] == np.inf
    assert not table.skip.any()


@pytest.mark.parametrize(
    ("events", "message"),
    [
        (
            with_column(random_events(3), "ecal", energy=np.ones((3, 72))),
            r"ecal_energy: shape \(3, 72\) for 3 events, 60 cells",
        ),
        (with_column(random_events(3), "ecal", time=np.ones((2, 60))), r"ecal_time: shape \(2, 60\)"),
        (
            with_column(random_events(3), "veto", time_sigma=np.ones((3, 2))),
            r"veto_time_sigma: shape \(3, 2\)",
        ),
        (
            replace(random_events(3), event={"master_time": np.ones(2)}),
            r"master_time: shape \(2,\) for 3 events",
        ),
        (EventColumns(2, {}, {"srd": Hits(np.array([0, 1]), np.zeros(1, int), np.ones(1))}), "srd: offsets"),
        (EventColumns(1, {}, {"srd": Hits(np.array([0, 2]), np.zeros(1, int), np.ones(1))}), "srd: offsets"),
        (EventColumns(1, {}, {"srd": Hits(np.array([-1, 1]), np.zeros(1, int), np.ones(1))}), "srd: offsets"),
        (
            EventColumns(2, {}, {"srd": Hits(np.array([0, 1, 0]), np.zeros(1, int), np.ones(1))}),
            "srd: offsets decrease",
        ),
        (EventColumns(1, {}, {"srd": Hits(np.array([0, 1]), np.zeros(1), np.ones(1))}), "srd_cell: float64"),
        (
            EventColumns(1, {}, {"srd": Hits(np.array([0, 1]), np.zeros(1, int), np.ones(2))}),
            "srd_energy: shape",
        ),
        (
            EventColumns(
                1, {}, {"srd": Hits(np.array([0, 1]), np.zeros(1, int), np.ones(1), unequal=np.ones(2, bool))}
            ),
            "srd: shape .* of unequal",
        ),
    ],
)
def test_arrays_of_another_shape_are_refused(events: EventColumns, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        made(events)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (SETUP.with_detectors(replace(SETUP.calorimeter, beam_cell=(5, 2))), "beam cell"),
        (replace(SETUP, chosen_modules=(0, 4)), "hcal module 4"),
        (replace(SETUP, subtracted_modules=(-1,)), "hcal module -1"),
        (SETUP.with_detectors(replace(SETUP.calorimeter, shape=(1, 10, 6))), "1 planes"),
        (
            SETUP.with_detectors(replace(SETUP.detectors["srd"], name="veto", role=Role.PADDLES)),
            "veto: 3 photomultipliers",
        ),
    ],
)
def test_a_set_up_that_does_not_fit_is_refused(change: Setup, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        made(random_events(1), change)


@pytest.mark.parametrize("shape", [(len(FEATURES), 2), (3, 3)])
def test_a_table_of_another_shape_is_refused(shape: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match="out"):
        made(random_events(3), out=np.empty(shape, np.float32))


def test_a_table_is_reused() -> None:
    out = np.empty((len(FEATURES), 3), np.float32)
    assert made(random_events(3), out=out).values is out


@pytest.mark.skipif("NUMBA_DISABLE_JIT" in os.environ, reason="nothing is compiled")
def test_after_the_warm_up_nothing_is_compiled() -> None:
    warm_up(SETUP, [(Shape.CELLS, "float64")])
    kernels = [blocks.calorimeter_of_cells, blocks.modules_of_cells, blocks.small_of_cells]
    before = [len(kernel.called.signatures) for kernel in kernels]  # type: ignore[attr-defined]
    made(random_events(3))
    made(random_events(LANES + 1))
    assert [len(kernel.called.signatures) for kernel in kernels] == before  # type: ignore[attr-defined]


@pytest.mark.soak  # compiles every kernel anew
def test_the_kernels_stay_in_bounds(tmp_path: Path) -> None:
    if "NUMBA_BOUNDSCHECK" in os.environ or "NUMBA_DISABLE_JIT" in os.environ:
        pytest.skip("inside such a run")
    environment = {**os.environ, "NUMBA_BOUNDSCHECK": "1"}
    how_they_are_made = {"test_compiled_files.py", "test_jit.py", "test_linked.py"}
    kernels = [
        str(path)
        for path in sorted((Path(__file__).parents[1] / "kernels").glob("test_*.py"))
        if path.name not in how_they_are_made
    ]
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        "--import-mode=importlib",
        *kernels,
        __file__,
        str(Path(__file__).with_name("test_skipped_events.py")),
    ]
    done = subprocess.run(command, env=environment, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    imports = "import numpy as np\nfrom na64.processors.kernels.window import sum_cells\n"
    overrun = f"{imports}sum_cells(np.ones((2, 3)), np.ones(5))"
    broken = subprocess.run(
        [sys.executable, "-c", overrun], env=environment, capture_output=True, text=True, check=False
    )
    assert "IndexError" in broken.stderr
