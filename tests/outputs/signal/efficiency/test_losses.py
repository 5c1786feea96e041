"""Losses besides the simulated ones: what of them counts, their table, and what a published limit leaves."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from na64.datasets.conditions.losses import LIVE_TIME, Loss, packaged_losses, read_losses
from na64.datasets.conditions.periods import packaged_periods
from na64.outputs.result.origin import seal_csv
from na64.outputs.signal.efficiency.efficiency import (
    EfficiencyPoint,
    efficiency_table,
    load_efficiencies,
    read_points,
)
from na64.outputs.signal.efficiency.injection import Measured, setup_of
from na64.outputs.signal.efficiency.losses import (
    AppliedLoss,
    Counts,
    applied,
    cells_of,
    factor_of,
    loss_lines,
)
from na64.outputs.signal.efficiency.losses_file import losses_path, losses_table, read_applied
from na64.outputs.signal.efficiency.measured_losses import WantedLosses, describe_losses, losses_of
from na64.outputs.signal.efficiency.published_efficiency import compared, implied_efficiency, not_explained
from na64.run import main

pytestmark = pytest.mark.usefixtures("undrawn")

SETUP = setup_of(packaged_periods()["2018"])
POINT = EfficiencyPoint(0.01, "2018", "invisible_2018", 50.0, 1200, 1000, 950, 800, "cuts", SETUP)
OF = {"period": "2018", "selection": "invisible_2018", "cuts": "cuts", "setup": SETUP}
TRACKING = Loss("tracking", "a track", "[V: a test]", 0.54, 0.054, ("momentum", "angle", "straw3"))
TRIGGER = Loss("trigger", "counters", "[V: a test]", 0.9, 0.018, correlated=True)
LIVE = Loss(LIVE_TIME, "live", "[V: a test]", 0.8)
FLOW = (100, {"angle": 80, "srd": 70, "momentum": 42, "veto": 40})


def write(folder: Path, losses: tuple[AppliedLoss, ...]) -> Path:
    path = folder / "efficiency.csv"
    path.write_bytes(seal_csv(efficiency_table([POINT]).to_csv()))
    losses_path(path).write_bytes(seal_csv(losses_table(losses).to_csv()))
    return path


def test_what_the_simulation_loses_too_counts_once() -> None:
    """80 of 100 and 42 of 70 pass: 0.48 is simulated, so that 0.54 of the whole leaves a factor 1.125."""
    (loss,) = applied([TRACKING], [FLOW], **OF)
    assert loss.simulated == pytest.approx(0.48)
    assert loss.factor == pytest.approx(0.54 / 0.48)
    assert loss.relative_error == pytest.approx(0.1)
    twice = (300, {"angle": 150, "srd": 150, "momentum": 150, "veto": 140})  # 230 of 400, 192 of 220
    assert applied([TRACKING], [FLOW, twice], **OF)[0].simulated == pytest.approx(230 / 400 * 192 / 220)


def test_a_selection_without_the_cuts_simulates_nothing_of_a_loss() -> None:
    (loss,) = applied([TRACKING], [(100, {"srd": 70})], **OF)
    assert (loss.simulated, loss.note) == (1.0, "no cut momentum, angle, straw3 in the selection")
    (loss,) = applied([TRACKING], [(100, {"angle": 0})], **OF)
    assert (loss.simulated, loss.note) == (1.0, "")


def test_a_cut_that_no_selection_has_is_refused() -> None:
    """Nothing would be simulated of the loss then, and its simulated part counted twice."""
    with pytest.raises(ValueError, match=r'loss tracking: unknown cut "vetoo", nearest known is "veto"'):
        applied([replace(TRACKING, cuts=("vetoo",))], [FLOW], **OF)


def test_a_live_time_counts_for_exposure_delivered_only(tmp_path: Path) -> None:
    path = write(tmp_path, applied([TRIGGER, LIVE], [FLOW], **OF))
    live, delivered = (load_efficiencies(path, delivered=kind)["2018"] for kind in (False, True))
    assert live.value == pytest.approx([0.8 * 0.9])
    assert delivered.value == pytest.approx([0.8 * 0.9 * 0.8])
    assert live.error == pytest.approx([0.9 * POINT.error])
    assert delivered.error == pytest.approx([0.72 * POINT.error])


def test_a_live_time_cannot_count_always_or_twice(tmp_path: Path) -> None:
    (row,) = applied([LIVE], [FLOW], **OF)
    with pytest.raises(ValueError, match="loss live_time: counts yes: only live_time is of delivered"):
        replace(row, counts=Counts.ALWAYS)
    with pytest.raises(ValueError, match="loss trigger: counts delivered: only live_time is of delivered"):
        replace(applied([TRIGGER], [FLOW], **OF)[0], counts=Counts.DELIVERED)
    path = write(tmp_path, (row, row))
    with pytest.raises(
        ValueError, match=r"efficiency_losses\.csv: period 2018: loss live_time is there twice"
    ):
        load_efficiencies(path)


def test_an_unknown_loss_is_shown_and_does_not_count() -> None:
    unknown = Loss("hodoscope", "a hodoscope", "NOT FOUND")
    rows = applied([unknown, TRIGGER, TRACKING], [FLOW], **OF)
    assert factor_of(rows, delivered=True) == pytest.approx(0.9 * 1.125)
    head, line, *_ = loss_lines(rows)
    assert head.split() == ["loss", "value", "error", "simulated", "factor", "counts", "source"]
    assert line.split() == ["hodoscope", "NOT", "FOUND", "-", "-", "-", "no", "NOT", "FOUND"]
    assert next(loss_lines(applied([LIVE], [FLOW], **OF))).split() == head.split()
    assert "NOT FOUND" in list(loss_lines(applied([LIVE], [FLOW], **OF)))[1]  # its error


def test_a_table_comes_back_as_it_was(tmp_path: Path) -> None:
    unknown = Loss("hodoscope", "a hodoscope, or two", "NOT FOUND", note="a note")
    rows = applied([TRACKING, TRIGGER, LIVE, unknown], [FLOW], **OF)
    path = write(tmp_path, rows)
    assert tuple(read_applied(losses_path(path))) == rows
    assert losses_path(path).read_text().startswith("loss,value,error,source,")
    text = losses_path(path).read_text()
    for old, new, words in [
        (f",{rows[0].factor},", ",1.2,", "loss tracking: factor 1.2 is not 0.54 over 0.48"),
        (",0.9,0.018", ",1.9,0.018", "loss trigger: value 1.9: expected a share"),
        (",yes,yes,", ",maybe,yes,", 'unknown counts "maybe"'),
        (",yes,yes,", ",yes,maybe,", 'correlated is "maybe": expected yes or no'),
    ]:
        assert old in text
        losses_path(path).write_text(text.replace(old, new))
        with pytest.raises(ValueError, match=rf"efficiency_losses\.csv line \d: {words}"):
            read_applied(losses_path(path))


@pytest.mark.parametrize("changed", ["period", "selection", "cuts", "setup"])
def test_losses_of_another_set_up_are_refused(tmp_path: Path, changed: str) -> None:
    rows = applied([TRIGGER], [FLOW], **{**OF, changed: "another"})
    with pytest.raises(ValueError, match=r"loss trigger is of .*another.*, efficiency\.csv of .*2018"):
        load_efficiencies(write(tmp_path, rows))


def test_a_factor_of_one_changes_no_bit(tmp_path: Path) -> None:
    path = write(tmp_path, ())
    bare = load_efficiencies(path)["2018"]
    ones = applied([replace(TRIGGER, value=1.0, error=0.0), replace(LIVE, value=1.0)], [FLOW], **OF)
    found = load_efficiencies(write(tmp_path, ones), delivered=True)["2018"]
    assert found.value.tobytes() == bare.value.tobytes()
    assert found.error.tobytes() == bare.error.tobytes()


def test_the_published_limit_implies_what_the_issue_says() -> None:
    """0.36 to 0.47 (0.49 where the digitised curve is rough) for 9.37e11 electrons, at all masses."""
    limit = packaged_losses()["2018"].published
    assert limit is not None
    masses = np.array([0.00106, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.4, 0.5, 1.0])
    found = np.array([implied_efficiency(limit, mass) for mass in masses.tolist()])
    assert found.min() > 0.355
    assert found.max() < 0.49
    assert found[3] == pytest.approx(0.45, abs=0.005)
    # by hand: 2.303 / (9.37e11 x yield at 10 MeV 0.0112 x (2.18e-5)^2)
    assert found[3] == pytest.approx(2.303 / (9.37e11 * 0.112e-1 * 2.18e-5**2), rel=0.03)
    assert np.isnan(implied_efficiency(limit, 0.25))  # resonant annihilation is in the published limit
    assert np.isnan(implied_efficiency(limit, 0.0009))


def test_the_table_in_the_documents_is_what_the_code_makes() -> None:
    """The efficiencies that are printed there take minutes; all that is made of them is computed again."""
    text = (Path(__file__).parents[4] / "docs" / "physics.md").read_text()
    block = next(b for b in re.findall(r"```text\n(.*?)```", text, re.DOTALL) if "not explained" in b)
    words = [line.split() for line in block.splitlines()]
    losses = packaged_losses()["2018"]
    assert losses.published is not None
    lines = {row[0]: " ".join(row) for row in words}
    rows: list[AppliedLoss] = []
    for loss in losses.losses:
        line = lines[loss.name]
        share = re.search(r" ([\d.]+|-) (?:[\d.]+|-) (?:yes|no|delivered) ", line)
        assert share is not None
        simulated = 1.0 if share[1] == "-" else float(share[1])
        flow = (1_000_000, {cut: round(1_000_000 * simulated) for cut in loss.cuts[:1]})
        rows += applied([loss], [flow], **OF)
        value, error, _, _ = cells_of(rows[-1])
        assert line.startswith(f"{loss.name} {value} {error} ")
        assert line.endswith(loss.source)
    printed = [[float(word) for word in row] for row in words if row[0].isdigit()]
    assert [row[0] for row in printed] == [2, 5, 10, 20, 50, 100, 500, 1000]
    found = compared([(row[0] / 1e3, row[1]) for row in printed], rows, losses.published)
    for row, one in zip(printed, found, strict=True):
        assert row[2:5] == pytest.approx([one.live, one.delivered, one.implied], abs=1.6e-3)
        assert row[5:] == pytest.approx([one.before, one.after], abs=6e-3)
    left = not_explained(found, losses.published)
    (line,) = (line for line in block.splitlines() if "not explained" in line)
    assert float(line.split()[2]) == pytest.approx(left.value, abs=2e-3)
    assert left.note in line


def test_the_file_in_the_documents_is_read(tmp_path: Path) -> None:
    text = (Path(__file__).parents[4] / "docs" / "physics.md").read_text()
    (example,) = re.findall(r'```toml title="losses.toml"\n(.*?)```', text, re.DOTALL)
    (tmp_path / "losses.toml").write_text(example)
    veto, hodoscope = read_losses(tmp_path / "losses.toml").losses
    assert veto.value == pytest.approx(0.962**1.25)
    assert hodoscope.value is None


def measured() -> list[Measured]:
    flow = {"trigger": 900, "angle": 855, "momentum": 850, "srd": 815, "veto": 810, "hcal_muon": 808}
    points = [replace(POINT, mass=mass, n_selected=750 + n) for n, mass in enumerate((0.01, 0.1, 0.25))]
    return [Measured(point, flow) for point in points]


def test_what_is_not_explained_is_a_row_and_never_a_factor() -> None:
    wanted = WantedLosses([])
    rows = losses_of(measured(), wanted)["2018"]
    *counting, left = rows
    known = factor_of(counting, delivered=True)
    assert factor_of(rows, delivered=True) == known
    assert (left.loss, left.counts, left.factor) == ("not explained", Counts.NEVER, 1.0)
    limit = packaged_losses()["2018"].published
    assert limit is not None
    after = [implied_efficiency(limit, m) / (0.75 + 0.001 * n) / known for n, m in enumerate((0.01, 0.1))]
    assert left.value == pytest.approx(np.sqrt(after[0] * after[1]))
    assert left.note == f"{min(after):.2f} to {max(after):.2f} over 2 masses; never applied"
    lines = list(describe_losses(measured(), {"2018": rows}, wanted))
    table = compared([(0.01, 0.75), (0.1, 0.751)], rows, limit)
    assert lines[-2].split() == [
        *("10", "0.750", f"{table[0].live:.3f}", f"{table[0].delivered:.3f}", f"{table[0].implied:.3f}"),
        *(f"{table[0].before:.2f}", f"{table[0].after:.2f}"),
    ]
    assert table[0].after == pytest.approx(after[0])


def test_packaged_losses_are_not_those_of_a_set_up_of_ones_own(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "periods"
    folder.mkdir()
    packaged = Path(__file__).parents[4] / "datasets" / "conditions" / "periods" / "2023A.toml"
    text = packaged.read_text()
    assert text.count("mip = { value = ") == 1
    (folder / "2023A.toml").write_text(text.replace("mip = { value = ", "mip = { value = 1"))
    path = tmp_path / "efficiency.csv"
    words = ["efficiency", "--to", str(path), "--mass", "0.01", "--events", "60"]
    assert main([*words, "--periods", str(folder)]) == 0
    out = capsys.readouterr().out
    assert "the packaged ones are of another set-up; --losses FILE states those of this one" in out
    assert not losses_path(path).exists()
    (point,) = read_points(path)
    assert point.setup not in ("", setup_of(packaged_periods()["2023A"]))


def test_own_files_have_to_be_of_the_period_simulated(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    own = tmp_path / "own.toml"
    own.write_text('period = "2018"\n[loss.trigger]\nvalue = 0.9\nerror = 0.1\nsource = "[V: a test]"\n')
    path = tmp_path / "efficiency.csv"
    words = ["efficiency", "--to", str(path), "--mass", "0.01", "--events", "60", "--losses"]
    assert main([*words, str(own)]) == 2
    assert "losses are of period 2018, the efficiency is of 2023A" in capsys.readouterr().err
    assert not path.exists()
    assert main([*words, "none"]) == 0
    assert "period 2023A: no losses besides the simulated ones count" in capsys.readouterr().out
    assert not losses_path(path).exists()
    bare = read_points(path)
    own.write_text(own.read_text().replace("2018", "2023A"))
    assert main([*words, str(own)]) == 0
    assert "all that count: x 0.900 for live exposure" in capsys.readouterr().out
    assert read_points(path) == bare
    assert [loss.loss for loss in read_applied(losses_path(path))] == ["trigger"]
    assert main([*words, "none"]) == 0  # losses of before would count
    assert not losses_path(path).exists()
    assert main([*words, "none", "--losses", str(own)]) == 2
    assert "expected none or files" in capsys.readouterr().err
