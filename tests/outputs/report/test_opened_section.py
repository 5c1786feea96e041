"""The candidates of an opened box in the report are those of the table, or the table is named."""

from __future__ import annotations

from pathlib import Path

import pytest

from na64.outputs.report.opened_section import SECTION

TABLE = b"run,spill,event,ecal,hcal,srd\n8701,1,7,12.5,0.25,1\n"


def write(folder: Path, data: bytes) -> Path:
    (folder / "opened").mkdir()
    (folder / "opened" / "candidates.csv").write_bytes(data)
    return folder


def test_candidates_are_listed_by_number_and_energy(tmp_path: Path) -> None:
    found = SECTION.more(write(tmp_path, TABLE))
    assert found["candidates"] == [{"number": "8701:1:7", "values": [12.5, 0.25]}]
    assert found["features"] == ("ecal", "hcal")


def test_candidates_are_listed_by_the_features_of_the_opened_plane(tmp_path: Path) -> None:
    folder = write(tmp_path, TABLE)
    (folder / "opened" / "plane.csv").write_text("srd,hcal,before_cuts,after_cuts\n1,0,2,1\n")
    found = SECTION.more(folder)
    assert found["features"] == ("srd", "hcal")
    assert found["candidates"] == [{"number": "8701:1:7", "values": [1.0, 0.25]}]


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ("srd", "its first line does not begin with two features"),
        ("", "its first line does not begin with two features"),
        (
            "srd,hcal,before_cuts\n",
            "columns srd, hcal, before_cuts: expected srd, hcal, before_cuts, after_cuts",
        ),
        ("srd,hcal,before_cuts,after_cuts\n1,0,2\n", "line 2: 3 fields for 4 columns"),
    ],
)
def test_a_damaged_plane_is_named(data: str, said: str, tmp_path: Path) -> None:
    folder = write(tmp_path, TABLE)
    (folder / "opened" / "plane.csv").write_text(data)
    with pytest.raises(ValueError, match=f"^plane.csv: {said}"):
        SECTION.more(folder)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", 'no column "run"'),
        (TABLE.partition(b"\n")[2], 'no column "run"'),
        (TABLE.replace(b",", b";"), 'no column "run"'),
        (TABLE.replace(b"hcal", b"hcl"), 'no column "hcal"'),
        (TABLE.replace(b"srd", b"ecal"), "columns "),
        (TABLE + b"8701,1\n", "line 3: 2 fields for 6 columns"),
        (TABLE.replace(b"12.5", b"x"), "line 2: ecal"),
        (TABLE + b"\xff", "not UTF-8"),
        (b"\0" * 50 + TABLE, 'no column "run"'),
    ],
)
def test_a_damaged_table_is_named(data: bytes, said: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=f"^candidates.csv: {said}"):
        SECTION.more(write(tmp_path, data))
