"""Single events as table and picture."""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from PIL import Image

from na64.outputs.events.analysis import reopen
from na64.outputs.events.display import draw_event
from na64.outputs.events.event_filter import EventFilter, filter_events
from na64.outputs.events.event_record import EventRecord, event_records
from na64.outputs.events.pictures import draw_sheet, find, parse
from na64.outputs.events.table import lines
from na64.outputs.report.style import style
from na64.processors.features.single_cells import CellTable
from na64.run import main


@pytest.fixture(scope="module")
def records(result: Path) -> list[EventRecord]:
    return find(reopen(result), EventFilter("visible", limit=60))


def texts(figure: Figure) -> list[str]:
    found: list[Any] = figure.findobj(lambda artist: hasattr(artist, "get_text"))
    return [artist.get_text() for artist in found if artist.get_text()]


def test_checks_agree_with_what_is_counted(result: Path) -> None:
    analysis = reopen(result)
    for part in filter_events(analysis, EventFilter("visible"), cells=True):
        for record, failed in zip(
            event_records(part, analysis), part.cut_result.failed.tolist(), strict=True
        ):
            names = [name for n, name in enumerate(analysis.selection.cut_names) if failed >> n & 1]
            assert list(record.failed) == names


def test_a_table_of_limits_is_judged_where_the_event_is(result: Path) -> None:
    analysis = reopen(result)
    bounds = set()
    for record in find(analysis, EventFilter("ecal_ratio")):
        (check,) = [check for check in record.checks if check.cut == "shower_chi2"]
        found = re.fullmatch(r"shower_chi2 < 2\.5 to 4, by ecal \(here (\S+)\)", check.bound)
        assert found
        bounds.add(found[1])
        assert check.value is not None
        assert check.passed == (check.value < float(found[1]))
    assert len(bounds) > 1


def test_values_are_in_the_units_of_the_bounds(records: list[EventRecord]) -> None:
    record = records[0]
    (check,) = [check for check in record.checks if "srd_1" in check.bound]
    assert check.unit == "MeV"
    assert check.value == pytest.approx(1000 * record.values["srd_1"])
    (check,) = [check for check in record.checks if check.cut == "angle"]
    assert check.value == pytest.approx(1000 * record.values["track_angle"])


def test_the_table_says_where_the_event_is_from_and_what_fails(records: list[EventRecord]) -> None:
    record = next(record for record in records if len(record.failed) > 1)
    said = list(lines(record))
    assert record.number in said[0]
    assert f"fails {record.failed[0]} and {len(record.failed) - 1} more" in said[0]
    assert f"{record.file}, entry {record.entry}" in said[1]
    first = next(number for number, line in enumerate(said) if line.split()[0] == "cut") + 1
    rows, name, failed = said[first:], "", set()
    for row in rows:  # a cut of several conditions has its name in the first of its rows
        name = row.split()[0] if row.startswith("  ") and row[2] != " " else name
        failed |= {name} if "FAIL" in row else set()
    assert failed == set(record.failed)
    assert sum("pass" in line or "FAIL" in line for line in said) == len(record.checks)


def test_the_picture_shows_cells_times_and_cuts(records: list[EventRecord]) -> None:
    record = max(records, key=lambda record: record.values["ecal_out_of_time"])
    with style():
        figure = draw_event(record)
    said = texts(figure)
    for title in ("preshower", "ECAL", "HCAL 0", "HCAL 3", "VHCAL", "SRD", "times against windows"):
        assert title in said
    assert f"run {record.run}, spill {record.spill}, event {record.event}" in said
    assert {check.shown(record.display).bound for check in record.checks} <= set(said)
    assert any(re.fullmatch(r"[\d.]+ GeV \(\+[\d.e+]+\)", text) for text in said)
    hatched = figure.findobj(lambda artist: getattr(artist, "get_hatch", lambda: None)() is not None)
    late = sum(int(((t.energy > t.in_time) & (t.energy > 0)).sum()) for t in record.cells.values())
    assert late > 0
    assert len(hatched) >= late - sum(record.cells[name].energy.size for name in ("srd", "veto"))


