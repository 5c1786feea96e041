"""Losses of the signal in files: what is packaged, what is refused, and accidental activity by intensity."""

from __future__ import annotations

from pathlib import Path

import pytest

from na64.datasets.conditions.losses import Losses, losses_of_files, packaged_losses, read_losses
from na64.datasets.conditions.periods import load_periods

LOSS = '[loss.tracking]\nvalue = 0.8\nsource = "[V: a test]"\n'


def read(folder: Path, text: str, head: str = 'period = "2018"\n') -> Losses:
    path = folder / "own.toml"
    path.write_text(head + text)
    return read_losses(path)


def test_the_packaged_numbers_are_those_of_their_sources() -> None:
    """[R-med; 1906.00176], as recollected; 0.7 % of 2,704 dimuons out of time [D: RC]."""
    found = {loss.name: loss for loss in packaged_losses()["2018"].losses}
    assert {name: (loss.value, loss.error) for name, loss in found.items()} == {
        "acceptance": (0.97, None),
        "tracking": (0.83, None),
        "srd": (None, None),
        "trigger": (0.95, 0.02),
        "veto": (0.94, 0.04),
        "hcal": (0.94, 0.04),
        "pile_up": (0.993, 0.0016),
        "live_time": (0.93, None),
    }
    assert all(loss.source.startswith("[") for loss in found.values())
    assert found["pile_up"].error == pytest.approx((0.007 * 0.993 / 2704) ** 0.5, rel=0.01)


def test_every_packaged_period_has_losses_and_says_what_it_takes_over() -> None:
    losses = packaged_losses()
    assert set(losses) == set(load_periods())
    for period in set(losses) - {"2018", "2022M"}:
        own = {loss.name: loss.source for loss in losses[period].losses}
        assert own["tracking"].endswith("of 2018, taken over unverified")
        assert all(source.count("taken over unverified") <= 1 for source in own.values())
    assert all(loss.value is None and "NOT FOUND" in loss.source for loss in losses["2022M"].losses)
    assert [loss.note for loss in losses["2016"].losses if loss.name == "veto"] == [
        "scaled from 7e+06 to 2.7e+06 a spill"
    ]


def test_nothing_accidental_comes_with_a_probability_that_falls_exponentially(tmp_path: Path) -> None:
    """At a quarter of the intensity a fourth root is kept, and a quarter of the relative error is left."""
    veto = '[loss.veto]\nvalue = 0.81\nerror = 0.081\nsource = "a"\n'
    veto += 'intensity = { value = 4e6, source = "a" }\n'
    quarter = 'period = "2018"\nintensity = { value = 1e6, source = "a" }\n'
    (loss,) = read(tmp_path, veto, quarter).losses
    assert (loss.value, loss.error) == pytest.approx((0.81**0.25, 0.025 * 0.81**0.25))
    assert loss.note == "scaled from 4e+06 to 1e+06 a spill"
    (loss,) = read(tmp_path, veto).losses
    assert (loss.value, loss.error) == (0.81, 0.081)
    assert "intensity of the period NOT FOUND: not scaled" in loss.note


def test_what_is_not_known_is_said_and_is_no_number(tmp_path: Path) -> None:
    (loss,) = read(tmp_path, '[loss.hodoscope]\nsource = "NOT FOUND"\n').losses
    assert (loss.value, loss.error) == (None, None)
    with pytest.raises(ValueError, match=r"loss hodoscope: no value: expected a source that begins with NOT"):
        read(tmp_path, '[loss.hodoscope]\nsource = "[V: a guess]"\n')
    with pytest.raises(ValueError, match=r"loss hodoscope: an error of 0\.1 without a value"):
        read(tmp_path, '[loss.hodoscope]\nerror = 0.1\nsource = "NOT FOUND"\n')


@pytest.mark.parametrize("name", ["daq", "dead_time", "daq_live", "live_fraction", "deadtime_corrected"])
def test_a_live_time_has_one_name_only(tmp_path: Path, name: str) -> None:
    with pytest.raises(ValueError, match=rf'loss "{name}": a live time is named live_time'):
        read(tmp_path, LOSS.replace("tracking", name))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (LOSS + LOSS, "own.toml"),  # a live time that is there twice is TOML that nobody can read
        (LOSS.replace("0.8", "0"), "value 0: expected a share above 0 and up to 1"),
        (LOSS.replace("0.8", "1.01"), "value 1.01: expected a share"),
        (LOSS.replace("0.8", "0.8\nerror = 0.8"), "error 0.8: expected from 0 on and below the value 0.8"),
        (LOSS.replace("0.8", "0.8\nerror = -0.1"), "error -0.1"),
        (LOSS.replace("source", "sources"), '"source" is missing'),
        (LOSS.replace("[V: a test]", " "), "source: is empty"),
        (LOSS.replace("0.8", "0.8\nvalues = 1"), 'unknown key "values"'),
        (LOSS.replace("tracking", "Tracking"), "expected small letters"),
        (LOSS.replace("tracking", "live_time") + 'cuts = ["trigger"]\n', "live_time: no cut simulates it"),
        (
            LOSS + 'cuts = ["angle"]\n' + LOSS.replace("tracking", "beam") + 'cuts = ["angle"]\n',
            'cut "angle" is of the losses tracking and beam',
        ),
    ],
)
def test_a_file_that_is_wrong_is_refused_by_name(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises((ValueError, KeyError), match=r"own\.toml.*") as caught:
        read(tmp_path, text)
    assert words in str(caught.value)


def test_a_period_taken_over_has_to_be_packaged(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r'own\.toml: like: unknown period "2017", nearest known is "201'):
        read(tmp_path, 'like = "2017"\n')


def test_two_files_of_a_period_are_refused(tmp_path: Path) -> None:
    read(tmp_path, LOSS)
    paths = [tmp_path / "own.toml", tmp_path / "own.toml"]
    with pytest.raises(ValueError, match=r"own\.toml: another file has losses of period 2018 too"):
        losses_of_files(paths)
