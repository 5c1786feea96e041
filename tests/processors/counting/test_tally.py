"""Tallies add up exactly, come back from arrays, and derive what the products show."""

from __future__ import annotations

import json
import math
import pickle
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from na64.processors.counting.tally import (
    ACCOUNTING,
    N_COMPONENTS_WEIGHTED,
    Tally,
    fixed_point,
    sums,
    with_histograms,
)

STEADY = settings(derandomize=True)
N_CUTS, N_REGIONS, N_BINS = 3, 5, 20
WEIGHTS = st.floats(-1e4, 1e4).filter(lambda w: w == 0 or abs(w) > 1e-5)


def make(seed: int, n_components: int = 1) -> Tally:
    random = np.random.default_rng(seed)
    dense = random.integers(0, 3, (n_components, N_BINS))
    dense[1:] *= dense[0] > 0
    tally = Tally(
        accounting={key: int(random.integers(0, 9)) for key in ACCOUNTING},
        first_fail=random.integers(0, 9, (n_components, N_CUTS + 1, N_REGIONS + 1)),
        single_cut=random.integers(0, 9, (n_components, N_CUTS)),
        n_minus_one=random.integers(0, 9, (n_components, N_CUTS)),
        bins=np.zeros(0, np.int64),
        contents=np.zeros((n_components, 0), np.int64),
        n_bins=N_BINS,
    )
    return with_histograms(tally, dense)


TALLIES = st.integers(0, 10_000).map(make)


@STEADY
@given(TALLIES, TALLIES, TALLIES)
def test_addition_has_an_order_of_no_importance_and_an_empty(a: Tally, b: Tally, c: Tally) -> None:
    empty = Tally.empty(n_cuts=N_CUTS, n_regions=N_REGIONS, n_bins=N_BINS)
    assert a + empty == a == empty + a
    assert (a + b) + c == c + (b + a)


@STEADY
@given(TALLIES, TALLIES)
def test_addition_adds_every_number_and_leaves_its_terms_alone(a: Tally, b: Tally) -> None:
    before = a.histograms.copy(), a.first_fail.copy(), dict(a.accounting)
    added = a + b
    assert np.array_equal(added.histograms, a.histograms + b.histograms)
    assert np.array_equal(added.first_fail, a.first_fail + b.first_fail)
    assert np.array_equal(added.single_cut, a.single_cut + b.single_cut)
    assert np.array_equal(added.n_minus_one, a.n_minus_one + b.n_minus_one)
    assert added.accounting == {key: a.accounting[key] + b.accounting[key] for key in ACCOUNTING}
    assert np.array_equal(a.histograms, before[0])
    assert np.array_equal(a.first_fail, before[1])
    assert a.accounting == before[2]


@pytest.mark.parametrize("name", ["first_fail", "single_cut", "n_minus_one", "bins", "contents"])
def test_a_change_of_any_array_is_another_tally(name: str) -> None:
    one, other = make(1), make(1)
    assert one == other
    getattr(other, name).flat[0] += 1
    assert one != other


def test_a_change_of_the_accounting_or_the_booking_is_another_tally() -> None:
    one, other = make(1), make(1)
    other.accounting["hidden"] += 1
    assert one != other
    assert one != "tally"
    assert Tally.empty(n_cuts=1, n_regions=3, n_bins=1) != Tally.empty(n_cuts=1, n_regions=3, n_bins=2)


@STEADY
@given(TALLIES)
def test_a_tally_comes_back_from_json_and_arrays_and_from_pickle(tally: Tally) -> None:
    header, arrays = tally.to_arrays()
    assert Tally.from_arrays(json.loads(json.dumps(header)), arrays) == tally
    assert pickle.loads(pickle.dumps(tally)) == tally  # noqa: S301 (bytes made in this line)


def test_arrays_of_another_schema_or_without_accounting_are_refused() -> None:
    header, arrays = make(1).to_arrays()
    with pytest.raises(ValueError, match="schema 99: expected 4"):
        Tally.from_arrays(header | {"schema": 99}, arrays)
    with pytest.raises(ValueError, match="without accounting"):
        Tally.from_arrays(header | {"accounting": None}, arrays)


def test_counts_after_each_cut_are_sums_over_the_first_failed_cut() -> None:
    tally = Tally.empty(n_cuts=2, n_regions=3, n_bins=1)
    tally.first_fail[0] = [[1, 0, 0, 0], [10, 20, 0, 0], [0, 100, 200, 300]]
    assert tally.visible == 631
    assert tally.passed().tolist() == [[631, 630, 600]]
    assert tally.regions_after()[0].tolist() == [[11, 120, 200, 300], [10, 120, 200, 300], [0, 100, 200, 300]]


