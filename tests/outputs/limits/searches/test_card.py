"""Search cards: what is read, and what is refused."""

from __future__ import annotations

import copy
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest

from na64.datasets.basics.toml import TomlTable, load
from na64.datasets.conditions.periods import load_periods
from na64.outputs.limits.searches.card import SEARCHES, load_card, read_card
from na64.outputs.limits.searches.published_points import POINTS, load_points
from na64.outputs.limits.searches.sources import Annihilated
from na64.outputs.signal.resonance_corrections import Corrections
from na64.selections.selection import SELECTIONS


def _facts(name: str) -> dict[str, Any]:
    found: dict[str, Any] = copy.deepcopy(dict(load(files("na64.selections.searches") / f"{name}.toml")))
    return found


def _read(facts: dict[str, Any]) -> None:
    read_card(TomlTable(facts, "mine.toml"), "mine")


@pytest.mark.parametrize("name", SEARCHES)
def test_every_card_names_what_there_is(name: str) -> None:
    card = load_card(name)
    assert set(card.periods) <= set(load_periods())
    assert set(card.selections) <= set(SELECTIONS)
    assert all(paper.startswith("arXiv:") for paper in card.papers)
    assert card.not_known
    for variant in card.variants:
        for published in variant.published:
            assert load_points(published.curve).paper.endswith(tuple(card.papers))


@pytest.mark.parametrize("name", SEARCHES)
def test_every_channel_of_a_card_is_counted(name: str) -> None:
    used = {category.name for variant in load_card(name).variants for category in variant.categories}
    assert used == set(_facts(name)["channel"])


def test_every_table_of_points_is_used() -> None:
    used = {
        published.curve
        for name in SEARCHES
        for variant in load_card(name).variants
        for published in variant.published
    }
    assert set(POINTS) <= used
    with pytest.raises(KeyError, match="no published curve na64_1999"):
        load_points("na64_1999")


def test_facts_have_their_units_and_sources() -> None:
    variant = load_card("alp").variant()
    facts = {fact.name: fact for fact in variant.facts}
    assert (facts["decay.first"].value, facts["decay.first"].unit) == ("1900", "mm")
    assert facts["decay.efficiency"].source.startswith("‡")
    assert facts["decay.exposure"].value == "284000000000"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda f: f.update(colour="red"), 'mine.toml: unknown key "colour"'),
        (lambda f: f["channel"]["electrons_2018"]["exposure"].pop("source"), 'exposure: "source" is missing'),
        (lambda f: f["channel"]["electrons_2018"]["efficiency"].update(value=1.5), "efficiency: 1.5"),
        (
            lambda f: f["channel"]["electrons_2018"]["exposure"].update(value=0),
            "exposure: 0: expected above 0",
        ),
        (lambda f: f["channel"]["electrons_2018"].update(production=["magic"]), 'unknown process "magic"'),
        (lambda f: f["channel"]["electrons_2018"].update(counts="luck"), 'unknown ending "luck"'),
        (
            lambda f: f["channel"]["electrons_2018"]["efficiency"].update(value=None, values=[0.1, 0.2]),
            "efficiency",
        ),
        (
            lambda f: f["channel"]["electrons_2018"].update(target={"text": "Au", "source": "none"}),
            'target: unknown nucleus "Au"',
        ),
        (lambda f: f["channel"]["electrons_2018"]["background"].update(values=[0.5]), "two values"),
        (lambda f: f["channel"]["electrons_2018"]["observed"].update(value=0.5), "0.5 is not a whole number"),
        (lambda f: f["channel"]["electrons_2018"]["energy"].update(value=500), "e- of 500 GeV"),
        (lambda f: f["variant"]["electrons_2018"].update(channels=["other"]), 'unknown channel "other"'),
        (lambda f: f["variant"]["electrons_2018"]["boson"].update(text="X"), 'unknown word "X"'),
        (lambda f: f["coupling"].update(lowest=0.0), "couplings from 0 to 1"),
        (lambda f: f["masses"][0].update(lowest=2.0), "two masses above 0 that rise"),
        (lambda f: f["variant"].clear(), "variant: there is none"),
    ],
)
def test_a_card_that_is_wrong_is_refused(change: Any, words: str) -> None:
    facts = _facts("invisible")
    _read(facts)
    change(facts)
    with pytest.raises((KeyError, ValueError), match=words):
        _read(facts)


