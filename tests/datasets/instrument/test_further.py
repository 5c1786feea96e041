from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from na64.datasets.conditions.periods import Period, features_of_periods, load_period, load_periods
from na64.datasets.instrument.detector import Sum
from na64.datasets.instrument.features import FEATURES
from na64.datasets.instrument.roles import CellOrder, Role

HODOSCOPE = """
[[detector]]
name = "hodo"
role = "counters"
shape = { values = [1, 1, 16], source = "test" }
half_width = { value = 8, unit = "ns", source = "test" }
mip = { value = 2, unit = "MeV", source = "test" }
"""
PLANES = HODOSCOPE.replace("counters", "calorimeter")
MODULES = HODOSCOPE.replace("counters", "modules")
HODO = '[[detector]]\nname = "hodo"\n'
MUON = (
    """
name = "muons"
description = "160 GeV muons"
times_in_files = { flag = false, source = "test" }
[[runs]]
first = 20000
last = 20100
source = "test"
[beam]
particle = { text = "mu-", source = "test" }
energy = { value = 160, unit = "GeV", source = "test" }
run_type = { text = "physics", source = "test" }
[trigger]
physics_mask = { value = 1, source = "test" }
[constants]
two_mips = { value = 4, unit = "MeV", source = "test" }
[[detector]]
name = "mu_ecal"
role = "calorimeter"
shape = { values = [1, 5, 6], source = "[V: MU]" }
cell_order = "x_fastest"
half_width = { value = 10, unit = "ns", source = "test" }
beam_cell = { values = [2, 3], source = "test" }
[[detector]]
name = "mu_hcal"
role = "modules"
shape = { values = [2, 6, 3], source = "[V: MU]" }
cell_order = "x_fastest"
n_sigma = { value = 3, source = "test" }
scale = { values = [SCALES], source = "test" }
centre_cells = { cells = [[2, 1], [3, 1], [1, 0, 0]], source = "[V: RC]" }
[[detector.sum]]
name = "both"
parts = { values = [0, 1], source = "test" }
[[detector]]
name = "mm1"
role = "tracker"
z = { value = 2, unit = "m", source = "test" }
""".replace("SCALES", ", ".join(f"{n + 1}" for n in range(36)))
    + "".join(
        f"""
[[detector]]
name = "{name}"
role = "counters"
shape = {{ values = [1, 1, 1], source = "[V: MU]" }}
half_width = {{ value = 10, unit = "ns", source = "test" }}
"""
        for name in ("s0", "s1", "s4", "smu", "v0")
    )
)
SECOND_MOMENTUM = """
[[column]]
name = "p_out"
unit = "GeV"
meaning = "momentum behind the target"
[[feature]]
name = "lost"
unit = "GeV"
formula = "beam_energy - p_out - mu_hcal_both"
[[feature]]
name = "through"
unit = "1"
formula = "s4_0 > two_mips and lost > 60 * GeV"
"""


@pytest.fixture
def declare(tmp_path: Path, edited: Callable[..., Path]) -> Callable[..., Period]:
    """Load a copy of 2023A for other runs with something declared besides."""

    def load(text: str, name: str = "mine") -> Period:
        runs = (("8396", "9000"), ("8999", "9999"))
        path = edited("period", "2023A", tmp_path, *runs, to=name)
        path.write_text(path.read_text(encoding="utf-8") + text, encoding="utf-8")
        return load_period(tmp_path, name)

    return load


def test_a_period_declares_counters(declare: Callable[..., Period]) -> None:
    period = declare(HODOSCOPE)
    hodo = period.setup.detectors["hodo"]
    assert (hodo.role, hodo.n_cells, hodo.timing.half_width, hodo.mip) == (Role.COUNTERS, 16, 8, 0.002)
    assert period.setup.further == (hodo,)
    assert [*period.features][:5] == ["hodo_sum", "hodo_total", "hodo_out_of_time", "hodo_n_hits", "hodo_0"]
    assert period.features["hodo_mip_15"].unit == "MIP"
    assert period.features["hodo_3"].meaning == "in-time energy of hodo counter 3"
    assert {f.detectors for f in period.features.values()} == {("hodo",)}
    assert ("detector.hodo.mip", "0.002") in [(fact.name, fact.value) for fact in period.provenance]


def test_packaged_periods_have_features_of_two_modules_where_axion_like_particles_are_looked_for() -> None:
    periods = {
        name: period for name, period in load_periods().items() if not name.endswith(("V", "M", "H", "K"))
    }
    names = {name: [*period.features] for name, period in periods.items() if period.features}
    rear = ["hcal_rear", "hcal_rear_total", "hcal_rear_r"]
    assert names == {"2016": rear, "2018": rear}
    assert [*features_of_periods(periods.values())] == rear


