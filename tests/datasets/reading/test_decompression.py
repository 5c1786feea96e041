"""Libraries that decompress the baskets of ROOT files."""

from __future__ import annotations

import subprocess
import sys
import zlib
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import cramjam
import deflate
import numpy as np
import pytest
import uproot
import xxhash
import zstandard

from na64.datasets.reading import decompression
from na64.datasets.reading.root_files import open_root
from na64.datasets.reading.stored import UndecodedError

VALUES = np.arange(200_000, dtype=np.float64) % 977

CODECS = {"ZLIB": uproot.ZLIB(1), "ZSTD": uproot.ZSTD(5), "LZ4": uproot.LZ4(4), "LZMA": uproot.LZMA(1)}

REFUSALS = (ValueError, RuntimeError, deflate.DeflateError, zstandard.ZstdError, cramjam.DecompressionError)
"""What libraries raise of damaged bytes; a RuntimeError is of imagecodecs."""

HAS_IMAGECODECS = find_spec("imagecodecs") is not None

Written = Callable[[str], Path]


@pytest.fixture
def written(tmp_path: Path) -> Written:
    """Maker of a file of one branch, compressed with a codec."""

    def write(codec: str) -> Path:
        path = tmp_path / f"{codec}.root"
        with uproot.recreate(path, compression=CODECS[codec]) as file:
            file.mktree("t", {"x": "f8"}).extend({"x": VALUES})
        return path

    return write


def read(path: Path) -> np.ndarray:
    with open_root(str(path)) as file:
        values = file.tree("t").read(["x"], 0, len(VALUES))["x"]
    assert isinstance(values, np.ndarray)
    return values


@pytest.mark.parametrize("codec", CODECS)
def test_every_codec_gives_back_what_was_written(codec: str, written: Written) -> None:
    np.testing.assert_array_equal(read(written(codec)), VALUES)


@pytest.mark.parametrize(
    ("codec", "library"),
    [("ZLIB", "imagecodecs" if HAS_IMAGECODECS else "deflate"), ("ZSTD", "zstandard"), ("LZ4", "cramjam")],
)
def test_uproot_takes_the_preferred_library(codec: str, library: str) -> None:
    decompressor = getattr(uproot.compression, f"_decompress_{codec}")
    assert decompressor.decompress != type(decompressor).decompress.__get__(decompressor)
    assert decompression.libraries()[codec] == library


def test_without_the_libraries_uproot_decompresses(monkeypatch: pytest.MonkeyPatch, written: Written) -> None:
    monkeypatch.setattr(decompression, "find_spec", lambda _: None)
    monkeypatch.setattr(decompression, "_expander", decompression._expander.__wrapped__)
    for codec in CODECS:
        monkeypatch.delattr(getattr(uproot.compression, f"_decompress_{codec}"), "decompress")
    decompression.prefer_fast_libraries()
    assert set(decompression.libraries().values()) == {"uproot"}
    for codec in CODECS:
        np.testing.assert_array_equal(read(written(codec)), VALUES)


@pytest.mark.parametrize("codec", CODECS)
def test_damaged_baskets_are_refused_with_their_branch(codec: str, written: Written) -> None:
    path = written(codec)
    data = bytearray(path.read_bytes())
    with uproot.open(path) as file:
        start = file["t"]["x"].member("fBasketSeek")[0]
    data[start + 400 : start + 2000] = bytes(1600)
    path.write_bytes(data)
    with pytest.raises(UndecodedError, match='branch "x", basket 0: cannot be read'):
        read(path)


def test_damaged_bytes_and_wrong_sizes_are_errors() -> None:
    raw = VALUES.tobytes()
    of_zlib, of_zstd = (
        decompression._as_uproot_asks(make())
        for make in (decompression._libdeflate, decompression._zstandard)
    )
    with pytest.raises(deflate.DeflateError):
        of_zlib(zlib.compress(raw)[:-2], len(raw))
    with pytest.raises(deflate.DeflateError):
        of_zlib(zlib.compress(raw), len(raw) - 8)
    compressed = zstandard.ZstdCompressor().compress(raw)
    with pytest.raises(ValueError, match="does not have the 8 bytes"):
        of_zstd(compressed, 8)
    unsized = zstandard.ZstdCompressor(write_content_size=False).compress(raw)
    assert bytes(of_zstd(unsized, len(raw))) == raw
    with pytest.raises(ValueError, match="more bytes, expected"):
        of_zstd(unsized, len(raw) - 8)


def _block(codec: str, data: bytes, *, n_stored: int | None = None, n_expanded: int | None = None) -> bytes:
    """A block as ROOT has it: name, version, sizes, of LZ4 a checksum, and the compressed bytes."""
    packed = bytes(CODECS[codec].compress(data))
    if codec == "LZ4":
        packed = xxhash.xxh64(packed).digest() + packed
    sizes = [
        (len(packed) if n_stored is None else n_stored),
        (len(data) if n_expanded is None else n_expanded),
    ]
    names = {"ZLIB": b"ZL", "ZSTD": b"ZS", "LZ4": b"L4", "LZMA": b"XZ"}
    return names[codec] + b"\1" + b"".join(size.to_bytes(3, "little") for size in sizes) + packed


