"""What the page knows to be looked at closely, and that it allows no other script."""

from __future__ import annotations

import base64
import json
from dataclasses import replace
from hashlib import sha256
from typing import Any

import hist
import numpy as np
import pytest

from na64.outputs.report.closed_bins import without_hidden
from na64.outputs.report.cut_efficiency import kept_by_cut
from na64.outputs.report.display import displayed
from na64.outputs.report.figures import drawings
from na64.outputs.report.interactive import page_data, script, script_source
from na64.outputs.report.report import render
from na64.outputs.result.cutflow import cutflow_table, regions_table
from na64.outputs.result.histograms import to_hists
from na64.outputs.result.products import Products
from na64.outputs.result.summary_facts import FeatureFacts
from na64.outputs.result.yields import yields_table

NAMES = ("region_I", "region_II", "region_III")


@pytest.fixture
def products(case: Any) -> Products:
    bins = sum(t.histograms for t in case.tallies.values())
    return Products(
        summary=case.facts,
        yields=yields_table(case.facts.runs, case.tallies, stage=2, is_data=True, regions=NAMES),
        cutflow=cutflow_table(case.tallies, case.booking.cuts),
        regions=regions_table(case.tallies, case.booking.cuts, regions=NAMES),
        histograms=to_hists(case.booking, bins),
        provenance={},
    )


def read(products: Products, status: str = "") -> Any:
    return json.loads(page_data(without_hidden(displayed(products)), status))


def test_planes_hold_every_stage_and_every_bin(products: Products) -> None:
    (plane,) = read(products)["planes"]
    cuts = ["visible", *(cut.name for cut in products.summary.selection.cuts)]
    assert len(plane["stages"]) == len(cuts)
    for cut, stage in zip(cuts, plane["stages"], strict=True):
        counts = products.histograms[f"plane_after_{cut}"].values()
        shown = np.zeros(counts.size)
        shown[np.cumsum(stage["bins"][::2])] = stage["bins"][1::2]
        outside = np.ones(counts.shape, np.bool_)
        outside[:65, :1] = False
        np.testing.assert_array_equal(shown.reshape(counts.shape), np.where(outside, counts, 0))
        assert counts[~outside].any()
    assert plane["covered"]
    assert plane["closed"] == [
        {"name": "signal box", "ends": [[None, 65], [None, 1.5]], "box": [[None, 60], [None, 1]]}
    ]


def test_every_event_of_a_cut_is_in_its_plane_or_said_to_be_elsewhere(products: Products) -> None:
    passed = next(row.passed for row in products.cutflow.rows if row.run == "all" and row.cut == "visible")
    stored = products.histograms["plane_after_visible"].copy()
    view: Any = stored.view(flow=True)
    view[...] = 0
    view[100, 50], view[-1, 50], view[10, 1] = passed - 6, 2, 9  # the last where all is hidden
    one = replace(products, histograms={**products.histograms, "plane_after_visible": stored})
    assert read(one)["planes"][0]["stages"][0]["rest"] == (
        "; 2 beyond its axes; 4 of calibration triggers and runs in box or guard band, in no plane"
    )
    view[100, 50], view[-1, 50] = passed, 0
    assert read(one)["planes"][0]["stages"][0]["rest"] == ""


def test_cut_variables_have_bounds_as_written_and_all_their_events(products: Products) -> None:
    time, momentum, out = read(products)["variables"]
    assert time["bounds"] == [86.5, 113.5]
    assert momentum["bounds"] == [90, 110]
    assert out["bounds"] == [None, 50]
    assert momentum["said"] == "90 < track momentum < 110 GeV"
    stored = products.histograms["n_minus_one_momentum_track_momentum"].view(flow=True)
    assert momentum["counts"] == stored.tolist()


def test_what_a_feature_of_ones_own_means_is_where_it_is_drawn(products: Products) -> None:
    own = (FeatureFacts("track_momentum", "GeV", "what the magnets say."),)
    selection = replace(products.summary.selection, own_features=own)
    changed = replace(products, summary=replace(products.summary, selection=selection))
    assert [one["meaning"] for one in read(changed)["variables"]] == ["", "what the magnets say", ""]
    captions = {one.name: one.caption for one in drawings(without_hidden(displayed(changed)))}
    assert captions["n_minus_one"].endswith(" track momentum [GeV]: what the magnets say.")
    page = render(replace(displayed(changed), provenance={"version": "1", "command": "", "packages": {}}), [])
    assert page.count("what the magnets say") == 2


def test_bounds_on_whole_numbers_are_edges_of_bins(products: Products) -> None:
    cut = products.summary.selection.cuts[0]
    whole = replace(cut.intervals[0], low=1.0, high=1.0)
    summary = products.summary
    selection = replace(
        summary.selection, cuts=(replace(cut, intervals=(whole,)), *summary.selection.cuts[1:])
    )
    axis = hist.axis.Regular(3, -0.5, 2.5, name="master_time", label="master_time")
    counted: hist.Hist[Any] = hist.Hist(axis, storage=hist.storage.Int64())
    histograms = {**products.histograms, "n_minus_one_master_time_master_time": counted}
    changed = replace(products, summary=replace(summary, selection=selection), histograms=histograms)
    found = read(changed)["variables"][0]
    assert found["bounds"] == [0.5, 1.5]


def test_runs_are_all_there_with_their_errors(products: Products) -> None:
    runs = read(products)["runs"]
    records = products.yields.records()
    assert [row[0] for row in runs["rows"]] == [record["run"] for record in records]
    for one in runs["yields"]:
        assert [row[one["column"]] for row in runs["rows"]] == [record[one["name"]] for record in records]
        assert [len(side) for side in one["errors"]] == [2, 2]
    assert runs["exposure"] == [2.5, 0]
    assert runs["unit"] == "1e9 EOT"


def test_no_text_of_a_result_ends_the_script(products: Products) -> None:
    hostile = replace(
        products.summary.selection,
        planes=(replace(products.summary.selection.planes[0], label="</script><b>&"),),
    )
    text = page_data(displayed(replace(products, summary=replace(products.summary, selection=hostile))))
    assert "<" not in text
    assert "&" not in text
    assert json.loads(text)["planes"][0]["label"] == "</script><b>&"


def test_heading_is_in_plain_letters(products: Products) -> None:
    assert read(products, "Preliminary")["heading"] == (
        f"NA64 Preliminary {products.summary.label}; 2.5e9 EOT, 2023A, e- 100 GeV"
    )


def test_page_allows_this_script_alone() -> None:
    digest = base64.b64encode(sha256(script().encode()).digest()).decode()
    assert script_source() == f"'sha256-{digest}'"
    assert "</script" not in script()
    for word in ("fetch", "XMLHttpRequest", "import(", "eval", "http:", "https:", "innerHTML"):
        assert word not in script(), word
    assert script().count("\n") <= 450


def test_share_kept_is_that_of_the_cutflow_with_its_error(products: Products) -> None:
    kept = kept_by_cut(products)
    assert kept.keys() == {"master_time", "momentum", "hcal_out_of_time"}
    assert (
        kept["momentum"] == "keeps 83.3 \N{PLUS-MINUS SIGN} 7.6 %"
    )  # 20 of 24: sqrt(21 * 5 / 26**2 / 27) = 7.6 %
    assert kept_by_cut(replace(products, yields=replace(products.yields, groups={"sums": ("a",)}))) == {}
