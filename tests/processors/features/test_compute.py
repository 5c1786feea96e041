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
from numpy.typing import NDArray

from na64.datasets.instrument.columns import DETECTORS, Cells, EventColumns, Hits, Shape
from na64.datasets.instrument.detector import Detector, Setup, ShowerTemplate, Timing
from na64.datasets.instrument.features import FEATURES
from na64.processors.features.compute import DIRECT, MADE_OF, FeatureTable, Skip, compute, warm_up
from na64.processors.features.window_arguments import MOST_PULSES
from na64.processors.kernels import blocks
from na64.processors.kernels.window import LANES

Array = NDArray[Any]
SHAPES = {"ecal": (2, 5, 6), "hcal": (4, 3, 3), "vhcal": (1, 4, 4), "srd": (3, 1, 1), "veto": (3, 2, 1)}
SCALARS = (*DIRECT, "trigger")
WORKING = {"ecal": 1.0, "hcal": 1.5, "vhcal": 0.1, "srd": 0.02, "veto": 0.01}


def _detector(name: str, **timing: Any) -> Detector:
    n_cells = int(np.prod(SHAPES[name]))
    window = Timing(
        n_sigma=3.0,
        half_width=16.5 if name == "hcal" else None,
        expected=(40.0,) * n_cells,
        sigma=(1.0,) * n_cells,
    )
    paddle = tuple(cell // 2 for cell in range(n_cells)) if name == "veto" else tuple(range(n_cells))
    pedestal = 0.2 if name == "hcal" else -np.inf
    return Detector(name, SHAPES[name], (1.0,) * n_cells, pedestal, replace(window, **timing), paddle)


SETUP = Setup(
    **{name: _detector(name) for name in DETECTORS},
    physics_trigger_mask=4,
    beam_cell=(2, 2),
    cell_pitch=38.2,
    hcal_modules=(0, 1),
    hcal_subtracted_modules=(0, 1),
    topology_threshold=0.5,
    topology_peripheral_only=False,
    muon_hcal_2=2.0,
    muon_centre=1.5,
    muon_hcal_2_with_centre=1.3,
    veto_mip=0.0107,
    veto_balance=0.3,
    template=ShowerTemplate(4.0, 22.0, 0.0, 0.3, 0.73, 0.09, 0.05, 0.03, 2),
)


def _cells(name: str, n_events: int, generator: np.random.Generator) -> Cells:
    n_cells = int(np.prod(SHAPES[name]))
    shape = (n_events, n_cells)
    n_sigma = 3 if name == "veto" else n_cells
    return Cells(
        generator.exponential(WORKING[name], shape) * (generator.random(shape) < 0.6),
        generator.normal(50.0, 2.5, shape),
        generator.normal(50.0, 0.1, shape),
        generator.uniform(0.8, 1.2, (n_events, n_sigma)),
    )


def _events(n_events: int, seed: int = 1) -> EventColumns:
    generator = np.random.default_rng(seed)
    event: dict[str, Array] = {name: generator.uniform(0, 5, n_events) for name in DIRECT}
    event.update({name: generator.integers(0, 8, n_events) for name in ("trigger", "straw3_x", "straw4_y")})
    return EventColumns(n_events, event, {name: _cells(name, n_events, generator) for name in DETECTORS})


def _as_hits(cells: Cells | Hits, of_cell: Array) -> Hits:
    assert isinstance(cells, Cells)
    kept = cells.energy != 0
    assert cells.time is not None
    assert cells.expected_time is not None
    assert cells.time_sigma is not None
    return Hits(
        np.concatenate([[0], np.cumsum(kept.sum(axis=1))]),
        np.nonzero(kept)[1].astype(np.uint8),
        cells.energy[kept],
        cells.time[kept],
        cells.expected_time[kept],
        cells.time_sigma[:, of_cell][kept],
    )


def _make(events: EventColumns, setup: Setup = SETUP, **options: Any) -> FeatureTable:
    return compute(events, setup, bad=np.zeros(events.n_events, np.bool_), **options)


def _with(events: EventColumns, name: str, **arrays: Any) -> EventColumns:
    return replace(events, detectors={**events.detectors, name: replace(events.detectors[name], **arrays)})


def _put(array: Array | None, where: tuple[int, ...], value: float) -> Array:
    assert array is not None
    changed = array.copy()
    changed[where] = value
    return changed


def _twin(events: EventColumns) -> dict[str, Array]:
    """The sums that matter most, written from the columns in one go."""
    in_time, total = {}, {}
    for name, cells in events.detectors.items():
        assert isinstance(cells, Cells)
        half = 16.5 if name == "hcal" else 3 * np.asarray(cells.time_sigma)
        half = np.repeat(half, 2, axis=1) if name == "veto" else half
        total[name] = np.where(cells.energy > 0.2, cells.energy, 0) if name == "hcal" else cells.energy
        in_time[name] = np.where(np.abs(np.asarray(cells.time) - cells.expected_time) < half, total[name], 0)
    ecal, hcal = in_time["ecal"].reshape(-1, 2, 5, 6), in_time["hcal"].reshape(-1, 4, 9).sum(axis=2)
    inner = ecal[:, :, 1:4, 1:4].sum(axis=(1, 2, 3))
    tubes = in_time["veto"].reshape(-1, 3, 2)
    sums = {
        "ecal": ecal.sum(axis=(1, 2, 3)),
        "ecal_total": total["ecal"].sum(axis=1),
        "preshower": ecal[:, 0].sum(axis=(1, 2)),
        "ecal_max_cell": ecal[:, 1].reshape(-1, 30).argmax(axis=1),
        "ecal_ratio": 1 - inner / ecal.sum(axis=(1, 2, 3)),
        "hcal": hcal[:, 0] + hcal[:, 1],
        "hcal_3": hcal[:, 3],
        "hcal_out_of_time": total["hcal"][:, :27].sum(axis=1) - hcal[:, 0] - hcal[:, 1],
        "vhcal": in_time["vhcal"].sum(axis=1),
        "srd_1": in_time["srd"][:, 1],
        "veto_2": tubes[:, 2].sum(axis=1),
        "visible_energy": ecal.sum(axis=(1, 2, 3)) + hcal[:, :3].sum(axis=1),
        "trigger_physics": (events.event["trigger"] & 4) > 0,
    }
    return {**sums, **{name: events.event[name] for name in DIRECT}}


def test_features_of_cells_are_the_plain_sums_of_the_columns() -> None:
    events = _events(2 * LANES + 17)
    table = _make(events)
    assert table.values.dtype == np.float32
    assert table.values.shape == (len(FEATURES), events.n_events)
    assert not table.skip.any()
    for name, twin in _twin(events).items():
        np.testing.assert_allclose(table[name], twin, rtol=1e-6, atol=1e-6, err_msg=name)


def test_visible_energy_is_rounded_once() -> None:
    events = _events(LANES)
    exact = _twin(events)["visible_energy"].astype(np.float32)
    table = _make(events)
    assert (table["visible_energy"] == exact).mean() > 0.999
    assert (table["ecal"] + table["hcal_012"] != exact).any()


def test_every_feature_is_made() -> None:
    made = {name for names in MADE_OF.values() for name in names}
    assert made | set(DIRECT) | {"trigger_physics", "bad_spill", "visible_energy"} == set(FEATURES)
    values = np.full((len(FEATURES), 40), 77.0, np.float32)
    _make(_events(40), out=values, profile_chi2=True)
    assert not (values == 77.0).any()
    assert np.isfinite(values).all()


@settings(max_examples=25)
@given(st.integers(0, 2**32 - 1), st.integers(0, 6), st.sampled_from([np.float32, np.float64]))
def test_hits_and_cells_of_the_same_values_give_the_same_bits(seed: int, n_events: int, dtype: Any) -> None:
    events = _events(n_events, seed)
    cells: dict[str, Cells | Hits] = {}
    hits: dict[str, Cells | Hits] = {}
    for name, columns in events.detectors.items():
        assert isinstance(columns, Cells)
        arrays = (columns.energy, columns.time, columns.expected_time, columns.time_sigma)
        cells[name] = Cells(*(np.asarray(array).astype(dtype) for array in arrays))
        hits[name] = _as_hits(
            cells[name],
            np.array(getattr(SETUP, name).sigma_of_cell)
            if name == "veto"
            else np.arange(60)[: columns.energy.shape[1]],
        )
    dense = _make(replace(events, detectors=cells), profile_chi2=True)
    sparse = _make(replace(events, detectors=hits), profile_chi2=True)
    assert dense.values.tobytes() == sparse.values.tobytes()


def test_how_events_are_cut_into_chunks_does_not_matter() -> None:
    events = _events(3 * LANES // 2)
    whole = _make(events)
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
        assert _make(part).values.tobytes() == whole.values[:, start:stop].tobytes()


def test_no_events_give_an_empty_table() -> None:
    table = _make(_events(0))
    assert table.values.shape == (len(FEATURES), 0)
    assert table.skip.shape == (0,)


@pytest.mark.parametrize("name", DETECTORS)
def test_without_a_detector_its_features_are_nan_and_the_others_unchanged(name: str) -> None:
    events = _events(5)
    whole = _make(events)
    less = _make(
        replace(events, detectors={key: value for key, value in events.detectors.items() if key != name})
    )
    lost = {*MADE_OF[name], *(["visible_energy"] if name in ("ecal", "hcal") else [])}
    for feature in FEATURES:
        expected = np.full(5, np.nan) if feature in lost else whole[feature]
        np.testing.assert_array_equal(less[feature], expected, err_msg=feature)
    assert not less.skip.any()


@pytest.mark.parametrize("name", SCALARS)
def test_without_a_column_its_feature_is_nan(name: str) -> None:
    events = _events(5)
    table = _make(replace(events, event={key: value for key, value in events.event.items() if key != name}))
    if name == "shower_chi2":
        np.testing.assert_array_equal(table["shower_chi2"], table["ecal_chi2"])
        assert np.isfinite(table["shower_chi2"]).all()
    else:
        assert np.isnan(table["trigger_physics" if name == "trigger" else name]).all()
    assert not table.skip.any()


def test_the_profile_chi2_is_made_when_asked_or_needed() -> None:
    events = _events(5)
    assert np.isnan(_make(events)["ecal_chi2"]).all()
    asked = _make(events, profile_chi2=True)
    assert np.isfinite(asked["ecal_chi2"]).all()
    np.testing.assert_array_equal(asked["shower_chi2"], events.event["shower_chi2"].astype(np.float32))


def test_bad_events_are_marked() -> None:
    bad = np.array([False, True, False])
    assert compute(_events(3), SETUP, bad=bad)["bad_spill"].tolist() == [0, 1, 0]


def _skipped(table: FeatureTable, reason: Skip, event: int) -> None:
    assert table.skip[event] == reason
    assert np.isnan(table.values[:, event]).all()
    others = np.delete(np.arange(len(table.skip)), event)
    assert not table.skip[others].any()
    assert np.isfinite(table["visible_energy"][others]).all()


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("name", DETECTORS)
def test_a_value_that_is_not_finite_skips_its_event_wherever_it_is(name: str, value: float) -> None:
    events = _events(4)
    for what in ("energy", "time", "expected_time", "time_sigma"):
        array = getattr(events.detectors[name], what)
        for cell in (0, array.shape[1] - 1):
            table = _make(_with(events, name, **{what: _put(array, (2, cell), value)}))
            if name == "hcal" and what == "time_sigma":
                assert not table.skip.any()  # the period's fixed window is used, the column is not
            else:
                _skipped(table, Skip.NONFINITE, 2)


@pytest.mark.parametrize("name", DIRECT[:4])
def test_an_event_column_that_is_not_finite_skips_its_event(name: str) -> None:
    events = _events(4)
    spoilt = replace(events, event={**events.event, name: _put(events.event[name], (1,), np.nan)})
    _skipped(_make(spoilt), Skip.NONFINITE, 1)
    table = _make(spoilt, absent_nan=frozenset({name}))
    assert not table.skip.any()
    assert np.isnan(table[name]).tolist() == [False, True, False, False]
    infinite = replace(events, event={**events.event, name: _put(events.event[name], (1,), np.inf)})
    _skipped(_make(infinite, absent_nan=frozenset({name})), Skip.NONFINITE, 1)


@pytest.mark.parametrize("what", ["energy", "time"])
def test_where_nan_means_absent_only_the_detector_is_lost(what: str) -> None:
    events = _events(4)
    spoilt = _with(events, "hcal", **{what: _put(getattr(events.detectors["hcal"], what), (1, 7), np.nan)})
    table = _make(spoilt, absent_nan=frozenset({f"hcal_{what}"}))
    assert not table.skip.any()
    whole = _make(events)
    for feature in FEATURES:
        lost = feature in MADE_OF["hcal"] or feature == "visible_energy"
        assert np.isnan(table[feature][1]) == (lost or np.isnan(whole[feature][1])), feature
    np.testing.assert_array_equal(np.delete(table.values, 1, axis=1), np.delete(whole.values, 1, axis=1))
    _skipped(_make(spoilt, absent_nan=frozenset({"ecal_energy"})), Skip.NONFINITE, 1)


@pytest.mark.parametrize("cell", [-1, 36, 2_000_000_000])
def test_a_hit_in_a_cell_that_does_not_exist_skips_its_event(cell: int) -> None:
    events = _events(4)
    hits = _as_hits(events.detectors["hcal"], np.arange(36))
    first = int(hits.offsets[2])
    hits = replace(hits, cell=_put(hits.cell.astype(np.int64), (first,), cell))
    spoilt = replace(events, detectors={**events.detectors, "hcal": hits})
    _skipped(_make(spoilt), Skip.CELL_RANGE, 2)
    _skipped(_make(_with(spoilt, "hcal", energy=_put(hits.energy, (first,), np.nan))), Skip.CELL_RANGE, 2)


def test_events_with_unequal_columns_are_skipped_whatever_else_they_have() -> None:
    events = _events(4)
    unequal = np.array([False, False, False, True])
    spoilt = replace(events, event={**events.event, "unequal_hits": unequal})
    _skipped(_make(spoilt), Skip.UNEQUAL_HITS, 3)
    _skipped(
        _make(_with(spoilt, "srd", energy=_put(events.detectors["srd"].energy, (3, 0), np.nan))),
        Skip.UNEQUAL_HITS,
        3,
    )
    hits = replace(_as_hits(events.detectors["srd"], np.arange(3)), unequal=unequal)
    _skipped(_make(replace(events, detectors={**events.detectors, "srd": hits})), Skip.UNEQUAL_HITS, 3)


def _crowd(hits: Hits, event: int, n_hits: int) -> Hits:
    """Repeat a hit of an event until it has so many."""
    own, times = np.diff(hits.offsets), np.ones(len(hits.cell), int)
    times[hits.offsets[event]] += n_hits - own[event]
    own[event] = n_hits
    columns = {what: np.repeat(getattr(hits, what), times) for what in ("cell", "energy", "time")}
    columns |= {what: np.repeat(getattr(hits, what), times) for what in ("expected_time", "time_sigma")}
    return Hits(np.concatenate([[0], np.cumsum(own)]), **columns)


@pytest.mark.parametrize("name", ["ecal", "srd"])
def test_an_event_with_more_hits_than_its_cells_can_give_is_skipped(name: str) -> None:
    events, n_cells = _events(80), int(np.prod(SHAPES[name]))
    hits = _as_hits(events.detectors[name], np.arange(n_cells))
    event = int(np.flatnonzero(np.diff(hits.offsets))[-1])
    for extra in (0, 1):
        spoilt = _crowd(hits, event, MOST_PULSES * n_cells + extra)
        table = _make(replace(events, detectors={**events.detectors, name: spoilt}))
        assert table.skip.nonzero()[0].tolist() == [event] * extra
        if extra:
            _skipped(table, Skip.TOO_MANY_HITS, event)


def test_residual_times_are_relative_to_nothing() -> None:
    events = _events(50)
    residual = events
    for name, cells in events.detectors.items():
        assert cells.time is not None
        residual = _with(residual, name, time=cells.time - cells.expected_time, expected_time=None)
    np.testing.assert_array_equal(_make(residual, residual_times=True)["ecal"], _make(events)["ecal"])
    assert (_make(residual)["ecal"] == 0.0).all()


def test_what_the_file_lacks_of_times_is_the_periods() -> None:
    events = _events(50)
    ecal = events.detectors["ecal"]
    lacking = _with(events, "ecal", time_sigma=None, expected_time=None)
    setup = replace(SETUP, ecal=_detector("ecal", expected=(50.0,) * 60, sigma=(0.5,) * 60))
    twin = np.where(np.abs(np.asarray(ecal.time) - 50.0) < 1.5, ecal.energy, 0.0).sum(axis=1)
    np.testing.assert_allclose(_make(lacking, setup)["ecal"], twin, rtol=1e-6)
    timeless = _make(_with(events, "ecal", time=None), setup)
    np.testing.assert_array_equal(timeless["ecal"], timeless["ecal_total"])


def test_a_resolution_that_is_nowhere_is_refused() -> None:
    setup = replace(SETUP, ecal=_detector("ecal", sigma=(np.nan,) * 60))
    with pytest.raises(ValueError, match="ecal: no time resolution"):
        _make(_with(_events(2), "ecal", time_sigma=None), setup)


def test_energies_are_scaled() -> None:
    events = _events(20)
    doubled = replace(SETUP, srd=replace(SETUP.srd, scale=(2.0, 2.0, 2.0)))
    np.testing.assert_array_equal(_make(events, doubled)["srd_sum"], 2 * _make(events)["srd_sum"])


@pytest.mark.parametrize("how", ["read-only", "big-endian", "strided", "unaligned"])
def test_how_an_array_is_stored_does_not_matter(how: str) -> None:
    events = _events(5)
    energy = events.detectors["ecal"].energy
    if how == "read-only":
        stored = energy.copy()
        stored.flags.writeable = False
    elif how == "big-endian":
        stored = energy.astype(">f8")
    elif how == "strided":
        stored = np.repeat(energy, 2, axis=1)[:, ::2]
    else:
        stored = np.frombuffer(b"x" + energy.tobytes(), np.uint8)[1:].view(np.float64).reshape(energy.shape)
    assert _make(_with(events, "ecal", energy=stored)).values.tobytes() == _make(events).values.tobytes()


def test_inputs_are_left_as_they_are() -> None:
    events = _events(5)
    before = events.detectors["ecal"].energy.copy()
    _make(events)
    np.testing.assert_array_equal(events.detectors["ecal"].energy, before)
    assert events.detectors["ecal"].energy.flags.writeable


def test_a_value_beyond_float32_is_infinite_without_a_warning() -> None:
    events = _events(2)
    table = _make(
        _with(events, "ecal", energy=_put(events.detectors["ecal"].energy, (0, 0), 1e300), time=None)
    )
    assert table["ecal"][0] == np.inf
    assert not table.skip.any()


@pytest.mark.parametrize(
    ("events", "message"),
    [
        (
            _with(_events(3), "ecal", energy=np.ones((3, 72))),
            r"ecal_energy: shape \(3, 72\) for 3 events, 60 cells",
        ),
        (_with(_events(3), "ecal", time=np.ones((2, 60))), r"ecal_time: shape \(2, 60\)"),
        (_with(_events(3), "veto", time_sigma=np.ones((3, 2))), r"veto_time_sigma: shape \(3, 2\)"),
        (replace(_events(3), event={"master_time": np.ones(2)}), r"master_time: shape \(2,\) for 3 events"),
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
        _make(events)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"beam_cell": (5, 2)}, "beam cell"),
        ({"hcal_modules": (0, 4)}, "hcal module 4"),
        ({"hcal_subtracted_modules": (-1,)}, "hcal module -1"),
        ({"ecal": replace(SETUP.ecal, shape=(1, 10, 6))}, "1 planes"),
        ({"veto": replace(SETUP.srd, name="veto")}, "veto: 3 photomultipliers"),
    ],
)
def test_a_set_up_that_does_not_fit_is_refused(change: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        _make(_events(1), replace(SETUP, **change))


@pytest.mark.parametrize("shape", [(len(FEATURES), 2), (3, 3)])
def test_a_table_of_another_shape_is_refused(shape: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match="out"):
        _make(_events(3), out=np.empty(shape, np.float32))


def test_a_table_is_reused() -> None:
    out = np.empty((len(FEATURES), 3), np.float32)
    assert _make(_events(3), out=out).values is out


@pytest.mark.skipif("NUMBA_DISABLE_JIT" in os.environ, reason="nothing is compiled")
def test_after_the_warm_up_nothing_is_compiled() -> None:
    warm_up(SETUP, [(Shape.CELLS, "float64")])
    kernels = [blocks.ecal_of_cells, blocks.hcal_of_cells, blocks.veto_of_cells]
    before = [len(kernel.signatures) for kernel in kernels]  # type: ignore[attr-defined]
    _make(_events(3))
    _make(_events(LANES + 1))
    assert [len(kernel.signatures) for kernel in kernels] == before  # type: ignore[attr-defined]


@pytest.mark.soak  # compiles every kernel anew
def test_the_kernels_stay_in_bounds(tmp_path: Path) -> None:
    if "NUMBA_BOUNDSCHECK" in os.environ or "NUMBA_DISABLE_JIT" in os.environ:
        pytest.skip("inside such a run")
    environment = {**os.environ, "NUMBA_BOUNDSCHECK": "1"}
    kernels = [
        str(Path(__file__).parents[1] / "kernels" / f"test_{name}.py")
        for name in ("vector", "window", "ecal", "hcal", "small", "shower", "apply_cuts", "fill")
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
    ]
    done = subprocess.run(command, env=environment, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    imports = "import numpy as np\nfrom na64.processors.kernels.window import sum_cells\n"
    overrun = f"{imports}sum_cells(np.ones((2, 3)), np.ones(5))"
    broken = subprocess.run(
        [sys.executable, "-c", overrun], env=environment, capture_output=True, text=True, check=False
    )
    assert "IndexError" in broken.stderr
