"""Losses in limits: factors by the kind of exposure, errors as nuisances, and the tables that say so."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure

from na64.outputs.analysis.efficiency_files import write_efficiency
from na64.outputs.limits.assumptions import assumptions_of
from na64.outputs.limits.exposure import read_exposure
from na64.outputs.limits.inputs import ConstantEfficiency
from na64.outputs.limits.messages import of_projections
from na64.outputs.limits.search import EfficiencyFunction, PeriodChannel, Search
from na64.outputs.limits.section import SECTION
from na64.outputs.result.origin import seal_csv
from na64.outputs.result.store import read_result
from na64.outputs.signal.efficiency.efficiency import EfficiencyPoint, efficiency_table, read_points
from na64.outputs.signal.efficiency.efficiency import SignalEfficiency as Simulated
from na64.outputs.signal.efficiency.efficiency_variations import Varied, variations_path, variations_table
from na64.outputs.signal.efficiency.losses import AppliedLoss, Counts
from na64.outputs.signal.efficiency.losses_file import losses_path, losses_table, read_applied
from na64.outputs.statistics.workspace import workspace
from na64.run import main

pytestmark = pytest.mark.usefixtures("undrawn", "uncompared")

MASS = np.array([0.001, 1.0])
TAG = "[V: a test]"


def loss(
    name: str, value: float | None, error: float | None, *, correlated: bool = False, source: str = TAG
) -> AppliedLoss:
    counts = Counts.DELIVERED if name == "live_time" else Counts.ALWAYS
    counts = Counts.NEVER if value is None else counts
    return AppliedLoss(name, name, source, value, error, counts=counts, correlated=correlated)


def period_of(name: str, *losses: AppliedLoss, eot: float = 1e11) -> PeriodChannel:
    own = tuple(replace(one, period=name) for one in losses)
    half = Simulated(MASS, np.full(2, 0.5), np.zeros(2), f"a test of {name}", losses=own)
    return PeriodChannel(name, eot, 0.5, (), half, 0)


def test_errors_of_losses_lengthen_the_limit_as_toys_say() -> None:
    """Nothing seen: CLs is the mean of exp(-s x the factors), and 0.1 at the limit. Seeds are fixed."""
    one = period_of("A", loss("trigger", 0.8, 0.16, correlated=True), loss("veto", 0.9, 0.27))
    other = period_of("B", loss("trigger", 0.8, 0.16, correlated=True), loss("veto", 0.9, 0.27), eot=3e11)
    limit = Search((one, other), 0.0).point(0.01, 0.9).observed
    assert limit is not None
    common, first, second = np.random.default_rng(67).standard_normal((3, 400_000))
    kept = 0.25 * np.exp(0.2 * common + 0.3 * first) + 0.75 * np.exp(0.2 * common + 0.3 * second)
    chances = np.exp(-limit * kept)
    assert chances.mean() == pytest.approx(0.1, abs=4 * chances.std() / math.sqrt(len(chances)))
    assert limit > 2.37
    # In common instead of each its own: more of it is left in the sum.
    in_step = replace(other, efficiency=replace(other.efficiency, losses=_in_common(other)))  # type: ignore[type-var]
    same = replace(one, efficiency=replace(one.efficiency, losses=_in_common(one)))  # type: ignore[type-var]
    longer = Search((same, in_step), 0.0).point(0.01, 0.9).observed
    assert longer is not None
    chances = np.exp(-longer * np.exp(0.2 * common + 0.3 * first))
    assert chances.mean() == pytest.approx(0.1, abs=4 * chances.std() / math.sqrt(len(chances)))
    assert longer > limit


def _in_common(period: PeriodChannel) -> tuple[AppliedLoss, ...]:
    return tuple(replace(one, correlated=True) for one in period.efficiency.losses)


def test_nuisances_have_the_names_that_periods_share() -> None:
    one = period_of("A", loss("trigger", 0.8, 0.16, correlated=True), loss("veto", 0.9, 0.27))
    other = period_of("B", loss("trigger", 0.5, 0.05, correlated=True), loss("veto", 0.9, None))
    model = Search((one, other), 0.0).model(0.01)
    assert [dict(channel.signal_effects) for channel in model.channels] == [
        {"loss trigger": 0.2, "loss veto of A": 0.3},
        {"loss trigger": 0.1},
    ]
    names = {
        modifier["name"]
        for channel in workspace(model, [0, 0])["channels"]
        for modifier in channel["samples"][0]["modifiers"]
    }
    assert {"signal_loss trigger", "signal_loss veto of A"} <= names
    search = Search((one, other), 0.1)
    assert search.effects_at(0.01) == ()
    assert search.signal_error_at(0.01) == pytest.approx(
        round(math.hypot(0.1, 0.15, 0.15), 3)  # half of the signal each
    )


@pytest.mark.parametrize("delivered", [False, True])
def test_a_live_time_has_an_error_only_where_it_counts(delivered: bool) -> None:
    live = loss("live_time", 0.8, 0.16)
    period = period_of("A", live)
    counted = replace(period, efficiency=replace(period.efficiency, delivered=delivered))  # type: ignore[type-var]
    effects = dict(Search((counted,), 0.0).model(0.01).channels[0].signal_effects)
    assert effects == ({"loss live_time of A": 0.2} if delivered else {})


def test_what_is_not_known_is_assumed_aloud() -> None:
    unknown = loss("hodoscope", None, None, source="NOT FOUND")
    search = Search((period_of("A", loss("veto", 0.9, None), unknown), period_of("B")), 0.1)
    found = {one.text: one.tag for one in assumptions_of(search, (), delivered=False)}
    assert found["period A: loss veto, veto: 0.9 is kept, error not known"] == TAG
    assert found["period A: loss hodoscope is not known, none counts"] == "NOT FOUND"
    assert (
        found["period B: no losses are beside its efficiency, only what is simulated counts"] == "NOT FOUND"
    )
    found = {one.text: one.tag for one in assumptions_of(search, (), delivered=True)}
    assert found["period A: exposure is what was delivered, and no live time counts"] == "NOT FOUND"
    stated = Search((replace(period_of("A"), efficiency=ConstantEfficiency(0.5)),), 0.1)
    found = {one.text: one.tag for one in assumptions_of(stated, (), delivered=True)}
    assert found["exposure is what was delivered: the efficiency contains the dead time"] == "stated"
    assert not [text for text in found if "loss" in text]


@pytest.fixture
def prepared(stored: Callable[..., Path]) -> Callable[..., Path]:
    """Result with an efficiency of its own cuts and set-up, and losses beside it."""
    folder = stored()
    exposure = read_exposure(folder)
    ((period, setup),) = exposure.origin.setups
    names = (exposure.selection, 40.0, 1200, 1000, 950, 800, exposure.cuts, setup)
    points = [EfficiencyPoint(mass, period, *names) for mass in (0.001, 1.0)]
    (folder / "efficiency.csv").write_bytes(seal_csv(efficiency_table(points).to_csv()))

    def give(*losses: AppliedLoss) -> Path:
        selection, cuts = exposure.selection, exposure.cuts
        own = [replace(one, period=period, selection=selection, cuts=cuts, setup=setup) for one in losses]
        losses_path(folder / "efficiency.csv").write_bytes(seal_csv(losses_table(own).to_csv()))
        if not losses:
            losses_path(folder / "efficiency.csv").unlink()
        return folder

    return give


WORDS = ["--background", "0.5+-0.2", "--points", "2", "--level", "0.9"]


def limits_of(folder: Path, *options: str) -> dict[str, bytes]:
    assert main(["limits", str(folder), *WORDS, *options]) == 0
    names = ("limits.csv", "limits_y.csv", "limits.json", "limits/workspace.json")
    return {name: (folder / name).read_bytes() for name in names}


def test_factors_of_one_leave_every_product_as_it_was(prepared: Callable[..., Path]) -> None:
    folder = prepared()
    bare = limits_of(folder)
    assert "Losses besides" not in SECTION.write(folder, {}, "")
    one = loss("trigger", 1.0, 0.0), loss("live_time", 1.0, 0.0)
    found = limits_of(prepared(*one))
    for name in set(bare) - {"limits.json"}:
        assert found[name] == bare[name]
    # The table of losses is what is new, in the facts and in what they say of files and assumptions.
    before, after = (json.loads(products["limits.json"]) for products in (bare, found))
    assert [row["loss"] for row in after.pop("losses")] == ["trigger", "live_time"]
    for key in ("seal", "files", "assumptions"):
        assert before.pop(key) != after.pop(key)
    assert after == before


def test_delivered_exposure_gets_the_live_time_once(
    prepared: Callable[..., Path], capsys: pytest.CaptureFixture[str]
) -> None:
    rows = loss("trigger", 0.9, 0.09), loss("live_time", 0.8, None, source="[R-med; 1906.00176]")
    folder = prepared(*rows)
    limits_of(folder, "--delivered")
    head, line, *_ = (folder / "limits.csv").read_text().splitlines()
    row = {name: float(text) for name, text in zip(head.split(","), line.split(","), strict=True) if text}
    delivered = math.fsum(
        run.eot_delivered or 0.0 for run in read_result(folder).summary.runs if run.eot_live
    )
    assert row["efficiency"] == pytest.approx(0.8 * 0.9 * 0.8)
    assert row["events_per_eps2"] == pytest.approx(delivered * row["yield_per_eot"] * row["efficiency"])
    by_name = {one["loss"]: one for one in json.loads((folder / "limits.json").read_text())["losses"]}
    assert by_name["live_time"]["counts"]
    assert [by_name["trigger"][key] for key in ("value", "error", "source")] == [0.9, 0.09, TAG]
    out = capsys.readouterr().out
    assert "losses besides the simulated ones, x 0.720 for exposure delivered" in out
    assert "with losses 14.1%\n" in out
    page = SECTION.write(folder, {}, "")
    assert "10.0 % of the yield; with losses 14.1 %, in common to all periods." in page
    assert '<th class="text">variation</th>' not in page
    assert "Losses besides the simulated ones" in page
    assert "<th>live_time</th><td>0.8</td><td>NOT FOUND</td>" in page
    assert '<mark title="not verified">[R-med' in page


def test_a_copy_of_other_losses_is_refused(
    prepared: Callable[..., Path], capsys: pytest.CaptureFixture[str]
) -> None:
    folder = prepared(loss("trigger", 0.9, 0.09))
    path = losses_path(folder / "efficiency.csv")
    text = path.read_text()
    path.write_text(text.replace("0.09", "0.01"))
    assert main(["limits", str(folder), *WORDS]) == 2
    assert "efficiency.csv: it was edited after it was written" in capsys.readouterr().err
    setup = text.splitlines()[1].split(",")[-2]
    path.write_text(text.replace(setup, "another"))
    assert main(["limits", str(folder), *WORDS, "--reason", "a test"]) == 2
    assert "loss trigger is of " in capsys.readouterr().err


def test_an_efficiency_without_the_tables_that_it_was_written_with_is_refused(
    prepared: Callable[..., Path], capsys: pytest.CaptureFixture[str]
) -> None:
    folder = prepared(loss("trigger", 0.9, 0.09))
    path = folder / "efficiency.csv"
    points, losses = read_points(path), read_applied(losses_path(path))
    entries = [
        Varied(one.mass, one.period, one.selection, "wide", one.n_selected, 3, 9, "", "") for one in points
    ]
    varied = variations_path(path)

    def write(beside: list[Varied], *own: AppliedLoss) -> None:
        table = variations_table(beside) if beside else None
        write_efficiency(path, efficiency_table(points), own, Figure, beside={varied: table})

    def refused(words: str) -> None:
        assert main(["limits", str(folder), *WORDS]) == 2
        assert f"efficiency.csv: {words}; na64 efficiency makes one" in capsys.readouterr().err
        limits_of(folder, "--reason", "a test")
        capsys.readouterr()

    write(entries, *losses)
    limits_of(folder)
    for one in (losses_path(path), varied):
        data = one.read_bytes()
        one.unlink()
        refused(f"it was written with {one.name}, which is gone")
        one.write_bytes(data)
    of_before = losses_path(path).read_bytes()
    write(entries, *(replace(one, value=0.8) for one in losses))
    losses_path(path).write_bytes(of_before)
    refused("it was written with another efficiency_losses.csv than there is")
    of_before = varied.read_bytes()
    write([], *losses)
    assert not varied.exists()
    varied.write_bytes(of_before)
    refused("it was written without the efficiency_variations.csv beside it")


def test_limits_at_no_mass_that_an_efficiency_is_known_at_are_refused(
    prepared: Callable[..., Path], capsys: pytest.CaptureFixture[str]
) -> None:
    folder = prepared(loss("trigger", 0.9, 0.09))
    path = folder / "efficiency.csv"
    points = [replace(one, mass=mass) for one, mass in zip(read_points(path), (0.01, 0.1), strict=True)]
    path.write_bytes(seal_csv(efficiency_table(points).to_csv()))
    assert main(["limits", str(folder), *WORDS]) == 2
    assert "none of the 2 masses of 0.001 to 1 GeV is one that" in capsys.readouterr().err


def test_a_projection_takes_its_exposure_for_live_or_delivered(
    prepared: Callable[..., Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = loss("trigger", 0.9, 0.09), loss("live_time", 0.8, None)
    folder = prepared(*rows)
    period = read_result(folder).summary.runs[0].period
    words = ["project", "--eot", "1e11", "--background", "0.5+-0.2", "--points", "2", "--period", period]
    words += ["--efficiency", str(folder / "efficiency.csv"), "--to", str(tmp_path)]
    eps = []
    for options, exposure in (([], "live"), (["--delivered"], "delivered")):
        assert main([*words, *options]) == 0
        assert "losses besides the simulated ones" in capsys.readouterr().out
        facts = json.loads((tmp_path / "projection.json").read_text())
        assert facts["exposure"] == exposure
        assert [row["loss"] for row in facts["losses"] if row["counts"]] == [
            *("trigger", "live_time")[: 1 + (exposure == "delivered")]
        ]
        table = (tmp_path / "projection.csv").read_text().splitlines()
        eps.append(float(dict(zip(table[0].split(","), table[1].split(","), strict=True))["eps_median"]))
    assert eps[1] / eps[0] == pytest.approx(1 / math.sqrt(0.8))
    assert list(of_projections([], "words", _flat())) == ["words"]


def _flat() -> EfficiencyFunction:
    return ConstantEfficiency(0.5)
