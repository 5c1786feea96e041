"""Run files, conditions and truth of whole campaigns."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
import uproot

from na64.datasets.conditions.conditions import Quality, RunType, read_conditions
from na64.datasets.conditions.periods import load_periods
from na64.datasets.instrument.columns import Array, EventColumns, Hits
from na64.datasets.reading.layout import load_layout
from na64.datasets.reading.read import read
from na64.datasets.synthetic import RunFileFormat, load_campaign, simulate
from na64.datasets.synthetic.events import plan_runs

FORMATS = ("ttree", "rntuple", "parquet")
N = 900


def content(path: Path, layout: str, n: int) -> dict[str, Array]:
    columns: EventColumns = read(path, load_layout(layout), 0, n)
    found = dict(columns.event)
    for name, detector in columns.detectors.items():
        fields = ("offsets", "cell") if isinstance(detector, Hits) else ("expected_time",)
        for field in ("energy", "time", "time_sigma", *fields):
            if getattr(detector, field) is not None:
                found[f"{name}_{field}"] = getattr(detector, field)
    return found


def n_of(path: Path) -> int:
    """The rows of the only tree of a file."""
    if path.suffix == ".parquet":
        return int(pq.read_metadata(path).num_rows)
    with uproot.open(path) as file:
        return int(file[file.keys()[0]].num_entries)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[Path]]:
    folder = tmp_path_factory.mktemp("small")
    return folder, simulate(load_campaign("small"), to=folder, n_events=N)


def equal(first: dict[str, Array], second: dict[str, Array]) -> bool:
    return first.keys() == second.keys() and all(
        np.array_equal(first[name], second[name], equal_nan=True) for name in first
    )


@pytest.mark.parametrize("layout", ["tout2023", "array2018", "hits"])
def test_the_same_seed_gives_the_same_content_in_every_format(tmp_path: Path, layout: str) -> None:
    campaign = load_campaign("small")
    files = {
        name: simulate(campaign, to=tmp_path / name, n_events=150, layout=layout, format=name)
        for name in FORMATS
    }
    first = files["ttree"]
    assert len(first) == 4
    for name in FORMATS[1:]:
        for path, other in zip(first, files[name], strict=True):
            assert path.stem == other.stem
            assert equal(content(path, layout, n_of(path)), content(other, layout, n_of(other)))


def test_another_seed_gives_other_content(made: tuple[Path, list[Path]], tmp_path: Path) -> None:
    campaign = load_campaign("small")
    same = simulate(campaign, to=tmp_path / "same", n_events=N, seed=campaign.seed)
    other = simulate(campaign, to=tmp_path / "other", n_events=N, seed=campaign.seed + 1)
    reference = content(made[1][0], "tout2023", n_of(made[1][0]))
    assert equal(reference, content(same[0], "tout2023", n_of(same[0])))
    assert not equal(reference, content(other[0], "tout2023", n_of(other[0])))


@pytest.mark.parametrize("n", [1, 2, 3, 10, 997])
def test_exactly_as_many_events_are_planned_as_asked(n: int) -> None:
    campaign = load_campaign("demo")
    plans = plan_runs(campaign, campaign.geometries[0], n, 1)
    assert sum(plan.n_events for plan in plans) == n
    for plan in plans:
        assert plan.spill_sizes.sum() == plan.n_events


def test_files_hold_all_events_and_have_unique_numbers(made: tuple[Path, list[Path]]) -> None:
    events = [content(path, "tout2023", n_of(path)) for path in made[1]]
    keys = np.concatenate([np.stack([part[k] for k in ("run", "spill", "event")], axis=1) for part in events])
    assert len(keys) == N
    assert len(np.unique(keys, axis=0)) == N
    assert [path.name for path in made[1]] == [
        "run_8701.root",
        "run_8702_0.root",
        "run_8702_1.root",
        "run_8703.root",
    ]
    assert keys[:, 1:].min() == 1


def test_a_tiny_campaign_leaves_out_empty_files(tmp_path: Path) -> None:
    paths = simulate(load_campaign("small"), to=tmp_path, n_events=1)
    assert len(paths) == 1
    assert not list(tmp_path.rglob("*.part"))


def test_the_truth_agrees_with_the_run_files(made: tuple[Path, list[Path]]) -> None:
    truth = pq.read_table(made[0] / "truth.parquet").to_pydict()
    events = [content(path, "tout2023", n_of(path)) for path in made[1]]
    for column, name in (
        ("run", "run"),
        ("spill", "spill"),
        ("event", "event"),
        ("truth_component", "component"),
        ("weight", "weight"),
    ):
        assert np.concatenate([part[column] for part in events]).tolist() == truth[name]
    energy = np.concatenate([part["ecal_energy"].sum(axis=1) for part in events])
    clean = (np.array(truth["component"]) == 0) & (np.array(truth["pile_up_energy"]) == 0)
    clean &= (np.array(truth["run"]) != 8701) | (np.array(truth["spill"]) != 2)
    assert energy[clean].mean() == pytest.approx(
        np.array(truth["electromagnetic_energy"])[clean].mean(), rel=0.01
    )


def test_the_truth_says_how_many_library_events_stand_behind_each_component(
    made: tuple[Path, list[Path]],
) -> None:
    metadata = pq.read_metadata(made[0] / "truth.parquet").metadata
    components = json.loads(metadata[b"components"])
    assert (metadata[b"campaign"], metadata[b"seed"]) == (b"small", b"65")
    assert [entry["name"] for entry in components] == [c.name for c in load_campaign("small").components]
    assert sum(entry["events"] for entry in components) == N
    rows = pq.read_table(made[0] / "truth.parquet").to_pydict()
    number = [entry["name"] for entry in components].index("dimuon")
    used = {
        rows[shower][n]
        for shower in ("first_shower", "second_shower", "pile_up_shower")
        for n in range(N)
        if rows["component"][n] == number
    } - {-1}
    assert components[number]["unique_library_events"] == len(used) > 0


def test_conditions_can_be_read_and_scale_with_the_events(
    made: tuple[Path, list[Path]], tmp_path: Path
) -> None:
    conditions = read_conditions(made[0] / "conditions")
    campaign = load_campaign("small")
    assert {run: facts.type for run, facts in conditions.run_facts.items()} == {
        8701: RunType.PHYSICS,
        8702: RunType.PHYSICS,
        8703: RunType.CALIBRATION,
    }
    assert conditions.spills[8701, 2].quality is Quality.BAD
    assert conditions.spills[8701, 1].quality is Quality.GOOD
    mask = conditions.bad.mask(np.array([8701, 8702, 8702]), np.array([2, 1, 1]), np.array([1, 39, 40]))
    assert mask.tolist() == [True, True, False]
    facts = conditions.run_facts[8702]
    assert facts.eot_live is not None
    assert facts.eot_delivered is not None
    expected = sum(n_of(path) for path in made[1][1:3]) / campaign.rate(RunType.PHYSICS)
    assert facts.eot_live == pytest.approx(expected, rel=1e-3)
    assert facts.eot_live / facts.eot_delivered == pytest.approx(0.93, rel=1e-3)
    spills = [spill.eot_live or 0.0 for (run, _), spill in conditions.spills.items() if run == 8702]
    assert sum(spills) == facts.eot_live
    simulate(campaign, to=tmp_path, n_events=2 * N)
    double = read_conditions(tmp_path / "conditions").run_facts[8702].eot_live
    assert double == pytest.approx(2 * facts.eot_live, rel=0.01)


def test_a_campaign_without_bad_events_has_no_bad_list(tmp_path: Path) -> None:
    simulate(load_campaign("small"), to=tmp_path, n_events=20)
    assert (tmp_path / "conditions" / "bad.csv").exists()
    simulate(load_campaign("signal"), to=tmp_path, n_events=20)
    assert not (tmp_path / "conditions" / "bad.csv").exists()


def test_trigger_bits_follow_component_and_emulation(made: tuple[Path, list[Path]]) -> None:
    events = content(made[1][0], "tout2023", n_of(made[1][0]))
    names = [component.name for component in load_campaign("small").components]
    trigger = events["trigger"]
    for name, bits in (("dimuon", 4), ("hadron", 4), ("random", 8), ("led", 16)):
        assert set(trigger[events["truth_component"] == names.index(name)]) <= {bits}
    beam = events["truth_component"] == 0
    saturated = beam & (events["spill"] == 2)
    assert (trigger[beam] & 2).all()
    assert (trigger[saturated] & 4).mean() > 2
    assert not (trigger[beam & ~saturated] & 4).any()
    assert np.median(events["ecal_energy"][saturated].sum(axis=1)) == pytest.approx(68, abs=2)


def test_weights_undo_the_bias(tmp_path: Path) -> None:
    campaign = load_campaign("signal")
    paths = simulate(campaign, to=tmp_path, n_events=3_000)
    events = [content(path, "tout2023", n_of(path)) for path in paths]
    weight = np.concatenate([part["weight"] for part in events])
    number = np.concatenate([part["truth_component"] for part in events])
    eot = sum(facts.eot_live or 0.0 for facts in read_conditions(tmp_path / "conditions").run_facts.values())
    signal = len(campaign.components) - 1
    assert set(weight[number == signal]) == {1e-7}
    assert set(weight[number != signal]) == {1.0}
    n = (number == signal).sum()
    rate = campaign.components[signal].rates[RunType.PHYSICS]
    assert weight[number == signal].sum() / eot == pytest.approx(rate, rel=4 / np.sqrt(n))


def test_absent_values_of_calibration_runs_are_nan(tmp_path: Path) -> None:
    paths = simulate(load_campaign("small2018"), to=tmp_path, n_events=60, layout="array2018")
    physics, calibration = (content(path, "array2018", n_of(path)) for path in (paths[0], paths[-1]))
    assert np.isfinite(physics["hcal_energy"]).all()
    assert np.isnan(calibration["hcal_energy"]).all()
    assert np.isfinite(calibration["ecal_energy"]).all()
    assert set(physics["run"]) == {3901}


def test_hits_are_the_cells_with_signal(made: tuple[Path, list[Path]], tmp_path: Path) -> None:
    paths = simulate(load_campaign("small"), to=tmp_path, n_events=N, layout="hits")
    n = n_of(paths[0])
    cells, hits = content(made[1][0], "tout2023", n), content(paths[0], "hits", n)
    for name in ("ecal", "hcal", "vhcal", "srd", "veto"):
        dense = np.zeros_like(cells[f"{name}_energy"])
        event = np.repeat(np.arange(n), np.diff(hits[f"{name}_offsets"]))
        dense[event, hits[f"{name}_cell"]] = hits[f"{name}_energy"]
        assert dense == pytest.approx(cells[f"{name}_energy"], rel=1e-6, abs=1e-9)
        residual = (cells[f"{name}_time"] - cells[f"{name}_expected_time"])[event, hits[f"{name}_cell"]]
        assert hits[f"{name}_time"] == pytest.approx(residual, rel=1e-5, abs=1e-4)


def test_a_layout_of_another_ecal_is_refused(tmp_path: Path) -> None:
    with pytest.raises(
        ValueError, match="campaign small2018 has an ECAL of 6x6 cells, layout tout2023 one of 5x6"
    ):
        simulate(load_campaign("small2018"), to=tmp_path, layout="tout2023")
    with pytest.raises(ValueError, match="0 events"):
        simulate(load_campaign("small"), to=tmp_path, n_events=0)


def test_progress_counts_every_event(tmp_path: Path) -> None:
    seen: list[int] = []
    simulate(
        load_campaign("small"),
        to=tmp_path,
        n_events=50,
        format=RunFileFormat.PARQUET,
        on_progress=seen.append,
    )
    assert sum(seen) == 50


@pytest.mark.parametrize(("name", "period"), [("small2021", "2021"), ("small2022", "2022")])
def test_the_set_ups_of_2021_and_2022_are_simulated(name: str, period: str, tmp_path: Path) -> None:
    """Beam electrons are in the period's beam cell, there is no VHCAL, and the SRD is that of the year."""
    paths = simulate(load_campaign(name), to=tmp_path, n_events=3_000)
    events = [content(path, "tout2023", n_of(path)) for path in paths]
    together = {key: np.concatenate([part[key] for part in events]) for key in events[0]}
    facts = load_periods()[period]
    first, last = facts.runs[0]
    assert {first <= run <= last for run in together["run"].tolist()} == {True}
    electrons = together["truth_component"] == 0
    main = together["ecal_energy"][electrons].reshape(-1, 2, 30)[:, 1]
    x, y = facts.setup.beam_cell
    assert (main.argmax(axis=1) == 6 * x + y).mean() > 0.9
    assert not together["vhcal_energy"].any()
    assert not together["vhcal_time"].any()
    mean = 1000 * together["srd_energy"][electrons].sum(axis=1).mean()
    assert mean == pytest.approx({"2021": 34.0, "2022": 38.4}[period], rel=0.08)


