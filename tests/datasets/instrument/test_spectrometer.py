"""Spectrometers that the file of a period declares."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from na64.datasets.conditions.periods import describe, load_period

MAGNET = """
[[spectrometer]]
name = "momentum"
planes = ["one", "two", "three"]
field = { value = 1.5, unit = "T", source = "test" }
first = { value = 0, unit = "mm", source = "test" }
last = { value = 2, unit = "m", source = "test" }
z = { values = [-2, -1, 4], unit = "m", source = "test" }
origin = { value = 0, unit = "mm", source = "test" }
resolution = { value = 0.1, unit = "mm", source = "test" }

[[feature]]
name = "missing"
unit = "GeV"
formula = "beam_energy - momentum"
"""
PLANES = "".join(f'\n[[detector]]\nname = "{name}"\nrole = "tracker"\n' for name in ("one", "two", "three"))


@pytest.fixture
def declare(tmp_path: Path, edited: Callable[..., Path]) -> Callable[..., Path]:
    def write(*changes: tuple[str, str]) -> Path:
        text = PLANES + MAGNET
        for old, new in changes:
            assert old in text
            text = text.replace(old, new, 1)
        path = edited("period", "2023A", tmp_path, ("8396", "9000"), ("8999", "9999"), to="mine")
        path.write_text(path.read_text(encoding="utf-8") + text, encoding="utf-8")
        return path.parent

    return write


def test_a_spectrometer_has_features_that_formulas_may_use(declare: Callable[..., Path]) -> None:
    period = load_period(declare(), "mine")
    (found,) = period.setup.spectrometers
    assert (found.field, found.first, found.last, found.z) == (1.5, 0.0, 2000.0, (-2000.0, -1000.0, 4000.0))
    assert (found.origin, found.resolution) == ((0.0,) * 3, (0.1,) * 3)
    names = [*period.features][-7:]
    ends = ("", "_error", "_chi2", "_bend", "_slope", "_planes")
    assert names == [*(f"momentum{end}" for end in ends), "missing"]
    assert period.features["momentum"].detectors == ("one", "two", "three")
    assert period.features["missing"].detectors == ("one", "two", "three")
    assert ("spectrometer.momentum.field", "1.5", "T", "test") in describe(period)
    assert ("spectrometer.momentum.planes", "one, two, three", "1", "names of trackers") in describe(period)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            '"three"]',
            '"four"]',
            r'planes.*: "four" is not a tracker of the period, each once: one, two',
        ),
        ('"three"]', '"one"]', '"one" is not a tracker of the period, each once'),
        ("value = 1.5", "value = 0", "without a field there is no momentum"),
        ("value = 2, unit", "value = -2, unit", "last.*: -2000 mm is not behind 0 mm"),
        ("value = 0.1", "value = 0", "resolution.*: 0 mm is not positive"),
        ("[-2, -1, 4]", "[-2, -1, -0.5]", "3 planes in front of the magnet and 0 behind"),
        ("[-2, -1, 4]", "[-2, -2, 4]", "1 planes in front of the magnet and 1 behind"),
        ("[-2, -1, 4]", "[-2, -1]", "z.*: 2 values where 1 or 3 are expected"),
        ('unit = "T"', 'unit = "mm"', 'unit "mm" cannot be converted to "T"'),
    ],
)
def test_one_that_gives_no_momentum_is_refused(
    old: str, new: str, message: str, declare: Callable[..., Path]
) -> None:
    with pytest.raises(ValueError, match=message):
        load_period(declare((old, new)), "mine")


@pytest.mark.parametrize("name", ["ecal", "one_n_hits", "track_momentum"])
def test_its_features_are_called_as_nothing_else_is(name: str, declare: Callable[..., Path]) -> None:
    folder = declare(('name = "momentum"', f'name = "{name}"'), ("- momentum", "- hcal"))
    with pytest.raises(ValueError, match=f'feature "{name}" is a'):
        load_period(folder, "mine")
