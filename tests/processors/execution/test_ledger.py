from __future__ import annotations

import errno
import hashlib
import logging
import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from na64.datasets.basics.atomic_file import remove_abandoned
from na64.processors.execution import ledger as ledger_module
from na64.processors.execution.ledger import DamagedError, Ledger, NoSpaceError, Partial, decode, encode

KEY = hashlib.sha256(b"a key").hexdigest()
OTHER = hashlib.sha256(b"another key").hexdigest()

_DTYPES = st.sampled_from(["?", "<i8", ">i4", "<u2", "<f4", ">f8"])
_ARRAYS = st.dictionaries(st.text(max_size=5), hnp.arrays(_DTYPES, hnp.array_shapes(min_dims=0, min_side=0)))
_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=5,
)


def _small() -> Partial:
    return Partial({"run": 8396}, {"n": np.array([1, 2, 3]), "sum": np.array([[0.5]])})


@settings(max_examples=50)
@given(header=st.dictionaries(st.text(), _JSON), arrays=_ARRAYS)
def test_a_partial_is_read_back_as_it_was_written(
    header: dict[str, object], arrays: dict[str, object]
) -> None:
    partial = Partial(header, {name: np.asarray(array) for name, array in arrays.items()})
    back = decode(KEY, encode(KEY, partial))
    assert back.header == partial.header
    assert list(back.arrays) == list(partial.arrays)
    for name, array in partial.arrays.items():
        np.testing.assert_array_equal(back.arrays[name], array)
        assert back.arrays[name].shape == array.shape
        assert back.arrays[name].dtype == array.dtype.newbyteorder("<")
        assert back.arrays[name].flags.aligned


def test_equal_partials_have_equal_bytes_whatever_their_layout_in_memory() -> None:
    array = np.arange(12).reshape(3, 4)
    same = [array, np.asfortranarray(array), array.astype(">i8"), np.repeat(array, 2, axis=1)[:, ::2]]
    assert len({encode(KEY, Partial({}, {"n": view})) for view in same}) == 1


def test_every_flipped_bit_is_seen() -> None:
    data = encode(KEY, _small())
    for position in range(len(data)):
        for bit in range(8):
            flipped = bytearray(data)
            flipped[position] ^= 1 << bit
            with pytest.raises(DamagedError):
                decode(KEY, bytes(flipped))


def test_every_truncation_is_seen() -> None:
    data = encode(KEY, _small())
    for length in range(len(data)):
        with pytest.raises(DamagedError):
            decode(KEY, data[:length])


@settings(max_examples=100)
@given(st.binary(max_size=200))
def test_any_other_bytes_are_refused(data: bytes) -> None:
    with pytest.raises(DamagedError):
        decode(KEY, data)


def test_the_partial_of_another_key_is_refused() -> None:
    with pytest.raises(DamagedError, match=OTHER):
        decode(KEY, encode(OTHER, _small()))


@pytest.mark.parametrize("array", [np.array([None]), np.array(["text"]), np.zeros(1, "datetime64[s]")])
def test_arrays_of_things_that_are_not_numbers_are_refused(array: np.ndarray) -> None:
    with pytest.raises(TypeError, match="array x of a partial has type"):
        encode(KEY, Partial({}, {"x": array}))


@pytest.mark.parametrize("header", [{"a": {1: 2}}, {"a": (1, 2)}])
def test_a_header_that_json_would_change_is_refused(header: dict[str, object]) -> None:
    with pytest.raises(TypeError, match="not plain JSON"):
        encode(KEY, Partial(header))


def test_a_header_with_nan_is_refused() -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        encode(KEY, Partial({"a": float("nan")}))


def test_what_is_put_is_got_and_nothing_else(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "deep" / "ledger")
    assert ledger.get(KEY) is None
    ledger.put(KEY, _small())
    back = ledger.get(KEY)
    assert back is not None
    assert back.header == {"run": 8396}
    assert Ledger(ledger.folder).get(OTHER) is None
    assert [path for path in ledger.folder.rglob("*") if path.is_file()] == [ledger.path(KEY)]


