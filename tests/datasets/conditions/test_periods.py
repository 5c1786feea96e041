from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from importlib import resources
from pathlib import Path

import pytest

from na64.datasets.basics.identity import identity
from na64.datasets.conditions.conditions import RunType
from na64.datasets.conditions.periods import (
    describe,
    load_period,
    load_periods,
    packaged_periods,
    period_of_run,
    unpackaged_runs,
)

PACKAGED = resources.files("na64.datasets.conditions").joinpath("periods")
NAMES = (
    *("2016", "2017V", "2018", "2018V", "2021", "2022", "2022M", "2022P"),
    *("2023A", "2023H", "2023K", "2023P"),
)


def copied(folder: Path, name: str = "2023A", *changes: tuple[str, str], to: str | None = None) -> Path:
    """Write a packaged period into a folder, with texts replaced."""
    text = PACKAGED.joinpath(f"{name}.toml").read_text()
    for old, new in changes:
        assert old in text
        text = text.replace(old, new, 1)
    (folder / f"{to or name}.toml").write_text(text)
    return folder


@pytest.mark.parametrize("name", NAMES)
def test_every_packaged_period_loads_with_sources(name: str) -> None:
    period = load_periods()[name]
    listed = describe(period)
    assert period.name == name
    assert all(source.strip() and value for _, value, _, source in listed)
    assert len({name for name, *_ in listed}) == len(listed)


def test_the_packaged_periods_are_these() -> None:
    assert tuple(load_periods()) == NAMES


def test_every_tagged_value_of_a_file_is_described() -> None:
    text = PACKAGED.joinpath("2023A.toml").read_text()
    assert len(describe(load_periods()["2023A"])) == text.count("source = ")


@pytest.mark.parametrize(
    ("run", "name"),
    [
        (0, None),
        (1, "2016"),
        (2466, "2016"),
        (2467, None),
        (2484, None),
        (3854, None),
        (3855, "2018"),
        (4223, "2018"),
        (4224, "2018V"),
        (4309, "2018V"),
        (4310, None),
        (3465, None),
        (3466, "2017V"),
        (3560, "2017V"),
        (3561, None),
        (5021, "2021"),
        (5186, "2021"),
        (5187, None),
        (6499, None),
        (6500, "2022"),
        (8395, "2022"),
        (8396, "2023A"),
        (8999, "2023A"),
        (9000, None),
    ],
)
def test_runs_at_the_edges_belong_to_one_period(run: int, name: str | None) -> None:
    period = period_of_run(run, load_periods())
    assert (period.name if period else None) == name


def test_the_setup_of_2023_is_that_of_the_public_code() -> None:
    setup = load_periods()["2023A"].setup
    assert (setup.calorimeter.shape, setup.modules.shape, setup.detectors["vhcal"].shape) == (
        (2, 5, 6),
        (4, 3, 3),
        (1, 4, 4),
    )
    assert (setup.detectors["srd"].n_cells, setup.paddles.shape) == (3, (3, 1, 2))
    assert (setup.beam_cell, setup.physics_trigger_mask) == ((2, 2), 4)
    assert (setup.chosen_modules, setup.subtracted_modules) == ((0, 1), (0, 1))
    assert (setup.modules.pedestal, setup.calorimeter.pedestal) == (0.2, -math.inf)
    assert setup.modules.timing.half_width == 16.5
    for detector in (setup.calorimeter, setup.detectors["vhcal"], setup.detectors["srd"], setup.paddles):
        assert (detector.timing.n_sigma, detector.timing.half_width) == (3.0, None)
    assert setup.paddles.sigma_of_cell == (0, 0, 1, 1, 2, 2)
    assert setup.calorimeter.sigma_of_cell == tuple(range(60))
    assert (setup.topology_threshold, setup.topology_peripheral_only) == (0.5, False)
    assert (setup.muon_module_2, setup.muon_centre, setup.muon_module_2_with_centre) == (2.0, 1.5, 1.3)
    assert (setup.paddle_mip, setup.paddles.balance) == (0.0107, 0.3)


@pytest.mark.parametrize(
    ("name", "shape", "beam_cell"),
    [
        ("2016", (2, 6, 6), (3, 3)),
        ("2018", (2, 6, 6), (3, 3)),
        ("2021", (2, 5, 6), (2, 2)),
        ("2022", (2, 5, 6), (2, 3)),
        ("2022P", (2, 5, 6), (2, 3)),
        ("2023P", (2, 5, 6), (2, 2)),
    ],
)
def test_the_ecal_changed_between_periods(
    name: str, shape: tuple[int, int, int], beam_cell: tuple[int, int]
) -> None:
    setup = load_periods()[name].setup
    assert (setup.calorimeter.shape, setup.beam_cell) == (shape, beam_cell)


