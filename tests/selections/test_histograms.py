"""Axes with equal, logarithmic and stated bins, and what events of a histogram count as."""

from __future__ import annotations

import tomllib

import numpy as np
import pytest

from na64.datasets.basics.toml import TomlTable
from na64.datasets.instrument.features import FEATURES
from na64.selections.histograms import Axis, Histogram, Weight, axis_label, read_axis, read_histogram


def read(text: str) -> Axis:
    table = TomlTable(tomllib.loads(text), "own.toml")
    axis = read_axis(table, FEATURES)
    table.done()
    return axis


def test_equal_bins_have_no_edges() -> None:
    axis = read('feature = "srd_0"\nbins = 120\nlow = 0\nhigh = 120\nunit = "MeV"')
    assert axis == Axis("srd_0", 120, 0.0, 0.12, "srd_0 [GeV]")


def test_stated_edges_are_converted_and_kept() -> None:
    axis = read('feature = "srd_0"\nedges = [0, 1, 5, 100]\nunit = "MeV"\nlabel = "SRD 0 [GeV]"')
    assert axis == Axis("srd_0", 3, 0.0, 0.1, "SRD 0 [GeV]", (0.0, 0.001, 0.005, 0.1))


def test_logarithmic_bins_have_equal_ratios_and_the_ends_that_were_given() -> None:
    axis = read('feature = "ecal"\nbins = 7\nlow = 0.1\nhigh = 130\nunit = "GeV"\nlog = true')
    assert axis.log
    assert (axis.edges[0], axis.edges[-1], len(axis.edges)) == (0.1, 130.0, 8)
    np.testing.assert_allclose(axis.edges, np.geomspace(0.1, 130, 8), rtol=1e-14)


def test_stated_edges_can_be_drawn_logarithmically() -> None:
    axis = read('feature = "ecal"\nedges = [1, 2, 50]\nunit = "GeV"\nlog = true')
    assert (axis.edges, axis.log) == ((1.0, 2.0, 50.0), True)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("edges = [0, 2, 1]", "own.toml: edges: do not rise, 1 after 2"),
        ("edges = [0, 1, 1]", "own.toml: edges: do not rise, 1 after 1"),
        ("edges = [1]", "own.toml: edges: 1 edges are no axis"),
        ("edges = [1, 2]\nbins = 1", "own.toml: has both edges and bins"),
        ("edges = [1, 2]\nlow = 1", "own.toml: has both edges and low"),
        ("edges = [0, 1]\nlog = true", "own.toml: log: no logarithm of 0 GeV"),
        ("bins = 5\nlow = -1\nhigh = 3\nlog = true", "own.toml: log: no logarithm of -1 GeV"),
        ("bins = 5\nlow = 3\nhigh = 1", "own.toml: 5 bins from 3 to 1 GeV are no axis"),
        ("bins = 0\nlow = 0\nhigh = 1", "own.toml: 0 bins from 0 to 1 GeV are no axis"),
        ("bins = 1000000\nlow = 1\nhigh = 1.0000000001\nlog = true", "are too narrow"),
        (
            "edges = [0, 1]\nlabel = 'E [MeV]'",
            'label: "E [MeV]", but a histogram has its axis in GeV',
        ),
    ],
)
def test_bins_that_are_none_are_refused(text: str, message: str) -> None:
    with pytest.raises(ValueError) as caught:  # noqa: PT011 (the text is looked at below)
        read(f'feature = "ecal"\nunit = "GeV"\n{text}')
    assert message in str(caught.value)


def test_an_axis_checks_its_edges() -> None:
    with pytest.raises(ValueError, match="ecal: 2 edges are not 2 rising bins"):
        Axis("ecal", 2, 0.0, 1.0, "", (0.0, 1.0))


BOOKED = """
name = "own"
after = "visible"
axes = [{ feature = "hcal_0", bins = BINS, low = 0, high = 1, unit = "GeV" }]
"""


def read_own(text: str, *, bins: int = 3) -> Histogram:
    table = TomlTable(tomllib.loads(BOOKED.replace("BINS", str(bins)) + text), "own.toml")
    histogram = read_histogram(table, FEATURES, ["visible"])
    table.done()
    return histogram


def test_events_count_once_unless_a_weight_is_given() -> None:
    assert read_own("").weight is None
    assert read_own('weight = "ecal"').weight == Weight("ecal", "GeV")
    labels = {name: read_own(f'weight = "{name}"').weight for name in ("ecal", "ecal_ratio")}
    assert [weight.label for weight in labels.values() if weight] == ["ecal [GeV]", "ecal_ratio"]
    assert [axis_label(FEATURES[name]) for name in labels] == ["ecal [GeV]", "ecal_ratio"]


def test_a_weight_has_to_be_a_feature() -> None:
    expected = 'own.toml: weight: unknown feature "ecla", nearest known is "ecal"'
    with pytest.raises(KeyError) as caught:
        read_own('weight = "ecla"')
    assert caught.value.args[0] == expected
    for text in ("weight = 2.0", "weight = ['ecal']"):
        with pytest.raises(ValueError, match="weight"):
            read_own(text)


def test_a_weighted_histogram_has_fewer_bins() -> None:
    assert read_own("", bins=50_001).axes[0].bins == 50_001
    assert read_own('weight = "ecal"', bins=50_000).axes[0].bins == 50_000
    with pytest.raises(ValueError, match="axes: more than 50000 bins"):
        read_own('weight = "ecal"', bins=50_001)
