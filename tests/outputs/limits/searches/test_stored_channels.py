"""Contours of searches whose channels are counted in boxes of their own, from a stored result of each."""

from __future__ import annotations

import math
import re
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from na64.outputs.limits.exposure import LimitInput, PeriodExposure
from na64.outputs.limits.inputs import Background, background_of
from na64.outputs.limits.searches.card import Card, load_card
from na64.outputs.limits.searches.contour import ExcludedCouplings
from na64.outputs.limits.searches.expected import CouplingCategories
from na64.outputs.limits.searches.reference import reference_of
from na64.outputs.limits.searches.stored import signal_of
from na64.outputs.limits.searches.stored_channels import (
    StoredChannel,
    channel_contour,
    channel_of_box,
    channels_without_result,
    has_boxes,
    stored_channels,
)
from na64.outputs.result.origin import Origin, seal_csv
from na64.outputs.signal.beam import ELECTRONS
from na64.outputs.signal.efficiency.by_energy import (
    EnergyRow,
    efficiency_table,
    read_energy_rows,
)
from na64.outputs.statistics.binomial import binomial_error
from na64.outputs.statistics.cls import upper_limit
from na64.outputs.statistics.model import Model, counting
from na64.outputs.statistics.one_sided import of_limit

CARD = load_card("alp")
VARIANT = CARD.variant()
SETUPS = (("2018", "setup"),)
MASSES = (0.01, 0.045)
FLAT = {"decay": (0.18, 15.0), "missing": (0.42, 50.0)}
"""Efficiency and least energy of the card, by channel."""


def result(
    folder: Path, search: str, *, observed: int | None = 0, runs: Any = (1,), eot: float = 2.84e11
) -> LimitInput:
    period = PeriodExposure("2018", eot, runs, observed, ELECTRONS, math.nan)
    origin = Origin("0" * 64, "c0ffee", SETUPS)
    state = "BLIND" if observed is None else "UNBLINDED"
    return LimitInput(
        folder, "a test", search, "c0ffee", (period,), (), state, "0" * 64, origin=origin, search=search
    )


def write_efficiency(folder: Path, channel: str, *, last: float | None = None, **changes: Any) -> None:
    """Write the flat efficiency of the card as a table of a million events, above its threshold."""
    value, lowest = FLAT[channel]
    fate = next(one for one in VARIANT.categories if one.name == channel).fate
    assert fate is not None
    assert fate.stretch is not None
    n, edges = 10**6, (lowest, 60.0, 100.0)
    end = fate.stretch.last if last is None else last
    rows = [
        EnergyRow(
            *("alp", channel, "2018", low, high, value, binomial_error(round(value * n), n)),
            *(n, n, round(value * n), fate.stretch.first, None if math.isinf(end) else end),
            *("mine", "c0ffee", "setup"),
        )
        for low, high in pairwise(edges)
    ]
    rows = [replace(row, **changes) for row in rows]
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "efficiency_alp.csv").write_bytes(seal_csv(efficiency_table(rows).to_csv()))


@pytest.fixture
def folders(tmp_path: Path) -> dict[str, Path]:
    """A folder of each channel with its efficiency."""
    for channel in FLAT:
        write_efficiency(tmp_path / channel, channel)
    return {channel: tmp_path / channel for channel in FLAT}


def channels(folders: dict[str, Path], **of: Any) -> tuple[StoredChannel, ...]:
    inputs = [result(folders["decay"], "alp", **of), result(folders["missing"], "invisible", **of)]
    return stored_channels(CARD, VARIANT, inputs, [background_of("0.17+-0.046"), background_of("0.53+-0.17")])


def contour_of(found: tuple[StoredChannel, ...], card: Card = CARD) -> dict[float, ExcludedCouplings]:
    variant = replace(card.variant(), masses=MASSES)
    rows = channel_contour(card, variant, found, level=0.9, signal_error=VARIANT.signal_error)
    return {row.mass: row for row in rows}


def test_the_numbers_of_the_card_give_its_contour(folders: dict[str, Path]) -> None:
    wanted = {row.mass: row for row in reference_of(CARD, masses=MASSES).rows}
    found = contour_of(channels(folders))
    for mass in MASSES:
        assert found[mass].lower == pytest.approx(wanted[mass].lower, rel=1e-3)
        assert found[mass].upper == pytest.approx(wanted[mass].upper, rel=1e-3)


@pytest.mark.parametrize("text", ["0.5", "0.5+-0.05", "2"])
def test_a_number_is_no_efficiency_of_a_channel_by_energy(text: str, tmp_path: Path) -> None:
    inputs, backgrounds = [result(tmp_path, "alp")], [background_of("0.17+-0.046")]
    with pytest.raises(ValueError, match=rf"--efficiency {re.escape(text)}: search alp counts by energy"):
        stored_channels(CARD, VARIANT, inputs, backgrounds, efficiency=text)
    with pytest.raises(ValueError, match="there is no efficiency"):
        stored_channels(CARD, VARIANT, inputs, backgrounds, efficiency=str(tmp_path / "none.csv"))


