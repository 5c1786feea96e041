"""Which intervals events are outside of, as bits."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from na64.processors.kernels import fill
from na64.selections.compiled import IntervalArrays


def judge_intervals(
    arrays: IntervalArrays, part: slice, values: NDArray[np.float32], failed: NDArray[np.int64]
) -> None:
    """Set the bit of the owner of each interval of a part that an event is outside of.

    Parameters
    ----------
    arrays : IntervalArrays
    part : slice
        Of the intervals: those of the cuts, or those of the regions.
    values : (n_features, n_events) float32
    failed : (n_events,) int64, changed in place
    """
    fill.judge(
        values,
        arrays.feature[part],
        arrays.low[part],
        arrays.high[part],
        arrays.owner[part],
        arrays.table[part],
        arrays.table_feature,
        arrays.table_start,
        arrays.table_edges,
        arrays.table_values,
        failed,
    )
