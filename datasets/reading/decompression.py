"""The libraries that decompress what ROOT wrote: for each codec the fastest well-kept one that is installed.

ZLIB, with which ROOT compresses unless told otherwise, takes libdeflate about half the time of zlib; of its
two bindings that of imagecodecs, which is optional, writes where the values are wanted and spares a copy.
LZ4 and LZMA are expanded by the library that uproot takes, but so that it says how many bytes there were:
asked uproot's way it fills up what is missing.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import cache, partial
from importlib.util import find_spec
from typing import Any

import numpy as np
import uproot.compression
import xxhash

from na64.datasets.instrument.columns import Array

Expand = Callable[[Any, Array], None]
"""What expands compressed bytes into an array of bytes, and raises if they do not just fill it."""


def libraries() -> dict[str, str]:
    """Library that decompresses each codec of ROOT files in this installation."""
    return {codec: _found(codec)[0] for codec in _PREFERRED}


def prefer_fast_libraries() -> None:
    """Let uproot decompress with the preferred libraries in this process, as far as they are installed.

    uproot asks one object a codec; one that it no longer has, in a version to come, is left alone.
    """
    for codec in _PREFERRED:
        decompressor = getattr(uproot.compression, f"_decompress_{codec}", None)
        library, make = _found(codec)
        if decompressor is not None and library != _UPROOT:
            decompressor.decompress = _as_uproot_asks(make())


def _as_uproot_asks(expand: Expand) -> Callable[[Any, int], Any]:
    def decompress(data: Any, size: int) -> Any:
        found = np.empty(size, np.uint8)
        expand(data, found)
        return found.data

    return decompress


_CODECS = {b"ZL": "ZLIB", b"XZ": "LZMA", b"L4": "LZ4", b"ZS": "ZSTD"}
_HEADER, _CHECKSUM = 9, 8  # bytes
_XZ_END = b"YZ"


def decompress(stored: memoryview, values: Array) -> None:
    """Expand what ROOT has compressed: blocks of 16 MB at most, each with its codec and sizes before it.

    Parameters
    ----------
    stored : memoryview
    values : (n_bytes,) uint8, output
        Filled by all blocks together.

    Raises
    ------
    ValueError
        A codec that is not known, a wrong size or checksum, or what the library says of damaged bytes.
    """
    done, size = 0, len(values)
    while stored:
        n_stored, n_expanded = int.from_bytes(stored[3:6], "little"), int.from_bytes(stored[6:9], "little")
        if done + n_expanded > size:
            raise ValueError(f"blocks have {done + n_expanded} bytes or more, expected {size}")
        block = stored[_HEADER : _HEADER + n_stored]
        _expand(bytes(stored[:2]), block, values[done : done + n_expanded])
        done += n_expanded
        stored = stored[_HEADER + n_stored :]
    if done != size:
        raise ValueError(f"blocks have {done} bytes, expected {size}")


def _expand(name: bytes, block: memoryview, values: Array) -> None:
    """Expand a block."""
    codec = _CODECS.get(name)
    if codec is None:
        raise ValueError(f"no codec of ROOT is called {name!r}")
    if codec == "LZ4":
        checksum, block = bytes(block[:_CHECKSUM]), block[_CHECKSUM:]
        if xxhash.xxh64(block).digest() != checksum:
            raise ValueError("a block has another checksum")
    _expander(codec)(block, values)


@cache
def _expander(codec: str) -> Expand:
    return _found(codec)[1]()


def _found(codec: str) -> tuple[str, Callable[[], Expand]]:
    """First of the preferred libraries that is installed."""
    return next(
        (known for known in _PREFERRED[codec] if find_spec(known[0])), (_UPROOT, partial(_uproot, codec))
    )


def _uproot(codec: str) -> Expand:
    of_uproot = getattr(uproot.compression, f"_decompress_{codec}")
    return lambda data, values: _put(of_uproot.decompress(data, len(values)), values)


def _put(found: Any, values: Array) -> None:
    if len(found) != len(values):
        raise ValueError(f"a block has {len(found)} bytes, expected {len(values)}")
    values[:] = np.frombuffer(found, np.uint8)


def _libdeflate() -> Expand:
    import deflate  # noqa: PLC0415 (only where it is installed)

    return lambda data, values: _put(deflate.zlib_decompress(data, len(values)), values)


def _zstandard() -> Expand:
    import zstandard  # noqa: PLC0415 (as above)

    own = threading.local()  # of each thread: two in one decompressor at a time are a crash

    def expand(data: Any, values: Array) -> None:
        # What the frame says is allocated: a damaged one must not fill the memory.
        if zstandard.frame_content_size(data) not in {len(values), -1}:
            raise ValueError(f"a frame that does not have the {len(values)} bytes that its header says")
        if not hasattr(own, "decompressor"):
            own.decompressor = zstandard.ZstdDecompressor()
        with own.decompressor.stream_reader(data) as reader:  # into the array at once, if it holds all
            n_read, has_more = reader.readinto(values), bool(reader.read(1))
        if n_read != len(values) or has_more:
            than = "more" if has_more else str(n_read)
            raise ValueError(f"a frame has {than} bytes, expected {len(values)}")

    return expand


def _cramjam(module: str, function: str) -> Expand:
    import cramjam  # noqa: PLC0415 (as above)

    expand_into = getattr(getattr(cramjam, module), function)

    def expand(data: Any, values: Array) -> None:
        if expand_into(data, values) != len(values):
            raise ValueError(f"a block that does not have the {len(values)} bytes that its header says")

    return expand


def _libdeflate_in_place() -> Expand:
    import imagecodecs  # noqa: PLC0415 (as above)

    def expand(data: Any, values: Array) -> None:
        n_found = len(imagecodecs.deflate_decode(data, out=values))  # what has no room is an error
        if n_found != len(values):
            raise ValueError(f"a block has {n_found} bytes, expected {len(values)}")

    return expand


def _lzma() -> Expand:
    import imagecodecs  # noqa: PLC0415 (as above)

    def expand(data: Any, values: Array) -> None:
        # It takes what was cut off for the end, and says nothing of what has no room.
        if bytes(data[-len(_XZ_END) :]) != _XZ_END:
            raise ValueError("a block of LZMA that is cut off")
        _put(imagecodecs.lzma_decode(data, out=len(values) + 1), values)

    return expand


_UPROOT = "uproot"
_PREFERRED: dict[str, tuple[tuple[str, Callable[[], Expand]], ...]] = {
    "ZLIB": (("imagecodecs", _libdeflate_in_place), ("deflate", _libdeflate)),
    "ZSTD": (("zstandard", _zstandard),),
    "LZ4": (("cramjam", partial(_cramjam, "lz4", "decompress_block_into")),),
    "LZMA": (("imagecodecs", _lzma), ("cramjam", partial(_cramjam, "xz", "decompress_into"))),
}
