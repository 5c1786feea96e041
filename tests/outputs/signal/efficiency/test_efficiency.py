"""Efficiencies: what is counted, the table, and the functions made of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from na64.datasets.catalogue import build as files
from na64.datasets.synthetic import load_campaign, simulate
from na64.outputs.signal.efficiency.campaigns import signal_campaign
from na64.outputs.signal.efficiency.efficiency import (
    EfficiencyPoint,
    SignalEfficiency,
    efficiency_of,
    efficiency_table,
    load_efficiencies,
    read_points,
)
from na64.outputs.signal.efficiency.injection import (
    TRUTH,
    Injection,
    describe,
    inject,
    measure,
)
from na64.outputs.signal.yields import yield_per_eot
from na64.run import main
from na64.selections.selection import Selection, load_selection

POINT = EfficiencyPoint(0.01, "2018", "invisible_2018", 50.0, 1200, 1000, 950, 800)
WIDE = EfficiencyPoint(0.01, "2023A", "invisible_2023", 40.0, 1200, 1000, 990, 700)


def selection_of(folder: Path, cuts: str) -> Selection:
    """The regions of a packaged selection with cuts of our own."""
    text = (Path(__file__).parents[4] / "selections" / "invisible_2023.toml").read_text()
    head, rest = text.split("[[cut]]", 1)
    regions = rest[rest.index("[region.I]") : rest.index("[[histogram]]")]
    path = folder / "own.toml"
    path.write_text(head.replace('"shower_chi2"', '"first"') + cuts + "\n" + regions)
    return load_selection(path)


ALL = '[[cut]]\nname = "first"\nsource = "test"\necal = { above = -1, unit = "GeV" }\n'


def test_without_cuts_the_box_keeps_nearly_all(tmp_path: Path) -> None:
    """Some are lost to other particles in the HCAL; more come from below: showers leak out of 5x6 cells."""
    found = list(inject([0.01], Injection(selection_of(tmp_path, ALL), n_events=1500)))
    assert [entry.point.period for entry in found] == ["2023A"]
    point = found[0].point
    assert point.threshold == 40.0
    assert point.n_selected == point.n_in_box
    assert point.efficiency == pytest.approx(1.015, abs=0.02)


def test_a_cut_on_the_energy_keeps_the_part_of_the_spectrum(tmp_path: Path) -> None:
    """Less than 30 GeV in the ECAL means more than 70 GeV missing: a ratio of yields."""
    cut = ALL.replace('ecal = { above = -1, unit = "GeV" }', 'ecal_total = { below = 30, unit = "GeV" }')
    (measured,) = inject([0.1], Injection(selection_of(tmp_path, cut), n_events=3000))
    expected = yield_per_eot(0.1, threshold=70.0) / yield_per_eot(0.1, threshold=40.0)
    assert measured.point.efficiency == pytest.approx(expected, abs=4 * measured.point.error)


def test_a_cut_on_a_formula_counts_and_names_the_cuts_by_its_text(tmp_path: Path) -> None:
    points = []
    for formula in ("beam_energy - ecal", "ecal"):
        cut = ALL.replace("ecal = { above = -1", "missing = { above = 60")
        made = f'[[feature]]\nname = "missing"\nunit = "GeV"\nformula = "{formula}"\n'
        selection = selection_of(tmp_path, made + cut)
        points.append(next(iter(inject([0.01], Injection(selection, n_events=300)))).point)
    assert 0 < points[0].n_selected < points[0].n_in_box
    assert points[1].n_selected == 0
    assert points[0].cuts != points[1].cuts


@pytest.mark.parametrize(
    ("runs", "is_refused"),
    [("8701-8710", True), ("8396-99999", False), ("2023A", False), ("100-200", False)],
)
def test_a_cut_that_divides_a_period_has_no_one_efficiency(
    tmp_path: Path, runs: str, is_refused: bool
) -> None:
    cut = f'{ALL}[cut.when."{runs}"]\necal = {{ above = 90, unit = "GeV" }}\n'
    found = inject([0.01], Injection(selection_of(tmp_path, cut), n_events=100))
    if is_refused:
        with pytest.raises(ValueError, match='cut first: has other bounds in runs "8701-8710", a part of'):
            next(found)
    else:
        point = next(found).point
        assert (point.n_selected == 0) == (runs != "100-200")


def test_the_trigger_is_part_of_the_efficiency() -> None:
    found = list(inject([0.001, 1.0], Injection(load_selection("invisible_2023"), n_events=1500)))
    triggered = [entry.passed["trigger"] / entry.point.n_in_box for entry in found]
    assert triggered[0] > 0.97
    assert 0.8 < triggered[1] < 0.93
    assert found[0].point.efficiency > found[1].point.efficiency > 0.5
    lines = list(describe(found))
    assert "1000 MeV, above 40 GeV" in lines[1]
    assert "trigger -" in lines[1]


def test_the_same_seed_gives_the_same_numbers() -> None:
    plan = Injection(load_selection("invisible_2018"), "array2018", 400, 3)
    one, same = list(inject([0.01], plan)), list(inject([0.01], plan))
    assert one == same
    assert one[0].point.period == "2018"
    assert one != list(inject([0.01], replace(plan, seed=4)))


def test_progress_goes_from_nothing_to_all() -> None:
    seen: list[tuple[int, int]] = []
    plan = Injection(load_selection("invisible_2023"), n_events=50)
    list(inject([0.01, 0.1], plan, progress=lambda *done: seen.append(done)))
    assert seen == [(0, 2), (1, 2), (2, 2)]


def test_the_truth_says_what_the_dark_photon_took(tmp_path: Path) -> None:
    simulate(signal_campaign(0.01, threshold=50.0), to=tmp_path, n_events=400)
    truth = pq.read_table(tmp_path / TRUTH)
    taken, left = truth["dark_photon_energy"].to_numpy(), truth["electromagnetic_energy"].to_numpy()
    assert taken + left == pytest.approx(100.0, abs=4)
    assert taken.min() > 0.42 * 98


def test_data_are_not_counted_in_the_box(tmp_path: Path) -> None:
    simulate(signal_campaign(0.01, threshold=40.0), to=tmp_path, n_events=60)
    as_data = files.build([tmp_path], simulation=False, layout="tout2023")
    with pytest.raises(ValueError, match="counted by an opening only"):
        measure(as_data, load_selection("invisible_2023"), tmp_path / TRUTH, mass=0.01)


def test_a_campaign_without_dark_photons_is_refused(tmp_path: Path) -> None:
    simulate(load_campaign("small"), to=tmp_path, n_events=300)
    catalogue = files.build([tmp_path], simulation=True)
    with pytest.raises(ValueError, match="no dark photons in it"):
        measure(catalogue, load_selection("invisible_2023"), tmp_path / TRUTH, mass=0.01)


def test_errors_are_binomial() -> None:
    assert POINT.efficiency == 0.8
    assert POINT.error == pytest.approx(np.sqrt(0.8 * 0.2 / 1000), rel=5e-3)
    assert replace(POINT, n_in_box=1150, n_selected=1100).error == pytest.approx(np.sqrt(1100) / 1000)
    assert replace(POINT, n_selected=0).error > 0


@pytest.mark.parametrize(
    "change", [{"n_selected": 960}, {"n_in_box": 1300}, {"n_generated": 1300}, {"n_generated": 0}]
)
def test_impossible_counts_are_refused(change: dict[str, int]) -> None:
    with pytest.raises(ValueError, match=r"period 2018, 0\.01 GeV: "):
        EfficiencyPoint(**{name: getattr(POINT, name) for name in POINT.__slots__} | change)


def test_the_table_reads_back(tmp_path: Path) -> None:
    path = tmp_path / "efficiency.csv"
    points = [WIDE, *(replace(POINT, mass=mass, cuts="c0ffee") for mass in (0.01, 0.1))]
    path.write_bytes(efficiency_table(points).to_csv())
    assert path.read_text().startswith("mass,period,efficiency,error,n_generated,n_selected")
    assert sorted(read_points(path), key=repr) == sorted(points, key=repr)
    found = load_efficiencies(path)
    assert set(found) == {"2018", "2023A"}
    assert found["2018"].source == "efficiency.csv, period 2018, invisible_2018, simulated"
    assert [(one.selection, one.cuts) for one in found.values()] == [
        ("invisible_2018", "c0ffee"),
        ("invisible_2023", ""),
    ]


def test_a_wider_box_is_scaled_to_the_reference() -> None:
    """Efficiency times yield above the reference is the number of events whatever the reference is."""
    at_50, at_40 = (efficiency_of([WIDE], "", reference=value) for value in (50.0, 40.0))
    assert at_40.at(0.01)[0] == pytest.approx(0.7)
    one = at_50.at(0.01)[0] * yield_per_eot(0.01, threshold=50.0)
    assert one == pytest.approx(0.7 * yield_per_eot(0.01, threshold=40.0))


def test_interpolation_is_in_the_logarithm_of_the_mass() -> None:
    efficiency = SignalEfficiency(
        np.array([0.001, 0.1]), np.array([0.8, 0.4]), np.array([0.01, 0.03]), "efficiency.csv"
    )
    assert efficiency.span == (0.001, 0.1)
    value, error = efficiency.at([0.001, 0.01, 0.1])
    assert value == pytest.approx([0.8, 0.6, 0.4])
    assert error == pytest.approx([0.01, 0.02, 0.03])
    with pytest.raises(ValueError, match=r"efficiency.csv: simulated from 0.001 to 0.1 GeV, asked for 0.5"):
        efficiency.at(0.5)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (",800,", ",750,", "efficiency 0.8 is not 750 of 1000"),
        ("0.01,2018", "-1,2018", "mass is -1.0"),
        (",50,", ",,", "threshold is None"),
        (",1000,", ",,", "n_generated is missing"),
    ],
)
def test_a_table_that_is_wrong_is_refused(tmp_path: Path, old: str, new: str, message: str) -> None:
    path = tmp_path / "efficiency.csv"
    text = efficiency_table([POINT]).to_csv().decode()
    assert old in text
    path.write_text(text.replace(old, new))
    with pytest.raises(ValueError, match=message):
        read_points(path)


def test_two_selections_of_a_period_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "efficiency.csv"
    path.write_bytes(efficiency_table([POINT, replace(POINT, selection="mine", mass=0.1)]).to_csv())
    with pytest.raises(ValueError, match="invisible_2018 and mine, expected one"):
        load_efficiencies(path)
    path.write_bytes(efficiency_table([POINT, replace(POINT, cuts="decaf", mass=0.1)]).to_csv())
    with pytest.raises(ValueError, match="invisible_2018 and invisible_2018 decaf, expected one"):
        load_efficiencies(path)


def test_masses_must_rise() -> None:
    with pytest.raises(ValueError, match="do not rise"):
        SignalEfficiency(np.array([0.1, 0.1]), np.ones(2), np.ones(2), "twice")


def test_the_command_writes_and_adds(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "new" / "efficiency.csv"
    words = ["efficiency", "--to", str(path), "--mass", "0.01", "--events", "300"]
    assert main(words) == 0
    assert "period 2023A, 10 MeV, above 40 GeV: 0." in capsys.readouterr().out
    assert path.with_suffix(".png").stat().st_size > 10_000
    assert main([*words, "--layout", "array2018", "--selection", "invisible_2018", "--add"]) == 0
    assert [point.period for point in read_points(path)] == ["2018", "2023A"]
    assert len({point.cuts for point in read_points(path)} - {""}) == 2
    assert main([*words, "--mass", "5"]) == 2
    assert "dark photon of 5 GeV: expected 0.001 to 1 GeV" in capsys.readouterr().err


OF_PERIOD = """
[[detector]]
name = "gem"
role = "tracker"
[[feature]]
name = "missing"
unit = "GeV"
formula = "beam_energy - ecal"
"""


@pytest.mark.parametrize(("cut", "code"), [("missing = { above = 40 }", 0), ("gem_n_hits = { min = 1 }", 2)])
def test_features_of_a_period_have_an_efficiency_if_they_are_simulated(
    cut: str, code: int, tmp_path: Path, edited: Callable[..., Path], capsys: pytest.CaptureFixture[str]
) -> None:
    path = edited("period", "2023A", tmp_path / "periods")
    path.write_text(path.read_text() + OF_PERIOD)
    unit = ', unit = "GeV" }' if code == 0 else " }"
    text = 'name = "own"\nlabel = "own"\nyields_after = "own"\n[[cut]]\nname = "own"\n'
    (tmp_path / "own.toml").write_text(text + cut.replace(" }", unit) + "\n")
    words = ["efficiency", "--selection", str(tmp_path / "own.toml"), "--periods", str(tmp_path / "periods")]
    words += ["--mass", "0.01", "--events", "200", "--to", str(tmp_path / "e.csv"), "--losses", "none"]
    assert main(words) == code
    refused = "nothing simulates gem_n_hits of period 2023A with layout tout2023" in capsys.readouterr().err
    assert refused is (code == 2)


def test_a_cut_on_a_detector_that_simulated_files_lack_has_no_efficiency(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cut = '[[cut]]\nname = "own"\nvhcal_total = { below = 1, unit = "GeV" }\n'
    (tmp_path / "own.toml").write_text(f'name = "own"\nlabel = "own"\nyields_after = "own"\n{cut}')
    words = ["efficiency", "--selection", str(tmp_path / "own.toml"), "--layout", "array2018"]
    assert main([*words, "--mass", "0.01", "--to", str(tmp_path / "e.csv"), "--losses", "none"]) == 2
    assert "nothing simulates vhcal_total of period 2018 with layout array2018" in capsys.readouterr().err
