"""Units and words of what is shown; numbers and stored products stay as they are."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import hist
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from na64.datasets.basics.sourced_values import Fact
from na64.datasets.basics.units import UNITS
from na64.outputs.report.display import Display, display_of, displayed, feature_words
from na64.outputs.report.heading import details, heading, read_status, write_status
from na64.outputs.result.histograms import is_logarithmic, to_hists, to_zip
from na64.outputs.result.products import Products
from na64.outputs.result.summary_facts import (
    ClosedEdges,
    ClosedFacts,
    CutFacts,
    HistogramFacts,
    IntervalFacts,
    PeriodFacts,
    PlaneFacts,
    Role,
)

MEV, MRAD = UNITS["MeV"], UNITS["mrad"]


def histogram_of(*axes: Any) -> hist.Hist[Any]:
    found: hist.Hist[Any] = hist.Hist(*axes, storage=hist.storage.Int64())
    values = found.view(flow=True)
    values[...] = np.arange(values.size).reshape(values.shape)
    return found


def axis(name: str, high: float, *, label: str = "", bins: int = 4, low: float = 0.0) -> hist.axis.Regular:
    return hist.axis.Regular(bins, low, high, name=name, label=label or f"{name} [GeV]")


@pytest.fixture
def stored(case: Any) -> Products:
    """Result with a plane of two small counters beside the energies, and cuts on small features."""
    counters = histogram_of(axis("s4_sum", 0.002, label="S4 [GeV]"), axis("v2_sum", 0.02, label="V2 [GeV]"))
    angle = histogram_of(hist.axis.Regular(5, -0.003, 0.01, name="track_angle", label="track_angle [rad]"))
    cuts = (
        CutFacts(
            "s4",
            (
                IntervalFacts("s4_sum", "GeV", "0.3 < s4_sum < 0.8 MeV", 0.0003, 0.0008),
                IntervalFacts("srd_0", "GeV", "srd_0 < 0.08 GeV", None, 0.08),
                IntervalFacts("hcal_0", "GeV", "400 < hcal_0 MeV", 0.4, None),
                IntervalFacts(
                    "v2_sum",
                    "GeV",
                    "v2_sum < 0.001 to 0.002 GeV, by ecal",
                    table="ecal: 0.001 from 5, 0.002 from 20",
                ),
            ),
            more=("s4_sum < 0.1 MeV or v2_sum < 1 MeV", "both = s4_sum + v2_sum [GeV]"),
        ),
        CutFacts("angle", (IntervalFacts("track_angle", "rad", "track_angle < 0.003 rad", None, 0.003),)),
    )
    box = replace(
        case.facts.boxes[0],
        others=(
            ClosedFacts(
                "visible",
                "",
                (None, None),
                (None, None),
                False,
                (ClosedEdges("s4_sum", 0.0003, None, 0.0001),),
            ),
        ),
    )
    facts = replace(
        case.facts,
        selection=replace(
            case.facts.selection,
            cuts=cuts,
            planes=(*case.facts.selection.planes, PlaneFacts("counters", "S4 and V2", 0.005)),
        ),
        boxes=(box,),
        periods=(
            PeriodFacts(
                "2023A", (Fact("s4.mip", "0.0005, 1e-4", "GeV", "[V: x]"), Fact("hcal.mip", "0.1", "GeV", ""))
            ),
        ),
        histograms=(
            HistogramFacts("counters", "S4 and V2", "", Role.PLANE, "s4", "counters"),
            HistogramFacts("angle", "angle", "", Role.N_MINUS_ONE, "angle"),
        ),
    )
    histograms = {**to_hists(case.booking, sum(t.histograms for t in case.tallies.values()))}
    histograms |= {"counters": counters, "angle": angle}
    return Products(facts, None, None, None, histograms, {})  # type: ignore[arg-type]


def test_small_energies_are_in_mev_and_small_angles_in_mrad(stored: Products) -> None:
    shown = displayed(stored)
    x, y = shown.histograms["counters"].axes
    assert (x.label, y.label) == ("S4 [MeV]", "V2 [MeV]")
    np.testing.assert_allclose(x.edges, [0, 0.5, 1, 1.5, 2])
    (angle,) = shown.histograms["angle"].axes
    assert angle.label == "track angle [mrad]"
    np.testing.assert_allclose(angle.edges[[0, -1]], [-3, 10])
    assert shown.histograms["hcal_0"].axes[0].label == "HCAL 0 [GeV]"
    assert shown.summary.selection.planes[1].zoom == 5.0


def test_counts_and_stored_histograms_do_not_change(stored: Products) -> None:
    before = to_zip(stored.histograms)
    shown = displayed(stored)
    assert to_zip(stored.histograms) == before
    for name, histogram in stored.histograms.items():
        np.testing.assert_array_equal(shown.histograms[name].view(flow=True), histogram.view(flow=True))
        assert [axis.name for axis in shown.histograms[name].axes] == [axis.name for axis in histogram.axes]


def test_conditions_are_in_the_units_of_their_axes_and_in_words(stored: Products) -> None:
    shown = displayed(stored).summary
    (s4, srd, hcal, v2), (angle,) = (cut.intervals for cut in shown.selection.cuts)
    assert (s4.text, s4.unit) == ("0.3 < S4 < 0.8 MeV", "MeV")
    assert s4.low == pytest.approx(0.3)
    assert srd.text == "SRD 0 < 80 MeV"
    assert srd.high == pytest.approx(80)
    assert (hcal.text, hcal.low) == ("400 < HCAL 0 MeV", 0.4)
    assert v2.text == "V2 < 1 to 2 MeV, by E_ECAL".replace("E_ECAL", displayed_label(stored, "ecal"))
    assert v2.table.endswith(": 1 from 5, 2 from 20")
    assert angle.text == "track angle < 3 mrad"
    assert shown.selection.cuts[0].more == ("S4 < 0.1 MeV or V2 < 1 MeV", "both = s4_sum + v2_sum [GeV]")
    (edges,) = shown.boxes[0].others[0].edges
    assert (edges.feature, edges.high) == ("s4_sum", None)
    assert (edges.low, edges.guard) == pytest.approx((0.3, 0.1))
    assert [(f.value, f.unit) for f in shown.periods[0].facts] == [("0.5, 0.1", "MeV"), ("0.1", "GeV")]


def displayed_label(stored: Products, feature: str) -> str:
    return display_of(stored.summary, stored.histograms).label(feature)


def test_a_feature_has_one_unit_everywhere_and_the_plane_of_the_box_is_in_gev(stored: Products) -> None:
    wide = {
        "wide": histogram_of(axis("s4_sum", 5.0)),
        "low": histogram_of(axis("ecal", 0.5), axis("hcal", 0.5)),
    }
    units = display_of(stored.summary, {**stored.histograms, **wide}).units
    assert "s4_sum" not in units
    assert not {"ecal", "hcal", "hcal_0"} & units.keys()
    assert units["v2_sum"] == MEV
    assert units["track_angle"] == MRAD


@given(st.floats(0, 1, allow_nan=False), st.booleans())
def test_axes_keep_their_bins_and_scale(end: float, log: bool) -> None:
    edges = np.array([0.0, 0.1, 1.0]) * 0.9 + 1e-3 + end * 1e-3
    plain = hist.axis.Variable(edges, name="own", label="own [GeV]")
    if log:
        plain.__dict__["scale"] = "log"
    shown = Display({"own": MEV}, {}, frozenset()).axis(plain)
    np.testing.assert_allclose(shown.edges, edges * 1000)
    assert is_logarithmic(shown) == log


def test_names_become_words() -> None:
    found = [feature_words(name) for name in ("srd_0", "vhcal_total", "hcal_3_total", "track_momentum")]
    assert found == ["SRD 0", "VHCAL, any time", "HCAL 3, any time", "track momentum"]


def test_heading_names_exposure_period_and_beam(case: Any) -> None:
    assert details(case.facts) == r"$2.5\times10^{9}$ EOT, 2023A, $e^-$ 100 GeV"
    first, second = heading(case.facts, "Work in progress").split("\n")
    assert first == rf"$\mathit{{Work\ in\ progress}}$ {case.facts.label}"
    assert second == details(case.facts)
    runs = tuple(replace(case.facts.runs[0], run=n, period=f"P{n}", eot_delivered=None) for n in range(5))
    assert details(replace(case.facts, runs=runs)) == "5 periods, $e^-$ 100 GeV"


def test_status_is_kept_until_it_changes(tmp_path: Path) -> None:
    assert read_status(tmp_path) == ""
    write_status(tmp_path, " Preliminary ")
    assert read_status(tmp_path) == "Preliminary"
    write_status(tmp_path, "")
    assert read_status(tmp_path) == ""
