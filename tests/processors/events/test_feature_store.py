"""The feature store gives back what was put into it, bit by bit, or nothing."""

from __future__ import annotations

import errno
import io
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray

from na64.processors.counting.tally import ACCOUNTING
from na64.processors.events import feature_store
from na64.processors.events.feature_store import FeatureStore
from na64.processors.events.visible_events import VisibleEvents
from na64.processors.execution.ledger import DamagedError

KEY = "0123456789abcdef" * 4
NAMES = ("energy", "flag", "same")


def part(
    run: int, n_events: int, *, seed: int = 1, weighted: bool = False, hidden_events: int = 0
) -> VisibleEvents:
    random = np.random.default_rng(seed)
    rows = [random.normal(50, 20, n_events), random.integers(0, 2, n_events), np.full(n_events, np.nan)]
    accounting = dict.fromkeys(ACCOUNTING, 0) | {
        "processed": n_events + hidden_events,
        "hidden": hidden_events,
    }
    weight = random.uniform(0, 2, n_events) if weighted else None
    return VisibleEvents(run, np.array(rows, np.float32), weight, accounting)


def keep(store: FeatureStore, parts: list[VisibleEvents], key: str = KEY) -> Path:
    with store.writing(key, NAMES) as kept:
        assert [kept(each) for each in parts] == parts
    return store.path(key)


def bits(values: NDArray[np.float32]) -> list[list[int]]:
    found: list[list[int]] = np.ascontiguousarray(values).view(np.uint32).tolist()
    return found


def whole(parts: Iterator[VisibleEvents] | list[VisibleEvents]) -> dict[int, tuple[object, ...]]:
    """Join the parts of each run, which a store may cut elsewhere."""
    found: dict[int, list[VisibleEvents]] = {}
    for each in parts:  # what was yielded before is overwritten
        found.setdefault(each.run, []).append(
            replace(
                each, values=each.values.copy(), weight=None if each.weight is None else each.weight.copy()
            )
        )
    return {run: _joined(several) for run, several in sorted(found.items())}


def _joined(several: list[VisibleEvents]) -> tuple[object, ...]:
    weights = [each.weight for each in several if each.weight is not None]
    assert len(weights) in {0, len(several)}
    return (
        bits(np.concatenate([each.values for each in several], axis=1)),
        np.concatenate(weights).tolist() if weights else None,
        {name: sum(each.accounting[name] for each in several) for name in ACCOUNTING},
    )


_FLOATS = st.sampled_from([0.0, -0.0, 1.0, 255.0, 256.0, -1.0, 0.5, np.nan, np.inf, 1e-45]) | st.floats(
    width=32
)


