"""Stability of thousands of runs can be read."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.container import ErrorbarContainer
from matplotlib.figure import Figure

from na64.outputs.comparison.drift import Against, DriftSums, Gathered, Place
from na64.outputs.comparison.stability import Series, Stability, stability
from na64.outputs.comparison.stability_plot import Shown, draw_page
from na64.outputs.report.display import display_of_features

FEATURES = ("ecal", "srd_sum", "track_angle")
UNITS = {"ecal": "GeV", "srd_sum": "GeV", "track_angle": "rad"}
MEANS, WIDTHS = np.array([60.0, 0.03, 0.001]), np.array([20.0, 0.02, 0.0005])
YIELDS = ("selected", "region_I", "region_II", "region_III")
HEADING = "data, blind\n$2\\times10^{11}$ EOT, 2023A, $e^-$ 100 GeV"


def made_up(n_runs: int, n_events: int = 4000) -> Stability:
    """Runs of which the 10th has a fifth more in every feature, and the 20th a hundred times as much."""
    random = np.random.default_rng(5)
    spills: dict[Place, DriftSums] = {}
    for n in range(n_runs):
        one = DriftSums(len(FEATURES), len(YIELDS) - 1, n_events=n_events)
        one.yields[:] = random.binomial(n_events, [0.5, 0.02, 0.9, 0.1])
        mean = random.normal(MEANS, WIDTHS / np.sqrt(n_events)) * {10: 1.2, 20: 100.0}.get(n, 1.0)
        one.n += n_events
        one.total, one.square = n_events * mean, n_events * (mean**2 + WIDTHS**2)
        spills[8000 + n, 1] = one
    return stability(Gathered(FEATURES, YIELDS, "visible", spills, {}, ()))


def drawn(n_runs: int) -> tuple[Stability, list[Series], Figure]:
    found = made_up(n_runs)
    series = [one for one in found.series if one.against is Against.RUN]
    return found, series, draw_page(found, series, HEADING, Shown(display_of_features(UNITS), UNITS))


def panels(figure: Figure) -> dict[str, Axes]:
    return {axes.get_title("left"): axes for axes in figure.axes if axes.get_title("left")}


def points(axes: Axes) -> tuple[Any, Any]:
    found: tuple[Any, Any] = bars_of(axes).lines[0].get_data()
    return found


def bars_of(axes: Axes) -> ErrorbarContainer:
    (found,) = [one for one in axes.containers if isinstance(one, ErrorbarContainer)]
    return found


@pytest.mark.parametrize(("n_runs", "together"), [(150, 1), (2000, 13)])
def test_points_stand_apart_however_many_runs_there_are(n_runs: int, together: int) -> None:
    _, _, figure = drawn(n_runs)
    for axes in panels(figure).values():
        x, y = points(axes)
        width = axes.get_position().width * figure.get_figwidth() * 72
        assert width / len(x) > 2.0  # points of print between two
        low, high = axes.get_ylim()
        assert (y.max() - y.min()) / (high - low) > 0.1  # one place far away does not make the others a line
        assert len(axes.get_xticks()) <= 15
    note = " ".join(text.get_text() for text in figure.texts)
    assert (f"a point is {together} runs" in note) == (together > 1)


def test_a_point_of_several_runs_is_their_mean_with_its_error() -> None:
    found, series, figure = drawn(2000)
    one = next(one for one in series if one.quantity == "ecal")
    usual = ~found.outliers(one)
    assert points(panels(figure)["ECAL [GeV]"])[1][0] == pytest.approx(one.value[usual][:13].mean())
    (bars,) = bars_of(panels(figure)["ECAL [GeV]"]).lines[2]
    ends = bars.get_segments()[0][:, 1]
    assert ends[1] - ends[0] == pytest.approx(2 * np.sqrt((one.error[usual][:13] ** 2).sum()) / 13)


@pytest.mark.parametrize("n_runs", [150, 2000])
def test_every_outlier_is_marked_inside_the_panel(n_runs: int) -> None:
    found, series, figure = drawn(n_runs)
    shown = panels(figure)
    for quantity, title in (("ecal", "ECAL [GeV]"), ("srd_sum", "SRD sum [MeV]")):
        one = next(one for one in series if one.quantity == quantity)
        marked = [line.get_data() for line in shown[title].lines if line.get_gid() == "outlier"]
        x, y = (np.concatenate(parts) for parts in zip(*marked, strict=True))
        assert sorted(x.tolist()) == np.flatnonzero(found.outliers(one)).tolist() == [10, 20]
        low, high = shown[title].get_ylim()
        assert ((y >= low) & (y <= high)).all()


def test_headings_and_units_are_those_of_the_report() -> None:
    _, _, figure = drawn(150)
    assert {"ECAL [GeV]", "SRD sum [MeV]", "track angle [mrad]", "region I"} <= {*panels(figure)}
    _, y = points(panels(figure)["track angle [mrad]"])
    assert np.median(y) == pytest.approx(1.0, rel=0.01)
    first, second = (text.get_text() for text in figure.texts[:2])
    assert first == r"$\bf{NA64}$  data, blind"
    assert second.endswith("EOT, 2023A, $e^-$ 100 GeV")
