"""Background of the box of electron pairs: charged kaons of a control region, and published rates."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

import na64
from na64.outputs.background.rates import load_products, load_sources, products_of
from na64.outputs.background.table import packaged_background
from na64.outputs.limits.inputs import background_of
from na64.run import main

KAONS = "K0S to 2 pi0"


@pytest.fixture(scope="module")
def result(
    simulate: Callable[..., Path], process: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory
) -> Path:
    data = simulate(tmp_path_factory.mktemp("pairs"), "visible_2018", 3_000, layout="visible2018")
    return process(data, "visible_2018")


def test_neutral_kaons_are_those_of_the_control_region_times_the_ratio_of_their_decays(
    result: Path, rows: Callable[..., list[dict[str, str]]], undrawn: None
) -> None:
    table = na64.background(result).table
    n = sum(int(row["region_K0_charged"]) for row in rows(result / "yields.csv"))
    kaons = next(row for row in table.rows if row.source == KAONS)
    assert n > 15
    assert kaons.n == pytest.approx(n * 0.4435 * 0.061 * 0.29)
    relative = (1 / n + (0.03 / 0.061) ** 2 + (0.03 / 0.29) ** 2 + (0.002 / 0.4435) ** 2) ** 0.5
    assert kaons.error == pytest.approx(kaons.n * relative)
    assert kaons.method.startswith(f"region_K0_charged ({n}) x 2 pi0 over pi+ pi- x an electron pair")
    assert "NOT FOUND" in kaons.tag
    eot = sum(float(row["eot"]) for row in rows(result / "yields.csv") if row["run"] != "4227")
    others = {row.source: row for row in table.rows if row.source != KAONS}
    assert len(others) == 5
    assert others["pions that punch through"].n == pytest.approx(5.6e-14 * 0.93 * eot, rel=1e-4)  # live ones
    assert others["pions that punch through"].upper_limit


def test_sidebands_in_two_energies_are_refused_by_name(
    result: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for option in (["--end", "70"], ["--one-slope"], ["--start", "55"]):
        assert main(["background", str(result), *option]) == 2
        assert capsys.readouterr().err == (
            f"na64: {' '.join(option)}: is of sidebands in ECAL and HCAL energy, which the box of search "
            "visible does not have\n"
        )


def test_every_packaged_number_has_a_source_and_scales_the_published_table() -> None:
    published = packaged_background("background_visible_2017.csv")
    assert published.total(True)[0] == pytest.approx(0.076)  # limits at face value; 0.07 +- 0.035 published
    assert published.total(False)[1] == pytest.approx(0.034, abs=0.002)
    rows = {row.source: row.n for row in published.rows}
    shapes, sources = load_sources(None, "visible")
    assert not shapes
    assert {one.period for one in sources if one.name == KAONS} == {"2017V", "2018V"}
    for source in sources:
        assert all("[" in factor.source or "NOT FOUND" in factor.source for factor in source.factors)
        if source.proportional_to == "eot":
            (factor,) = source.factors
            assert factor.value is not None
            assert factor.value * 5.4e10 == pytest.approx(rows[source.name], rel=0.01)
    assert background_of("visible_2017").n == pytest.approx(0.074, abs=0.004)


@pytest.mark.parametrize(("period", "value"), [("2017V", 0.126), ("2018V", 0.29)])
def test_what_a_kaon_leaves_in_the_box_is_that_of_the_period(period: str, value: float) -> None:
    listed = products_of(load_sources(None, "visible")[1], [period])
    (kaons,) = (one for one in listed if one.name == KAONS)
    assert kaons.factors[-1].value == value
    assert len(listed) == 6


def test_factors_of_one_period_are_not_used_for_others() -> None:
    _, sources = load_sources(None, "visible")
    for periods in (["2017V", "2018V"], ["2018"]):
        with pytest.raises(
            ValueError, match=r"K0S to 2 pi0: its factors are of period 2018V or 2017V, and the"
        ):
            products_of(sources, periods)


@pytest.mark.parametrize("period", ["", "2018V"])
def test_a_source_that_is_listed_twice_for_a_period_is_not_counted_twice(period: str) -> None:
    _, sources = load_sources(None, "visible")
    again = replace(next(one for one in sources if one.period == "2018V"), period=period)
    with pytest.raises(ValueError, match="K0S to 2 pi0: stated 2 times for period 2018V"):
        products_of((*sources, again), ["2018V"])


def test_a_period_in_the_sources_of_a_box_with_sidebands_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "rates.toml"
    path.write_text(
        '[[source]]\nname = "x"\nproportional_to = "eot"\nperiod = "2018"\n'
        '[[source.factor]]\nname = "y"\nvalue = 1\nsource = "z"\n'
    )
    with pytest.raises(ValueError, match="x: periods are of boxes that are not below two energies"):
        load_products(path)
