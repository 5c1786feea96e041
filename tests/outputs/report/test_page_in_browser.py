"""The page as its reader has it: in a browser, by mouse and keys, on a small screen and on paper."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from na64.outputs.report.write import write_report
from na64.outputs.result.store import read_result, write_numbers
from na64.tests.browser import CHROMIUM, Browser, browser

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium is installed to show the page")

MADE_BY = {"version": "1", "command": "na64 process cat.json", "packages": {"numpy": "2"}}
_TEXTS = "[...document.querySelectorAll('{}')].map((one) => one.textContent.replaceAll('\u2009', ' '))"


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory, make_case: Any) -> Path:
    """Report of two runs, with one picture in place of all the figures."""
    folder = tmp_path_factory.mktemp("page") / "result"
    case = make_case(tmp_path_factory.mktemp("selection"))
    write_numbers(folder, facts=case.facts, tallies=case.tallies, booking=case.booking, made_by=MADE_BY)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("na64.outputs.report.figures.drawings", lambda products, status: [])
        return write_report(folder, read_result(folder), status="Preliminary")


@pytest.fixture(scope="module")
def shown(page: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with browser(tmp_path_factory.mktemp("profile")) as found:
        found.open(page)
        yield found


def texts(shown: Browser, selector: str) -> list[str]:
    found = shown.value(_TEXTS.format(selector))
    assert isinstance(found, list)
    return found


def place(shown: Browser, selector: str) -> list[float]:
    corners = (
        f"(() => {{ const r = document.querySelector('{selector}'); r.scrollIntoView({{block: 'center'}});"
    )
    corners += " const b = r.getBoundingClientRect(); return [b.x, b.y, b.width, b.height]; })()"
    found = shown.value(corners)
    assert isinstance(found, list)
    return found


def test_page_is_one_file_of_modest_size(page: Path) -> None:
    assert page.stat().st_size < 300_000


def test_plane_follows_the_slider_and_keys_read_its_bins(shown: Browser) -> None:
    shown.value("document.querySelector('#live-plane-0 input[type=range]').focus()")
    shown.press("ArrowRight")
    assert texts(shown, "#live-plane-0 .what")[0].startswith("after master time: ")
    for _ in range(3):  # past the two boxes to tick, to the plane
        shown.press("Tab")
    shown.press("ArrowRight")
    assert (
        texts(shown, "#live-plane-0 .what")[1]
        == "E ECAL 1 to 2 GeV, E HCAL 0 to 1 GeV: hidden, nothing is known of it"
    )
    for _ in range(4):
        shown.press("ArrowUp")
    assert texts(shown, "#live-plane-0 .what")[1].startswith("E ECAL 1 to 2 GeV, E HCAL 4 to 5 GeV: ")
    assert texts(shown, "#live-plane-0 .what")[1].endswith(("event", "events"))


def test_bounds_are_dragged_and_moved_by_keys(shown: Browser) -> None:
    x, y, width, height = place(shown, "#live-variables canvas")
    before = texts(shown, "#live-variables .what")[0]
    assert before.startswith("this bound alone, on edges of bins: 86.5 ≤ master time < 113.5 ns: ")
    shown.mouse("mousePressed", x + 0.8 * width, y + height / 2)
    shown.mouse("mouseMoved", x + 0.6 * width, y + height / 2)
    shown.mouse("mouseReleased", x + 0.6 * width, y + height / 2)
    dragged = texts(shown, "#live-variables .what")[0]
    assert dragged.startswith("this bound alone, on edges of bins: 86.5 ≤ master time < ")
    assert dragged != before
    shown.press("ArrowLeft", shift=True)
    assert texts(shown, "#live-variables .what")[0].startswith(
        "this bound alone, on edges of bins: 86 ≤ master time < "
    )
    assert "; the whole cut keeps " in texts(shown, "#live-variables figcaption")[0]


def test_runs_sort_filter_and_are_found_from_their_plots(shown: Browser) -> None:
    heads = "document.querySelectorAll('#live-runs thead button')"
    assert texts(shown, "#live-runs tbody th") == ["8700", "8701"]
    shown.value(f"{heads}[0].focus()")
    shown.press("Enter")
    assert texts(shown, "#live-runs tbody th") == ["8701", "8700"]
    field = "document.querySelector('input[type=search]')"
    shown.value(f"({field}.value = '8690-8700', {field}.dispatchEvent(new Event('input')))")
    assert texts(shown, "#live-runs tbody th") == ["8700"]
    shown.value("document.querySelector('#live-yields canvas').focus()")
    shown.press("ArrowRight")
    shown.press("Enter")
    assert texts(shown, "#live-runs tr.stage th") == ["8700"]
    assert texts(shown, "#live-yields .what")[0].startswith("run 8700: ")
    assert texts(shown, "#live-yields figcaption")[0].startswith("selected per 1e9 EOT by run")


def test_a_small_screen_needs_no_scrolling_to_the_side(shown: Browser) -> None:
    shown.resize(800)
    assert shown.value("document.scrollingElement.scrollWidth") <= 800
    shown.resize(1400)


@pytest.mark.parametrize(("width", "media"), [(1400, ""), (800, ""), (680, "print")])
def test_the_cut_flow_fits_the_page_and_the_paper(shown: Browser, width: int, media: str) -> None:
    shown.resize(width)
    shown.call("Emulation.setEmulatedMedia", media=media)
    box = "document.querySelector('#cutflow ~ .scroll')"
    label = "sum of both photomultipliers of a paddle, in time, for electrons of the beam energy"
    shown.value(f"{box}.querySelector('tbody tr:nth-child(3) th').innerHTML = 'veto <small>{label}</small>'")
    wide = shown.value(f"{box}.querySelector('table').scrollWidth"), shown.value(f"{box}.clientWidth")
    shown.call("Emulation.setEmulatedMedia", media="")
    shown.resize(1400)
    assert wide[0] <= wide[1]


def test_paper_has_the_pictures_and_every_fold_is_open(shown: Browser) -> None:
    display = "getComputedStyle(document.querySelector('{}')).display"
    assert not shown.value("document.querySelector('details.fold').open")
    shown.call("Emulation.setEmulatedMedia", media="print")
    assert shown.value(display.format("#live-plane-0")) == "none"
    assert shown.value(display.format(".still")) == "block"
    shown.call("Emulation.setEmulatedMedia", media="")
    assert shown.value(display.format(".still")) == "none"
    shown.value("dispatchEvent(new Event('beforeprint'))")
    assert shown.value("document.querySelector('details.fold').open")
    shown.value("dispatchEvent(new Event('afterprint'))")
    paper = base64.b64decode(shown.call("Page.printToPDF")["data"])
    assert paper.startswith(b"%PDF")


def test_browser_has_nothing_to_complain_of(shown: Browser) -> None:
    shown.value("1")
    assert shown.complaints == []


def test_page_stands_without_its_script(page: Path, shown: Browser, tmp_path: Path) -> None:
    changed = tmp_path / "report.html"
    text = page.read_text(encoding="utf-8")
    changed.write_text(text.replace("<script>", "<script>// "), encoding="utf-8")  # its hash is another one
    shown.open(changed)
    display = "getComputedStyle(document.querySelector('{}')).display"
    assert shown.value(display.format("#live-plane-0")) == "none"
    assert shown.value(display.format(".still")) == "block"
    assert any("Content Security Policy" in complaint for complaint in shown.complaints)
