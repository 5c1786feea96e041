"""Pseudo-campaigns of known background: what the sidebands say of the box against the truth."""

from __future__ import annotations

from dataclasses import replace

import hist
import numpy as np
import pytest
from scipy import special

from na64.datasets.conditions.periods import load_periods
from na64.outputs.background.extrapolation import EXPONENTIAL, Extrapolation, Numbers, extrapolate
from na64.outputs.background.sidebands import (
    TurnOn,
    beam_line_sideband,
    measure_turn_on,
    target_sideband,
)
from na64.outputs.result.descriptions import box_facts
from na64.outputs.result.summary import BoxFacts

CENTRES = np.arange(150) + 0.5
BEAM_ENERGY, EDGE, WIDTH = 100.0, 82.0, 2.5


@pytest.fixture(scope="module")
def box() -> BoxFacts:
    return box_facts(load_periods()["2023A"])


def mean_plane(*, beside: Numbers, above: Numbers) -> Numbers:
    """Expected events: `beside` (150,) along E_ECAL in the lowest HCAL bin, `above` (150,) along E_HCAL."""
    mean = np.zeros((150, 150))
    mean[:, 0] = beside
    mean[10, 1:] = above[1:]
    mean[10, 0] += above[0]
    return mean


def campaign(mean: Numbers, box: BoxFacts, seed: int, *, closed: bool = True) -> hist.Hist:
    """Draw a plane, and leave out what blind data leave out."""
    plane = hist.Hist(
        hist.axis.Regular(150, 0, 150, name="ecal", label="E_ECAL [GeV]"),
        hist.axis.Regular(150, 0, 150, name="hcal", label="E_HCAL [GeV]"),
        storage=hist.storage.Int64(),
    )
    counts = np.random.default_rng(seed).poisson(mean)
    if closed:
        ecal, hcal = np.meshgrid(CENTRES, CENTRES, indexing="ij")
        counts[(ecal < box.ecal + box.guard_ecal) & (hcal < box.hcal + box.guard_hcal)] = 0
    plane.view()[...] = counts
    return plane


def rising(n: float, slope: float) -> Numbers:
    """Exponential in E_ECAL with `n` events between 65 and 77 GeV, and the trigger's edge."""
    density = np.exp((CENTRES - 65) / slope)
    return np.asarray(n * density / density[65:77].sum() * special.ndtr((EDGE - CENTRES) / WIDTH))


def falling(n: float, slope: float) -> Numbers:
    """Exponential in E_HCAL with `n` events between 2 and 20 GeV."""
    density = np.exp(-CENTRES / slope)
    return np.asarray(n * density / density[2:20].sum())


def _pulls(found: list[Extrapolation], truth: float) -> Numbers:
    good = [e for e in found if e.average is not None]
    assert len(good) >= 0.95 * len(found)
    return np.array([np.log(e.n / truth) / e.log_error for e in good])


def _check(pulls: Numbers, *, widest: float = 1.2, narrowest: float = 0.8) -> None:
    print(f"{len(pulls)} campaigns: mean {pulls.mean():.2f}, width {pulls.std():.2f}")  # noqa: T201
    assert abs(pulls.mean()) < 4 / np.sqrt(len(pulls)) + 0.1
    assert narrowest < pulls.std() < widest


def _beside(plane: hist.Hist, box: BoxFacts, *, all_functions: bool) -> Extrapolation:
    sideband = beam_line_sideband(plane, box, BEAM_ENERGY, TurnOn(EDGE, WIDTH))
    if all_functions:
        return extrapolate(sideband)
    one = replace(sideband, shapes=(EXPONENTIAL,), starts=sideband.starts[:1], stops=sideband.stops[:1])
    return extrapolate(one)


