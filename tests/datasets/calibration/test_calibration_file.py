"""The file of a calibration: written and read back, and refused if it is wrong or was edited."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from na64.datasets.calibration.calibration_file import load_calibration, to_toml
from na64.datasets.calibration.constants import BadCell, Calibration, Defect, Quantity
from na64.datasets.conditions.periods import load_periods
from na64.tests.datasets.calibration.example_constants import calibration_of

CHANGES = {("ecal", Quantity.SCALE): {5: 1.1}, ("hcal", Quantity.DELAY): {2: -3.0}}


def example() -> Calibration:
    (part,) = calibration_of(CHANGES, bad=(BadCell("ecal", 7, Defect.NOISY, "test"),)).ranges
    template = load_periods()["2023A"].setup.template
    return Calibration(
        "example", (replace(part, template=template, template_errors={"core": 0.1}),), {"sample": "data"}
    )


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "calibration.toml"
    path.write_bytes(to_toml(example()))
    return path


def test_it_is_read_back_as_it_was(file: Path) -> None:
    found = load_calibration(file)
    assert found == example()
    assert found.identity == example().identity
    assert to_toml(found) == file.read_bytes()


def test_a_folder_stands_for_its_file(file: Path) -> None:
    assert load_calibration(file.parent) == load_calibration(file)
    with pytest.raises(FileNotFoundError, match="nowhere: no such file, nor a folder"):
        load_calibration(file.parent / "nowhere")


WRONG = {
    "an edited number": ("first = 8701", "first = 8700", "was edited: its numbers are not those"),
    "an edited defect": ('defect = "noisy"', 'defect = "dead"', "was edited"),
    "another version": ("schema = 1", "schema = 2", "schema: 2 is not 1, the version that is known"),
    "an unknown key": ("schema = 1", "schema = 1\nschemas = 1", "schemas"),
    "an unknown defect": ('defect = "noisy"', 'defect = "nosy"', 'unknown defect "nosy"'),
    "another unit": ('unit = "ns"', 'unit = "us"', "unit: us is not ns"),
    "two detectors of a name": ('name = "hcal"', 'name = "ecal"', "ecal is there twice"),
    "a missing period": ('period = "2023A"', "", "period"),
    "a number that is none": ("core = 4.25", "core = nan", "core"),
    "no runs": ("last = 8705", "last = 8700", "calibration.toml: runs 8701 to 8700 are none"),
}


@pytest.mark.parametrize("what", WRONG)
def test_what_is_wrong_is_refused_with_the_file(file: Path, what: str) -> None:
    old, new, why = WRONG[what]
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new, 1))
    with pytest.raises((ValueError, KeyError), match=why) as caught:
        load_calibration(file)
    assert "calibration.toml" in str(caught.value)


def test_numbers_of_ones_own_are_taken_without_an_identity(file: Path) -> None:
    lines = [line for line in file.read_text().splitlines() if not line.startswith("identity")]
    file.write_text("\n".join(lines).replace("first = 8701", "first = 8700"))
    found = load_calibration(file)
    assert found.covers == "8700-8705"
    assert found.identity != example().identity
