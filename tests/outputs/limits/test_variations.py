"""Variations of a selection: what they do to the efficiency, and what that does to a limit."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from na64.outputs.limits.assumptions import assumptions_of
from na64.outputs.limits.search import PeriodChannel, Search
from na64.outputs.result.store import read_result
from na64.outputs.signal.efficiency.efficiency import (
    SignalEfficiency,
    efficiency_table,
    load_efficiencies,
    read_points,
)
from na64.outputs.signal.efficiency.efficiency_variations import (
    EfficiencyChange,
    Varied,
    read_variations,
    variations_path,
    variations_table,
)
from na64.outputs.signal.efficiency.injection import Injection, inject
from na64.outputs.statistics.workspace import workspace
from na64.run import main
from na64.selections.selection import load_selection

pytestmark = pytest.mark.usefixtures("undrawn", "uncompared")

MASS = np.array([0.001, 1.0])
CHOICE = "NOT FOUND: a choice"


def period_of(name: str, eot: float, **changes: float) -> PeriodChannel:
    made = tuple(
        EfficiencyChange(key, key, CHOICE, MASS, np.full(2, value), np.full(2, 0.001))
        for key, value in changes.items()
    )
    half = SignalEfficiency(MASS, np.full(2, 0.5), np.zeros(2), "a test", made)
    return PeriodChannel(name, eot, 0.5, (), half, 0)


def search_of(*periods: PeriodChannel, error: float = 0.0) -> Search:
    return Search(periods, error)


def test_changes_are_averaged_over_the_signal_paired_and_added() -> None:
    """A quarter and three quarters of the signal: 0.25 x 4 + 0.75 x 8 = 7 %, and so on."""
    one = period_of("A", 1e11, srd_up=0.04, srd_down=-0.02, veto=-0.04, mixed=0.03)
    other = period_of("B", 3e11, srd_up=0.08, srd_down=-0.02, mixed=-0.01)
    search = search_of(one, other, error=0.1)
    sizes = {size.name: size for size in search.effects_at(0.01)}
    assert list(sizes) == ["srd", "veto", "mixed"]
    assert sizes["srd"].changes == pytest.approx((0.07, -0.02))
    assert sizes["srd"].effect == pytest.approx(0.045)
    assert sizes["veto"].effect == pytest.approx(-0.01)
    assert sizes["mixed"].effect == pytest.approx(0.0)
    assert search.signal_error_at(0.01) == pytest.approx(0.110)  # root of 0.1^2 + 0.045^2 + 0.01^2
    model = search.model(0.01)
    assert model.signal_error == 0.1
    assert [dict(channel.signal_effects) for channel in model.channels] == [
        {"srd": 0.03, "veto": -0.04, "mixed": 0.03},
        {"srd": 0.05, "mixed": -0.01},
    ]


def test_a_variation_of_two_periods_is_one_error() -> None:
    """In step it lengthens the limit; against each other it does not. Both have half of the signal."""
    one, same = period_of("A", 1e11, veto=-0.3), period_of("B", 1e11, veto=-0.3)
    other = period_of("B", 1e11, veto=0.3)
    limits = {name: search_of(one, p).point(0.1, 0.9).observed for name, p in (("+", same), ("-", other))}
    assert limits["+"] == pytest.approx(2.439, abs=1e-3)  # 30 % of all, see test_statistics_values.py
    assert limits["-"] == pytest.approx(2.2103, abs=1e-4)  # where the mean of exp(-s cosh(0.3 z)) is 0.1
    names = [
        [m["name"] for m in channel["samples"][0]["modifiers"] if m["type"] == "normsys"]
        for channel in workspace(search_of(one, other).model(0.1), [0, 0])["channels"]
    ]
    assert names == [["signal_veto"], ["signal_veto"]]


def test_both_of_a_pair_in_one_direction_do_not_cancel() -> None:
    (size,) = search_of(period_of("A", 1e11, windows_wide=-0.02, windows_narrow=-0.04)).effects_at(0.1)
    assert (size.name, size.members) == ("windows", ("windows_wide", "windows_narrow"))
    assert size.effect == pytest.approx(-0.03)


def test_half_a_pair_keeps_its_name() -> None:
    (size,) = search_of(period_of("A", 1e11, vhcal_tight=-0.02)).effects_at(0.1)
    assert size.name == "vhcal_tight"
    assert size.effect == pytest.approx(-0.02)


def test_six_and_eight_percent_lengthen_the_limit_as_ten_do() -> None:
    """2.303 events become 2.318 with an error of 10 %, see test_statistics_values.py."""
    plain = search_of(period_of("A", 1e11), error=0.06)
    assert plain.signal_error_at(0.1) == 0.06
    varied = search_of(period_of("A", 1e11, veto=-0.08), error=0.06)
    assert varied.point(0.1, 0.9).observed == pytest.approx(2.3181, abs=1e-3)
    assert plain.point(0.1, 0.9).observed == pytest.approx(2.3080, abs=1e-3)


def test_the_assumptions_name_variations_and_periods_without() -> None:
    search = search_of(period_of("A", 1e11, veto=-0.04), period_of("B", 1e11))
    found = {a.text: a.tag for a in assumptions_of(search, (), delivered=False)}
    assert found["variation veto (veto): 2.00% to 2.00% of the signal"] == CHOICE
    assert found["period B: no variations of its efficiency are known, none counts"] == "NOT FOUND"


OWN = """base = "invisible_2023"
name = "own"
[[variation]]
name = "veto_low"
threshold = { veto = 0.7 }
[[variation]]
name = "ecal_up"
scale = { ecal = 1.03 }
"""


def test_a_varied_efficiency_is_that_of_the_varied_cuts(tmp_path: Path, edited: Callable[..., Path]) -> None:
    """The same events, counted with the cut, or the scale, of the variation as the only one there is."""
    path = tmp_path / "own.toml"
    path.write_text(OWN)
    selection = load_selection(path)
    (found,) = inject([0.01], Injection(selection, n_events=1000))
    veto, ecal = found.varied
    cuts = selection.variations[0].cuts_of(selection.cuts)
    (other,) = inject([0.01], Injection(replace(selection, cuts=cuts, variations=()), n_events=1000))
    assert veto.change.varied == other.point.n_selected
    assert (veto.gained, veto.lost) == (0, found.point.n_selected - other.point.n_selected)
    assert veto.lost > 0
    assert veto.change.relative_error == pytest.approx(np.sqrt(veto.lost) / found.point.n_selected)

    of_ecal = ("scale = { value = 1,", "scale = { value = 1.03,")  # the first of the file
    scaled = edited("period", found.point.period, tmp_path / "periods", of_ecal).parent
    nominal = replace(selection, variations=())
    (other,) = inject([0.01], Injection(nominal, n_events=1000, periods=scaled))
    assert ecal.change.varied == other.point.n_selected
    assert found.point.n_selected - other.point.n_selected == ecal.lost - ecal.gained > 0


def test_from_the_command_to_the_limit(
    stored: Callable[..., Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = stored()
    path = folder / "efficiency.csv"
    layout = ["--mass", "0.001", "1", "--events", "300"]
    layout += ["--losses", "none"]
    assert main(["efficiency", "--selection", "systematics_2023", "--to", str(path), *layout]) == 0
    assert "ecal_scale_up: -" in capsys.readouterr().out
    # The stored result is of another period and selection: the numbers are those of the command.
    summary = read_result(folder).summary
    period, selection, (point, *_) = summary.runs[0].period, summary.selection, read_points(path)
    for table in (path, variations_path(path)):
        text = table.read_text().replace("2023A", period).replace("systematics_2023", selection.name)
        table.write_text(text.replace(point.cuts, selection.cuts_identity))
    words = ["limits", str(folder), "--background", "0.5", "--points", "3", "--level", "0.9"]
    words += ["--to", str(tmp_path / "to")]
    assert main(words) == 2
    assert "efficiency.csv: it was edited after it was written" in capsys.readouterr().err
    assert main([*words, "--reason", "a test"]) == 0
    assert "error of the signal: 10.0% of the yield, with variations 1" in capsys.readouterr().out
    limits = json.loads((tmp_path / "to" / "limits.json").read_text())
    error = limits["signal_error"]
    by_name = {entry["name"]: entry for entry in error["variations"]}
    assert by_name["ecal_scale"]["members"] == ["ecal_scale_up", "ecal_scale_down"]
    assert by_name["ecal_scale"]["source"].startswith("NOT FOUND")
    sizes = [entry["sizes"][0]["size"] for entry in error["variations"]]
    assert error["total"][0][1] == pytest.approx(np.hypot(0.1, np.hypot.reduce(sizes)), abs=6e-4)
    assert error["total"][0][1] > 0.1


def test_variations_of_another_table_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "efficiency.csv"
    entry = Varied(0.01, "2018", "mine", "veto", 800, 1, 9, "VETO", CHOICE)
    variations_path(path).write_bytes(variations_table([entry]).to_csv())
    assert read_variations(variations_path(path)) == [entry]
    assert entry.change.relative == pytest.approx(-0.01)
    text = "mass,period,efficiency,error,n_generated,n_selected,n_in_box,n_simulated,threshold,selection\n"
    path.write_text(text + "0.01,2018,0.8,0.01,1000,800,950,1200,50,mine\n")
    assert load_efficiencies(path)["2018"].changes[0].at(0.01)[0] == pytest.approx(-0.01)
    changed = [replace(point, n_selected=801) for point in read_points(path)]
    path.write_bytes(efficiency_table(changed).to_csv())
    with pytest.raises(ValueError, match=r"800 selected nominally, 801 in efficiency\.csv"):
        load_efficiencies(path)


def test_a_change_that_is_not_of_the_counts_is_refused(tmp_path: Path) -> None:
    entry = Varied(0.01, "2018", "mine", "veto", 800, 1, 9, "VETO", CHOICE)
    path = tmp_path / "e.csv"
    path.write_text(variations_table([entry]).to_csv().decode().replace(",-0.01,", ",-0.02,"))
    with pytest.raises(ValueError, match=r"e.csv line 2: change -0.02 is not -8 of 800"):
        read_variations(path)