def test_what_is_counted_is_that_of_the_results(folders: dict[str, Path]) -> None:
    decay, missing = (one.category for one in channels(folders, observed=3))
    assert (decay.name, decay.exposure, decay.observed) == ("decay 2018", 2.84e11, 3)
    assert (decay.background, decay.background_error) == (0.17, 0.046)
    assert (missing.background, missing.box) == (0.53, "invisible")
    assert missing.efficiency.values == (0.42,) * 4
    assert [source.threshold for source in missing.sources if hasattr(source, "threshold")] == [50]


def test_a_background_is_shared_by_the_exposures_of_periods(folders: dict[str, Path]) -> None:
    decay = folders["decay"]
    path = decay / "efficiency_alp.csv"
    late = [replace(row, period="2016") for row in read_energy_rows(path)]
    path.write_bytes(seal_csv(efficiency_table([*read_energy_rows(path), *late]).to_csv()))
    one = result(decay, "alp", eot=3e11)
    (period,) = one.periods
    both = replace(one, periods=(period, replace(period, period="2016", on_target=1e11, runs=(2,))))
    both = replace(both, origin=Origin("0" * 64, "c0ffee", (*SETUPS, ("2016", "setup"))))
    found = stored_channels(CARD, VARIANT, [both], [background_of("0.4+-0.04")])
    assert [one.category.name for one in found] == ["decay 2018", "decay 2016"]
    assert [one.category.background for one in found] == pytest.approx([0.3, 0.1])
    assert [one.category.background_error for one in found] == pytest.approx([0.03, 0.01])


BACKGROUND = """source,n,error,upper_limit,method,tag
leading neutrons,10,0,yes,,
K0,0.4,0.1,no,,
"""


def two_periods(folder: Path, observed: int) -> LimitInput:
    """A result of the decay channel in two periods of equal exposure, with an efficiency of each."""
    path = folder / "efficiency_alp.csv"
    late = [replace(row, period="2016") for row in read_energy_rows(path)]
    path.write_bytes(seal_csv(efficiency_table([*read_energy_rows(path), *late]).to_csv()))
    one = result(folder, "alp", observed=observed)
    (period,) = one.periods
    origin = Origin("0" * 64, "c0ffee", (*SETUPS, ("2016", "setup")))
    return replace(one, periods=(period, replace(period, period="2016", runs=(2,))), origin=origin)


def test_limits_among_the_background_count_by_their_distribution(folders: dict[str, Path]) -> None:
    path = folders["decay"] / "background.csv"
    path.write_text(BACKGROUND)
    inputs = [result(folders["decay"], "alp", observed=3)]
    (found,) = stored_channels(CARD, VARIANT, inputs, [background_of(str(path))])
    model = CouplingCategories((found.category,)).model([1.0])
    wanted = counting(0.4, 0.1, one_sided=of_limit(10.0))
    assert upper_limit(model, [3]) == pytest.approx(upper_limit(wanted, [3]), rel=1e-6)
    assert found.category.background == pytest.approx(0.4 + of_limit(10.0).mean)


def test_periods_of_one_result_have_the_errors_of_its_background_in_common(folders: dict[str, Path]) -> None:
    path = folders["decay"] / "background.csv"
    path.write_text(BACKGROUND)
    found = stored_channels(CARD, VARIANT, [two_periods(folders["decay"], 2)], [background_of(str(path))])
    model = CouplingCategories(tuple(one.category for one in found)).model([1.0, 1.0])
    first, second = model.channels
    assert first.one_sided == second.one_sided
    assert first.background_effects == second.background_effects == ((first.background_effects[0][0], 0.25),)
    apart = Model(
        tuple(
            replace(one, one_sided=((one.name, source[1]),))
            for one in model.channels
            for source in one.one_sided
        )
    )
    assert upper_limit(model, (2, 2)) > 1.02 * upper_limit(apart, (2, 2))


def test_sources_of_two_boxes_are_not_one_because_of_their_name(folders: dict[str, Path]) -> None:
    for folder in folders.values():
        shared = BACKGROUND.replace("upper_limit,", "upper_limit,correlated,").replace(",,", ",yes,,")
        (folder / "background.csv").write_text(shared)
    inputs = [result(folders["decay"], "alp"), result(folders["missing"], "invisible")]
    backgrounds = [background_of(str(folder)) for folder in folders.values()]
    found = stored_channels(CARD, VARIANT, inputs, backgrounds)
    model = CouplingCategories(tuple(one.category for one in found)).model([1.0, 1.0])
    names = [{name for name, _ in (*one.background_effects, *one.one_sided)} for one in model.channels]
    assert not names[0] & names[1]


