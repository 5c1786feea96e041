"""Campaign files: what is read, what is refused."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from na64.datasets.conditions.conditions import RunType
from na64.datasets.synthetic import CAMPAIGNS, load_campaign
from na64.datasets.synthetic.component_kinds import OF_DUMP, OF_MUONS, ComponentKind
from na64.datasets.synthetic.hadron_components import HADRON_GENERATORS

MUON = '[[further_component]]\nname = "x"\nkind = "muon"\ntrigger = "beam"\n'
HADRON = (
    '[[further_component]]\nname = "x"\nkind = "hadron"\ntrigger = "beam"\nrate = {}\n'
    'pion = { value = 0.9, source = "x" }\nkaon = { value = 0.0, source = "x" }\n'
)


def write(folder: Path, text: str) -> Path:
    path = folder / "own.toml"
    path.write_text(f'name = "own"\ndescription = "a test"\nlike = "small"\n{text}', encoding="utf-8")
    return path


@pytest.mark.parametrize("name", CAMPAIGNS)
def test_packaged_campaigns_load(name: str) -> None:
    campaign = load_campaign(name)
    assert campaign.name == name
    assert campaign.rate(RunType.PHYSICS) > 0


def test_the_packaged_campaigns_are_these() -> None:
    small = {"small", "small2018", "small2021", "small2022"}
    assert small | {"demo", "dimuons", "signal", "visible_2018", "muon_2022"} <= set(CAMPAIGNS)
    special = {
        *OF_DUMP,
        *OF_MUONS,
        *HADRON_GENERATORS,
        ComponentKind.ANNIHILATION,
        ComponentKind.ALP,
        ComponentKind.LEADING_NEUTRAL,
    }
    assert {entry.kind for entry in load_campaign("signal").components} == set(ComponentKind) - special
    assert {run.type for run in load_campaign("demo").runs} == {RunType.PHYSICS, RunType.CALIBRATION}
    assert len(load_campaign("demo").runs) == 10
    assert load_campaign("demo").n_events >= 200_000


def test_a_campaign_takes_what_it_lacks_from_another(tmp_path: Path) -> None:
    campaign = load_campaign(write(tmp_path, "events = 77"))
    small = load_campaign("small")
    assert (campaign.n_events, campaign.seed, campaign.beam) == (77, small.seed, small.beam)


def test_a_campaign_may_change_components_and_keys_of_the_dump_of_another(tmp_path: Path) -> None:
    changes = (
        'like = "visible_2018"\n[change_component.dimuon]\n'
        'highest = { value = 90, unit = "GeV", source = "x" }\n'
        '[dump]\nlength = { value = 200, unit = "mm", source = "x" }\n'
    )
    path = write(tmp_path, "")
    path.write_text(path.read_text().replace('like = "small"\n', changes))
    campaign, base = load_campaign(path), load_campaign("visible_2018")
    assert campaign.dump == replace(base.dump, length=200.0)  # type: ignore[type-var]
    for one, other in zip(campaign.components, base.components, strict=True):
        changed = {"highest": 90.0} if one.name == "dimuon" else {}
        assert one == replace(other, parameters={**other.parameters, **changed})


@pytest.mark.parametrize(
    ("text", "error", "message"),
    [
        ("evnts = 3", KeyError, 'unknown key "evnts", nearest known is "events"'),
        ("events = 0", ValueError, "0 events"),
        ("run = [{ run = 1, spills = 1 }, { run = 1, spills = 1 }]\nbad = []", ValueError, "listed twice"),
        ("run = [{ run = 1, spills = 0 }]\nbad = []", ValueError, "run 1: share"),
        (
            'run = [{ run = 1, spills = 1, type = "phys" }]\nbad = []',
            ValueError,
            'nearest known is "physics"',
        ),
        ('run = [{ run = 1, spills = 1, type = "beam" }]\nbad = []', ValueError, "no component has a rate"),
        ("bad = [{ run = 5 }]", ValueError, "run 5, which is not listed"),
        ("[trigger]\necal_below = 3.0", ValueError, "trigger.ecal_below"),
        ('[trigger]\necal_below = { value = 3.0, unit = "GeV" }', KeyError, '"source" is missing'),
        (
            '[trigger]\necal_below = { value = 3.0, unit = "ns", source = "x" }',
            ValueError,
            "cannot be converted",
        ),
        ("[change_component.dimoun]\nlowest = 1", KeyError, 'nearest known is "dimuon"'),
        ("[change_component]\ndimuon = 1", TypeError, "change_component.dimuon: 1 is not a table"),
        ("change_component = 1", TypeError, "change_component: 1 is not a table of components by name"),
        ("[change_component.dimuon]\nfactoor = 1", KeyError, "factoor"),
        (
            '[[further_component]]\nname = "x"\nkind = "muons"\ntrigger = "beam"\nrate = {}',
            ValueError,
            'nearest known is "muon"',
        ),
        (
            MUON + "bias = 0.0\nrate = {}",
            ValueError,
            "component x: bias",
        ),
        (
            MUON + 'rate.physics = { value = -1.0, source = "x" }',
            ValueError,
            "component x: negative rate",
        ),
        (
            HADRON + 'proton = { value = 0.1, source = "x" }',
            ValueError,
            "component x has protons in a beam of e-",
        ),
    ],
)
def test_mistakes_are_named(tmp_path: Path, text: str, error: type[Exception], message: str) -> None:
    with pytest.raises(error) as caught:
        load_campaign(write(tmp_path, text))
    assert message in str(caught.value.args[0])


def test_unknown_campaigns_get_the_nearest_name(tmp_path: Path) -> None:
    with pytest.raises(KeyError, match='nearest known is "demo"'):
        load_campaign("demmo")
    path = tmp_path / "own.toml"
    path.write_text('like = "dem"\n', encoding="utf-8")
    with pytest.raises(KeyError, match=r"own\.toml: like"):
        load_campaign(path)


def test_a_campaign_states_some_keys_of_a_table_and_takes_the_others(tmp_path: Path) -> None:
    text = '[beam]\nspot = { value = 3.0, unit = "mm", source = "x" }\n'
    campaign, small = load_campaign(write(tmp_path, text)), load_campaign("small")
    assert campaign.beam == replace(small.beam, spot=3.0)
    with pytest.raises(KeyError, match='"source" is missing'):
        load_campaign(write(tmp_path, '[beam]\nspot = { value = 3.0, unit = "mm" }\n'))


def test_detectors_that_are_not_there_have_to_be_known(tmp_path: Path) -> None:
    assert load_campaign(write(tmp_path, 'absent = ["vhcal"]')).absent == ("vhcal",)
    with pytest.raises(ValueError, match='campaign own: absent: unknown detector "vhcla", nearest known is'):
        load_campaign(write(tmp_path, 'absent = ["vhcla"]'))


def test_a_misspelt_list_is_named_before_what_is_wrong_without_it(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text('like = "demo"\nname = "mine"\nruns = []\nrun = 3\n')
    with pytest.raises(KeyError, match='unknown key "runs", nearest known is "run"'):
        load_campaign(path)
