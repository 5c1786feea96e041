"""What is known of a detector, as the kernel of its role takes it."""

from __future__ import annotations

from functools import lru_cache
from itertools import accumulate
from typing import Any

import numpy as np
from numpy.typing import NDArray

from na64.datasets.instrument.detector import Detector
from na64.datasets.instrument.recipes import Made
from na64.datasets.instrument.roles import Role
from na64.processors.features.kernel_arguments import around, centres
from na64.processors.kernels import roles

Integers = NDArray[np.int64]


def quantities_of(detector: Detector) -> dict[tuple[str, int], int]:
    """Place of each quantity in what the kernel makes: of the whole, of each part, of each sum."""
    role = detector.role.value
    names = [(quantity, 0) for quantity in roles.WHOLE[role]]
    names += [(quantity, part) for quantity in roles.OF_PART[role] for part in range(detector.n_parts)]
    names += [(quantity, one) for quantity in roles.OF_SUM[role] for one in range(len(detector.sums))]
    return {name: place for place, name in enumerate(names)}


def rows_of_kernel(detector: Detector, made: tuple[Made, ...], index: dict[str, int]) -> Integers:
    """Row of the feature table for each quantity that the kernel makes; -1 for what is no feature."""
    places = quantities_of(detector)
    rows = np.full(len(places), -1, np.int64)
    for one in made:
        rows[places[one.quantity, one.number]] = index[one.feature.name]
    return rows


@lru_cache(maxsize=256)
def role_arguments(detector: Detector) -> tuple[Any, ...]:
    """What the kernel of a role takes between the energies and its outputs."""
    n_part = detector.n_cells // detector.n_parts
    mip = np.nan if detector.mip is None else detector.mip
    sums = _in_a_row([one.parts for one in detector.sums])
    if detector.role is Role.COUNTERS:
        return (detector.threshold, mip, *sums)
    if detector.role is Role.PADDLES:
        return (detector.threshold, mip, detector.balance, *sums)
    common = (n_part, detector.threshold, mip, *sums)
    if detector.role is Role.MODULES:
        return (*common, *_in_a_row(detector.centre_cells or ((),) * detector.n_parts))
    return (*common, *centres(detector), *_around_beam(detector))


def _in_a_row(groups: tuple[tuple[int, ...], ...] | list[tuple[int, ...]]) -> tuple[Integers, Integers]:
    numbers = [number for group in groups for number in group]
    starts = [0, *accumulate(len(group) for group in groups)]
    return np.array(numbers, np.int64), np.array(starts, np.int64)


def _around_beam(detector: Detector) -> tuple[Integers, Integers, Integers, int]:
    if detector.beam_cell is None:
        nothing = np.zeros(0, np.int64)
        return nothing, nothing, nothing, -1
    _, n_x, n_y = detector.shape
    near, wide = (around(detector.beam_cell, reach, n_x, n_y) for reach in (1, 2))
    beam_cell = detector.place(*detector.beam_cell)
    return near, wide, near[near != beam_cell], beam_cell
