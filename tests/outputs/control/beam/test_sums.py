"""Tags, windows of the counters and accidental coincidences, on events small enough to check by hand."""

from __future__ import annotations

import numpy as np
import pytest

from na64.outputs.control.beam.quantities import accidental_coincidence, quantities_of, radiation_of
from na64.outputs.control.beam.settings import load_settings
from na64.outputs.control.beam.sums import BeamSums, TagSums, counters_in, needed, tagged

SETTINGS = load_settings()
COUNTERS = ("srd_0", "srd_1", "srd_2")
NAN = np.nan
EVENTS = {  # electron, hadron, muon, shower of a hadron in the ECAL, two muons' energy, nothing
    "ecal": [99.0, 0.5, 0.5, 40.0, 0.6, 0.0],
    "hcal_0": [0.0, 80.0, 2.7, 30.0, 9.0, 0.0],
    "hcal_1": [0.0, 10.0, 2.7, 10.0, 9.0, 0.0],
    "hcal_2": [0.0, 0.0, 2.7, 0.0, 9.0, 0.0],
    "hcal_012": [0.0, 90.0, 8.1, 40.0, 27.0, 0.0],
    "srd_0": [0.0009, 0.002, 0.0, 0.0, 0.0, 0.0],
    "srd_1": [0.010, 0.000, 0.0, 0.0, 0.0, 0.0],
    "srd_2": [0.010, 0.000, 0.0, 0.0, 0.0, 0.0],
    "track_momentum": [100.0, 101.0, 99.0, 100.0, 100.0, 9000.0],
    "track_angle": [1e-4, -2e-4, 3e-4, 4e-4, 5e-4, 1.0],
    "gem1_x_first_hit": [1.0, NAN, 2.0, NAN, -3.0, 0.0],
}


def events(**changed: list[float]) -> dict[str, np.ndarray]:
    return {name: np.array(values) for name, values in (EVENTS | changed).items()}


def sums_of(energy: float = 100.0, **changed: list[float]) -> BeamSums:
    sums = BeamSums(COUNTERS, ("gem1_x_first_hit",))
    sums.add(events(**changed), energy, SETTINGS)
    return sums


def test_every_particle_has_one_tag_or_none() -> None:
    found = tagged(events(), 100.0, SETTINGS)
    assert {tag: np.flatnonzero(mask).tolist() for tag, mask in found.items()} == {
        "electron": [0],
        "hadron": [1],
        "muon": [2],
    }
    assert sums_of().n_untagged == 3


def test_a_slow_muon_is_no_hadron() -> None:
    found = tagged(events(), 10.0, SETTINGS)  # 8.1 GeV in three modules are most of the beam energy
    assert [found[tag][2] for tag in ("hadron", "muon")] == [False, True]


def test_windows_of_energy_go_with_the_beam_and_those_of_muons_do_not() -> None:
    half = {name: [value / 2 for value in EVENTS[name]] for name in ("ecal", "hcal_0", "hcal_1", "hcal_012")}
    half["ecal"][1:3] = EVENTS["ecal"][1:3]
    half["hcal_0"][2] = half["hcal_1"][2] = 2.7
    found = tagged(events(**half), 50.0, SETTINGS)
    assert [np.flatnonzero(mask).tolist() for mask in found.values()] == [[0], [1], [2]]


def test_the_window_of_the_srd_goes_with_the_square_of_the_energy() -> None:
    low, high = SETTINGS.counter_window_at(70.0)
    assert (low, high) == pytest.approx((0.49e-3, 39.2e-3))
    assert sums_of().tags["electron"].n_in_window.tolist() == [0, 1, 1]
    at_70 = sums_of(70.0, ecal=[69.0, 0.5, 0.5, 40.0, 0.6, 0.0])
    assert at_70.tags["electron"].n_in_window.tolist() == [1, 1, 1]
    assert at_70.tags["electron"].n_passed == 1


