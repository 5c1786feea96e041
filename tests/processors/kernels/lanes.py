"""Events side by side, as the time window leaves them to the kernels."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from na64.processors.kernels.window import LANES

Array = NDArray[Any]


def side_by_side(any_time: Array, in_time: Array) -> Array:
    """Energies of cells, (n_events, n_cells) each: those at any time, then those in time, an event a lane."""
    grid = np.full((any_time.shape[1], 2 * LANES), 7.0)
    grid[:, : len(any_time)] = any_time.T
    grid[:, LANES : LANES + len(any_time)] = in_time.T
    return grid


def states(given: Array | None, n_events: int) -> Array:
    """State of each lane; 0, which is usable, for events of which nothing is given."""
    lanes = np.zeros(LANES, np.uint8)
    lanes[:n_events] = 0 if given is None else given
    return lanes
