"""The libraries that decompress what ROOT wrote: for each codec the fastest well-kept one that is installed.

uproot's own choices are kept for LZ4 and LZMA, where none is faster. ZLIB, with which ROOT compresses unless
it is told otherwise, takes libdeflate about half the time of zlib.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from importlib.util import find_spec
from typing import Any

import uproot.compression

Decompressor = Callable[[Any, int], bytes | bytearray]
"""What makes, of compressed bytes, as many as are said; raises if they are damaged."""


def libraries() -> dict[str, str]:
    """Library that decompresses each codec of ROOT files in this installation."""
    return {"LZ4": "uproot", "LZMA": "uproot", **{codec: _found(codec) or "uproot" for codec in _PREFERRED}}


def prefer_fast_libraries() -> None:
    """Let uproot decompress with the preferred libraries in this process, as far as they are installed.

    uproot asks one object a codec; one that it no longer has, in a version to come, is left alone.
    """
    for codec, (_, make) in _PREFERRED.items():
        decompressor = getattr(uproot.compression, f"_decompress_{codec}", None)
        if decompressor is not None and _found(codec):
            decompressor.decompress = make()


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


_PREFERRED: dict[str, tuple[str, Callable[[], Decompressor]]] = {
    "ZLIB": ("deflate", _libdeflate),
    "ZSTD": ("zstandard", _zstandard),
}
