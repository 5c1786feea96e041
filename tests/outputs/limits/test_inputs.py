"""Backgrounds and efficiencies, stated or from files."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from na64.outputs.background.table import BackgroundRow, BackgroundTable
from na64.outputs.limits.efficiency import efficiency_by, efficiency_fits, read_efficiency
from na64.outputs.limits.exposure import LimitInput
from na64.outputs.limits.inputs import background_of, flat_of, is_file
from na64.outputs.limits.request import LimitsRequest, background_files
from na64.outputs.result.descriptions import selection_facts
from na64.outputs.result.origin import Origin, seal_csv
from na64.outputs.signal.beam import ELECTRONS
from na64.outputs.signal.efficiency.efficiency import EfficiencyPoint, efficiency_table
from na64.outputs.signal.efficiency.efficiency_variations import Varied, variations_table
from na64.selections.selection import load_selection


def _table(selection: str, cuts: str = "", setup: str = "") -> bytes:
    points = [
        EfficiencyPoint(mass, "2022", selection, 50.0, 1_000, 1_000, 700, n, cuts, setup)
        for mass, n in ((0.01, 600), (1.0, 400))
    ]
    return efficiency_table(points).to_csv()


@pytest.mark.parametrize(
    ("text", "n", "error"),
    [
        ("0.53+-0.17", 0.53, 0.17),
        (" 0.53 +- 0.17 ", 0.53, 0.17),
        ("0.53±0.17", 0.53, 0.17),
        ("1.2e-1+/-3e-2", 0.12, 0.03),
        ("2", 2.0, 0.0),
    ],
)
def test_a_background_is_stated(text: str, n: float, error: float) -> None:
    found = background_of(text)
    assert (found.n, found.error, found.source) == (n, error, "stated")


@pytest.mark.parametrize(
    "text", ["-1", "nan", "inf", "1+--1", "1+-nan", "1 +- inf", "1e400", "1e7", "-1 +- 1", "NaN"]
)
def test_what_is_a_number_is_no_file_and_has_to_be_one_of_events(text: str) -> None:
    assert not is_file(text)
    with pytest.raises(ValueError, match="expected events, and an error, from 0 to 1e"):
        background_of(text)


@pytest.mark.parametrize("text", ["1+-", "1,5", "1.2.3", "..."])
def test_what_is_neither_number_nor_file_is_refused_by_its_name(
    text: str, exposure_of: Callable[..., LimitInput], tmp_path: Path
) -> None:
    assert is_file(text)
    exposures, request = [exposure_of(("2022", 1e11, None))], LimitsRequest(background=(text,))
    with pytest.raises(FileNotFoundError, match=r"background .*: neither a number, N\+-DN"):
        list(background_files(exposures, request, tmp_path))


@pytest.mark.parametrize(
    "text", ["0", "-1", "2", "nan", "inf", "1.5+-0.1", "0.5+-5", "0.5+-nan", "0.5+--0.1"]
)
def test_an_efficiency_that_can_be_none_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="efficiency"):
        flat_of(text)


def test_the_packaged_table_with_and_without_its_limits() -> None:
    assert background_of("seed_2021", limits_at_face_value=True).text == "0.53 +- 0.17"
    assert background_of("seed_2021").text == "0.50 +- 0.16"


def test_a_table_in_a_file_or_a_folder(tmp_path: Path) -> None:
    table = BackgroundTable(
        (
            BackgroundRow("dimuons", 0.2, 0.1),
            BackgroundRow("target", 0.1, upper_limit=True),
            BackgroundRow("gap", None),
        )
    )
    (tmp_path / "background.csv").write_bytes(table.to_csv())
    for place in (tmp_path, tmp_path / "background.csv"):
        found, mean = background_of(str(place)), 0.1 / np.log(10)
        assert found.values == 0.2
        assert (found.n, found.error) == pytest.approx((0.2 + mean, np.hypot(0.1, mean)))
        at_face_value = background_of(str(place), limits_at_face_value=True)
        assert (at_face_value.n, at_face_value.error) == pytest.approx((0.3, np.hypot(0.1, 0.1)))
    (tmp_path / "none.csv").write_bytes(BackgroundTable((BackgroundRow("gap", None),)).to_csv())
    with pytest.raises(ValueError, match=r"none\.csv: no source has a number"):
        background_of(str(tmp_path / "none.csv"))
    with pytest.raises(FileNotFoundError, match=r"background 0\.5\+\-x: neither a number"):
        background_of("0.5+-x")


def test_an_efficiency_is_stated() -> None:
    assert flat_of("0.5+-0.05") == flat_of("0.5 +- 0.05")
    assert flat_of("efficiency.csv") is None
    for text in ("0", "1.5"):
        with pytest.raises(ValueError, match="expected a number above 0 and up to 1"):
            flat_of(text)


def test_an_efficiency_of_a_file(exposure_of: Callable[..., LimitInput], tmp_path: Path) -> None:
    path = tmp_path / "efficiency.csv"
    exposure = exposure_of(("2022", 1e10, None), folder=str(tmp_path))
    with pytest.raises(ValueError, match="there is no efficiency"):
        efficiency_by(None, threshold=50)(exposure, exposure.periods[0])
    path.write_bytes(_table("invisible"))
    for text in (None, str(path)):
        found = efficiency_by(text, threshold=50)(exposure, exposure.periods[0])
        assert float(found.at(0.1)[0]) == pytest.approx(0.5)
        assert (found.mass[0], found.mass[-1]) == (0.01, 1.0)
    with pytest.raises(ValueError, match=r"no efficiency of period 2023A, only of 2022"):
        efficiency_by(None, threshold=50)(exposure, replace(exposure.periods[0], period="2023A"))
    with pytest.raises(ValueError, match=r"--period has to name one of 2022$"):
        read_efficiency(path, "", threshold=50, beam=ELECTRONS)


def test_an_efficiency_fits_by_its_cuts_and_period_not_by_its_name(
    exposure_of: Callable[..., LimitInput], tmp_path: Path
) -> None:
    path = tmp_path / "efficiency.csv"
    exposure = exposure_of(("2022", 1e10, None), folder=str(tmp_path))
    exposure = replace(exposure, origin=Origin("", "", (("2022", "beam"), ("2018", "other"))))
    path.write_bytes(seal_csv(_table("systematics", "c0ffee", "beam")))
    assert efficiency_fits(path, "2022", exposure) == ""
    for cuts, setup, words in (
        ("decaf", "beam", "it is of the cuts decaf, not of c0ffee"),
        ("c0ffee", "70 GeV", r"it is of another period 2022 \(70 GeV\) than .* \(beam\)"),
        ("", "", r"it is of the cuts \(not stated\)"),
    ):
        path.write_bytes(seal_csv(_table("invisible", cuts, setup)))
        with pytest.raises(
            ValueError, match=f"efficiency.csv: {words}.*; na64 efficiency makes one, or --reason"
        ):
            efficiency_fits(path, "2022", exposure)
        assert efficiency_fits(path, "2022", exposure, reason="it is").endswith("; stated: it is")


def test_an_efficiency_that_was_edited_or_written_by_hand_needs_a_reason(
    exposure_of: Callable[..., LimitInput], tmp_path: Path
) -> None:
    path = tmp_path / "efficiency.csv"
    exposure = exposure_of(("2022", 1e10, None), folder=str(tmp_path))
    path.write_bytes(_table("invisible", "c0ffee"))
    with pytest.raises(ValueError, match="it does not say which result and which cuts it is of"):
        efficiency_fits(path, "2022", exposure)
    sealed = seal_csv(_table("invisible", "c0ffee"))
    path.write_bytes(sealed.replace(b"0.4,", b"0.5,").replace(b",400,", b",500,"))
    with pytest.raises(ValueError, match="it was edited after it was written"):
        efficiency_fits(path, "2022", exposure)
    path.write_bytes(sealed)
    variations = tmp_path / "efficiency_variations.csv"
    entry = Varied(0.01, "2022", "invisible", "veto", 600, 1, 9, "VETO", "")
    variations.write_bytes(seal_csv(variations_table([entry]).to_csv()).replace(b",600,1,9,", b",600,2,10,"))
    with pytest.raises(ValueError, match="it was edited after it was written"):
        efficiency_fits(path, "2022", exposure)


def test_a_selection_with_variations_has_the_cuts_of_the_one_without() -> None:
    names = ("invisible_2023", "systematics_2023", "dimuon_2023")
    plain, varied, other = (selection_facts(load_selection(name)).cuts_identity for name in names)
    assert plain == varied != other