def test_numbers_that_cannot_be_right_are_set_aside(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    ledger.put(KEY, _small())

    def refuse(partial: Partial) -> None:
        raise DamagedError(f"run {partial.header['run']} has no such events")

    assert ledger.get(KEY, lambda _: None) is not None
    assert ledger.get(KEY, refuse) is None
    assert ledger.path(KEY).with_suffix(".damaged").exists()


def test_what_killed_drivers_left_beside_a_partial_is_removed_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger, cleaned = Ledger(tmp_path), list[Path]()
    left = ledger.path(KEY).with_name(f".{KEY}.partial.0123abcd.writing")
    left.parent.mkdir(parents=True)
    left.write_bytes(b"half")
    os.utime(left, (0, 0))

    def note(folder: Path) -> None:
        cleaned.append(folder)
        remove_abandoned(folder)

    monkeypatch.setattr(ledger_module, "remove_abandoned", note)
    ledger.put(KEY, _small())
    ledger.put(KEY, _small())
    assert not left.exists()
    assert cleaned == [left.parent]


@pytest.mark.parametrize("key", ["", "../../etc/passwd", KEY.upper(), KEY[:-1], KEY + "\n"])
def test_keys_that_are_not_digests_are_refused(key: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="not a sha256"):
        Ledger(tmp_path).get(key)


def test_a_damaged_partial_is_set_aside_and_can_be_made_again(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    ledger = Ledger(tmp_path)
    ledger.put(KEY, _small())
    path = ledger.path(KEY)
    path.write_bytes(path.read_bytes()[:-1])
    with caplog.at_level(logging.WARNING):
        assert ledger.get(KEY) is None
    assert f"{KEY}.partial is damaged" in caplog.text
    assert path.with_suffix(".damaged").exists()
    assert not path.exists()
    ledger.put(KEY, _small())
    assert ledger.get(KEY) is not None


def test_damaged_bytes_are_not_stored(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    with pytest.raises(DamagedError):
        ledger.store(KEY, encode(KEY, _small())[:-1])
    assert ledger.get(KEY) is None


def test_a_write_that_fails_leaves_the_former_partial(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger = Ledger(tmp_path)
    ledger.put(KEY, _small())

    def refuse(*_paths: object) -> None:
        raise OSError(5, "input/output error")

    monkeypatch.setattr(os, "replace", refuse)
    with pytest.raises(OSError, match="input/output error"):
        ledger.put(KEY, Partial({"run": 1}))
    back = ledger.get(KEY)
    assert back is not None
    assert back.header == {"run": 8396}
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == [ledger.path(KEY)]


@pytest.fixture
def tiny_disk(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", folder],
        check=False,
        capture_output=True,
        text=True,
    )
    if mount.returncode:
        pytest.skip(f"no disk of 64 kB to fill: {mount.stderr.strip()}")
    yield folder
    subprocess.run(["umount", folder], check=True)


def test_a_full_disk_is_said_and_leaves_nothing_half_written(tiny_disk: Path) -> None:
    ledger = Ledger(tiny_disk)
    ledger.put(KEY, _small())
    noise = np.random.default_rng(1).integers(0, 2**62, 20_000)
    with pytest.raises(NoSpaceError, match="no space left to keep results in"):
        ledger.put(OTHER, Partial({}, {"noise": noise}))
    assert ledger.get(KEY) is not None
    assert ledger.get(OTHER) is None
    assert [path for path in tiny_disk.rglob("*") if path.is_file()] == [ledger.path(KEY)]


def test_what_was_stored_is_forced_onto_the_disk_together(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger, synced, sync = Ledger(tmp_path), [], os.fsync

    def note(handle: int) -> None:
        synced.append(Path(f"/proc/self/fd/{handle}").readlink())
        sync(handle)

    monkeypatch.setattr(os, "fsync", note)
    ledger.put(KEY, _small())
    ledger.put(OTHER, _small())
    assert not synced
    ledger.sync()
    assert set(synced) == {
        path for key in (KEY, OTHER) for path in (ledger.path(key), ledger.path(key).parent)
    }
    ledger.sync()
    assert len(synced) == len(set(synced))


def test_a_ledger_forces_what_it_has_onto_the_disk_once_a_second(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[int] = []
    monkeypatch.setattr(os, "fsync", synced.append)
    monkeypatch.setattr(time, "monotonic", lambda: 100.0)
    ledger = Ledger(tmp_path)
    monkeypatch.setattr(time, "monotonic", lambda: 100.9)
    ledger.put(KEY, _small())
    assert len(synced) == 0
    monkeypatch.setattr(time, "monotonic", lambda: 101.0)
    ledger.put(OTHER, _small())
    assert len(synced) == 4  # two files and their folders
    ledger.put(KEY, _small())
    assert len(synced) == 4


def test_a_ledger_leaves_no_file_open(tmp_path: Path) -> None:
    before = len([*Path("/proc/self/fd").iterdir()])
    ledger = Ledger(tmp_path)
    ledger.put(KEY, _small())
    ledger.sync()
    assert len([*Path("/proc/self/fd").iterdir()]) == before


def test_a_disk_that_is_found_full_late_is_loud(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_handle: int) -> None:
        raise OSError(errno.EDQUOT, "quota")

    ledger = Ledger(tmp_path)
    ledger.put(KEY, _small())
    monkeypatch.setattr(os, "fsync", refuse)
    with pytest.raises(NoSpaceError, match="no space left"):
        ledger.sync()


def test_a_partial_that_was_set_aside_meanwhile_need_not_be_on_the_disk(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    ledger.put(KEY, _small())
    ledger.path(KEY).unlink()
    ledger.sync()
    assert ledger.get(KEY) is None