@pytest.mark.parametrize(("n", "slope"), [(100, 3.0), (400, 5.0)])
def test_the_error_of_the_fit_covers_the_truth_over_250_campaigns(
    n: float, slope: float, box: BoxFacts
) -> None:
    mean = mean_plane(beside=rising(n, slope), above=np.zeros(150))
    planes = [campaign(mean, box, seed) for seed in range(250)]
    _check(_pulls([_beside(plane, box, all_functions=False) for plane in planes], mean[:60, 0].sum()))


def test_from_above_the_error_of_the_fit_covers_the_truth_over_200_campaigns(box: BoxFacts) -> None:
    mean = mean_plane(beside=np.zeros(150), above=falling(300, 6.0))
    found = []
    for seed in range(200):
        sideband = target_sideband(campaign(mean, box, seed), box, 20.0)
        found.append(extrapolate(replace(sideband, shapes=(EXPONENTIAL,), starts=(2.0,), stops=(20.0,))))
    _check(_pulls(found, mean[:60, 0].sum()))


def _with_spread(truth: Numbers, box: BoxFacts, n_campaigns: int) -> Numbers:
    mean = mean_plane(beside=truth, above=np.zeros(150))
    found = [_beside(campaign(mean, box, seed), box, all_functions=True) for seed in range(n_campaigns)]
    return _pulls(found, mean[:60, 0].sum())


def _power(n: float, power: float) -> Numbers:
    density = np.maximum(BEAM_ENERGY - CENTRES, 1.0) ** -power
    return np.asarray(n * density / density[65:77].sum() * special.ndtr((EDGE - CENTRES) / WIDTH))


def test_with_the_spread_either_truth_is_covered(box: BoxFacts) -> None:
    for truth in (rising(200, 4.0), _power(200, 8.0)):
        pulls = _with_spread(truth, box, 20)
        assert np.mean(np.abs(pulls) < 1) > 0.5
        assert np.mean(np.abs(pulls) < 2) > 0.85


@pytest.mark.soak
@pytest.mark.parametrize("truth", [rising(200, 4.0), _power(200, 8.0)], ids=["exponential", "power law"])
def test_with_the_spread_either_truth_is_covered_over_300_campaigns(truth: Numbers, box: BoxFacts) -> None:
    pulls = _with_spread(truth, box, 300)
    print(f"mean {pulls.mean():.2f}, width {pulls.std():.2f}, within 1: {np.mean(np.abs(pulls) < 1):.2f}")  # noqa: T201
    assert np.mean(np.abs(pulls) < 1) > 0.6
    assert np.mean(np.abs(pulls) < 2) > 0.93


def test_what_is_in_the_box_changes_nothing(box: BoxFacts) -> None:
    mean = mean_plane(beside=rising(200, 4.0), above=np.zeros(150))
    closed, opened = (campaign(mean, box, 7, closed=closed) for closed in (True, False))
    opened.view()[:60, 0] += 1
    one, other = (_beside(plane, box, all_functions=True) for plane in (closed, opened))
    assert one.average is not None
    assert (one.average, one.between_ranges) == (other.average, other.between_ranges)


def test_the_edge_of_the_trigger_is_found(box: BoxFacts) -> None:
    plane = campaign(mean_plane(beside=rising(2000, 4.0), above=np.zeros(150)), box, 1)
    found = measure_turn_on(plane, box)
    assert found.edge == pytest.approx(EDGE, abs=0.3)
    assert found.width == pytest.approx(WIDTH, rel=0.1)
    assert found.end == pytest.approx(EDGE - 2.33 * WIDTH, abs=0.6)


def test_without_events_there_is_no_edge(box: BoxFacts) -> None:
    plane = campaign(np.zeros((150, 150)), box, 1)
    with pytest.raises(ValueError, match="0 events beside the box"):
        measure_turn_on(plane, box)


def test_a_box_that_ends_inside_a_bin_is_refused(box: BoxFacts) -> None:
    plane = campaign(np.ones((150, 150)), box, 1)
    with pytest.raises(ValueError, match=r"ends at 60\.5 GeV, which is no edge"):
        target_sideband(plane, replace(box, ecal=60.5), 20.0)