def test_while_one_box_is_closed_the_median_is_expected(folders: dict[str, Path]) -> None:
    inputs = [result(folders["decay"], "alp"), result(folders["missing"], "invisible", observed=None)]
    found = stored_channels(
        CARD, VARIANT, inputs, [background_of("0.17+-0.046"), background_of("0.53+-0.17")]
    )
    assert [one.category.observed for one in found] == [None, None]
    closed, opened = contour_of(found), contour_of(channels(folders))
    for mass in MASSES:
        lower, seen = closed[mass].lower, opened[mass].lower
        assert lower is not None
        assert seen is not None
        assert lower >= seen * (1 - 1e-3)


def test_a_channel_of_which_little_is_known_does_not_weaken_the_other(
    folders: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    inputs = [
        result(folders[name], search, observed=None)
        for name, search in (("decay", "alp"), ("missing", "invisible"))
    ]
    known, vague = background_of("0.17+-0.046"), background_of("6+-5")
    monkeypatch.setattr(f"{__name__}.MASSES", (0.045,))
    alone = contour_of(stored_channels(CARD, VARIANT, inputs[:1], [known]))
    both = contour_of(stored_channels(CARD, VARIANT, inputs, [known, vague]))
    assert all(both[mass].lower <= alone[mass].lower * (1 + 1e-6) for mass in alone)  # type: ignore[operator]
    assert all(both[mass].upper >= alone[mass].upper * (1 - 1e-6) for mass in alone)  # type: ignore[operator]


def test_the_box_of_a_result_decides_on_its_channel() -> None:
    assert channel_of_box(CARD, VARIANT, "alp").name == "decay"
    assert channel_of_box(CARD, VARIANT, "invisible").name == "missing"
    with pytest.raises(
        ValueError, match="counts nothing in the box of search visible: decay in the box of search alp"
    ):
        channel_of_box(CARD, VARIANT, "visible")
    generic = load_card("generic")
    with pytest.raises(ValueError, match=r"search generic: .* none of its channels in any"):
        channel_of_box(generic, generic.variant(), "invisible")
    assert has_boxes(VARIANT)
    assert not has_boxes(generic.variant())


def test_a_channel_without_a_result_is_named(tmp_path: Path) -> None:
    assert [*channels_without_result(VARIANT, [result(tmp_path, "alp")])] == ["missing"]


def refused(message: str, *inputs: LimitInput, **options: Any) -> None:
    background: list[Background] = [background_of("0.5+-0.2")] * len(inputs)
    with pytest.raises(ValueError, match=message):
        stored_channels(CARD, VARIANT, inputs, background, **options)


def test_results_of_other_searches_periods_and_runs_twice_are_refused(folders: dict[str, Path]) -> None:
    one = result(folders["decay"], "alp")
    refused("counts nothing in the box of search band", result(folders["decay"], "band"))
    late = replace(one, periods=tuple(replace(period, period="2023A") for period in one.periods))
    refused("period 2023A is none of search alp: 2016, 2018", late)
    refused("run 1 is in .* it would count twice", one, replace(one, folder=folders["missing"]))
    stored_channels(
        CARD, VARIANT, [one], [background_of("0.5")]
    )  # the same runs in both channels are wanted:
    assert len(channels(folders)) == 2


def test_efficiencies_of_something_else_are_refused(folders: dict[str, Path]) -> None:
    decay = folders["decay"]
    one = result(decay, "alp")
    refused(
        "no efficiency of search alp, channel decay, period 2018, only of .*missing",
        replace(one, folder=folders["missing"]),
    )
    refused(
        "is for one result; of several each folder has its own efficiency_alp.csv",
        one,
        one,
        efficiency="e.csv",
    )
    refused("it is of the cuts c0ffee, not of other", replace(one, cuts="other"))
    other_box = replace(one, origin=Origin("0" * 64, "c0ffee", (("2018", "another box"),)))
    refused(r"it is of another period 2018 \(setup\) than .* \(another box\)", other_box)
    write_efficiency(decay, "decay", search="visible")
    refused("no efficiency of search alp, channel decay", one)
    write_efficiency(decay, "decay", last=4000.0)
    refused("of decays between 1900 and 4000 mm, the card has 1900 and 4900 mm", one)
    write_efficiency(decay, "decay")
    path = decay / "efficiency_alp.csv"
    path.write_text(path.read_text().replace(",1000000,1000000,", ",1000000,999999,"))
    refused("it was edited after it was written", one)
    path.unlink()
    refused("there is no efficiency; na64 efficiency --search alp", one)


def test_an_edited_efficiency_is_taken_with_a_reason(folders: dict[str, Path]) -> None:
    path = folders["decay"] / "efficiency_alp.csv"
    path.write_text(path.read_text().replace(",1000000,1000000,", ",1000000,999999,"))
    one = result(folders["decay"], "alp")
    (found,) = stored_channels(CARD, VARIANT, [one], [background_of("0.5+-0.2")], reason="one event more")
    assert "stated: one event more" in found.efficiency.stated


def test_results_for_dark_photons_are_told_which_way_to_go() -> None:
    with pytest.raises(ValueError, match="search alp: its channels are counted in boxes of their own"):
        signal_of(CARD, VARIANT)