@pytest.mark.parametrize(("energy", "critical", "total"), [(100.0, 11.64, 155.0), (70.0, 5.70, 75.96)])
def test_radiation_is_that_of_the_packaged_field(energy: float, critical: float, total: float) -> None:
    found = radiation_of(energy, SETTINGS)
    assert found.n_photons == pytest.approx(43.26, rel=1e-3)
    assert 1e3 * found.critical_energy == pytest.approx(critical, rel=1e-3)
    assert 1e3 * found.total_energy == pytest.approx(total, rel=1e-3)
    assert found.bending_angle == pytest.approx(20.99e-3 * 100 / energy, rel=1e-3)


def test_runs_add_up_and_what_one_lacks_all_lack() -> None:
    both, lacking = sums_of(), sums_of(hcal_2=[NAN] * 6, srd_2=[NAN] * 6)
    assert both.can_tag == ("electron", "hadron", "muon")
    assert lacking.can_tag == ("electron", "hadron")
    assert lacking.seen_counters == (0, 1)
    both += lacking
    assert both.n_events == 12
    assert tuple(both.can_tag) == ("electron", "hadron")
    assert tuple(both.seen_counters) == (0, 1)
    assert both.tags["hadron"].n_events == 2
    assert both.momentum.sum() == 12
    found = quantities_of(both, 100.0, SETTINGS)
    assert "untagged" not in found
    assert "muon_tagged" not in found
    assert found["hadron_tagged"].measured.n_passed == 2
    assert "srd_2_passed_electron" not in found


def test_a_counter_that_is_not_there_stops_no_electron() -> None:
    sums = sums_of(srd_0=[NAN] * 6)
    assert sums.tags["electron"].n_passed == 1
    assert quantities_of(sums, 100.0, SETTINGS)["srd_passed_electron"].measured.value == 1.0


def test_without_any_counter_there_is_no_efficiency() -> None:
    sums = sums_of(srd_0=[NAN] * 6, srd_1=[NAN] * 6, srd_2=[NAN] * 6)
    assert not [name for name in quantities_of(sums, 100.0, SETTINGS) if name.startswith("srd")]


def test_positions_are_measured_where_there_are_any() -> None:
    random = np.random.default_rng(7)
    n = 5000
    many = {name: np.full(n, values[0]) for name, values in EVENTS.items()}
    many["gem1_x_first_hit"] = np.where(random.random(n) < 0.9, random.normal(-750, 8, n), NAN)
    sums = BeamSums(COUNTERS, ("gem1_x_first_hit",))
    sums.add(many, 100.0, SETTINGS)
    found = quantities_of(sums, 100.0, SETTINGS)
    mean, width = (found[f"gem1_x_first_hit_{what}"].measured for what in ("mean", "width"))
    assert abs(mean.value + 750) < 4 * mean.above < 1
    assert abs(width.value - 8) < 4 * width.above < 1
    assert found["gem1_x_first_hit_mean"].unit == "mm"


def test_independent_counters_pass_as_often_as_their_rates_say() -> None:
    random = np.random.default_rng(8)
    energy = np.where(random.random((3, 200_000)) < 0.1, 0.01, 0.0)
    sums = TagSums(3)
    sums.add(energy, (0.001, 0.08))
    expected = accidental_coincidence(sums, (0, 1, 2))
    assert expected.value == pytest.approx(1e-3, rel=0.05)
    assert abs(sums.n_passed - 200_000 * expected.value) < 4 * np.sqrt(200)
    assert expected.above / expected.value == pytest.approx(np.sqrt(3 * 0.9 / 20_000), rel=0.05)
    never = TagSums(3)
    never.add(energy * np.array([[1], [1], [0]]), (0.001, 0.08))
    nothing = accidental_coincidence(never, (0, 1, 2))
    assert (nothing.value, nothing.below) == (0.0, 0.0)
    assert 0 < nothing.above < 1e-6


def test_only_single_counters_are_counters() -> None:
    index = ("srd_0", "srd_sum", "srd_11", "srd_0_total", "ecal")
    assert counters_in(index) == ("srd_0", "srd_11")
    assert needed(("srd_0",), ("x",))[-2:] == ("srd_0", "x")