@pytest.mark.parametrize(
    ("name", "change", "words"),
    [
        ("hadron", lambda f: f["variant"]["pions"].update(mesons=["rho"]), 'unknown meson "rho"'),
        ("hadron", lambda f: f["variant"]["pions"].update(mesons=["K_S", "K_L"]), "of different masses"),
        (
            "hadron",
            lambda f: f["variant"]["k_long"].pop("ctau"),
            "kaons, which fly: the variant has to",
        ),
        (
            "hadron",
            lambda f: f["channel"]["kaons"]["neutral_interaction_length"].update(value=0),
            "neutral_interaction_length: 0 mm: expected above 0",
        ),
        ("hadron", lambda f: f["channel"]["pions"].update(nuclei=["Pb"]), "1 nuclei and 3 areal densities"),
        ("hadron", lambda f: f["channel"]["pions"].update(nuclei=["Pb", "C", "Xe"]), 'unknown nucleus "Xe"'),
        ("visible", lambda f: f["channel"]["dump_40"]["last"].update(value=20), "expected above the first"),
        (
            "visible",
            lambda f: f["channel"]["dump_40"]["radiation_length"].update(value=-1),
            "expected 0 or more",
        ),
        ("visible", lambda f: f["channel"]["dump_40"].update(counts="faint"), "largest_charge"),
        (
            "visible",
            lambda f: f["channel"]["dump_40"].update(production=["primakoff"]),
            "target: primakoff is known in lead only",
        ),
        (
            "muon",
            lambda f: f["channel"]["muons_2022"]["efficiency_masses"].update(values=[1, 1000]),
            "13 values where 2 are expected",
        ),
        (
            "muon",
            lambda f: f["channel"]["muons_2022"].pop("radiation_lengths"),
            '"radiation_lengths" is missing',
        ),
        ("muon", lambda f: f["channel"]["muons_2022"].update(first={"value": 1}), 'unknown key "first"'),
        (
            "alp",
            lambda f: f["channel"]["decay"].update(production=["radiation"]),
            "channel.decay.counts: two_photons is no ending of what radiation by e- makes",
        ),
        (
            "invisible",
            lambda f: f["channel"]["electrons_2018"].update(counts="branching"),
            "branching is no ending of what radiation by e- makes",
        ),
        (
            "combined",
            lambda f: f["channel"]["electrons_2022"].update(counts="neutrinos"),
            "neutrinos is no ending of what radiation by e- makes",
        ),
        (
            "semivisible",
            lambda f: f["channel"]["electrons_2018"].update(production=["radiation", "annihilation"]),
            "heavy_beyond is no ending of what annihilation by e- makes",
        ),
        (
            "semivisible",
            lambda f: f["channel"]["electrons_2018"].update(last={"value": 9, "unit": "m", "source": "none"}),
            'electrons_2018: unknown key "last"',
        ),
        (
            "generic",
            lambda f: f["variant"]["b_minus_l"]["boson"].update(text="A"),
            "neutrinos_or_beyond is an ending of vectors, the boson is A",
        ),
        (
            "semivisible",
            lambda f: f["variant"]["f40"]["boson"].update(text="S"),
            "heavy_beyond is an ending of vectors, the boson is S",
        ),
        (
            "hadron",
            lambda f: f["channel"]["pions"].update(counts="invisible"),
            "invisible is no ending of what charge_exchange by pi- makes",
        ),
        (
            "invisible",
            lambda f: f["channel"]["electrons_2018"].update(production=["radiation", "primakoff"]),
            "variant.electrons_2018: channels of several couplings: eps, g_per_GeV",
        ),
        ("invisible", lambda f: f["channel"]["electrons_2018"].update(production=[]), "production: there is"),
        ("alp", lambda f: f["coupling"].pop("unit"), 'coupling.unit: "": expected "1/GeV"'),
        ("milliq", lambda f: f["coupling"].update(unit="1/GeV"), 'coupling.unit: "1/GeV": expected "e"'),
        ("generic", lambda f: f["coupling"].update(unit="1/GeV"), 'coupling.unit: "1/GeV": expected ""'),
    ],
)
def test_a_channel_that_is_wrong_is_refused(name: str, change: Any, words: str) -> None:
    facts = _facts(name)
    _read(facts)
    change(facts)
    with pytest.raises((KeyError, ValueError), match=words):
        _read(facts)


def test_resonances_are_corrected_where_a_variant_says_so() -> None:
    card = load_card("positron")
    found = {
        name: [
            one.corrections
            for one in card.variant(name).categories[0].sources
            if isinstance(one, Annihilated)
        ]
        for name in ("", "positrons_100_corrected")
    }
    assert found == {
        "": [Corrections()],
        "positrons_100_corrected": [Corrections(motion=True, radiation=True)],
    }


def test_a_card_of_ones_own_is_read_from_its_file(tmp_path: Path) -> None:
    text = (files("na64.selections.searches") / "invisible.toml").read_text(encoding="utf-8")
    (tmp_path / "mine.toml").write_text(text.replace("2.84e11", "2.84e13"))
    card = load_card(tmp_path / "mine.toml")
    assert card.name == "mine"
    assert card.variant().categories[0].exposure == 2.84e13
    with pytest.raises(OSError, match=r"yours\.toml"):
        load_card(tmp_path / "yours.toml")


def test_names_that_do_not_exist_are_refused_with_the_nearest() -> None:
    with pytest.raises(KeyError, match='unknown search "alpp", nearest known is "alp"'):
        load_card("alpp")
    with pytest.raises(KeyError, match='unknown variant "scalars", nearest known is "scalar"'):
        load_card("generic").variant("scalars")
