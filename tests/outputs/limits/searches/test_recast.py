"""Semi-visible dark photons from stored results of the searches invisible and visible."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from na64.outputs.limits.analysis import search_of
from na64.outputs.limits.efficiency import efficiency_by
from na64.outputs.limits.exposure import LimitInput, PeriodExposure, read_exposure
from na64.outputs.limits.inputs import background_of
from na64.outputs.limits.searches.card import Variant, load_card
from na64.outputs.limits.searches.fates import Stretch
from na64.outputs.limits.searches.heavy_states import HeavyBeyond, HeavyPair
from na64.outputs.limits.searches.reference import reference_of
from na64.outputs.limits.searches.stored import stored_contour
from na64.outputs.limits.searches.stored_channels import (
    StoredChannel,
    channel_contour,
    channels_without_signal,
    stored_channels,
)
from na64.outputs.result.origin import Origin, seal_csv
from na64.outputs.signal.beam import ELECTRONS, Beam
from na64.outputs.signal.decays import decay_length
from na64.outputs.signal.efficiency.by_energy import EnergyRow
from na64.outputs.signal.efficiency.by_energy import efficiency_table as energy_table
from na64.outputs.signal.efficiency.efficiency import EfficiencyPoint, efficiency_table
from na64.outputs.signal.inelastic import Inelastic, _by_pair_mass, heavy_width
from na64.outputs.statistics.binomial import binomial_error

CARD = load_card("semivisible")
LIGHT = CARD.variant("light")
N = 10**6
STRETCH = 240.0, 3740.0


def _input(folder: Path, search: str, period: PeriodExposure, **changes: Any) -> LimitInput:
    origin = Origin("0" * 64, "c0ffee", ((period.period, "setup"),))
    found = LimitInput(
        folder, "a test", search, "c0ffee", (period,), (), "UNBLINDED", "0" * 64, origin=origin, search=search
    )
    return replace(found, **changes)


@pytest.fixture
def invisible(tmp_path: Path) -> LimitInput:
    """2.84e11 electrons of 2018 with half of the dark photons seen, as the card has it."""
    folder = tmp_path / "invisible"
    folder.mkdir()
    points = [
        EfficiencyPoint(mass, "2018", "mine", 50.0, N, N, N, N // 2, "c0ffee", "setup")
        for mass in (1e-3, 0.03, 1.0)
    ]
    (folder / "efficiency.csv").write_bytes(seal_csv(efficiency_table(points).to_csv()))
    return _input(folder, "invisible", PeriodExposure("2018", 2.84e11, (1, 2), 0, ELECTRONS, 50.0))


@pytest.fixture
def visible(tmp_path: Path) -> LimitInput:
    """3e10 electrons behind the dump with 0.4 of the pairs above 30 GeV seen, as the card has it."""
    folder = tmp_path / "visible"
    folder.mkdir()
    rows = [
        EnergyRow(
            *("visible", "dump_2018", "2018V", low, high, 0.4, binomial_error(int(0.4 * N), N)),
            *(N, N, int(0.4 * N)),
            *STRETCH,
            *("mine", "c0ffee", "setup"),
        )
        for low, high in pairwise((30.0, 90.0, 150.0))
    ]
    (folder / "efficiency_visible.csv").write_bytes(seal_csv(energy_table(rows).to_csv()))
    period = PeriodExposure("2018V", 3e10, (11, 12), 0, Beam("e-", 150.0), math.nan)
    return _input(folder, "visible", period, least=(("wcal_with_ecal", 135.0),))


def _channels(*inputs: LimitInput, variant: Variant = LIGHT, **options: Any) -> tuple[StoredChannel, ...]:
    backgrounds = [background_of("0.53+-0.17")] * len(inputs)
    return stored_channels(CARD, variant, inputs, backgrounds, **options)


def _edges(
    channels: tuple[StoredChannel, ...], masses: tuple[float, ...], variant: Variant = LIGHT
) -> list[tuple[float, float | None, float | None]]:
    rows = channel_contour(
        CARD, replace(variant, masses=masses), channels, level=0.9, signal_error=variant.signal_error
    )
    return [(row.mass, row.lower, row.upper) for row in rows if row.mass in masses]


def test_the_numbers_of_the_card_give_its_contour(invisible: LimitInput, visible: LimitInput) -> None:
    missing, pairs = (one.category for one in _channels(visible, invisible)[::-1])
    assert isinstance(missing.fate, HeavyBeyond)
    assert isinstance(pairs.fate, HeavyPair)
    assert (pairs.fate.least, pairs.fate.lost, missing.efficiency.values) == (30, 15, (0.5,) * 3)
    own = replace(LIGHT, categories=tuple(one for one in LIGHT.categories if one.name != "dump_30"))
    card = replace(CARD, variants=(own,))
    masses = 0.005, 0.03
    wanted = [(row.mass, row.lower, row.upper) for row in reference_of(card, masses=masses).rows]
    for found, expected in zip(_edges(_channels(invisible, visible), masses), wanted, strict=True):
        assert found == pytest.approx(expected, rel=2e-3)


def test_pairs_are_seen_where_the_heavier_state_is_too_short_lived_to_be_missing(
    invisible: LimitInput, visible: LimitInput
) -> None:
    ((_, lower, upper),) = _edges(_channels(invisible, visible), (0.03,))
    ((_, alone, at_most),) = _edges(_channels(invisible), (0.03,))
    assert lower == pytest.approx(alone, rel=1e-2)
    assert upper is not None
    assert at_most is not None
    assert upper > 2 * at_most
    assert _edges(_channels(invisible, visible), (0.03,)) == _edges(_channels(visible, invisible), (0.03,))


def test_a_small_splitting_gives_the_limit_of_invisible(invisible: LimitInput, visible: LimitInput) -> None:
    base = CARD.variant("f10")
    small = replace(
        base,
        categories=tuple(
            replace(one, fate=replace(one.fate, splitting=1e-3))  # type: ignore[type-var]
            for one in base.categories
        ),
    )
    masses = 0.003, 0.1, 0.8
    found = _edges(_channels(invisible, visible, variant=small), masses, small)
    search = search_of(
        [invisible], [background_of("0.53+-0.17")], efficiency_by(None), signal_error=base.signal_error
    )
    card = load_card("invisible")
    variant = replace(card.variant(), masses=masses)
    wanted = {row.mass: row.lower for row in stored_contour(card, variant, search, 0.9)}
    assert {mass: lower for mass, lower, _ in found} == pytest.approx(wanted, rel=1e-3)
    assert {upper for *_, upper in found} == {None}


def test_a_cut_on_the_sum_of_energies_takes_pairs_that_leave_much(
    invisible: LimitInput, visible: LimitInput
) -> None:
    tight = replace(visible, least=(("wcal_with_ecal", 145.0),))
    eps = np.array([3e-3])
    loose, few = (_channels(one)[0].category.events(0.03, eps)[0] for one in (visible, tight))
    assert 0 < few < 0.3 * loose
    default = _channels(invisible, visible, variant=CARD.variant())
    assert [*channels_without_signal(CARD, CARD.variant(), default)] == ["dump_2018 2018V"]
    assert [*channels_without_signal(CARD, LIGHT, _channels(invisible, visible))] == []
    with pytest.raises(ValueError, match="selection visible has no cut on wcal_with_ecal from below"):
        _channels(replace(visible, least=()))


def test_what_is_not_of_these_searches_is_refused(invisible: LimitInput, visible: LimitInput) -> None:
    (period,) = visible.periods
    for inputs, words in (
        ((invisible, invisible), r"run 1 is in .*invisible and in .*: it would count twice"),
        ((visible, visible), r"run 11 is in .*visible and in .*: it would count twice"),
        (
            (invisible, replace(visible, periods=(replace(period, runs=(2,)),))),
            r"run 2 is of period 2018 in .*invisible, of 2018V in .*visible",
        ),
        ((replace(invisible, search="alp"),), "counts nothing in the box of search alp"),
        ((replace(invisible, cuts="other"),), "it is of the cuts c0ffee, not of other"),
        ((replace(visible, folder=invisible.folder),), r"efficiency_visible\.csv: there is no efficiency"),
        ((replace(invisible, folder=visible.folder),), r"efficiency\.csv: there is no efficiency"),
    ):
        with pytest.raises(ValueError, match=words):
            _channels(*inputs)


def test_a_box_that_is_no_rectangle_says_nothing_of_missing_energy(invisible: LimitInput) -> None:
    (period,) = invisible.periods
    with pytest.raises(ValueError, match="not below two energies"):
        _channels(replace(invisible, periods=(replace(period, threshold=math.nan),)))


def test_an_efficiency_may_be_stated(invisible: LimitInput) -> None:
    (found,) = _channels(invisible, efficiency="0.5+-0.05")
    assert found.category.efficiency.values == (0.5,)
    assert found.efficiency.relative_error == pytest.approx(0.1)


def test_events_that_are_simulated_one_by_one_are_as_many() -> None:
    """A dark photon decays, chi2 flies and decays, and the pair is boosted."""
    model, eps, n, rng = Inelastic(0.03, 11.0, 8.0), 2e-3, 400_000, np.random.default_rng(64)
    fate = HeavyPair(Stretch(*STRETCH), 11.0, 8.0, 0.1, least=60.0, lost=12.0)
    at_rest = math.hypot(model.heavy, model.momentum)
    energies = np.linspace(70.0, 140.0, 40)
    energy = rng.choice(energies, n)
    chi2 = (energy * at_rest + np.sqrt(energy**2 - 0.03**2) * model.momentum * rng.uniform(-1, 1, n)) / 0.03
    length = decay_length(eps**2 * heavy_width(model), model.heavy, chi2)
    place = rng.exponential(length)
    q, width = _by_pair_mass(model)
    mass = rng.choice(q, n, p=width / width.sum())
    pair_at_rest = (model.heavy**2 + mass**2 - model.light**2) / (2 * model.heavy)
    momentum = np.sqrt(pair_at_rest**2 - mass**2)
    pair = (
        chi2 * pair_at_rest + np.sqrt(chi2**2 - model.heavy**2) * momentum * rng.uniform(-1, 1, n)
    ) / model.heavy
    first, last = STRETCH
    seen = (first < place) & (place < last) & (pair >= 60) & (energy - pair <= 12)
    found = fate.probability(0.03, np.array([eps]), energies, np.zeros(40)).mean()
    assert found == pytest.approx(seen.mean(), rel=0.02)


def test_results_know_what_their_cuts_ask_for(stored: Callable[..., Path]) -> None:
    found = dict(read_exposure(stored()).least)
    assert found
    assert all(isinstance(value, float) for value in found.values())
