"""Sums of weights against exact fractions."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from na64.processors.counting.weighted_sums import LARGEST, LEFT_OUT, N_LAYERS, add, sums

STEADY = settings(derandomize=True, max_examples=100)
N_BINS = 3
SMALLEST = 2.0**-80
"""From here on every bit of a float64 and of its square is at a place that there is."""

WEIGHTS = st.floats(-1e40, 1e40).filter(lambda weight: weight == 0 or abs(weight) >= SMALLEST)
EVENTS = st.lists(st.tuples(st.integers(0, N_BINS - 1), WEIGHTS), max_size=25)


def layers_of(events: list[tuple[int, float]]) -> NDArray[np.int64]:
    layers = np.zeros((N_LAYERS, N_BINS), np.int64)
    add(np.array([b for b, _ in events], np.int64), np.array([w for _, w in events], np.float64), layers)
    return layers


@STEADY
@given(EVENTS)
@example([(0, 1e16), (0, 1.0), (0, -1e16)])
@example([(0, 0.1)] * 10)
@example([(1, -SMALLEST), (1, 1e40), (1, 1.0)])
def test_a_sum_is_that_of_all_digits_rounded_once(events: list[tuple[int, float]]) -> None:
    found = sums(layers_of(events))
    for number in range(N_BINS):
        weights = [weight for b, weight in events if b == number]
        assert found.count[number] == len(weights)
        assert found.sumw[number] == float(sum(map(Fraction, weights), Fraction()))
        assert found.sumw2[number] == float(sum((Fraction(w * w) for w in weights), Fraction()))


@STEADY
@given(EVENTS, st.randoms(use_true_random=False), st.integers(0, 25))
def test_neither_order_nor_parts_matter(events: list[tuple[int, float]], random: object, cut: int) -> None:
    mixed = sorted(events, key=lambda _: random.random())  # type: ignore[attr-defined]
    whole = layers_of(events)
    assert np.array_equal(layers_of(mixed[:cut]) + layers_of(mixed[cut:]), whole)
    assert np.array_equal(layers_of(mixed[cut:]) + layers_of(mixed[:cut]), whole)


def test_many_weights_of_many_sizes_add_up_exactly() -> None:
    weights = np.random.default_rng(4).normal(size=100_000) * 10.0 ** (np.arange(100_000) % 12)
    layers = np.zeros((N_LAYERS, 1), np.int64)
    add(np.zeros(weights.size, np.int64), weights, layers)
    assert sums(layers).sumw[0] == math.fsum(weights)
    assert sums(layers).sumw2[0] == math.fsum(weights * weights)


@pytest.mark.parametrize("weight", [math.nan, math.inf, -math.inf, LARGEST, -LARGEST])
def test_a_weight_that_is_not_finite_is_counted_and_left_out(weight: float) -> None:
    layers = layers_of([(1, 2.0), (1, weight), (2, weight)])
    assert layers[LEFT_OUT].tolist() == [0, 1, 1]
    found = sums(layers)
    assert (found.count[1], found.sumw[1], found.sumw2[1]) == (1, 2.0, 4.0)
    assert (found.count[2], found.sumw[2], found.sumw2[2]) == (0, 0.0, 0.0)


def test_the_largest_and_the_smallest_weights_have_a_place() -> None:
    below = float(np.nextafter(LARGEST, 0))
    found = sums(layers_of([(0, below), (1, 1 / LARGEST), (2, 1 / LARGEST / 2)]))
    assert (found.sumw[0], found.sumw2[0]) == (below, below * below)
    assert (found.sumw[1], found.sumw2[1]) == (1 / LARGEST, LARGEST**-2)
    assert (found.count[2], found.sumw[2]) == (1, 0.0)  # too small for any place
