"""Bytes of run files changed at random: quarantine with a reason, or nothing that is not accounted for."""

from __future__ import annotations

import os
import signal
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

import numpy as np
import pytest

RUN = 8701
SOURCE = "run_8701.root"
LONGEST = 20
"""Seconds of CPU that one damaged file may take; thirty times as long by the clock."""

EXTREMES = [
    bytes(4),
    b"\xff" * 4,
    b"\x7f\xff\xff\xff",
    b"\x80\x00\x00\x00",
    b"\xff\xff\xff\x7f",
    b"\x00\x00\x10\x00",
]

Random = np.random.Generator


def flip_bit(data: bytearray, random: Random) -> None:
    data[random.integers(len(data))] ^= 1 << int(random.integers(8))


def overwrite(data: bytearray, random: Random) -> None:
    place = random.integers(len(data) - 4)
    data[place : place + 4] = EXTREMES[random.integers(len(EXTREMES))]


def overwrite_near_the_end(data: bytearray, random: Random) -> None:
    place = len(data) - 5 - random.integers(min(len(data) - 5, 20_000))
    data[place : place + 4] = EXTREMES[random.integers(len(EXTREMES))]


def truncate(data: bytearray, random: Random) -> None:
    del data[random.integers(len(data)) :]


def blank(data: bytearray, random: Random) -> None:
    place, size = random.integers(len(data)), random.integers(1, 2000)
    data[place : place + size] = bytes(min(size, len(data) - place))


def insert(data: bytearray, random: Random) -> None:
    place = random.integers(len(data))
    data[place:place] = random.bytes(int(random.integers(1, 50)))


def swap(data: bytearray, random: Random) -> None:
    one, other = sorted(random.integers(len(data) - 64, size=2))
    size = min(64, other - one)
    data[one : one + size], data[other : other + size] = data[other : other + size], data[one : one + size]


MUTATIONS = (flip_bit, overwrite, overwrite_near_the_end, truncate, blank, insert, swap)


@contextmanager
def at_most(seconds: int) -> Iterator[None]:
    """Turn a hang into an error that is not an `Exception`: nothing on the way takes it for a bad file."""

    class Hang(BaseException):
        """The time is over."""

    def end(_number: int, _frame: FrameType | None) -> None:
        raise Hang(f"not done in {seconds} s")

    before = {number: signal.signal(number, end) for number in (signal.SIGPROF, signal.SIGALRM)}
    signal.setitimer(signal.ITIMER_PROF, seconds)
    signal.alarm(30 * seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.alarm(0)
        for number, handler in before.items():
            signal.signal(number, handler)


def mutated(original: bytes, seed: int) -> bytes:
    random = np.random.default_rng(seed)
    data = bytearray(original)
    MUTATIONS[seed % len(MUTATIONS)](data, random)
    return bytes(data)


def run_file(campaign: Any, container: str) -> Path:
    """The only file of a campaign: one run, in some format."""
    name = f"run_8701.{'parquet' if container in ('parquet', 'packed') else 'root'}"
    branches = campaign.read(SOURCE)
    for path in campaign.folder.glob("run_*"):
        path.unlink()
    return campaign.write(name, {key: v[:40] for key, v in branches.items()}, container=container)  # type: ignore[no-any-return]


def try_before(campaign: Any, path: Path, original: bytes, seeds: range) -> Counter[str]:
    """Register files that are damaged already; a file with checksums must give the reference or nothing."""
    path.write_bytes(original)
    good = campaign.process(campaign.catalogue())[0].tallies[RUN]
    outcomes: Counter[str] = Counter()
    for seed in seeds:
        path.write_bytes(mutated(original, seed))
        with at_most(LONGEST):
            catalogue = campaign.catalogue()
            (record,) = catalogue.files
            if not record.is_good:
                assert record.reason
                assert "\n" not in record.reason
                outcomes["quarantine"] += 1
                continue
            result, summary = campaign.process(catalogue)
        if result.failures:
            assert record.name in result.failures[0]
            assert summary.verdict.value == "INCOMPLETE"
            outcomes["incomplete"] += 1
        elif result.tallies == {RUN: good}:
            outcomes["equal"] += 1
        else:
            assert path.suffix == ".root", f"seed {seed}: a Parquet file with checksums gave another result"
            assert sum(result.recorded.values()) == sum(tally.read for tally in result.tallies.values())
            outcomes["another file"] += 1
    return outcomes


def try_after(campaign: Any, path: Path, original: bytes, seeds: range) -> Counter[str]:
    """Damage a file that is registered: it is never read."""
    path.write_bytes(original)
    catalogue = campaign.catalogue()
    outcomes: Counter[str] = Counter()
    for seed in seeds:
        path.write_bytes(mutated(original, seed))
        if path.read_bytes() == original:
            outcomes["no change"] += 1
            continue
        with at_most(LONGEST):
            result, summary = campaign.process(catalogue)
        assert summary.verdict.value == "INCOMPLETE", f"seed {seed}"
        assert path.name in result.failures[0]
        assert result.missing == result.recorded
        outcomes["incomplete"] += 1
    return outcomes


def said(outcomes: Counter[str]) -> str:
    return outcomes.most_common(1)[0][0].upper()


def told(outcomes: Counter[str]) -> str:
    return ", ".join(f"{name}: {count}" for name, count in sorted(outcomes.items()))


CONTAINERS = ("ttree", "rntuple", "parquet", "packed")
TRIALS = int(os.environ.get("NA64_MUTATIONS", "4000"))
"""In the long run; 100000 take some hours."""


@pytest.mark.parametrize("container", CONTAINERS)
def test_a_damaged_file_is_refused_or_accounted_for(
    container: str, campaign: Any, tell: Callable[[str, str, str], None]
) -> None:
    path = run_file(campaign, container)
    original = path.read_bytes()
    before = try_before(campaign, path, original, range(40))
    after = try_after(campaign, path, original, range(100, 120))
    tell(f"40 mutations before, {container}", said(before), told(before))
    tell(f"20 mutations after, {container}", said(after), told(after))
    assert before["quarantine"] > 5
    assert after["incomplete"] > 15


@pytest.mark.soak
@pytest.mark.parametrize("container", CONTAINERS)
def test_many_damaged_files(container: str, campaign: Any, tell: Callable[[str, str, str], None]) -> None:
    path = run_file(campaign, container)
    original = path.read_bytes()
    n_after = TRIALS // len(CONTAINERS) // 5
    n_before = TRIALS // len(CONTAINERS) - n_after
    before = try_before(campaign, path, original, range(1000, 1000 + n_before))
    after = try_after(campaign, path, original, range(10**6, 10**6 + n_after))
    tell(f"{n_before} mutations before, {container}", said(before), told(before))
    tell(f"{n_after} mutations after, {container}", said(after), told(after))
