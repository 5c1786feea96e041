"""The figure of the efficiency says what it shows."""

from __future__ import annotations

import numpy as np

from na64.outputs.signal.efficiency.efficiency import EfficiencyPoint
from na64.outputs.signal.figures import draw_efficiencies

MASS = np.array([0.001, 0.03, 1.0])


def labels(figure: object) -> list[str]:
    axes = figure.axes[-1]  # type: ignore[attr-defined]
    return [text.get_text() for text in axes.get_legend().get_texts()]


def test_efficiencies_are_by_period() -> None:
    points = [
        EfficiencyPoint(mass, name, "cuts", 50.0, 120, 100, 90, 80)
        for mass in MASS
        for name in ("2018", "2022")
    ]
    figure = draw_efficiencies(points)
    assert [label.split(",")[0] for label in labels(figure)] == ["2018", "2022"]
    assert figure.axes[0].get_ylim() == (0, 1)