def test_a_muon_set_up_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "muons.toml").write_text(MUON + SECOND_MOMENTUM)
    period = load_period(tmp_path, "muons")
    setup, hcal = period.setup, period.setup.detectors["mu_hcal"]
    assert "ecal" not in setup.detectors
    assert hcal.cell_order is CellOrder.X_FASTEST
    assert hcal.centre_cells == ((7, 10), (7, 10, 0))
    assert hcal.sums == (Sum("both", (0, 1)),)
    assert hcal.scale[:4] == (1, 7, 13, 2)
    assert hcal.scale[18] == 19
    assert setup.detectors["mm1"].z == 2000
    assert {"mu_ecal_3x3", "mu_hcal_both_r", "smu_0", "mm1_first_hit", "p_out", "lost"} <= {*period.features}
    assert "mu_ecal_x" not in period.features
    assert next(iter(period.features)) == "p_out"
    assert [*period.features][-2:] == ["lost", "through"]
    assert period.features["lost"].detectors == ("mu_hcal",)
    assert period.features["through"].detectors == ("mu_hcal", "s4")
    assert dict(setup.constants) == {"beam_energy": 160, "two_mips": 0.004}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (HODOSCOPE.replace("hodo", "veto"), '"veto" is a table [veto] of its own'),
        (HODOSCOPE + HODOSCOPE, 'detector[1].name: "hodo" is there twice'),
        (HODOSCOPE.replace("hodo", "Hodo"), '"Hodo" is not a letter and up to 39'),
        (HODOSCOPE.replace("counters", "counter"), 'unknown word "counter", nearest known is "counters"'),
        (HODOSCOPE.replace("half_width", "halfwidth"), "n_sigma or half_width is missing"),
        (HODOSCOPE.replace("value = 8", "value = 0"), "a time window of width 0 keeps nothing"),
        (HODOSCOPE.replace("mip =", "mips ="), 'unknown key "mips", nearest known is "mip"'),
        (HODOSCOPE.replace("value = 2", "value = -2"), "detector[0].mip: -0.002 is not positive"),
        (HODOSCOPE.replace("[1, 1, 16]", "[16]"), "shape: (16,) is not (planes or modules, n_x, n_y)"),
        (HODOSCOPE.replace("[1, 1, 16]", "[100, 100, 100]"), "up to 4096 cells"),
        (HODOSCOPE.replace("counters", "paddles").replace("16]", "15]"), "not two a paddle"),
        (HODOSCOPE.replace("MeV", "mm"), "detector[0].mip"),
        (HODOSCOPE.replace(', source = "test"', "", 1), '"source" is missing'),
        (HODOSCOPE + 'cell_order = "z"', 'unknown word "z"'),
        (
            HODOSCOPE.replace("counters", "hodoscope"),
            'unknown word "hodoscope", known are calorimeter, modules,',
        ),
        (
            HODOSCOPE.replace("{ value = 2, unit", "2 # "),
            "detector[0].mip: 2 is not a table like { value = 1, unit",
        ),
        (
            HODOSCOPE + 'beam_cell = { values = [0, 0], source = "test" }',
            "detector[0].beam_cell: is a key of the role calorimeter, not of counters",
        ),
        (HODOSCOPE + 'balance = { value = 0.3, source = "test" }', "balance: is a key of the role paddles"),
        (PLANES + 'beam_cell = { values = [1, 0], source = "test" }', "beam_cell: (1, 0) is not a cell"),
        (MODULES + 'centre_cells = { cells = [[0, 16]], source = "test" }', "[0, 16] is not a cell"),
        (MODULES + 'centre_cells = { cells = [[1]], source = "test" }', "[1] is not a cell"),
        (MODULES + 'centre_cells = { cells = [[0, 0, 0, 1]], source = "test" }', "is not a cell"),
        (MODULES + 'centre_cells = { cells = [[0, 1], [0, 1]], source = "test" }', "is there twice"),
        (MODULES + 'centre_cells = { cells = [], source = "test" }', "centre of module 0 is missing"),
        (HODOSCOPE + 'sigma_of_cell = { values = [16], source = "test" }', "one number below 16 a cell"),
        (
            HODOSCOPE + '[[detector.sum]]\nname = "some"\nparts = { values = [16], source = "test" }',
            "sum[0].parts: [16] are not different counters, from 0 to 15",
        ),
        (
            HODOSCOPE + '[[detector.sum]]\nname = "total"\nparts = { values = [1], source = "test" }',
            'feature "hodo_total" is a feature already',
        ),
        (
            HODOSCOPE.replace("hodo", "straw3").replace("counters", "tracker"),
            '"straw3_x" is of something else',
        ),
        ('[[column]]\nname = "ecal"\nunit = "GeV"\nmeaning = ""', 'feature "ecal" is a feature already'),
        ('[[column]]\nname = "run"\nunit = "1"\nmeaning = ""', 'feature "run" is a column already'),
        ('[[column]]\nname = "any"\nunit = "1"\nmeaning = ""', "is a key of a cut already"),
        ('[[column]]\nname = "p"\nunit = "MeV"\nmeaning = ""', 'unknown base unit "MeV"'),
        (
            HODOSCOPE + '[[feature]]\nname = "f"\nunit = "GeV"\nformula = "hodo_16 + 1"',
            'feature[0].formula: unknown name "hodo_16", nearest known is "hodo_1',
        ),
        ('[[feature]]\nname = "f"\nunit = "MIP"\nformula = "ecal"', "is in GeV, its unit says"),
        ('[[feature]]\nname = "f"\nunit = "GeV"\nformula = "f + 1"', "made of themselves"),
        ('[[feature]]\nname = "ecal"\nunit = "GeV"\nformula = "hcal"', '"ecal" is a feature already'),
        ('[[feature]]\nname = "beam_energy"\nunit = "GeV"\nformula = "hcal"', "is a constant already"),
        ('[[feature]]\nname = "trigger"\nunit = "GeV"\nformula = "hcal"', '"trigger" is a column already'),
        (
            HODOSCOPE + '[[feature]]\nname = "hodo_time"\nunit = "GeV"\nformula = "hcal"',
            '"hodo_time" is a column already',
        ),
        (
            HODOSCOPE + '[constants]\nhodo_mip = { value = 3, unit = "MeV", source = "test" }',
            'constants.hodo_mip: "hodo_mip" is that of hodo',
        ),
        (
            HODOSCOPE + '[constants]\nhodo_sum = { value = 3, unit = "MeV", source = "test" }',
            'feature "hodo_sum" is a constant already',
        ),
        ('[constants]\necal = { value = 1, source = "test" }', '"ecal" is something else already'),
        ('[constants]\nmine = { value = 1, unit = "eV", source = "test" }', 'unknown unit "eV"'),
        ("[constants]\nmine = { value = 1 }", '"source" is missing'),
    ],
)
def test_a_wrong_declaration_is_refused(text: str, said: str, declare: Callable[..., Period]) -> None:
    with pytest.raises((KeyError, ValueError)) as error:
        declare(text)
    message = error.value.args[0]
    assert said in message
    assert message.startswith("mine.toml: ")