@settings(max_examples=60)
@given(
    columns=st.lists(hnp.arrays(np.float32, st.integers(0, 9), elements=_FLOATS), max_size=6),
    smallest=st.integers(1, 8),
    largest=st.integers(1, 8),
)
@example(columns=[np.r_[np.zeros(70), -0.0].astype(np.float32)], smallest=1, largest=100)
@example(columns=[np.r_[np.ones(70), 256].astype(np.float32)], smallest=1, largest=100)
def test_events_are_read_back_bit_by_bit(
    columns: list[NDArray[np.float32]],
    smallest: int,
    largest: int,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    store = FeatureStore(tmp_path_factory.mktemp("store"))
    counts = dict.fromkeys(ACCOUNTING, 1)
    parts = [
        VisibleEvents(
            8700 + i % 2,
            np.stack([row, row[::-1], np.roll(row, 1)]),
            None,
            counts | {"processed": len(row) + 1},
        )
        for i, row in enumerate(columns)
    ]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(feature_store, "_SMALLEST_BLOCK", smallest)
        patch.setattr(feature_store, "LARGEST_BLOCK", largest)
        keep(store, parts)
        assert whole(store.read(KEY, NAMES)) == whole(parts)


@pytest.mark.parametrize("weighted", [False, True])
def test_events_of_several_runs_come_with_their_accounting_and_weights(
    tmp_path: Path, weighted: bool
) -> None:
    store = FeatureStore(tmp_path)
    parts = [
        part(run, n, seed=n, weighted=weighted, hidden_events=n)
        for run, n in ((2, 9), (1, 5), (2, 3), (3, 0))
    ]
    keep(store, parts)
    assert whole(store.read(KEY, NAMES)) == whole(parts)


def test_a_file_without_a_wanted_feature_is_as_if_it_were_not_there(tmp_path: Path) -> None:
    store = FeatureStore(tmp_path)
    keep(store, [part(1, 40)])
    with pytest.raises(FileNotFoundError, match="lacks of_another_period"):
        next(store.read(KEY, ("same", "of_another_period")))


def test_only_the_wanted_columns_are_read(tmp_path: Path) -> None:
    store, events = FeatureStore(tmp_path), part(1, 40)
    keep(store, [events])
    *_, found = store.read(KEY, ("same", "energy"))
    assert bits(found.values) == bits(events.values[[2, 0]])
    assert found.values.flags.c_contiguous
    assert found.values.flags.writeable  # as those made of cells: one signature of a kernel


def test_whole_numbers_take_a_byte_and_equal_ones_next_to_nothing(tmp_path: Path) -> None:
    n = 100_000
    assert keep(FeatureStore(tmp_path), [part(1, n)]).stat().st_size < (4 + 1) * n + 2000


def test_a_file_is_the_same_however_few_events_come_at_a_time(tmp_path: Path) -> None:
    events = part(1, 30)
    pieces = [
        replace(events, values=events.values[:, i : i + 1], accounting=part(1, 1).accounting)
        for i in range(30)
    ]
    one, other = FeatureStore(tmp_path / "one"), FeatureStore(tmp_path / "other")
    assert keep(one, [events]).read_bytes() == keep(other, pieces).read_bytes()


def test_what_was_kept_may_be_overwritten(tmp_path: Path) -> None:
    store, events = FeatureStore(tmp_path), part(1, 40, weighted=True)
    expected = whole([events])
    with store.writing(KEY, NAMES) as kept:
        kept(events)
        events.values[:] = 0
        events.weight[:] = 0  # type: ignore[index]
    assert whole(store.read(KEY, NAMES)) == expected


def test_every_flipped_bit_is_seen(tmp_path: Path) -> None:
    store = FeatureStore(tmp_path)
    path = keep(store, [part(1, 6, weighted=True)])
    data = path.read_bytes()
    for position in range(len(data)):
        flipped = bytearray(data)
        flipped[position] ^= 1 << position % 8
        path.write_bytes(flipped)
        with pytest.raises(DamagedError):
            list(store.read(KEY, NAMES))


def test_every_truncation_is_seen(tmp_path: Path) -> None:
    store = FeatureStore(tmp_path)
    path = keep(store, [part(1, 6)])
    data = path.read_bytes()
    for length in range(len(data)):
        path.write_bytes(data[:length])
        with pytest.raises(DamagedError):
            list(store.read(KEY, NAMES))


def test_the_file_of_another_key_is_refused(tmp_path: Path) -> None:
    store, other = FeatureStore(tmp_path), "f" * 64
    path = keep(store, [part(1, 6)])
    store.path(other).parent.mkdir()
    path.rename(store.path(other))
    with pytest.raises(DamagedError, match="belongs to key 0123"):
        list(store.read(other, NAMES))
    with pytest.raises(ValueError, match="not a sha256"):
        store.path("../../etc")


def test_what_fails_half_way_leaves_nothing(tmp_path: Path) -> None:
    store = FeatureStore(tmp_path)
    with pytest.raises(ValueError, match="in between"), store.writing(KEY, NAMES) as kept:  # noqa: PT012
        kept(part(1, 200_000))
        raise ValueError("in between")
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


@pytest.fixture(params=["size=64k", "nr_inodes=1"])
def tiny_disk(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "disk"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", request.param, "tmpfs", str(folder)]
    mount = subprocess.run(command, check=False, capture_output=True, text=True)
    if mount.returncode:
        pytest.skip(f"no small disk to fill: {mount.stderr.strip()}")
    yield folder
    subprocess.run(["umount", folder], check=True)


def test_a_full_disk_is_an_error_and_leaves_nothing(tiny_disk: Path) -> None:
    store = FeatureStore(tiny_disk)
    with pytest.raises(OSError, match="No space left"):
        keep(store, [part(1, 200_000)])
    assert [path for path in tiny_disk.rglob("*") if path.is_file()] == []


def test_a_folder_that_cannot_be_written_is_a_warning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").touch()
    keep(FeatureStore(tmp_path / "file" / "store"), [part(1, 6)])
    assert "features are not kept in" in caplog.text


class _FailingFile(io.BufferedWriter):
    """A file of a server that goes away: writing fails after a few bytes, or only closing does."""

    def __init__(self, path: Path, *, at_once: bool) -> None:
        super().__init__(io.FileIO(path, "x"))
        self._at_once = at_once

    def write(self, data: Any) -> int:
        if self._at_once and self.tell() > 100:
            raise OSError(errno.EIO, "Input/output error")
        return super().write(data)

    def close(self) -> None:
        was_open = not self.closed
        super().close()
        if was_open:
            raise OSError(errno.ESTALE, "Stale file handle")


def _stale(*_: object, **__: object) -> None:
    raise OSError(errno.ESTALE, "Stale file handle")


@pytest.mark.parametrize(
    ("name", "replacement"),
    [
        ("mkdir", _stale),
        ("open", _stale),
        ("open", lambda path, _mode: _FailingFile(path, at_once=True)),
        ("open", lambda path, _mode: _FailingFile(path, at_once=False)),
        ("replace", _stale),
        ("unlink", _stale),
    ],
    ids=["folder", "create", "write", "close", "rename", "remove"],
)
def test_a_disk_that_fails_costs_what_was_kept_and_nothing_else(
    *,
    name: str,
    replacement: Any,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    store = FeatureStore(tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr(Path, name, replacement)
        keep(store, [part(1, 200_000), part(2, 5)])
        if name == "unlink":
            with pytest.raises(KeyError, match="of ours"), store.writing(KEY[::-1], NAMES):
                raise KeyError("of ours")
    assert store.path(KEY).exists() == (name == "unlink")
    assert len([line for line in caplog.messages if "features are not kept in" in line]) == (name != "unlink")
    leftover = list(tmp_path.rglob("*.writing"))
    assert len(leftover) == (name == "unlink")
    keep(store, [part(1, 200_000), part(2, 5)])
    assert whole(store.read(KEY, NAMES)).keys() == {1, 2}


@pytest.mark.parametrize("change", [{"processed": 9}, {"processed": 11}, {"hidden": 4}, {"hidden": -2}])
def test_events_that_do_not_add_up_to_those_processed_are_damaged(
    tmp_path: Path, change: dict[str, int]
) -> None:
    store, sound = FeatureStore(tmp_path), part(1, 7, hidden_events=3)
    keep(store, [sound])
    assert len(list(store.read(KEY, NAMES))) > 0
    keep(store, [replace(sound, accounting=sound.accounting | change)])
    with pytest.raises(DamagedError, match=r"run 1: .* events were processed, .* are hidden and 7 visible"):
        list(store.read(KEY, NAMES))
