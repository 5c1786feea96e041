from __future__ import annotations

import datetime as dt
import io
import pickle
import time
import zipfile
from pathlib import Path
from typing import Any

import hist
import numpy as np
import pytest
import uhi.io.zip
import uproot
import uproot.writing._cascade

from na64.outputs.result.histograms import (
    StoredHistograms,
    describe,
    is_logarithmic,
    left_out,
    to_hists,
    to_zip,
)
from na64.outputs.result.root_file import to_root
from na64.outputs.result.summary_facts import Role
from na64.processors.counting.booking import book
from na64.processors.counting.counting import count_events
from na64.selections.selection import load_selection


@pytest.fixture
def hists(case: Any) -> dict[str, hist.Hist[Any]]:
    return to_hists(case.booking, case.tallies[8700].histograms)


@pytest.fixture
def weighted(weighted_case: Any) -> dict[str, hist.Hist[Any]]:
    return to_hists(weighted_case.booking, weighted_case.tallies[8700].histograms)


def test_every_histogram_of_the_booking_is_there(hists: Any, case: Any) -> None:
    assert set(hists) == {
        "plane_after_visible",
        "plane_after_master_time",
        "plane_after_momentum",
        "plane_after_hcal_out_of_time",
        "n_minus_one_master_time_master_time",
        "n_minus_one_momentum_track_momentum",
        "n_minus_one_hcal_out_of_time_hcal_out_of_time",
        "ecal_timing",
        "hcal_0",
    }
    described = {facts.name: facts for facts in describe(case.booking)}
    assert set(described) == set(hists)
    assert described["n_minus_one_momentum_track_momentum"].role is Role.N_MINUS_ONE
    assert described["n_minus_one_momentum_track_momentum"].cut == "momentum"
    assert described["hcal_0"].title == "after momentum"


def test_counts_are_integers_with_flow_bins_and_labels(hists: Any, case: Any) -> None:
    histogram = hists["hcal_0"]
    assert histogram.storage_type is hist.storage.Int64
    assert histogram.axes[0].name == "hcal_0"
    assert histogram.axes[0].label == "HCAL 0 [GeV]"
    (booked,) = (b for b in case.booking.histograms if b.name == "hcal_0")
    expected = case.tallies[8700].histograms[0, booked.start : booked.stop]
    np.testing.assert_array_equal(histogram.values(flow=True), expected)


def test_plane_after_a_cut_has_all_that_fail_later(hists: Any, case: Any) -> None:
    (booked,) = (b for b in case.booking.histograms if b.name == "plane")
    blocks = case.tallies[8700].histograms[0, booked.start : booked.stop].reshape(4, *booked.shape)
    np.testing.assert_array_equal(
        hists["plane_after_master_time"].values(flow=True), blocks[1] + blocks[2] + blocks[3]
    )
    np.testing.assert_array_equal(hists["plane_after_hcal_out_of_time"].values(flow=True), blocks[3])


def test_weights_have_variances(weighted: Any) -> None:
    histogram = weighted["hcal_0"]
    unit = 2.0**-24 + 2.0**-54
    assert histogram.storage_type is hist.storage.Weight
    assert histogram.values(flow=True).max() == 4 * unit
    np.testing.assert_array_equal(histogram.values(flow=True), histogram.variances(flow=True))


@pytest.mark.parametrize("which", ["hists", "weighted"])
def test_zip_reads_back_equal(which: str, request: pytest.FixtureRequest) -> None:
    histograms = request.getfixturevalue(which)
    back = StoredHistograms(to_zip(histograms))
    assert back == histograms
    assert {name: h.storage_type for name, h in back.items()} == {
        name: h.storage_type for name, h in histograms.items()
    }
    assert back["hcal_0"].axes[0].label == "HCAL 0 [GeV]"


