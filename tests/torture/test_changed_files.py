"""A file that is not any more what was registered is not read, and is named."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import uproot

Tell = Callable[[str, str, str], None]

BAD = "run_8701.root"
RUN = 8701


def flip(path: Path, place: int) -> None:
    data = bytearray(path.read_bytes())
    data[place] ^= 16
    path.write_bytes(data)


CODECS = {
    "none": ("ttree", uproot.ZLIB(0)),
    "ZLIB": ("ttree", uproot.ZLIB(4)),
    "LZ4": ("ttree", uproot.LZ4(4)),
    "ZSTD": ("ttree", uproot.ZSTD(3)),
    "LZMA": ("ttree", uproot.LZMA(1)),
    "RNTuple": ("rntuple", uproot.ZSTD(1)),
    "Parquet": ("parquet", None),
}


def flip_in_basket(path: Path) -> None:
    flip(path, path.stat().st_size // 2)


def flip_in_footer(path: Path) -> None:
    flip(path, path.stat().st_size - 60)


def blank_the_end(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-100] + bytes(100))


AFTERWARDS = {change.__name__: change for change in (flip_in_basket, flip_in_footer, blank_the_end)}


LATER = [(codec, name) for codec in CODECS for name in AFTERWARDS]


@pytest.mark.parametrize(("codec", "change"), LATER, ids=[" ".join(pair) for pair in LATER])
def test_a_file_that_changed_after_registration_is_not_read(
    codec: str, change: str, campaign: Any, reference: Callable[..., Any], tell: Tell
) -> None:
    container, compression = CODECS[codec]
    name = "run_8701.parquet" if container == "parquet" else BAD
    campaign.path(BAD).unlink()
    path = campaign.write(name, campaign.read(BAD), container=container, compression=compression)
    before = campaign.catalogue()
    assert not before.unreviewed
    AFTERWARDS[change](path)
    check_changed(
        campaign, before, name, reference(), lambda line: tell(f"39-40 {codec}, {change}", "INCOMPLETE", line)
    )


@pytest.mark.parametrize("change", ["longer", "shorter", "gone", "same size", "same events"])
def test_a_file_that_was_replaced_is_not_read(
    change: str, campaign: Any, reference: Callable[..., Any], tell: Tell
) -> None:
    before = campaign.catalogue(simulation=False)
    path = campaign.path(BAD)
    if change == "longer":
        path.write_bytes(path.read_bytes() + b"x")
    elif change == "shorter":
        campaign.write(BAD, {name: values[:100] for name, values in campaign.read(BAD).items()})
    elif change == "gone":
        path.unlink()
    elif change == "same size":
        flip(path, 1000)
    else:
        campaign.write(BAD, campaign.read(BAD), compression=uproot.ZSTD(3))
    good = reference(simulation=False)
    check_changed(campaign, before, BAD, good, lambda line: tell(f"replaced: {change}", "INCOMPLETE", line))


def check_changed(campaign: Any, before: Any, name: str, good: Any, line: Callable[[str], None]) -> None:
    result, summary = campaign.process(before)
    assert summary.verdict.value == "INCOMPLETE"
    (failure,) = result.failures
    assert name in failure
    line(failure)
    assert result.missing == {RUN: result.recorded[RUN], 8702: 0, 8703: 0}
    for run in (8702, 8703):
        assert result.tallies[run] == good.tallies[run]
    catalogue = campaign.catalogue(simulation=before.kind.value == "simulation", previous=before)
    (record,) = catalogue.unreviewed
    assert record.name == name
    assert record.reason
