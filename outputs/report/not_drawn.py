"""Events that pass a cut and are not inside the axes of its plane."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from na64.outputs.report.closed_bins import ClosedArea, hidden_bins
from na64.outputs.result.products import Products, of_all_runs
from na64.outputs.result.summary_facts import HistogramFacts


def not_drawn(products: Products, stage: HistogramFacts, closed: Sequence[ClosedArea]) -> str:
    """Words on the events of a stage that its plane does not show, after the number of those that it does.

    Parameters
    ----------
    products : Products
    stage : HistogramFacts
        Of a plane after a cut.
    closed : sequence of ClosedArea
        Nothing in them counts.

    Returns
    -------
    str
        ``"; 1,802 beyond its axes; 3,087 of ... in no plane"`` with thin spaces; of simulation the
        first part alone. Empty if all are shown.
    """
    histogram = products.histograms[stage.name]
    counts = np.where(hidden_bins(histogram, closed), 0, histogram.values(flow=True))
    inside = float(counts[tuple(slice(1, -1) for _ in histogram.axes)].sum())
    everywhere = float(counts.sum())
    said = [f"{_written(everywhere - inside)} beyond its axes"] if everywhere > inside else []
    passed = {row.cut: row.passed for row in of_all_runs(products.cutflow).rows}.get(stage.cut)
    if passed is not None and passed > everywhere and products.summary.is_data:
        number = _written(passed - everywhere)
        said.append(f"{number} of calibration triggers and runs in box or guard band, in no plane")
    return "".join(f"; {words}" for words in said)


def _written(number: float) -> str:
    return f"{number:,.{0 if number.is_integer() else 2}f}".replace(",", "\u2009")