@pytest.mark.parametrize("name", [name for name in NAMES if name != "2022M"])  # whose HCAL has two modules
def test_what_the_codes_of_2023_and_before_do_otherwise(name: str) -> None:
    period, is_2023 = load_periods()[name], name.startswith("2023")
    modules = (0, 1) if is_2023 and not name.endswith(("H", "K")) else (0, 1, 2)
    assert period.setup.chosen_modules == period.setup.subtracted_modules == modules
    assert period.setup.topology_peripheral_only is not is_2023
    assert period.times_in_files is (name > "2019")


def test_without_expected_times_every_pulse_is_kept() -> None:
    setup = load_periods()["2018"].setup
    for detector in (
        setup.calorimeter,
        setup.modules,
        setup.detectors["vhcal"],
        setup.detectors["srd"],
        setup.paddles,
    ):
        assert detector.timing.half_width == 1e6


def test_setups_have_identities() -> None:
    names = {name: identity(period.setup) for name, period in load_periods().items()}
    # Whatever the beam is.
    alike = [("2016", "2018"), ("2022", "2022P"), ("2023A", "2023P"), ("2023H", "2023K")]
    assert all(names[one] == names[other] for one, other in alike)
    assert len(set(names.values())) == len(names) - len(alike)


def test_the_positron_periods_have_no_runs_until_somebody_states_them(tmp_path: Path) -> None:
    for name, energy in (("2022P", 100.0), ("2023P", 70.0)):
        period = load_periods()[name]
        assert (period.runs, period.beam_particle, period.beam_energy) == ((), "e+", energy)
        assert ("runs", "none", "1", "NOT FOUND") in describe(period)
    copied(tmp_path, "2023P", ("runs = []", 'runs = [{ first = 8900, last = 8999, source = "me" }]'))
    copied(tmp_path, "2023A", ("last = 8999", "last = 8899"))
    periods = load_periods(tmp_path)
    assert tuple(periods) == NAMES
    assert [period_of_run(run, periods) for run in (8899, 8900)] == [periods["2023A"], periods["2023P"]]


NEW = ('name = "2023A"', 'name = "2024A"'), ("8396", "9000"), ("8999", "9999")


def test_hidden_files_are_no_periods(tmp_path: Path) -> None:
    for name in ("._2023A.toml", ".#mine.toml"):
        (tmp_path / name).write_bytes(b"\x00\x05\x16\x07")
    assert tuple(load_periods(tmp_path)) == NAMES


def test_periods_of_a_folder_are_added_and_the_environment_adds_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copied(tmp_path, "2023A", *NEW, to="2024A")
    monkeypatch.setenv("NA64_PERIODS", str(tmp_path))
    assert tuple(load_periods()) == tuple(packaged_periods()) == NAMES
    assert tuple(load_periods(tmp_path)) == (*NAMES, "2024A")
    with pytest.raises(ValueError, match="nowhere: is not a folder of periods"):
        load_periods(tmp_path / "nowhere")


def test_a_copied_period_keeps_the_box_of_its_original(tmp_path: Path) -> None:
    copied(tmp_path, "2023A", *NEW, to="2024A")
    (box,) = load_periods(tmp_path)["2024A"].boxes
    assert {edge: stated.values for edge, stated in box.edges.items()} == {"ecal": (60.0,), "hcal": (1.0,)}
    assert (box,) == load_periods()["2023A"].boxes


@pytest.mark.parametrize(
    ("ranges", "left"),
    [
        ([(8396, 8999)], []),
        ([(8000, 8500)], []),
        ([(8396, 9100)], [(9000, 9100)]),
        ([(2400, 4000)], [(2467, 3465), (3561, 3854)]),
        ([(1, 10_000)], [(2467, 3465), (3561, 3854), (4310, 5020), (5187, 6499), (9000, 10_000)]),
        ([(2466, 2466), (2467, 2467), (8999, 9000)], [(2467, 2467), (9000, 9000)]),
        ([], []),
    ],
)
def test_runs_of_no_packaged_period_are_found(
    ranges: list[tuple[int, int]], left: list[tuple[int, int]]
) -> None:
    period = replace(load_periods()["2023A"], runs=tuple(ranges))
    assert unpackaged_runs(period) == left
    known = packaged_periods()
    one_by_one = [run for a, b in ranges for run in range(a, b + 1) if period_of_run(run, known) is None]
    assert one_by_one == [run for a, b in left for run in range(a, b + 1)]


