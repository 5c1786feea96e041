"""What the features of further detectors are, in plain NumPy, cell by cell in the order of the cells."""

from __future__ import annotations

from functools import reduce
from typing import Any

import numpy as np
from numpy.typing import NDArray

from na64.datasets.instrument.columns import Cells, Hits
from na64.datasets.instrument.detector import Detector, Sum, Timing
from na64.datasets.instrument.roles import CellOrder, Role

Array = NDArray[Any]


def detector(role: Role, shape: tuple[int, int, int], order: CellOrder, **known: Any) -> Detector:
    n_cells = int(np.prod(shape))
    timing = Timing(3.0, None, tuple(np.linspace(49, 51, n_cells)), tuple(np.linspace(0.5, 1, n_cells)))
    scale = tuple(np.linspace(0.5, 1.5, n_cells))
    facts: dict[str, Any] = {"mip": 0.7, "threshold": 0.4, **known}
    return Detector(
        "mine", shape, scale, 0.1, timing, tuple(range(n_cells)), role=role, cell_order=order, **facts
    )


def added(cells: Array) -> Array:
    """Add along the last axis in order."""
    return reduce(np.add, np.moveaxis(cells, -1, 0), np.zeros(cells.shape[:-1]))


def energies(columns: Cells | Hits, one: Detector) -> tuple[Array, Array]:
    """Energy out of time and in time, (n_events, n_cells), numbered as the set-up numbers its cells."""
    expected, sigma = np.array(one.timing.expected), np.array(one.timing.sigma)
    energy, time = np.asarray(columns.energy).ravel(), np.asarray(columns.time).ravel()
    if isinstance(columns, Cells):
        n_events = len(columns.energy)
        cell = np.tile(np.arange(one.n_cells), n_events)
        place = np.repeat(np.arange(n_events), one.n_cells)
    else:
        n_events, cell = len(columns.offsets) - 1, columns.cell
        place = np.repeat(np.arange(n_events), np.diff(columns.offsets))
    here = np.argsort(one.order)[cell]
    value = energy.astype(np.float64) * np.array(one.scale)[here]
    value[~(value > one.pedestal)] = 0
    in_time = np.abs(time.astype(np.float64) - expected[here]) < one.timing.n_sigma * sigma[here]
    grids = np.zeros((2, n_events, one.n_cells))
    np.add.at(grids, (in_time.astype(int), place, here), value)
    return grids[0], grids[1]


def twin(columns: Cells | Hits, one: Detector) -> dict[str, Array]:
    """Every feature that any role has, by the name of its recipe."""
    out, in_time = (grid.reshape(len(grid), one.n_parts, -1) for grid in energies(columns, one))
    part, part_total = added(in_time), added(out) + added(in_time)
    total, largest = added(part_total), in_time[:, -1] if one.role is Role.CALORIMETER else in_time
    largest, energy = largest.reshape(len(part), -1), added(part)
    found = {"sum": energy, "total": total, "out_of_time": total - energy, "max": largest.max(axis=1)}
    found["max_cell"] = np.where(found["max"] > 0, largest.argmax(axis=1), -1)
    hit = part if one.role is Role.PADDLES else in_time.reshape(len(part), -1)
    found["n_hits"] = (hit > one.threshold).sum(axis=1)
    for number in range(one.n_parts):
        found[f"{number}"], found[f"{number}_total"] = part[:, number], part_total[:, number]
        found[f"mip_{number}"] = part[:, number] / one.mip
    for group in one.sums:
        found[group.name] = added(part[:, group.parts])
        found[f"{group.name}_total"] = added(part_total[:, group.parts])
    more = {Role.CALORIMETER: calorimeter, Role.MODULES: modules, Role.PADDLES: paddles}
    return found | more[one.role](in_time, one) if one.role in more else found


def calorimeter(in_time: Array, one: Detector) -> dict[str, Array]:
    assert one.beam_cell is not None
    assert one.cell_pitch is not None
    _, n_x, n_y = one.shape
    ix, iy = np.divmod(np.arange(n_x * n_y), n_y)
    away = np.maximum(*np.abs(np.array([ix, iy]) - np.array(one.beam_cell)[:, None]))
    energy, lateral = added(added(in_time)), added(np.moveaxis(in_time, 1, 2))
    found = {name: added(added(in_time[:, :, away <= n])) for name, n in (("3x3", 1), ("5x5", 2))}
    found["ring"] = added(added(in_time[:, :, away == 1]))
    found["ratio"] = np.where(energy > 0, (energy - found["3x3"]) / energy, np.inf)
    main = in_time[:, -1]
    found["max_in_beam_cell"] = (main.max(axis=1) > 0) & (main.argmax(axis=1) == one.place(*one.beam_cell))
    for name, place, n in (("x", ix, n_x), ("y", iy, n_y)):
        at = (place - (n - 1) / 2) * one.cell_pitch
        mean, square = (np.where(energy > 0, added(lateral * w) / energy, np.nan) for w in (at, at * at))
        found[name], found[f"width_{name}"] = mean, np.sqrt(np.maximum(square - mean * mean, 0))
    return found


def modules(in_time: Array, one: Detector) -> dict[str, Array]:
    part = added(in_time)
    centre = np.stack([added(in_time[:, m, list(c)]) for m, c in enumerate(one.centre_cells)], axis=1)
    every = Sum("", tuple(range(one.n_parts)))
    found = {f"{number}_centre": centre[:, number] for number in range(one.n_parts)}
    groups = [*one.sums, every, *(Sum(str(number), (number,)) for number in range(one.n_parts))]
    for group in groups:
        energy = added(part[:, group.parts])
        ratio = np.where(energy > 0, (energy - added(centre[:, group.parts])) / energy, np.nan)
        found[f"{group.name}_r".removeprefix("_")] = ratio
    return found


def paddles(in_time: Array, one: Detector) -> dict[str, Array]:
    small, large = in_time.min(axis=2), in_time.max(axis=2)
    mean = np.where(small < one.balance * large, large, np.sqrt(small * large))
    return {f"mip_{number}": mean[:, number] / one.mip for number in range(one.n_parts)}