SUM = '[[hcal.sum]]\nname = "rear"\nparts = { values = [1, 2], source = "test" }\n\n'


def test_a_standard_detector_has_features_of_its_sums_beside_its_own(
    tmp_path: Path, edited: Callable[..., Path]
) -> None:
    def load(text: str) -> Period:
        runs = (("8396", "9000"), ("8999", "9999"))
        edited("period", "2023A", tmp_path, *runs, ("[vhcal]", f"{text}[vhcal]"), to="mine")
        return load_period(tmp_path, "mine")

    assert [*load(SUM).features] == ["hcal_rear", "hcal_rear_total"]  # no centre is stated
    with pytest.raises(ValueError, match='feature "hcal_total" is a feature already'):
        load(SUM.replace("rear", "total"))


def test_other_centre_cells_of_the_standard_hcal_than_its_features_are_of_are_refused(
    tmp_path: Path, edited: Callable[..., Path]
) -> None:
    def load(cells: str, further: str = "") -> Period:
        stated = f'[hcal]\ncentre_cells = {{ cells = {cells}, source = "test" }}'
        runs = (("8396", "9000"), ("8999", "9999"))
        edited(
            "period",
            "2023A",
            tmp_path,
            *runs,
            ("[hcal]", stated),
            ("[vhcal]", f"{further}[vhcal]"),
            to="mine",
        )
        return load_period(tmp_path, "mine")

    assert load("[[1, 1]]").setup.modules.centre_cells == ((4,),) * 4
    assert load("[[0, 1]]", SUM).setup.modules.centre_cells == ((1,),) * 4
    for cells in ("[[0, 1]]", "[[1, 1], [0, 1]]", "[[0, 1, 1], [1, 1, 1], [2, 0, 1], [3, 1, 1]]"):
        with pytest.raises(ValueError, match=r"mine.toml: hcal.centre_cells: the features of hcal are of"):
            load(cells)


def test_periods_that_call_different_things_the_same_are_refused(declare: Callable[..., Period]) -> None:
    one = declare(HODOSCOPE, "one")
    same = declare(HODOSCOPE + '[[feature]]\nname = "own"\nunit = "GeV"\nformula = "hodo_0 + ecal"', "same")
    assert [*features_of_periods([one, same])] == [*one.features, "own"]
    other = declare(HODOSCOPE.replace("counters", "modules"), "other")
    with pytest.raises(ValueError, match=r'feature "hodo_0" is .* in period one and .* in period other'):
        features_of_periods([one, other])


def test_features_of_a_period_are_none_of_the_standard_ones(declare: Callable[..., Period]) -> None:
    assert not {*declare(HODOSCOPE).features} & {*FEATURES}