@pytest.mark.parametrize(("first", "last"), [(8999, 9100), (8500, 8600), (8000, 8396)])
def test_a_run_in_two_periods_is_refused(tmp_path: Path, first: int, last: int) -> None:
    changes = ("first = 8396", f"first = {first}"), ("last = 8999", f"last = {last}")
    copied(tmp_path, "2023A", ('name = "2023A"', 'name = "mine"'), *changes, to="mine")
    with pytest.raises(ValueError, match=r"are in period \w+ \(.*\) and in period \w+"):
        load_periods(tmp_path)


def test_ranges_that_overlap_within_a_period_are_refused(tmp_path: Path) -> None:
    again = "[[runs]]\nfirst = 8999\nlast = 9002\nsource = 'x'\n\n[beam]"
    copied(tmp_path, "2023A", ("[beam]", again))
    with pytest.raises(ValueError, match="runs 8999 to 8999 are in period 2023A"):
        load_periods(tmp_path)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('value = 16.5, unit = "ns", source = "[V: EJ]"', 'value = 16.5, unit = "ns"', "hcal.half_width"),
        (
            'particle = { text = "e-", source = "[V: JINR news 14 Aug 2023]"',
            'particle = { text = "e-"',
            "beam.part",
        ),
        (
            'last = 8999\nsource = "[inferred]',
            'last = 8999\nsauce = "[inferred]',
            'runs[0]: "source" is missing',
        ),
        (
            'value = 5e11\nsource = "[V: JINR news 14 Aug 2023]"',
            'value = 5e11\nsource = ""',
            "published[0].source",
        ),
    ],
)
def test_a_value_without_a_source_is_refused(tmp_path: Path, old: str, new: str, said: str) -> None:
    copied(tmp_path, "2023A", (old, new))
    with pytest.raises((KeyError, ValueError)) as error:
        load_period(tmp_path, "2023A")
    assert said in error.value.args[0]
    assert error.value.args[0].startswith("2023A.toml: ")
    assert "source" in error.value.args[0]


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("n_sigma", "n_sigmas", 'ecal: "n_sigma" is missing'),
        ("pedestal", "pedestel", 'hcal: unknown key "pedestel", nearest known is "pedestal"'),
        ("half_width", "halfwidth", 'hcal: unknown key "halfwidth", nearest known is "half_width"'),
        ("[vhcal]", "[vhcall]", 'unknown key "vhcall", nearest known is "vhcal"'),
        ("[beam]", "colour = 1\n[beam]", 'runs[0]: unknown key "colour"'),
        ('name = "2023A"', 'name = "2023B"', 'name: "2023B" is not "2023A", the name of the file'),
        ("values = [2, 5, 6]", "values = [60]", "ecal.shape: (60,) is not (planes or modules, n_x, n_y)"),
        ("values = [2, 5, 6]", "values = [2, 0, 6]", "ecal.shape: (2, 0, 6) is not"),
        ("values = [2, 5, 6]", "values = [2, 5.5, 6]", "ecal.shape: 5.5 is not a whole number from 0"),
        ("values = [2, 5, 6]", "values = [2, -5, 6]", "ecal.shape: -5 is not a whole number from 0"),
        (
            "scale = { value = 1,",
            "scale = { values = [1, 2],",
            "ecal.scale: 2 values where 1 or 60 are expected",
        ),
        (
            "beam_cell = { values = [2, 2]",
            "beam_cell = { values = [5, 2]",
            "ecal.beam_cell: (5, 2) is not a cell",
        ),
        (
            "beam_cell = { values = [2, 2]",
            "beam_cell = { values = [2, 6]",
            "ecal.beam_cell: (2, 6) is not a cell",
        ),
        (
            "\nmodules = { values = [0, 1]",
            "\nmodules = { values = [0, 4]",
            "hcal.modules: (0, 4) are not modules",
        ),
        (
            "\nmodules = { values = [0, 1]",
            "\nmodules = { values = [1, 1]",
            "hcal.modules: (1, 1) are not modules",
        ),
        ("\nmodules = { values = [0, 1]", "\nmodules = { values = []", "hcal.modules: () are not modules"),
        ("value = 4,", "values = [4, 5],", "trigger.physics_mask: 2 values where one is expected"),
        ("n_sigma = { value = 3", "n_sigma = { value = 0", "ecal: a time window of width 0 keeps nothing"),
        ("value = 16.5", "value = -1", "hcal: a time window of width -1 keeps nothing"),
        ('unit = "mm"', 'unit = "mn"', 'ecal.cell_pitch.unit: unknown unit "mn", nearest known is "m'),
        (
            'text = "physics"',
            'text = "physic"',
            'beam.run_type: unknown word "physic", nearest known is "physics"',
        ),
        ('text = "e-"', 'text = "e"', 'period 2023A: unknown particle "e"'),
        (
            "energy = { value = 100",
            "energy = { value = 0",
            "period 2023A: beam energy 0.0 GeV is not positive",
        ),
        (
            'text = "physics"',
            'text = "calibration"',
            "period 2023A: run type calibration is stated run by run",
        ),
        ("first = 8396", "first = 9000", "period 2023A: runs 9000 to 8999 are none"),
        ("[box]", "[box]\nhcal_gaurd = 1", 'box: unknown key "hcal_gaurd", nearest known is "hcal_guard"'),
        ("ecal = { value = 60,", "ecal = { values = [60, 61],", "box.ecal: 2 values where one is expected"),
        ("ecal = { value = 60,", "ecall = { value = 60,", 'box: "ecal" is missing'),
        ('value = 60, unit = "GeV"', 'value = 60, unit = "ns"', "box.ecal.unit"),
        ("value = 60,", "value = -inf,", "box.ecal"),
        ('text = "e-"', 'text = "e-", mass = 1', 'beam.particle: unknown key "mass"'),
        ("first = 8396", "first = 8396.0", "runs[0].first: 8396.0 is not an integer"),
    ],
)
def test_a_wrong_file_is_refused_with_place_and_value(tmp_path: Path, old: str, new: str, said: str) -> None:
    copied(tmp_path, "2023A", (old, new))
    with pytest.raises((KeyError, ValueError)) as error:
        load_period(tmp_path, "2023A")
    assert said in error.value.args[0]


