from __future__ import annotations

import re
from dataclasses import replace
from html.parser import HTMLParser
from typing import Any

import pytest
from markupsafe import Markup

from na64.outputs.report.report import count, percent, power, render, tagged
from na64.outputs.result.cutflow import cutflow_table, regions_table
from na64.outputs.result.histograms import to_hists
from na64.outputs.result.products import Products
from na64.outputs.result.yields import yields_table

NAMES = ("region_I", "region_II", "region_III")

HOSTILE = '<script>alert("x")</script>'
PICTURES = [("cutflow", "cutflow", "a caption", b"png"), ("n_minus_one", "n_minus_one", HOSTILE, b"png")]
VOID = {"meta", "img", "br"}


class Reader(HTMLParser):
    """Collects tags, attributes and text, and checks that every tag is closed."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def read(html: str) -> Reader:
    reader = Reader()
    reader.feed(html)
    assert reader.open == []
    return reader


@pytest.fixture
def products(case: Any) -> Products:
    return Products(
        summary=case.facts,
        yields=yields_table(case.facts.runs, case.tallies, stage=2, is_data=True, regions=NAMES),
        cutflow=cutflow_table(case.tallies, case.booking.cuts),
        regions=regions_table(case.tallies, case.booking.cuts, regions=NAMES),
        histograms={},
        provenance={"version": "1", "command": "na64 process cat.json", "packages": {"numpy": "2"}},
    )


def test_sections_of_other_commands_are_linked(products: Any) -> None:
    added = {
        "Background": Markup('<h2 id="background">Background</h2>'),
        "Limits": Markup('<h2 id="limits">L</h2>'),
    }
    tags = read(render(products, PICTURES, sections=added)).tags
    targets = [attrs["href"] for tag, attrs in tags if tag == "a"]
    assert [target for target in targets if target in ("#background", "#limits")] == [
        "#background",
        "#limits",
    ]
    assert {attrs.get("id") for tag, attrs in tags if tag == "h2"} > {"background", "limits"}
    assert "#limits" not in render(products, PICTURES)


def test_page_has_the_numbers(products: Any) -> None:
    reader = read(render(products, PICTURES))
    words = " ".join(reader.text.split())
    for expected in (
        "INCOMPLETE",
        "5 events of run 8701 were not read",
        "blind: signal box closed",
        "bad.root",
        "truncated",
        "run 8701 has no EOT record",
        "86.5 \u2264 master_time \u2264 113.5 ns",
        "na64 process cat.json",
        products.summary.identities["selection"],
        "11 events were hidden",
    ):
        assert expected in words, expected
    assert sum(tag == "table" for tag, _ in reader.tags) == 10


def test_the_exposure_of_the_page_is_that_of_physics_runs(products: Any) -> None:
    first, *others = products.summary.runs
    runs = [replace(first, type="calibration", eot_delivered=7e9)]
    runs += [replace(run, type="physics", eot_delivered=3e9) for run in others]
    words = " ".join(read(render(_of_runs(products, runs), PICTURES)).text.split())
    assert "without 1 calibration and beam run" in words
    exposure = " ".join(read(power(3e9 * len(others))).text.split())
    assert f"{exposure} in physics runs" in words
    plain = read(render(_of_runs(products, runs[1:]), PICTURES)).text
    assert "calibration and beam run" not in plain
    assert "in physics runs" not in plain


def _of_runs(products: Products, runs: list[Any]) -> Products:
    return replace(products, summary=replace(products.summary, runs=tuple(runs)))


def test_page_needs_nothing_else(products: Any) -> None:
    html = render(products, PICTURES)
    tags = read(html).tags
    assert not {"link", "iframe", "object"} & {tag for tag, _ in tags}
    assert [attrs for tag, attrs in tags if tag == "script"] == [
        {"type": "application/json", "id": "data"},
        {},
    ]
    for tag, attributes in tags:
        for name in ("src", "href", "action"):
            target = attributes.get(name)
            assert target is None or target.startswith(("data:image/png;base64,", "#")), (tag, target)
    assert not re.search(r"https?://|url\(|@import", html)


def test_links_of_the_page_lead_somewhere(products: Any) -> None:
    tags = read(render(products, PICTURES)).tags
    ids = {attributes.get("id") for _, attributes in tags}
    links = [attributes["href"] for tag, attributes in tags if tag == "a"]
    assert links
    for link in links:
        assert link is not None
        assert link.removeprefix("#") in ids


def test_hostile_names_are_text(products: Any) -> None:
    facts = products.summary
    hostile = replace(
        facts,
        reasons=(HOSTILE,),
        warnings=(HOSTILE,),
        failures=(HOSTILE,),
        scope=HOSTILE,
        files=replace(facts.files, not_read=((HOSTILE, HOSTILE),)),
        identities={HOSTILE: HOSTILE},
        selection=replace(
            facts.selection,
            name=HOSTILE,
            label=HOSTILE,
            description=HOSTILE,
            cuts=(replace(facts.selection.cuts[0], source=f"{HOSTILE} [R-lo {HOSTILE}]"),),
        ),
    )
    reader = read(render(replace(products, summary=hostile), PICTURES))
    assert sum(tag == "script" for tag, _ in reader.tags) == 2  # data and code of the page
    assert reader.text.count(HOSTILE) >= 10


def test_unverified_values_are_marked() -> None:
    assert str(tagged("ECAL [R-med, x]; [V: EJ]; NOT FOUND <")) == (
        'ECAL <mark title="not verified">[R-med, x]</mark>; [V: EJ]; '
        '<mark title="not verified">NOT FOUND</mark> &lt;'
    )


def test_simulation_is_not_called_blind(products: Any) -> None:
    facts = replace(products.summary, is_data=False, has_truth=True)
    text = read(render(replace(products, summary=facts), PICTURES)).text
    assert "simulation, not blinded" in text
    assert "signal box closed" not in text
    assert "events were hidden" not in text


def test_a_corner_is_called_the_box_only_where_it_is_one(products: Any, case: Any) -> None:
    drawn = replace(products, histograms=to_hists(case.booking, case.tallies[8700].histograms))
    assert "The hatched corner is the signal box. No physics event" in read(render(drawn, PICTURES)).text
    boxes = tuple(replace(box, is_rectangle=False) for box in case.facts.boxes)
    other = replace(drawn, summary=replace(case.facts, boxes=boxes))
    for elsewhere in (other, products):
        text = read(render(elsewhere, PICTURES)).text
        assert "hatched corner" not in text
        assert "The signal box is hatched where a plane has all of its quantities, and its edges" in text
        assert "dashed where it has some. No physics event" in text


def test_yields_after_is_marked(products: Any) -> None:
    html = render(products, PICTURES)
    assert html.count('<tr class="stage"><th>momentum</th>') == 2


def test_numbers_for_people() -> None:
    assert count(1234567) == "1\u2009234\u2009567"
    assert count(None) == "\u2013"
    assert count(0) == "0"
    assert str(power(2.5e9)) == "2.5\u2009\u00d7\u200910<sup>9</sup>"
    assert str(power(None)) == "\u2013"
    assert percent(1, 3) == "33.3\u2009%"
    assert percent(1, 30000) == "0.0033\u2009%"
    assert percent(0, 0) == "\u2013"