FAULTY = """
name = "faulty"
description = "one wrong cell of each kind"
like = "small"
cell_fault = [
  { detector = "ecal", cells = [44], gain = 0.5 },
  { detector = "ecal", cells = [45], delay = { value = 7, unit = "ns", source = "test" } },
  { detector = "hcal", cells = [4], gain = 0.0, first_run = 8702, last_run = 8702 },
  { detector = "srd", pedestal = { value = 2, unit = "MeV", source = "test" } },
  { detector = "veto", cells = [1], noise = 50.0 },
]
"""


def test_cells_with_faults_are_wrong_and_everything_else_is_the_same(tmp_path: Path) -> None:
    (tmp_path / "faulty.toml").write_text(FAULTY)
    found = {}
    for name, campaign in (("small", "small"), ("faulty", str(tmp_path / "faulty.toml"))):
        paths = simulate(load_campaign(campaign), to=tmp_path / name, n_events=300)
        found[name] = {path.stem: content(path, "tout2023", n_of(path)) for path in paths}
    for run, good in found["small"].items():
        bad = found["faulty"][run]
        changed = {name for name in good if not np.array_equal(good[name], bad[name], equal_nan=True)}
        assert changed <= {"ecal_energy", "ecal_time", "hcal_energy", "hcal_time"} | {
            f"{name}_{what}" for name in ("srd", "veto") for what in ("energy", "time")
        }
        calorimeter, other = good["ecal_energy"], bad["ecal_energy"]
        strong = calorimeter[:, 44] > 10
        assert strong.any()
        # Of 10 GeV and more the noise of 10 MeV is next to nothing.
        assert other[strong, 44] == pytest.approx(0.5 * calorimeter[strong, 44], rel=0.01)
        assert np.delete(other, 44, axis=1) == pytest.approx(np.delete(calorimeter, 44, axis=1))
        there = calorimeter[:, 45] > 0.1
        assert bad["ecal_time"][there, 45] == pytest.approx(good["ecal_time"][there, 45] + 7)
        assert (bad["srd_energy"] > 0.001).mean() > 0.9
        dead = bad["hcal_energy"][:, 4]
        assert (not dead.any()) is run.startswith("run_8702")
    (tmp_path / "wrong.toml").write_text(FAULTY.replace("[44]", "[60]"))
    wrong = load_campaign(tmp_path / "wrong.toml")
    with pytest.raises(ValueError, match="cell 60 is not one of 60"):
        simulate(wrong, to=tmp_path / "wrong", n_events=30)
    for old, new, why in (
        ('"srd"', '"shd"', 'unknown detector "shd"'),
        ("gain = 0.5", "gain = -0.5", "below 0"),
        ("first_run = 8702", "first_run = 8703", "first run 8703 is after 8702"),
    ):
        (tmp_path / "wrong.toml").write_text(FAULTY.replace(old, new))
        with pytest.raises(ValueError, match=why):
            load_campaign(tmp_path / "wrong.toml")
