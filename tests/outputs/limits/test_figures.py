from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from matplotlib.figure import Figure

from na64.outputs.limits.figures import LimitBand, mixing_plane, projected_plane
from na64.outputs.limits.tables import QUANTITIES
from na64.outputs.report.style import images, style
from na64.outputs.signal.curves import ParameterPlane, load_curves


def band_of(masses: Sequence[float], limits: Sequence[float]) -> LimitBand:
    return LimitBand(np.array(masses), dict.fromkeys(QUANTITIES, np.array(limits)), 0.9)


def drawn(figure: Figure) -> tuple[float, float]:
    """Draw it, warnings being errors; the masses that it shows."""
    assert dict(images(figure, ["png"]))
    low, high = figure.axes[0].get_xlim()
    return low, high


def test_no_curve_strikes_out_the_legend_of_the_published_ones() -> None:
    curve = load_curves(ParameterPlane.MIXING)[0]
    band = band_of([0.01, 0.1], [1e-4, 2e-4])
    with style():
        for figure in (
            mixing_plane(band, [curve], label="data", title="2023A"),
            projected_plane([("1e12", band)], [curve], title="2023A"),
        ):
            legend = figure.axes[0].get_legend()
            assert legend is not None
            assert legend.get_frame_on()
            assert legend.get_frame().get_facecolor()[:3] == (1, 1, 1)
            assert (legend.get_frame().get_alpha() or 0) > 0.8


@pytest.mark.parametrize(
    ("masses", "limits"),
    [
        ([0.01], [1e-4]),
        ([0.01], [2e-4]),
        ([0.01], [np.nan]),
        ([0.01, 0.1], [1e-4, 2e-4]),
        ([0.01, 0.1], [1e-4, np.nan]),
        ([0.01, 0.1], [np.nan, np.nan]),
    ],
)
def test_few_masses_and_no_limits_are_drawn(masses: list[float], limits: list[float]) -> None:
    band = band_of(masses, limits)
    with style():
        for figure in (
            mixing_plane(band, [], label="data", title="2023A"),
            projected_plane([("1e12", band)], [], title="2023A"),
        ):
            low, high = drawn(figure)
            assert low <= masses[0] <= masses[-1] <= high
            assert low < high
            lines = [
                line for line in figure.axes[0].lines if str(line.get_label()).startswith(("exp", "1e12"))
            ]
            is_point = np.isfinite(limits).sum() == 1
            assert [line.get_marker() for line in lines] == ["o" if is_point else ""]
