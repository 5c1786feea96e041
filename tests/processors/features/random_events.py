"""Events of random cells in a set-up of one's own, and their features as plain sums."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from na64.datasets.instrument.columns import DETECTORS, Cells, EventColumns, Hits
from na64.datasets.instrument.detector import Detector, Detectors, Setup, ShowerTemplate, Timing
from na64.datasets.instrument.roles import STANDARD_ROLES
from na64.processors.features.compute import DIRECT, compute
from na64.processors.features.feature_table import FeatureTable

Array = NDArray[Any]
SHAPES = {"ecal": (2, 5, 6), "hcal": (4, 3, 3), "vhcal": (1, 4, 4), "srd": (3, 1, 1), "veto": (3, 2, 1)}
SCALARS = (*DIRECT, "trigger")
GEOMETRY: dict[str, Any] = {
    "ecal": {"beam_cell": (2, 2), "cell_pitch": 38.2},
    "veto": {"mip": 0.0107, "balance": 0.3},
}
WORKING = {"ecal": 1.0, "hcal": 1.5, "vhcal": 0.1, "srd": 0.02, "veto": 0.01}


def detector(name: str, **timing: Any) -> Detector:
    n_cells = int(np.prod(SHAPES[name]))
    window = Timing(
        n_sigma=3.0,
        half_width=16.5 if name == "hcal" else None,
        expected=(40.0,) * n_cells,
        sigma=(1.0,) * n_cells,
    )
    paddle = tuple(cell // 2 for cell in range(n_cells)) if name == "veto" else tuple(range(n_cells))
    pedestal = 0.2 if name == "hcal" else -np.inf
    return Detector(
        name,
        SHAPES[name],
        (1.0,) * n_cells,
        pedestal,
        replace(window, **timing),
        paddle,
        role=STANDARD_ROLES[name],
        **GEOMETRY.get(name, {}),
    )


SETUP = Setup(
    Detectors(tuple(map(detector, DETECTORS))),
    physics_trigger_mask=4,
    chosen_modules=(0, 1),
    subtracted_modules=(0, 1),
    topology_threshold=0.5,
    topology_peripheral_only=False,
    muon_module_2=2.0,
    muon_centre=1.5,
    muon_module_2_with_centre=1.3,
    template=ShowerTemplate(4.0, 22.0, 0.0, 0.3, 0.73, 0.09, 0.05, 0.03, 2),
)


def random_cells(name: str, n_events: int, generator: np.random.Generator) -> Cells:
    n_cells = int(np.prod(SHAPES[name]))
    shape = (n_events, n_cells)
    n_sigma = 3 if name == "veto" else n_cells
    return Cells(
        generator.exponential(WORKING[name], shape) * (generator.random(shape) < 0.6),
        generator.normal(50.0, 2.5, shape),
        generator.normal(50.0, 0.1, shape),
        generator.uniform(0.8, 1.2, (n_events, n_sigma)),
    )


def random_events(n_events: int, seed: int = 1) -> EventColumns:
    generator = np.random.default_rng(seed)
    event: dict[str, Array] = {name: generator.uniform(0, 5, n_events) for name in DIRECT}
    event.update({name: generator.integers(0, 8, n_events) for name in ("trigger", "straw3_x", "straw4_y")})
    return EventColumns(
        n_events, event, {name: random_cells(name, n_events, generator) for name in DETECTORS}
    )


def as_hits(cells: Cells | Hits, of_cell: Array) -> Hits:
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


def made(events: EventColumns, setup: Setup = SETUP, **options: Any) -> FeatureTable:
    return compute(events, setup, bad=np.zeros(events.n_events, np.bool_), **options)


def with_column(events: EventColumns, name: str, **arrays: Any) -> EventColumns:
    return replace(events, detectors={**events.detectors, name: replace(events.detectors[name], **arrays)})


def put(array: Array | None, where: tuple[int, ...], value: float) -> Array:
    assert array is not None
    changed = array.copy()
    changed[where] = value
    return changed


def plain_sums(events: EventColumns) -> dict[str, Array]:
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