def test_an_event_of_a_file_without_a_detector_is_drawn(records: list[EventRecord]) -> None:
    bare = replace(records[0], cells={"ecal": records[0].cells["ecal"]}, trigger=None)
    with style():
        assert "HCAL 0" not in texts(draw_event(bare))
        assert draw_sheet([bare]).axes


@pytest.mark.parametrize("shape", [(4, 6, 3), (4, 3, 6), (4, 3, 3)])
def test_modules_of_any_shape_stand_apart_on_a_sheet(
    records: list[EventRecord], shape: tuple[int, int, int]
) -> None:
    setup, n_cells = records[0].setup, shape[0] * shape[1] * shape[2]
    hcal = SimpleNamespace(shape=shape)
    other: Any = SimpleNamespace(detectors={**setup.detectors, "hcal": hcal}, beam_cell=setup.beam_cell)
    ones = np.ones((1, n_cells))
    cells = {**records[0].cells, "hcal": CellTable(ones, ones, ones, ones)}
    with style():
        (axes,) = [a for a in draw_sheet([replace(records[0], setup=other, cells=cells)]).axes if a.patches]
    frames = [
        one.get_bbox() for one in axes.patches if isinstance(one, Rectangle) and one.get_linewidth() == 0.7
    ]
    assert len(frames) == 6
    for number, one in enumerate(frames):
        for another in frames[:number]:
            assert (
                one.x1 <= another.x0 or another.x1 <= one.x0 or one.y1 <= another.y0 or another.y1 <= one.y0
            )


def test_pictures_have_words_units_and_heading_of_the_report(records: list[EventRecord]) -> None:
    record = records[0]
    with style():
        said = texts(draw_event(record))
    assert record.heading.split("\n")[1] in said
    assert "1 < SRD 1 < 80 MeV" in said
    (check,) = [check for check in record.checks if check.feature == "ecal_total"]
    shown = check.shown(record.display)
    assert (shown.bound, shown.unit, shown.value) == ("ECAL, any time < 120 GeV", "GeV", check.value)
    (check,) = [check for check in record.checks if check.feature == "srd_1"]
    in_gev = replace(check, bound="0.001 < srd_1 < 0.08 GeV (here 0.08)", unit="GeV", value=0.02)
    shown = in_gev.shown(record.display)
    assert (shown.bound, shown.unit) == ("1 < SRD 1 < 80 MeV (here 80)", "MeV")
    assert shown.value == pytest.approx(20)


def test_show_writes_a_picture_of_each_event(
    result: Path, records: list[EventRecord], tmp_path: Path, capsys: Any
) -> None:
    wanted = [record.number for record in (records[3], records[1])]
    assert main(["show", str(result), *wanted, "--to", str(tmp_path)]) == 0
    out = capsys.readouterr().out
    assert out.index(wanted[0]) < out.index(wanted[1])
    for number in wanted:
        with Image.open(tmp_path / f"{number.replace(':', '_')}.png") as picture:
            assert np.asarray(picture.convert("L")).std() > 10


def test_a_sheet_has_a_page_for_twelve(
    result: Path, tmp_path: Path, undrawing: Callable[[], AbstractContextManager[None]]
) -> None:
    line = ["show", str(result), "--after", "trigger", "--limit", "13", "--sheet", "--to", str(tmp_path)]
    with undrawing():
        assert main(line) == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["sheet_1.png", "sheet_2.png"]


def test_all_of_a_simulation_is_shown(simulated: Path, result: Path, tmp_path: Path) -> None:
    hidden = [
        record
        for record in find(reopen(simulated), EventFilter("visible", limit=300))
        if record.values["ecal"] < 60 and record.values["hcal"] < 1 and record.trigger == 4
    ]
    assert hidden
    assert main(["show", str(simulated), hidden[0].number, "--to", str(tmp_path)]) == 0
    assert main(["show", str(result), hidden[0].number, "--to", str(tmp_path)]) == 2


@pytest.mark.parametrize(
    "text", ["8701", "8701:1", "8701:1:-2", "a:b:c", "8701:1:2:3", "8701:1:9999999999999"]
)
def test_what_is_no_number_of_an_event_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not RUN:SPILL:EVENT"):
        parse(text)


def test_numbers_and_a_choice_do_not_go_together(result: Path) -> None:
    assert main(["show", str(result), "8701:1:1", "--after", "srd"]) == 2
