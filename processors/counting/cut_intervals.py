"""Which conditions events do not meet."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from na64.processors.kernels import bits
from na64.processors.kernels.apply_cuts import INTERVAL
from na64.selections.compiled import IntervalArrays


def interval_records(arrays: IntervalArrays) -> NDArray[np.void]:
    """Return the intervals as the kernels take them, `na64.processors.kernels.apply_cuts.INTERVAL`."""
    intervals = np.zeros(arrays.feature.size, INTERVAL)
    for name in ("low", "high", "feature", "lower", "part"):
        intervals[name] = getattr(arrays, name)
    # The one after the last table is for intervals that have none.
    table_feature, first = np.append(arrays.table_feature, -1), np.append(arrays.table_start, 0)
    intervals["of"] = table_feature[arrays.table]
    intervals["first_bin"], intervals["end_bin"] = first[arrays.table], first[arrays.table + 1]
    return intervals


def apply_intervals(
    arrays: IntervalArrays, part: slice, values: NDArray[np.float32], failed: NDArray[np.int64]
) -> None:
    """Set the bit of the owner of each condition of a part that an event does not meet.

    Parameters
    ----------
    arrays : IntervalArrays
    part : slice
        Of the intervals: those of the cuts, or those of the regions.
    values : (n_features, n_events) float32
    failed : (n_events,) int64, changed in place
    """
    intervals, tables = interval_records(arrays)[part], (arrays.table_edges, arrays.table_values)
    bits.set_failed_bits(values, intervals, *tables, arrays.owner[part], failed)
