"""Sources of background that are known by an upper limit."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import integrate, special, stats

from na64.outputs.background.table import BackgroundRow
from na64.outputs.statistics.cls import generate_toys, upper_limit
from na64.outputs.statistics.expected import expected_limits
from na64.outputs.statistics.intervals import unified_interval
from na64.outputs.statistics.model import Channel, Model, counting, merged, probabilities
from na64.outputs.statistics.one_channel import background_counts
from na64.outputs.statistics.one_sided import Gamma, of_limit, summed


@pytest.mark.parametrize("n", [0, 1, 5, 40])
def test_a_count_in_a_control_region_leaves_this_distribution(n: int) -> None:
    limit = 0.3 * float(special.gammaincinv(n + 1, 0.9))
    found = of_limit(limit, 0.3 * n)
    assert (found.shape, found.scale) == pytest.approx((n + 1, 0.3), rel=1e-6)
    assert found.quantile(0.9) == pytest.approx(limit)


def test_counts_are_poisson_counts_of_the_distribution() -> None:
    source = Gamma(3.0, 0.7)

    def mixed(n: int) -> float:
        return float(
            integrate.quad(lambda u: stats.gamma.pdf(u, 3.0, scale=0.7) * stats.poisson.pmf(n, u), 0, 40)[0]
        )

    assert source.counts(6) == pytest.approx([mixed(n) for n in range(7)], rel=1e-6)


def test_a_sum_has_the_moments_of_the_sum() -> None:
    parts = [Gamma(1.0, 2.0), Gamma(4.0, 0.5)]
    found = summed(parts)
    assert found is not None
    assert found.mean == pytest.approx(4.0)
    assert found.deviation == pytest.approx(np.hypot(2.0, 1.0))
    assert summed([]) is None


def test_a_row_that_is_a_limit_has_a_distribution_and_one_that_is_a_value_has_none() -> None:
    row = BackgroundRow("target", 0.13, upper_limit=True)
    assert row.one_sided == of_limit(0.13)
    assert BackgroundRow("dimuons", 0.2, 0.1).one_sided is None
    with pytest.raises(ValueError, match="is most likely of"):
        BackgroundRow("target", 0.13, upper_limit=True, most_likely=0.2)
    with pytest.raises(ValueError, match="is most likely of"):
        BackgroundRow("dimuons", 0.2, 0.1, most_likely=0.1)


def test_one_event_is_no_evidence_where_the_largest_source_is_a_limit() -> None:
    known, limited = counting(0.0), counting(0.0, one_sided=of_limit(11.5))
    assert unified_interval(known, [1]).low > 0.1
    assert unified_interval(limited, [1]).low == 0.0


def test_expected_bands_do_not_collapse() -> None:
    none, limited = (expected_limits(counting(0.0, one_sided=source)) for source in (None, of_limit(11.5)))
    assert none.bands[0] == none.bands[4]
    assert limited.bands[1] < limited.bands[2] < limited.bands[3] < limited.bands[4]
    assert limited.probability_of_none == pytest.approx(1 / (1 + 11.5 / np.log(10)))


def test_with_nothing_seen_the_limit_does_not_know_the_distribution() -> None:
    assert upper_limit(counting(0.5, 0.2, one_sided=of_limit(11.5)), [0]) == pytest.approx(
        np.log(10), rel=1e-6
    )


def test_probabilities_of_one_channel_are_the_convolution() -> None:
    model = counting(0.5, 0.2, one_sided=Gamma(2.0, 1.5))
    known, extra = background_counts(counting(0.5, 0.2), 30), Gamma(2.0, 1.5).counts(30)
    assert background_counts(model, 30) == pytest.approx(np.convolve(known, extra)[:31])


def test_a_limit_in_common_is_one_for_all_channels() -> None:
    def at_none(*names: str) -> float:
        channels = tuple(
            Channel(f"channel {i}", 0.1, signal_fraction=0.5, one_sided=((name, Gamma(1.0, 2.0)),))
            for i, name in enumerate(names)
        )
        return float(probabilities(Model(channels), 0.0, np.zeros((1, 2), np.int64))[0])

    apart, together = at_none("one", "other"), at_none("same", "same")
    assert apart == pytest.approx(np.exp(-0.2) / 9, rel=1e-6)
    assert together == pytest.approx(np.exp(-0.2) / 5, rel=1e-3)


def test_channels_together_have_the_limit_in_common_once() -> None:
    channels = tuple(
        Channel(c, 0.1, signal_fraction=0.5, one_sided=(("same", Gamma(1.0, 2.0)),)) for c in "ab"
    )
    (channel,) = merged(Model(channels)).channels
    assert channel.one_sided == (("limits", Gamma(1.0, 4.0)),)


def test_thrown_counts_have_the_mean_and_the_spread() -> None:
    channels = tuple(
        Channel(c, 0.1, signal_fraction=0.5, one_sided=(("same", Gamma(2.0, 3.0)),)) for c in "ab"
    )
    toy_counts = generate_toys(Model(channels), 0.0, 40_000, np.random.default_rng(1))
    assert toy_counts.mean(axis=0) == pytest.approx([6.1, 6.1], rel=0.03)
    correlation = np.asarray(np.corrcoef(toy_counts.T))[0, 1]
    assert correlation == pytest.approx(18 / (18 + 6.1), abs=0.03)


def test_a_small_error_does_not_take_the_points_of_a_large_limit_in_common() -> None:
    """Two periods share a limit of ten events and an error of a twentieth of one, which changes nothing."""
    share = of_limit(10.0).scaled(0.5)

    def limit(*effects: tuple[str, float]) -> float:
        channels = (
            Channel(name, 0.2, signal_fraction=0.5, background_effects=effects, one_sided=(("limit", share),))
            for name in "ab"
        )
        return upper_limit(Model(tuple(channels), 0.1), (2, 2))

    assert limit(("error", 0.25)) == pytest.approx(limit(), rel=3e-3)