def test_a_period_may_be_one_run(tmp_path: Path) -> None:
    copied(tmp_path, "2023A", ("first = 8396", "first = 8999"))
    assert load_period(tmp_path, "2023A").runs == ((8999, 8999),)


def test_names_and_ranges_need_not_come_in_the_order_of_runs(tmp_path: Path) -> None:
    again = "[[runs]]\nfirst = 9000\nlast = 9002\nsource = 'x'\n\n[beam]"
    changes = (
        ('name = "2023A"', 'name = "1999"'),
        ("first = 8396", "first = 9500"),
        ("last = 8999", "last = 9600"),
    )
    copied(tmp_path, "2023A", *changes, ("[beam]", again), to="1999")
    periods = load_periods(tmp_path)
    assert next(iter(periods)) == "1999"
    assert periods["1999"].runs == ((9000, 9002), (9500, 9600))


def test_one_number_per_cell_is_kept_in_order(tmp_path: Path) -> None:
    scales = ", ".join(str(1 + n / 100) for n in range(60))
    copied(tmp_path, "2023A", ("scale = { value = 1,", f"scale = {{ values = [{scales}],"))
    assert load_period(tmp_path, "2023A").setup.calorimeter.scale == tuple(1 + n / 100 for n in range(60))


def test_a_unit_is_converted_and_described_in_the_base_unit() -> None:
    listed = {name: (value, unit) for name, value, unit, _ in describe(load_periods()["2023A"])}
    assert listed["veto.mip"] == ("0.0107", "GeV")
    assert listed["ecal.shape"] == ("2, 5, 6", "1")


def test_an_unknown_default_type_stays_unknown(tmp_path: Path) -> None:
    period = load_periods()["2023A"]
    assert replace(period, run_type=RunType.UNKNOWN).facts(8700).type is RunType.UNKNOWN


def test_a_misspelt_list_of_detectors_is_named_before_the_features_that_are_missing_without_it(
    tmp_path: Path, edited: Callable[..., Path]
) -> None:
    path = edited("period", "2023A", tmp_path)
    more = '[[detectors]]\nname = "zdc"\nrole = "counters"\n\n'
    formula = '[[feature]]\nname = "twice"\nunit = "GeV"\nformula = "2 * zdc"\n'
    path.write_text(f"{path.read_text()}\n{more}{formula}")
    with pytest.raises(KeyError, match='unknown key "detectors", nearest known is "detector"'):
        load_period(tmp_path, "2023A")
    path.write_text(path.read_text().replace(more, ""))
    with pytest.raises(KeyError, match='unknown name "zdc"'):
        load_period(tmp_path, "2023A")