def _decompress(stored: memoryview, size: int) -> bytes:
    values = np.full(size, 255, np.uint8)
    decompression.decompress(stored, values)
    return values.tobytes()


@pytest.mark.parametrize("codec", CODECS)
def test_blocks_are_joined_in_order(codec: str) -> None:
    parts = [b"energy" * 50, b"t" * 7, b"ime" * 90]
    stored = memoryview(b"".join(_block(codec, part) for part in parts))
    assert _decompress(stored, sum(map(len, parts))) == b"".join(parts)
    assert _decompress(stored[: len(_block(codec, parts[0]))], 300) == parts[0]


@pytest.mark.parametrize("codec", CODECS)
@pytest.mark.parametrize("size", [299, 301, 900])
def test_blocks_of_another_size_than_the_basket_are_refused(codec: str, size: int) -> None:
    with pytest.raises(ValueError, match=f"blocks have 300 bytes.*, expected {size}"):
        _decompress(memoryview(_block(codec, b"energy" * 50)), size)


@pytest.mark.parametrize("codec", CODECS)
def test_a_block_of_another_size_than_it_says_is_refused(codec: str) -> None:
    for size in (299, 301):
        stored = memoryview(_block(codec, b"energy" * 50, n_expanded=size))
        with pytest.raises(REFUSALS):
            _decompress(stored, size)


@pytest.mark.parametrize("codec", CODECS)
def test_blocks_that_are_cut_off_are_refused(codec: str) -> None:
    whole = _block(codec, b"energy" * 50)
    for length in range(1, len(whole)):
        with pytest.raises(REFUSALS):
            _decompress(memoryview(whole[:length]), 300)


def test_a_flipped_bit_of_a_block_of_lz4_is_noticed_by_its_checksum() -> None:
    whole = bytearray(_block("LZ4", b"energy" * 50))
    for place in range(9, len(whole)):
        whole[place] ^= 1
        with pytest.raises(ValueError, match="a block has another checksum"):
            _decompress(memoryview(whole), 300)
        whole[place] ^= 1


def test_nothing_is_expanded_beyond_the_size_of_the_basket() -> None:
    beyond = b"??" + _block("ZLIB", b"energy")[2:]
    with pytest.raises(ValueError, match="blocks have 306 bytes or more, expected 300"):
        _decompress(memoryview(_block("ZLIB", b"energy" * 50) + beyond), 300)


def test_an_unknown_codec_is_named() -> None:
    with pytest.raises(ValueError, match="no codec of ROOT is called b'CS'"):
        _decompress(memoryview(b"CS" + _block("ZLIB", b"energy")[2:]), 6)


@pytest.mark.skipif(not HAS_IMAGECODECS, reason="imagecodecs is optional")
@pytest.mark.parametrize(
    ("codec", "make"), [("LZMA", decompression._lzma), ("ZLIB", decompression._libdeflate_in_place)]
)
def test_imagecodecs_refuses_blocks_that_are_cut_off_damaged_or_of_another_size(
    codec: str, make: Callable[[], decompression.Expand]
) -> None:
    raw = VALUES.tobytes()
    whole, expand = bytes(CODECS[codec].compress(raw)), make()
    values = np.zeros(len(raw), np.uint8)
    expand(memoryview(whole), values)
    assert values.tobytes() == raw
    damaged = bytearray(whole)
    damaged[len(whole) // 2] ^= 1
    for data in (whole[:-4], whole[: len(whole) // 2], b"", bytes(damaged)):
        with pytest.raises((ValueError, RuntimeError)):
            expand(memoryview(data), values)
    for n_bytes in (len(raw) - 1, len(raw) + 1):
        with pytest.raises((ValueError, RuntimeError), match=f"expected {n_bytes}|INSUFFICIENT_SPACE"):
            expand(memoryview(whole), np.zeros(n_bytes, np.uint8))


THREADS = """
from concurrent.futures import ThreadPoolExecutor
import numpy as np
import uproot
from na64.datasets.reading import root_files

def works(codec):
    decompress = getattr(uproot.compression, f"_decompress_{codec.name}").decompress
    raw = np.random.default_rng(codec.level).integers(0, 50, 300_000).astype(float).tobytes()
    data = bytes(codec.compress(raw))
    return all(bytes(decompress(data, len(raw))) == raw for _ in range(20))

for make in (uproot.ZLIB, uproot.ZSTD):
    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(works, map(make, range(1, 9))))
"""


def test_threads_do_not_disturb_each_other() -> None:
    """In a process of its own: a decompressor that two threads share ends it."""
    done = subprocess.run([sys.executable, "-c", THREADS], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
