"""Products of yields and rates, and what simulation gives of them."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

from na64.outputs.background.rates import (
    EXPOSURES,
    RATES,
    Factor,
    Product,
    Weighted,
    load_products,
    poisson_limit,
    simulated_fraction,
    with_loss,
)

ONE = """
[[source]]
name = "dimuons"
proportional_to = "region_I"
factor = [{ name = "lost", value = 1e-4, error = 5e-5, source = "[D: here]" }]
"""
YIELD: dict[str, float | None] = {"eot": 1e11, "region_I": 400.0, "region_II": 0.0, "region_III": None}


def _product(*factors: Factor, to: str = "region_I") -> Product:
    return Product("x", to, factors)


def test_a_product_has_the_errors_of_its_count_and_its_factors() -> None:
    row = _product(Factor("a", 1e-3, 2e-4), Factor("b", 0.5)).row(YIELD)
    assert row.n == pytest.approx(0.2)
    assert row.error == pytest.approx(0.2 * math.hypot(1 / 20, 0.2))
    assert not row.upper_limit


def test_a_product_is_correlated_unless_its_source_says_otherwise(tmp_path: Path) -> None:
    path = tmp_path / "rates.toml"
    for line, correlated in (("", True), ("correlated = false\n", False)):
        path.write_text(ONE.replace("factor = ", f"{line}factor = "))
        (product,) = load_products(path)
        assert product.row(YIELD).correlated is correlated


def test_electrons_on_target_have_no_counting_error() -> None:
    assert _product(Factor("a", 1e-11), to="eot").row(YIELD).error == 0


def test_one_limit_makes_the_product_a_limit() -> None:
    row = _product(Factor("a", 1e-11, upper_limit=True), Factor("b", 0.5), to="eot").row(YIELD)
    assert row.n == pytest.approx(0.5)
    assert row.error == 0
    assert row.upper_limit


def test_no_count_is_a_limit() -> None:
    row = _product(Factor("a", 1e-3), to="region_II").row(YIELD)
    assert row.upper_limit
    assert row.n == pytest.approx(2.302585e-3)


@pytest.mark.parametrize("n_seen", [0, 1, 4, 400])
def test_a_limit_is_that_of_the_distribution_of_the_product(n_seen: int) -> None:
    """Of pseudo-experiments that know the count, the limit and the factor only, nine in ten are below it."""
    rng, n = np.random.default_rng(1), 400_000
    events = rng.standard_gamma(n_seen + 1, n) * 0.5 * np.exp(0.4 * rng.standard_normal(n))
    limited = events * rng.exponential(1e-3 / math.log(10), n)
    known, limit = Factor("b", 0.5, 0.2), Factor("a", 1e-3, upper_limit=True)
    found = _product(limit, known).row({"region_I": float(n_seen)})
    assert found.n is not None
    assert np.mean(limited <= found.n) == pytest.approx(0.9, abs=0.004)
    assert found.upper_limit
    if not n_seen:
        found = _product(known).row({"region_I": 0.0})
        assert found.n is not None
        assert np.mean(events <= found.n) == pytest.approx(0.9, abs=0.004)


@pytest.mark.parametrize("mean", [3.0, 30.0])
def test_limits_on_products_hold_the_truth_as_often_as_they_say(mean: float) -> None:
    """Truth: a mean count, and a factor of which its limit is all that is known."""
    rng, n = np.random.default_rng(2), 2_000
    counts, truths = rng.poisson(mean, n), mean * rng.exponential(1e-2 / math.log(10), n)
    product = _product(Factor("a", 1e-2, upper_limit=True))
    rows = {count: product.row({"region_I": float(count)}).n or 0.0 for count in {*counts.tolist()}}
    held = np.array([rows[count] for count in counts.tolist()]) >= truths
    assert held.mean() > 0.9 - 0.015


def test_what_nobody_has_configured_is_no_number() -> None:
    row = _product(Factor("a", 1e-3), Factor("b", None, source="NOT FOUND")).row(YIELD)
    assert (row.n, row.text) == (None, "not configured")
    assert row.method == "not configured: b"
    assert _product(Factor("a", 1e-3), to="region_III").row(YIELD).method == "not known: region_III"


def test_the_packaged_sources_are_not_configured() -> None:
    products = load_products()
    assert [product.name for product in products] == [
        "dimuons",
        "decays of kaons",
        "decays of pions",
        "punch-through",
    ]
    for product in products:
        row = product.row(dict.fromkeys((*EXPOSURES, "region_I", "region_II"), 1e3))
        assert row.n is None
        assert "NOT FOUND" in row.tag
    assert all(factor.source for product in products for factor in product.factors)


def test_a_configured_source_is_read(tmp_path: Path) -> None:
    (tmp_path / RATES).write_text(ONE)
    (product,) = load_products(tmp_path / RATES)
    row = product.row(YIELD)
    assert row.n == pytest.approx(0.04)
    assert row.tag == "[D: here]"


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("region_I", "regionI", "regionI"),
        ("1e-4", "-1e-4", "expected numbers from 0"),
        (', source = "[D: here]"', "", "source"),
        ("error", "eror", "eror"),
        ("1e-4", "0", "a factor of 0 claims that there is no background: state a limit"),
        (
            "error",
            "upper_limit = true, error",
            "an upper limit with an error of 5e-05: state one or the other",
        ),
    ],
)
def test_a_wrong_file_is_refused_by_name(old: str, new: str, message: str, tmp_path: Path) -> None:
    (tmp_path / RATES).write_text(ONE.replace(old, new))
    with pytest.raises((ValueError, KeyError), match=f"{RATES}.*{message}"):
        load_products(tmp_path / RATES)


def test_a_simulated_fraction_has_the_errors_of_both_sums() -> None:
    found = simulated_fraction("x", Weighted(2.0, 1.0), Weighted(50.0, 25.0))
    assert found.value == pytest.approx(0.04)
    assert found.error == pytest.approx(0.04 * math.sqrt(1 / 4 + 1 / 100))
    assert "4 of 100" in found.source


def test_a_simulated_fraction_of_nothing_is_a_limit() -> None:
    found = simulated_fraction("x", Weighted(0.0, 0.0), Weighted(50.0, 25.0))
    assert found.upper_limit
    assert found.value == pytest.approx(2.302585 / 100)
    assert simulated_fraction("x", Weighted(1.0, 1.0), Weighted(0.0, 0.0)).value is None


def test_a_simulated_loss_replaces_the_factors_of_its_source_only() -> None:
    loss = Factor("loss", 1e-5)
    dimuons, kaons, *_ = with_loss(load_products(), "dimuons", loss)
    assert dimuons.factors == (loss,)
    assert kaons == load_products()[1]


def test_limits_are_at_90_percent() -> None:
    assert poisson_limit(0) == pytest.approx(2.302585, abs=1e-6)
    assert poisson_limit(1) == pytest.approx(3.889720, abs=1e-6)
