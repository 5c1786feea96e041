"""Detectors besides the standard ones in the text and the picture of an event."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import uproot
from matplotlib.figure import Figure

from na64.outputs.events import display
from na64.outputs.events.event_record import EventRecord
from na64.run import main


def test_an_event_is_shown_with_what_its_period_declares(
    simulate: Callable[..., Path],
    process: Callable[..., Path],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    data = simulate(tmp_path, "visible_2018", 60, layout="visible2018")
    out = process(data, "visible_2018", catalogue=("--simulation",))
    written: list[str] = []
    draw = display.draw_event

    def drawn(record: EventRecord) -> Figure:
        figure = draw(record)
        written.extend(text.get_text() for axes in figure.axes for text in axes.texts)
        return figure

    monkeypatch.setattr("na64.outputs.events.pictures.draw_event", drawn)
    capsys.readouterr()
    assert main(["show", str(out), "4224:1:1"]) == 0
    said = capsys.readouterr().out.splitlines()
    with uproot.open(data / "run_4224.root") as file:
        tree = file["visible"]
        wcal, s4 = (tree[f"{name}_ene"].array(library="np")[0] for name in ("WCAL", "S4"))
    factor, unit = (1.0, "GeV") if wcal.max() >= 1 else (1000.0, "MeV")
    digits = 3 if unit == "GeV" else 2
    parts = "  ".join(f"{part * factor:.{digits}f}" for part in wcal.ravel())
    assert f"  {'WCAL':<10}{parts} {unit} in time" in said
    assert f"  {'S4':<10}{1000 * s4[0]:.2f} MeV in time" in said
    assert not any(line.split()[:1] == ["VHCAL"] for line in said)
    assert not any("nan" in line for line in said if line.endswith("in time"))
    assert len(next(line for line in said if line.split()[:1] == ["SRD"]).split()) == 6
    assert {"further detectors", "WCAL", "WCAT", "V2", "S2", "S4", f"{parts} {unit}"} <= {*written}
