"""The libraries that decompress what ROOT wrote: for each codec the fastest well-kept one that is installed.

ZLIB, with which ROOT compresses unless told otherwise, takes libdeflate about half the time of zlib. LZ4
and LZMA are expanded by the library that uproot takes, but so that it says how many bytes there were: asked
uproot's way it fills up what is missing.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import partial
from importlib.util import find_spec
from typing import Any

import numpy as np
import uproot.compression
import xxhash

Decompressor = Callable[[Any, int], bytes | bytearray]
"""What makes, of compressed bytes, as many as are said; raises if they are damaged."""


def libraries() -> dict[str, str]:
    """Library that decompresses each codec of ROOT files in this installation."""
    return {codec: _found(codec) or "uproot" for codec in _PREFERRED}


def prefer_fast_libraries() -> None:
    """Let uproot decompress with the preferred libraries in this process, as far as they are installed.

    uproot asks one object a codec; one that it no longer has, in a version to come, is left alone.
    """
    for codec, (_, make) in _PREFERRED.items():
        decompressor = getattr(uproot.compression, f"_decompress_{codec}", None)
        if decompressor is not None and _found(codec):
            decompressor.decompress = make()


_CODECS = {b"ZL": "ZLIB", b"XZ": "LZMA", b"L4": "LZ4", b"ZS": "ZSTD"}
_HEADER, _CHECKSUM = 9, 8  # bytes


def decompress(stored: memoryview, size: int) -> Any:
    """Expand what ROOT has compressed: blocks of 16 MB at most, each with its codec and sizes before it.

    Parameters
    ----------
    stored : memoryview
    size : int
        Bytes of all blocks.

    Returns
    -------
    bytes, bytearray or another buffer
        Of so many bytes.

    Raises
    ------
    ValueError
        A codec that is not known, a wrong size or checksum, or what the library says of damaged bytes.
    """
    blocks: list[Any] = []
    left = size
    while stored:
        n_stored, n_expanded = (int.from_bytes(stored[place : place + 3], "little") for place in (3, 6))
        left -= n_expanded
        if left < 0:  # before anything is allocated
            raise ValueError(f"blocks have {size - left} bytes or more, expected {size}")
        blocks.append(_expand(bytes(stored[:2]), stored[_HEADER : _HEADER + n_stored], n_expanded))
        stored = stored[_HEADER + n_stored :]
    if left:
        raise ValueError(f"blocks have {size - left} bytes, expected {size}")
    return blocks[0] if len(blocks) == 1 else b"".join(blocks)


def _expand(name: bytes, block: memoryview, size: int) -> Any:
    """Expand a block."""
    codec = _CODECS.get(name)
    if codec is None:
        raise ValueError(f"no codec of ROOT is called {name!r}")
    if codec == "LZ4":
        checksum, block = bytes(block[:_CHECKSUM]), block[_CHECKSUM:]
        if xxhash.xxh64(block).digest() != checksum:
            raise ValueError("a block has another checksum")
    found = getattr(uproot.compression, f"_decompress_{codec}").decompress(block, size)
    if len(found) != size:
        raise ValueError(f"a block has {len(found)} bytes, expected {size}")
    return found


def _found(codec: str) -> str | None:
    library = _PREFERRED[codec][0]
    return library if find_spec(library) else None


def _libdeflate() -> Decompressor:
    import deflate  # noqa: PLC0415 (only where it is installed)

    of_zlib: Decompressor = deflate.zlib_decompress
    return of_zlib


def _zstandard() -> Decompressor:
    import zstandard  # noqa: PLC0415 (as above)

    own = threading.local()  # of each thread: two in one decompressor at a time are a crash

    def decompress(data: Any, size: int) -> bytes:
        # What the frame says is allocated: a damaged one must not fill the memory.
        if zstandard.frame_content_size(data) not in {size, -1}:
            raise ValueError(f"a frame that does not have the {size} bytes that its header says")
        if not hasattr(own, "decompressor"):
            own.decompressor = zstandard.ZstdDecompressor()
        found: bytes = own.decompressor.decompress(data, max_output_size=size)
        return found

    return decompress


def _cramjam(module: str, function: str) -> Decompressor:
    import cramjam  # noqa: PLC0415 (as above)

    expand_into = getattr(getattr(cramjam, module), function)

    def decompress(data: Any, size: int) -> Any:
        found = np.empty(size, np.uint8)
        if expand_into(data, found) != size:
            raise ValueError(f"a block that does not have the {size} bytes that its header says")
        return found.data

    return decompress


_PREFERRED: dict[str, tuple[str, Callable[[], Decompressor]]] = {
    "ZLIB": ("deflate", _libdeflate),
    "ZSTD": ("zstandard", _zstandard),
    "LZ4": ("cramjam", partial(_cramjam, "lz4", "decompress_block_into")),
    "LZMA": ("cramjam", partial(_cramjam, "xz", "decompress_into")),
}