def test_stored_histograms_are_read_when_asked_for_and_go_to_other_processes(
    hists: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    read, asked = uhi.io.zip.read, list[str]()

    def note(archive: zipfile.ZipFile, name: str) -> Any:
        asked.append(name)
        return read(archive, name)

    monkeypatch.setattr(uhi.io.zip, "read", note)
    stored = StoredHistograms(to_zip(hists))
    assert (list(stored), len(stored), asked) == (sorted(hists), len(hists), [])
    assert repr(stored) == f"histograms {', '.join(sorted(hists))}"
    for _ in range(2):
        assert stored["hcal_0"] == hists["hcal_0"]
    assert asked == ["hcal_0"]
    with pytest.raises(KeyError):
        stored["hcal_9"]
    assert pickle.loads(pickle.dumps(stored)) == stored == hists  # noqa: S301 (ours, of a moment ago)


def test_zip_is_what_uhi_reads(hists: Any) -> None:
    with zipfile.ZipFile(io.BytesIO(to_zip(hists))) as archive:
        assert hist.Hist(uhi.io.zip.read(archive, "hcal_0")) == hists["hcal_0"]


def test_zip_bytes_do_not_depend_on_when_and_in_which_order(
    hists: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = to_zip(hists)
    monkeypatch.setattr(time, "time", lambda: 2e9)
    assert to_zip(dict(reversed(hists.items()))) == first


def test_root_reads_back_equal(hists: Any, weighted: Any) -> None:
    with uproot.open(io.BytesIO(to_root(hists))) as file:
        assert {name.split(";")[0] for name in file.keys()} == set(hists)  # noqa: SIM118 - uproot's keys
        assert file.classname_of("hcal_0") == "TH1D"
        assert file.classname_of("plane_after_visible") == "TH2D"
        for name, histogram in hists.items():
            np.testing.assert_array_equal(file[name].values(flow=True), histogram.values(flow=True))
        assert file["hcal_0"].axis().member("fTitle") == "HCAL 0 [GeV]"
    with uproot.open(io.BytesIO(to_root(weighted))) as file:
        back, histogram = file["hcal_0"], weighted["hcal_0"]
        np.testing.assert_array_equal(back.values(flow=True), histogram.values(flow=True))
        np.testing.assert_array_equal(back.variances(flow=True), histogram.variances(flow=True))


def test_root_bytes_do_not_depend_on_when(hists: Any, weighted: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    class Later(dt.datetime):
        @classmethod
        def now(cls, tz: object = None) -> Any:
            return cls(2031, 7, 3, 14, 15, 16)

    first, first_weighted = to_root(hists), to_root(weighted)
    monkeypatch.setattr(uproot.writing._cascade.datetime, "datetime", Later)
    assert to_root(hists) == first
    assert to_root(weighted) == first_weighted


def test_root_refuses_counts_that_doubles_do_not_hold(hists: Any) -> None:
    hists["hcal_0"].view(flow=True)[3] = 2**53 + 1
    with pytest.raises(ValueError, match="hcal_0: 9007199254740993 entries"):
        to_root(hists)


MORE = """
base = "dimuon_2023"
name = "more"
label = "variable axes and two planes"

[[append_plane]]
name = "modules"
x = { feature = "hcal_0", bins = 5, low = 0.1, high = 100, unit = "GeV", log = true, label = "HCAL 0 [GeV]" }
y = { feature = "hcal_1", edges = [0, 1, 2.5, 50], unit = "GeV" }

[[feature]]
name = "balance"
unit = "1"
formula = "where(hcal_01 > 1, (hcal_0 - hcal_1) / hcal_01, 0)"

[[append_histogram]]
name = "balance"
after = "visible"
axes = [{ feature = "balance", edges = [-1, -0.1, 0, 0.5, 1] }]
"""


def test_variable_axes_and_further_planes_come_back_from_hist_and_root(tmp_path: Path) -> None:
    (tmp_path / "more.toml").write_text(MORE)
    selection = load_selection(tmp_path / "more.toml")
    booking = book(selection)
    random = np.random.default_rng(5)
    values = random.exponential(10, (len(selection.index), 500)).astype(np.float32)
    index = selection.index
    values[index["balance"]] = random.uniform(-1.5, 1.5, 500)
    tally = count_events(selection, values, np.zeros((0, 500), np.int64))
    made = to_hists(booking, tally.histograms)
    names = {f"plane_modules_after_{cut}" for cut in ("visible", "shower_chi2", "dimuon")}
    assert names <= set(made)
    back = StoredHistograms(to_zip(made))
    assert back == made
    plane, balance = back["plane_modules_after_visible"], back["balance"]
    assert [type(axis) for axis in (*plane.axes, *balance.axes)] == [hist.axis.Variable] * 3
    assert [is_logarithmic(axis) for axis in plane.axes] == [True, False]
    assert [axis.label for axis in plane.axes] == ["HCAL 0 [GeV]", "hcal_1 [GeV]"]
    x, y = np.geomspace(0.1, 100, 6), np.array([0, 1, 2.5, 50])
    # As float64: numpy would round the edges to the float32 of the values.
    rows = [values[index[name]].astype(np.float64) for name in ("hcal_0", "hcal_1", "balance")]
    assert plane.values().tolist() == np.histogram2d(rows[0], rows[1], (x, y))[0].tolist()
    assert plane.values(flow=True).sum() == balance.values(flow=True).sum() == 500
    with uproot.open(io.BytesIO(to_root(made))) as file:
        for name in ("plane_modules_after_visible", "balance"):
            of_root = file[name].to_hist()
            assert [axis.edges.tolist() for axis in of_root.axes] == [
                axis.edges.tolist() for axis in back[name].axes
            ]
            np.testing.assert_array_equal(of_root.values(flow=True), back[name].values(flow=True))
    described = {facts.name: facts for facts in describe(booking)}
    assert {described[name].plane for name in names} == {"modules"}
    assert {described[name].role for name in names} == {Role.PLANE}
    assert described["plane_after_visible"].plane == "energy"


SUMS = """
base = "dimuon_2023"
name = "sums"
label = "sums of weights"

[[append_histogram]]
name = "sums"
label = "energy"
after = "visible"
weight = "ecal"
axes = [{ feature = "hcal_0", edges = [0, 5, 20], unit = "GeV" }]

[[append_histogram]]
name = "map"
after = "visible"
weight = "ecal_ratio"
axes = [
  { feature = "hcal_0", bins = 2, low = 0, high = 20, unit = "GeV" },
  { feature = "hcal_1", bins = 3, low = 0, high = 20, unit = "GeV" },
]
"""


def test_a_weight_of_a_selection_is_stored_with_variances_beside_counts(tmp_path: Path) -> None:
    (tmp_path / "sums.toml").write_text(SUMS)
    selection = load_selection(tmp_path / "sums.toml")
    booking, index = book(selection), selection.index
    values = np.random.default_rng(5).exponential(10, (len(index), 500)).astype(np.float32)
    values[index["ecal_ratio"], :7] = np.inf
    values[index["ecal_ratio"], 7:] -= 10
    tally = count_events(selection, values, np.zeros((0, 500), np.int64))
    made = to_hists(booking, tally.histograms)
    assert [name for name, one in made.items() if one.storage_type is hist.storage.Weight] == ["sums", "map"]
    x, y = (values[index[name]].astype(np.float64) for name in ("hcal_0", "hcal_1"))
    ecal, ratio = (values[index[name]].astype(np.float64) for name in ("ecal", "ecal_ratio"))
    back = StoredHistograms(to_zip(made))
    assert dict(back) == made
    found: Any
    with uproot.open(io.BytesIO(to_root(made))) as file:
        for found in (back["sums"], file["sums"]):
            for power, read in ((1, found.values()), (2, found.variances())):
                expected = np.histogram(x, [0.0, 5.0, 20.0], weights=ecal**power)[0]
                np.testing.assert_allclose(read, expected, rtol=1e-13)
        for found in (back["map"], file["map"]):
            edges = [np.linspace(0, 20, 3), np.linspace(0, 20, 4)]
            for power, read in ((1, found.values()), (2, found.variances())):
                expected = np.histogram2d(x[7:], y[7:], edges, weights=ratio[7:] ** power)[0]
                np.testing.assert_allclose(read, expected, rtol=1e-11)
    facts = {one.name: one for one in describe(booking)}
    assert (facts["sums"].weight, facts["map"].weight) == ("ecal [GeV]", "ecal_ratio")
    assert {one.weight for name, one in facts.items() if name not in ("sums", "map")} == {""}
    assert list(left_out(booking, [tally, tally])) == [
        "histogram map: 14 visible events left out, whose weight ecal_ratio is not finite"
    ]
    assert not list(left_out(booking, []))
