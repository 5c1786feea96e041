from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from na64.datasets.basics.toml import TomlTable
from na64.datasets.basics.units import UNITS, Quantity, read_quantity, to_base, unit_of
from na64.datasets.instrument.columns import COLUMNS


def quantity(**entry: object) -> Quantity:
    return read_quantity(TomlTable({"width": entry}, "p.toml"), "width", "GeV")


@pytest.mark.parametrize(
    ("value", "unit", "base", "expected"),
    [
        (80.0, "MeV", "GeV", 0.08),
        (7.6, "MeV", "GeV", 0.0076),
        (3.0, "mrad", "rad", 0.003),
        (48.0, "keV", "GeV", 4.8e-5),
        (1.5, "TeV", "GeV", 1500.0),
        (3.5, "cm", "mm", 35.0),
        (2.0, "m", "mm", 2000.0),
        (2.0, "us", "ns", 2000.0),
        (500.0, "ps", "ns", 0.5),
        (0.5, "MIP", "MIP", 0.5),
        (3.0, "1", "1", 3.0),
    ],
)
def test_numbers_come_out_as_written_by_hand(value: float, unit: str, base: str, expected: float) -> None:
    assert to_base(value, unit, base) == expected


@given(st.sampled_from(sorted(UNITS)), st.integers(-(10**6), 10**6).map(lambda n: n / 1000))
def test_a_conversion_rounds_once(name: str, value: float) -> None:
    unit = UNITS[name]
    exact = Fraction(value) * unit.multiply / unit.divide
    assert to_base(value, name, unit.base) == float(exact)


def test_every_unit_of_a_column_is_a_base_unit() -> None:
    for column in COLUMNS.values():
        unit = UNITS[column.unit]
        assert (unit.base, unit.multiply, unit.divide) == (column.unit, 1, 1)


def test_an_unknown_unit_is_refused_with_the_nearest() -> None:
    with pytest.raises(KeyError) as error:
        unit_of("Gev", "GeV")
    assert error.value.args[0] == 'unknown unit "Gev", nearest known is "GeV"'


def test_a_unit_of_something_else_is_refused() -> None:
    with pytest.raises(ValueError, match='unit "ns" cannot be converted to "GeV"'):
        to_base(1.0, "ns", "GeV")


def test_quantities_carry_their_source() -> None:
    assert quantity(value=80, unit="MeV", source="[V: EJ]") == Quantity((0.08,), "GeV", "[V: EJ]")
    assert quantity(values=[1, 2], unit="GeV", source="x").values == (1.0, 2.0)


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        ({"value": 1, "unit": "GeV"}, 'width: "source" is missing'),
        ({"value": 1, "unit": "GeV", "source": " "}, "width.source: is empty"),
        ({"value": 1, "source": "x"}, 'width: "unit" is missing'),
        ({"value": 1, "unit": "GeV", "source": "x", "sigma": 1}, 'width: unknown key "sigma"'),
        ({"value": 1, "unit": "ns", "source": "x"}, 'width.unit: unit "ns" cannot'),
        ({"value": 1, "unit": "Gev", "source": "x"}, 'width.unit: unknown unit "Gev"'),
        ({"unit": "GeV", "source": "x"}, 'width: "value" is missing'),
    ],
)
def test_an_incomplete_quantity_is_refused(entry: dict[str, object], said: str) -> None:
    with pytest.raises((KeyError, ValueError)) as error:
        quantity(**entry)
    assert f"p.toml: {said}" in error.value.args[0]


def test_a_plain_number_needs_no_unit() -> None:
    read = TomlTable({"ring": {"value": 2, "source": "x"}}, "p.toml")
    assert read_quantity(read, "ring", "1") == Quantity((2.0,), "1", "x")
