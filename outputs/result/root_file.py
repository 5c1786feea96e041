"""Histograms as a ROOT file whose bytes depend on its content alone."""

from __future__ import annotations

import io
import struct
from collections.abc import Mapping
from typing import Any
from uuid import UUID

import hist
import numpy as np
import uproot

_DATIME_IN_KEY = 10
_DATIMES_IN_DIRECTORY = (2, 6)
_KEY = struct.Struct(">ihiIhh")
_MIDNIGHT_1995 = struct.pack(">I", (1 << 22) | (1 << 17))
"""1 January 1995, 00:00, the first moment ROOT can write."""


class _Kept(io.BytesIO):
    """A buffer that outlives the writer, which closes what it wrote to."""

    def close(self) -> None:
        """Do nothing."""


def to_root(histograms: Mapping[str, hist.Hist[Any]], titles: Mapping[str, str] | None = None) -> bytes:
    """TH1D and TH2D of every histogram, in name order, flow bins included.

    ``titles`` are those of the ROOT objects by name; what has none is titled by its label.

    ROOT has no 64-bit integer histograms that uproot writes; counts stay exact in doubles below 2^53.
    """
    buffer = _Kept()
    with uproot.recreate(
        buffer,
        uuid_function=lambda: UUID(int=0),
        compression=uproot.ZLIB(4),
        initial_directory_bytes=2**15,
        initial_streamers_bytes=2**15,
    ) as file:
        told = titles or {}
        doubles = {name: _as_doubles(histograms[name]) for name in sorted(histograms)}
        # All at once: uproot looks for streamers to write after every single one.
        file.update({name: _titled(histogram, told.get(name)) for name, histogram in doubles.items()})
    return _without_times(buffer.getvalue())


def _titled(histogram: hist.Hist[Any], title: str | None) -> hist.Hist[Any]:
    """Histogram with the title that ROOT draws above it."""
    titled: Any = histogram.copy()
    titled.title = title or histogram.label or histogram.name
    found: hist.Hist[Any] = titled
    return found


def _as_doubles(histogram: hist.Hist[Any]) -> hist.Hist[Any]:
    if histogram.storage_type is not hist.storage.Int64:
        return histogram
    values = histogram.values(flow=True)
    if values.size and values.max() >= 2**53:
        raise ValueError(
            f"histogram {histogram.name}: {values.max()} entries in a bin are not exact in a double"
        )
    doubles = hist.Hist(
        *histogram.axes, storage=hist.storage.Double(), name=histogram.name, label=histogram.label
    )
    doubles.view(flow=True)[...] = values.astype(np.float64)
    return doubles


def _without_times(data: bytes) -> bytes:
    """Set every time stamp of keys and of the directory to the first that ROOT has."""
    patched = bytearray(data)
    begin, _, free, _, _, name_bytes, _, _, info = struct.unpack_from(">6iB2i", data, 8)
    directory = begin + name_bytes
    (keys,) = struct.unpack_from(">i", data, directory + 26)
    records = [begin, free, info, keys, *_listed(data, keys, seek=False)]
    for start in [*records, *_listed(data, keys, seek=True)]:
        patched[start + _DATIME_IN_KEY : start + _DATIME_IN_KEY + 4] = _MIDNIGHT_1995
    for offset in _DATIMES_IN_DIRECTORY:
        patched[directory + offset : directory + offset + 4] = _MIDNIGHT_1995
    return bytes(patched)


def _listed(data: bytes, keys: int, *, seek: bool) -> list[int]:
    """Positions of the key headers in the directory's list, or of the objects they point to."""
    key_bytes = _KEY.unpack_from(data, keys)[4]
    (n_keys,) = struct.unpack_from(">i", data, keys + key_bytes)
    positions = []
    position = keys + key_bytes + 4
    for _ in range(n_keys):
        positions.append(struct.unpack_from(">i", data, position + _KEY.size)[0] if seek else position)
        position += _KEY.unpack_from(data, position)[4]
    return positions