def test_what_was_read_is_what_was_processed_and_what_was_skipped() -> None:
    tally = Tally.empty(n_cuts=1, n_regions=3, n_bins=1)
    tally.accounting.update(processed=7, hidden=2, skipped_nonfinite=3, skipped_cell_range=1)
    assert (tally.processed, tally.hidden, tally.skipped, tally.read) == (7, 2, 4, 11)


def test_tallies_of_different_selections_do_not_add() -> None:
    with pytest.raises(ValueError, match="different selections"):
        make(1) + Tally.empty(n_cuts=N_CUTS, n_regions=N_REGIONS, n_bins=N_BINS + 1)
    with pytest.raises(ValueError, match="different selections"):
        make(1) + Tally.empty(n_cuts=N_CUTS, n_regions=N_REGIONS - 1, n_bins=N_BINS)
    with pytest.raises(ValueError, match="different selections"):
        make(1) + make(1, N_COMPONENTS_WEIGHTED)
    with pytest.raises(TypeError):
        make(1) + 1  # type: ignore[operator]


def test_arrays_that_do_not_belong_together_are_no_tally() -> None:
    header, arrays = make(1).to_arrays()
    with pytest.raises(ValueError, match="not the counts of one selection"):
        Tally.from_arrays(header, arrays | {"single_cut": np.zeros((1, N_CUTS + 1), np.int64)})
    with pytest.raises(ValueError, match="contents"):
        Tally.from_arrays(header, arrays | {"contents": np.zeros((1, 1), np.int64)})
    with pytest.raises(KeyError, match="accounting"):
        Tally.from_arrays(header | {"accounting": {"processed": 1}}, arrays)


@STEADY
@given(st.lists(WEIGHTS, max_size=30))
def test_sums_of_weights_are_exact_in_any_order(weights: list[float]) -> None:
    components = fixed_point(np.array(weights, np.float64))
    total = np.concatenate([[len(weights)], components.sum(axis=1)])
    backwards = np.concatenate([[len(weights)], components[:, ::-1].sum(axis=1)])
    assert total.tolist() == backwards.tolist()
    numbers = sums(total)
    exact = sum(map(Fraction, weights), Fraction())
    assert float(numbers.sumw) == pytest.approx(float(exact), rel=1e-12, abs=1e-13)
    assert float(numbers.sumw2) == pytest.approx(math.fsum(w * w for w in weights), rel=1e-6)


def test_data_have_their_counts_for_sums() -> None:
    numbers = sums(np.array([[3, 4]]))
    assert numbers.count.tolist() == numbers.sumw.tolist() == numbers.sumw2.tolist() == [3, 4]


def test_a_small_weight_keeps_its_square_beside_a_large_one() -> None:
    numbers = sums(np.concatenate([[[1, 1]], fixed_point(np.array([1e-6, 1e4]))]))
    assert numbers.sumw.tolist() == pytest.approx([1e-6, 1e4], rel=1e-10)
    assert numbers.sumw2.tolist() == pytest.approx([1e-12, 1e8], rel=1e-4)


@pytest.mark.parametrize("weight", [1e6, -1e6, math.inf, math.nan])
def test_a_weight_that_cannot_be_summed_exactly_is_refused(weight: float) -> None:
    with pytest.raises(ValueError, match="too large"):
        fixed_point(np.array([1.0, weight]))


@pytest.mark.parametrize("weight", [5e-8, -5e-8, 1e-9, 1e-320])
def test_a_weight_whose_square_would_be_lost_is_refused(weight: float) -> None:
    with pytest.raises(ValueError, match=f"{weight:g} is too small"):
        fixed_point(np.array([0.0, 1.0, weight]))


def test_tallies_whose_weights_would_overflow_do_not_add() -> None:
    empty = Tally.empty(n_cuts=0, n_regions=3, n_bins=0, n_components=N_COMPONENTS_WEIGHTED)
    tally = replace(empty, first_fail=empty.first_fail.copy())
    tally.first_fail[:, 0, 0] = [1, *fixed_point(np.array([4e5]))[:, 0]]
    assert sums((tally + empty).first_fail).sumw2.sum() == 1.6e11
    with pytest.raises(ValueError, match="weights too large"):
        tally + tally
