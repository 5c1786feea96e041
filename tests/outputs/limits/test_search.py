"""Limits over mass from exposure, background and efficiency."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from na64.outputs.background.table import BackgroundRow, BackgroundTable
from na64.outputs.limits.analysis import LimitsAnalysis, search_of
from na64.outputs.limits.assumptions import assumptions_of
from na64.outputs.limits.dark_matter import Resonant
from na64.outputs.limits.exposure import LimitInput
from na64.outputs.limits.inputs import Background, ConstantEfficiency, background_of
from na64.outputs.limits.production import Production
from na64.outputs.limits.projection import Scaling, project, projection_table
from na64.outputs.limits.search import PeriodChannel, Search, masses
from na64.outputs.limits.tables import limits_table, y_table
from na64.outputs.signal.curves import load_curve
from na64.outputs.signal.yields import yield_per_eot
from na64.outputs.statistics.cls import upper_limit
from na64.outputs.statistics.model import Channel, Model


def test_the_published_analysis_comes_out(published: LimitsAnalysis) -> None:
    """Within 3 % of an independent computation; 1906.00176 itself differs, see docs/limits.md."""
    expected = (9.22e-6, 3.80e-5, 3.35e-4, 1.91e-3)
    for (level, point), eps in zip(published.points, expected, strict=True):
        assert level == 0.9
        assert point.observed == pytest.approx(2.3026, abs=1e-4)
        assert point.eps(point.observed or 0) == pytest.approx(eps, rel=0.03)
        assert point.expected.median == pytest.approx(2.3026, abs=1e-4)
    assert published.search.background == pytest.approx((0.53, 0.17), abs=0.005)


def test_the_published_curve_differs_and_nobody_hides_it(published: LimitsAnalysis) -> None:
    curve = load_curve("na64_2018")
    ratios = [point.eps(point.observed or 0) / float(curve.at(point.mass)) for _, point in published.points]
    assert ratios == pytest.approx((1.22, 1.15, 0.97, 0.81), abs=0.03)


def test_rows_of_the_tables(published: LimitsAnalysis) -> None:
    limits, y = (
        limits_table(published.points).records(),
        y_table(published.points, published.search.alphas).records(),
    )
    assert [row["mass"] for row in limits] == [point.mass for _, point in published.points]
    assert [(row["alpha_d"], row["mass_chi"]) for row in y][::4] == [
        (0.1, 0.00105 / 3),
        (0.5, 0.00105 / 3),
    ]
    for low, high in zip(y[:4], y[4:], strict=True):
        assert high["y_observed"] == pytest.approx(5 * float(low["y_observed"] or 0), rel=1e-6, abs=0)
    eps = float(limits[1]["eps_observed"] or 0)
    assert y[1]["y_observed"] == pytest.approx(eps**2 * 0.1 / 81, rel=1e-6, abs=0)
    assert limits[0]["events_per_eps2"] == pytest.approx(2.84e11 * 0.5 * yield_per_eot(0.00105))


def test_a_closed_box_has_no_observed_limit(exposure_of: Callable[..., LimitInput]) -> None:
    exposure = exposure_of(("2022", 1e11, None))
    search = search_of(
        [exposure], [background_of("0.5+-0.2")], lambda *_: ConstantEfficiency(0.5), signal_error=0.1
    )
    point = search.point(0.01, 0.9)
    assert point.observed is None
    assert limits_table([(0.9, point)]).records()[0]["eps_observed"] is None


def test_one_closed_box_of_two_closes_both(exposure_of: Callable[..., LimitInput]) -> None:
    exposures = [exposure_of(("2022", 1e11, 0)), exposure_of(("2023A", 1e11, None))]
    search = search_of(
        exposures, [background_of("0.5")], lambda *_: ConstantEfficiency(0.5), signal_error=0.1
    )
    assert search.observed is None
    assert search.point(0.01, 0.9).observed is None


def test_a_background_is_divided_by_exposure(exposure_of: Callable[..., LimitInput]) -> None:
    exposure = exposure_of(("2022", 1e11, 0), ("2023A", 3e11, 1))
    search = search_of(
        [exposure], [background_of("0.8+-0.4")], lambda *_: ConstantEfficiency(0.5), signal_error=0.1
    )
    assert [period.background for period in search.periods] == pytest.approx([0.2, 0.6])
    assert search.background == pytest.approx((0.8, 0.4))
    model = Model(
        (
            Channel("2022", 0.2, signal_fraction=0.25, background_effects=(("stated", 0.5),)),
            Channel("2023A", 0.6, signal_fraction=0.75, background_effects=(("stated", 0.5),)),
        ),
        0.1,
    )
    assert search.point(0.01, 0.9).observed == pytest.approx(upper_limit(model, [0, 1]))


def test_each_result_has_a_background_of_its_own(exposure_of: Callable[..., LimitInput]) -> None:
    exposures = [exposure_of(("2022", 1e11, 0), folder="a"), exposure_of(("2022", 3e11, 0), folder="b")]
    backgrounds = [background_of("0.3+-0.3"), background_of("0.4+-0.4")]
    search = search_of(exposures, backgrounds, lambda *_: ConstantEfficiency(0.5), signal_error=0.1)
    assert [period.name for period in search.periods] == ["a 2022", "b 2022"]
    assert search.background == pytest.approx((0.7, 0.5))
    with pytest.raises(ValueError, match="3 times --background for 2 results"):
        search_of(
            exposures, [*backgrounds, backgrounds[0]], lambda *_: ConstantEfficiency(0.5), signal_error=0
        )


def test_only_correlated_sources_have_an_error_in_common(exposure_of: Callable[..., LimitInput]) -> None:
    exposures = [exposure_of(("2022", 1e11, 0), folder="a"), exposure_of(("2022", 3e11, 0), folder="b")]
    rows = (BackgroundRow("decays", 0.2, 0.1, correlated=True), BackgroundRow("beam line", 0.3, 0.3))
    backgrounds = [Background(0.5, 0.3, BackgroundTable(rows), name) for name in "ab"]
    search = search_of(exposures, backgrounds, lambda *_: ConstantEfficiency(0.5), signal_error=0.1)
    assert search.background == pytest.approx((1.0, np.hypot(0.2, 0.3 * np.sqrt(2))))
    effects = [dict(channel.background_effects) for channel in search.model(0.01).channels]
    assert effects == [{"decays": 0.2, "a beam line": 0.6}, {"decays": 0.2, "b beam line": 0.6}]
    found = {a.text for a in assumptions_of(search, backgrounds, delivered=False)}
    assert "error of the background decays: one for a 2022, b 2022" in found


def test_periods_with_the_same_efficiency_have_its_error_in_common() -> None:
    first = PeriodChannel("a", 1e11, 0.1, (), ConstantEfficiency(0.5, 0.1), 0)
    same, other = replace(first, name="b"), replace(first, name="b", efficiency=ConstantEfficiency(0.5, 0.11))
    together, apart = (Search(pair, signal_error=0.0) for pair in ((first, same), (first, other)))
    assert [channel.signal_fraction_error for channel in together.model(0.01).channels] == [0.0, 0.0]
    assert [channel.signal_fraction_error for channel in apart.model(0.01).channels] == [0.2, 0.22]
    found = {a.text for a in assumptions_of(together, [], delivered=False)}
    assert "efficiency: flat, 0.50 +- 0.10, stated; its error is one for a, b" in found
    alone = Search((first,), signal_error=0.0).point(0.01, 0.9).observed
    assert together.point(0.01, 0.9).observed == pytest.approx(alone, rel=1e-6)
    assert (apart.point(0.01, 0.9).observed or 9) < (alone or 0) - 0.02


def test_a_period_that_sees_nothing_is_left_out() -> None:
    class Light(ConstantEfficiency):
        """Blind to heavy dark photons."""

        def at(self, mass: object) -> tuple[np.ndarray, np.ndarray]:
            value = np.where(np.asarray(mass, float) < 0.05, 0.5, 0.0)
            return value, 0 * value

    light = PeriodChannel("light", 1e11, 5.0, (), Light(0.5), 7)
    other = replace(light, name="other", background=0.1, efficiency=ConstantEfficiency(0.5), observed=0)
    search = Search((light, other), 0.0)
    assert [channel.name for channel in search.model(0.01).channels] == ["light", "other"]
    assert [channel.name for channel in search.model(0.1).channels] == ["other"]
    assert search.point(0.1, 0.9).observed == pytest.approx(2.3026, abs=1e-4)
    with pytest.raises(ValueError, match=r"mass 0\.1 GeV: the efficiency is 0 in every period"):
        Search((light,)).model(0.1)


def test_positrons_lower_the_limit_at_the_resonance_by_the_factor_of_the_check() -> None:
    """Theory: the full gain over bremsstrahlung at 237 MeV is a factor 4.2 in eps."""
    period = PeriodChannel("2022", 1e11, 0.5, (), ConstantEfficiency(0.5), 0)
    plain, resonant = (
        Search((replace(period, production=Production(resonant=r)),)).point(0.237, 0.9)
        for r in (None, Resonant())
    )
    assert plain.resonant_share == 0
    assert resonant.observed == plain.observed
    assert plain.eps(2.3) / resonant.eps(2.3) == pytest.approx(4.2, abs=0.05)
    assert resonant.resonant_share == pytest.approx(1 - 1 / 4.2**2, abs=0.002)
    stronger = replace(period, production=Production(resonant=Resonant(alpha_d=0.3)))
    assert Search((stronger,)).alphas == (0.3,)


def test_masses_are_equidistant_in_the_logarithm() -> None:
    found = np.array(masses())
    assert (found[0], found[-1]) == (0.001, 1.0)
    assert np.ptp(np.diff(np.log(found))) < 1e-3


def test_a_projection_scales_the_background() -> None:
    def projected(scaling: Scaling, at: float | None) -> tuple[float, float]:
        found = project(
            1e12,
            background_of("0.5+-0.1"),
            ConstantEfficiency(0.5),
            at=at,
            scaling=scaling,
            masses=(0.01,),
        )
        return found.background, found.background_error

    assert projected(Scaling.LINEAR, 2.5e11) == pytest.approx((2.0, 0.4))
    assert projected(Scaling.CONSTANT, 2.5e11) == (0.5, 0.1)
    assert projected(Scaling.LINEAR, None) == (0.5, 0.1)
    with pytest.raises(ValueError, match="exposure of the background 0"):
        projected(Scaling.LINEAR, 0.0)


def test_without_background_eps_goes_with_the_root_of_the_exposure() -> None:
    points = [
        project(eot, background_of("0.01"), ConstantEfficiency(0.5), masses=(0.01, 0.1))
        for eot in (1e11, 4e11)
    ]
    eps = [row["eps_median"] for row in projection_table(points).records()]
    assert [
        float(eps[0] or 0) / float(eps[2] or 1),
        float(eps[1] or 0) / float(eps[3] or 1),
    ] == pytest.approx([2, 2])


def test_a_table_with_gaps_is_a_background_with_an_assumption(exposure_of: Callable[..., LimitInput]) -> None:
    rows = (
        BackgroundRow("dimuons", 0.2, 0.1, tag="[V: x]"),
        BackgroundRow("gap", None),
        BackgroundRow("target", 0.1, upper_limit=True),
    )
    background = Background(0.2, 0.1, BackgroundTable(rows), "background.csv")
    exposure = exposure_of(("2022", 1e11, None))
    search = search_of(
        [exposure],
        [background],
        lambda *_: ConstantEfficiency(0.5),
        signal_error=0.1,
    )
    stated = assumptions_of(search, [background], delivered=False, exposures=[exposure])
    found = {a.text: a.tag for a in stated}
    assert found["a background from seed is not made smaller for the runs left out: 2"] == "assumption"
    assert found["background.csv: gap has no number and is left out"] == "NOT FOUND"
    counted = "background.csv: target: upper limit < 0.1 counted by the distribution that the count in a "
    assert found[counted + "control region leaves of the mean"] == "configuration"
    assert found["background dimuons: 0.20 +- 0.10"] == "[V: x]"
    assert found["10% error of the yield, log-normal, common to all periods"].startswith("[R-med")
