"""Tables of curves, our own and those of others."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from na64.outputs.limits.figures import LimitBand, mixing_plane
from na64.outputs.limits.tables import QUANTITIES
from na64.outputs.report.style import style
from na64.outputs.signal.curves import CURVES, Curve, ParameterPlane, load_curves, read_own_curve

PLANES = (ParameterPlane.MIXING, ParameterPlane.RELIC)


def own(folder: Path, text: str) -> Curve:
    path = folder / "own.csv"
    path.write_text(text)
    return read_own_curve(path, PLANES)


def test_a_curve_of_ones_own_needs_a_label_a_header_and_points(tmp_path: Path) -> None:
    curve = own(tmp_path, "# label = ours, 2030\n\n mass_GeV, eps\n0.001, 1e-5\n1, 1e-3\n")
    assert (curve.name, curve.label, curve.paper) == ("own", "ours, 2030", "")
    np.testing.assert_array_equal(curve.mass, [0.001, 1])
    np.testing.assert_array_equal(curve.value, [1e-5, 1e-3])
    assert curve.plane is ParameterPlane.MIXING


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", 'own.csv: header "", expected mass_GeV,eps or m_chi_GeV,y'),
        ("# label = x\nmass,eps\n1,1\n", 'own.csv: header "mass,eps", expected mass_GeV,eps or m_chi_GeV,y'),
        ("# label = x\nmass_GeV,charge\n1,1\n", 'own.csv: header "mass_GeV,charge", expected'),
        ("# label = x\nmass_GeV,eps\n", "own.csv: a header and no point"),
        ("mass_GeV,eps\n1,1\n", 'own.csv: no line "# label = ..."'),
        ("# label = x\nmass_GeV,eps\n1,1\n2,a\n", 'own.csv: line 4: "2,a" is not a mass and a value'),
        ("# label = x\nmass_GeV,eps\n1,1,1\n", 'own.csv: line 3: "1,1,1" is not a mass and a value'),
        ("# label = x\nmass_GeV,eps\n1,nan\n", 'own.csv: line 3: "1,nan" is not a mass and a value'),
        ("# label = x\nmass_GeV,eps\n2,1\n1,1\n", "own.csv: curve own: the masses do not rise"),
        ("# label = x\nmass_GeV,eps\n1,0\n", "own.csv: curve own: values are missing or not above 0"),
    ],
)
def test_what_is_no_curve_is_refused_by_its_line(tmp_path: Path, text: str, problem: str) -> None:
    with pytest.raises(ValueError, match=r".") as refused:
        own(tmp_path, text)
    assert str(refused.value).startswith(problem)


def test_the_curve_of_2023_is_there() -> None:
    assert "na64_2022" in CURVES
    assert any("9.37e11" in curve.label for curve in load_curves(ParameterPlane.MIXING))


def test_every_curve_is_drawn_however_many_there_are(tmp_path: Path) -> None:
    curves = [*load_curves(ParameterPlane.MIXING)]
    curves += [own(tmp_path, f"# label = own {n}\nmass_GeV,eps\n0.01,1e-4\n1,1e-3\n") for n in range(9)]
    nothing = {name: np.array([1e-5, 1e-4]) for name in QUANTITIES}
    with style():
        figure = mixing_plane(LimitBand(np.array([0.01, 0.1]), nothing, 0.9), curves, label="data", title="")
    drawn = {str(line.get_label()) for line in figure.axes[0].lines}
    assert {f"own {n}" for n in range(9)} <= drawn
