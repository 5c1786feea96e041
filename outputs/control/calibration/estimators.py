"""Robust estimators of one cell out of its histograms, each with its statistical error."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import special

from na64.processors.calibration.cell_sums import (
    DELAY_BIN,
    DELAY_LOW,
    N_DELAYS,
    N_NOISE,
    noise_edges,
    signal_edges,
)
from na64.processors.calibration.sums import SparseHistogram

Floats = NDArray[np.float64]

_CUT = 2.5
"""Standard deviations on either side of a peak that its mean and width are taken from."""

_FAR = 20.0
"""ns from the peak beyond which everything is background, flat in time."""

_SMOOTH = 8
_ROUNDS = 20
_SAME = 1e-4
_PERCENTILES = (0.158655, 0.5, 0.841345)
_OF_MEDIAN = math.sqrt(math.pi / 2)
"""Error of a median over that of a mean, of normal deviations."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """A number, its statistical error, and how many entries it is of."""

    value: float
    error: float
    entries: int


@dataclass(frozen=True, slots=True)
class Peak:
    """Place and width of a peak: ns."""

    place: Estimate
    width: Estimate


def time_peak(histogram: SparseHistogram, least: int) -> Peak | None:
    """Peak of the delays of a cell above a flat background; None if it has fewer than `least` entries.

    Mean and width are those within 2.5 standard deviations, repeated until they stay. What is cut off of the
    width is added for a normal peak, and what the bins add is taken away.
    """
    counts = np.zeros(N_DELAYS)
    counts[histogram.keys] = histogram.counts
    if counts.sum() < least:
        return None
    centres: Floats = np.linspace(0.5, N_DELAYS - 0.5, N_DELAYS) * DELAY_BIN + DELAY_LOW
    smooth = np.convolve(counts, np.ones(_SMOOTH), mode="same")
    place = float(centres[smooth.argmax()])
    far = np.abs(centres - place) > _FAR
    signal = counts - counts[far].mean()
    near = np.where(far, 0.0, np.maximum(signal, 0.0))
    low, high = (float(_quantile(near, centres, share)) for share in (_PERCENTILES[0], _PERCENTILES[2]))
    width = max((high - low) / 2, DELAY_BIN / 2)
    for _ in range(_ROUNDS):
        before = (place, width)
        place, width, entries = _moments(signal, centres, place, width)
        if entries < least:
            return None
        if abs(place - before[0]) < _SAME and abs(width - before[1]) < _SAME:
            break
    n = math.floor(entries)
    return Peak(
        Estimate(place, width / math.sqrt(entries), n), Estimate(width, width / math.sqrt(2 * entries), n)
    )


def _moments(signal: Floats, centres: Floats, place: float, width: float) -> tuple[float, float, float]:
    """Mean, width and entries of a peak within its cut, with the outermost bins in part."""
    reach = _CUT * width
    share = np.clip((reach - np.abs(centres - place)) / DELAY_BIN + 0.5, 0.0, 1.0)
    weights = share * signal
    entries = float(weights.sum())
    if entries <= 0:
        return place, width, 0.0
    mean = float((weights * centres).sum() / entries)
    variance = float((weights * (centres - mean) ** 2).sum() / entries) - DELAY_BIN**2 / 12
    kept = special.erf(_CUT / math.sqrt(2))
    lost = 2 * _CUT * math.exp(-(_CUT**2) / 2) / math.sqrt(2 * math.pi) / kept
    found = math.sqrt(max(variance, 0.0) / (1 - lost))
    return mean, max(found, DELAY_BIN / 4), entries


def _quantile(counts: Floats, centres: Floats, share: float) -> float:
    sums = np.cumsum(counts)
    return float(np.interp(share * sums[-1], sums, centres))


def median_signal(histogram: SparseHistogram, least: int) -> Estimate | None:
    """Median of the signals of a cell, GeV; None if there are fewer than `least`."""
    found = _percentiles(histogram, signal_edges(histogram.keys), signal_edges(histogram.keys + 1), least)
    if found is None:
        return None
    low, middle, high = found
    n = int(histogram.counts.sum())
    spread = max((high - low) / 2, middle * 1e-3)  # within one bin nothing is known of it
    return Estimate(middle, _OF_MEDIAN * spread / math.sqrt(n), n)


@dataclass(frozen=True, slots=True)
class Noise:
    """What a cell has where nothing happened.

    Attributes
    ----------
    baseline, noise : Estimate or None
        Median and half of the middle 68 %, GeV; None where most events have nothing, which is all that is
        known if the files leave small signals out.
    occupied : Estimate
        Share of the events with something.
    """

    baseline: Estimate | None
    noise: Estimate | None
    occupied: Estimate


def noise_of(histogram: SparseHistogram, least: int) -> Noise | None:
    """Baseline and noise of a cell out of random triggers; None if there are fewer than `least`."""
    n = int(histogram.counts.sum())
    if n < least:
        return None
    empty = int(histogram.counts[histogram.keys == N_NOISE // 2].sum())
    share = (n - empty) / n
    occupied = Estimate(share, math.sqrt(max(share * (1 - share), 1 / n) / n), n)
    if share < 0.5:
        return Noise(None, None, occupied)
    found = _percentiles(histogram, noise_edges(histogram.keys), noise_edges(histogram.keys + 1), least)
    if found is None:
        return None
    low, middle, high = found
    width = (high - low) / 2
    return Noise(
        Estimate(middle, _OF_MEDIAN * width / math.sqrt(n), n),
        Estimate(width, width / math.sqrt(n), n),
        occupied,
    )


def _percentiles(
    histogram: SparseHistogram, lower: Floats, upper: Floats, least: int
) -> tuple[float, float, float] | None:
    """The 16th, 50th and 84th percentile, entries being even within each bin."""
    n = int(histogram.counts.sum())
    if n < least:
        return None
    sums = np.cumsum(histogram.counts)
    found = []
    for share in _PERCENTILES:
        wanted = share * n
        row = min(int(np.searchsorted(sums, wanted)), len(sums) - 1)
        inside = (wanted - (sums[row] - histogram.counts[row])) / histogram.counts[row]
        found.append(float(lower[row] + inside * (upper[row] - lower[row])))
    return found[0], found[1], found[2]
