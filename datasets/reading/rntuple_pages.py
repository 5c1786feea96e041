"""Pages of an RNTuple: the numbers of a column, decompressed and joined page by page into their place.

uproot copies every page three times, brings its bytes together by strides, and looks at no checksum. What it
alone can read, as bits and numbers with fewer digits, is left to it once the checksums were looked at.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import uproot
import xxhash

from na64.datasets.instrument.columns import Array
from na64.datasets.reading.decompression import decompress

Fetch = Callable[[int, int], bytes]
"""What reads so many bytes of a file (second) from a place on (first); fewer only at its end."""

_NUMBERS = {f"{kind}int{bits}" for kind in ("", "u") for bits in (8, 16, 32, 64)}
_NUMBERS |= {"float16", "float32", "float64"}
"""Types of columns that have whole numbers and floats with all of their digits."""

_CHECKSUM = 8
"""Bytes of the XXH3 behind a page, the least significant first."""


class PageReader:
    """Reader of the columns of an RNTuple that have numbers.

    Parameters
    ----------
    tree : uproot.behaviors.RNTuple.RNTuple
    fetch : callable
        Of its file.
    """

    def __init__(self, tree: Any, fetch: Fetch) -> None:
        self._tree = tree
        self._fetch = fetch

    def read(self, number: int, clusters: Sequence[int], n_missing: int) -> Array | None:
        """Read a column, after as many zeros as are missing; None if only uproot can read it.

        Parameters
        ----------
        number : int
            Of the column.
        clusters : sequence of int
            One after the other.
        n_missing : int

        Returns
        -------
        (n_missing + n,) numbers, or None
            Where the lists of events end, after a further zero, if the column has that.

        Raises
        ------
        ValueError
            A page is damaged, or cut short.
        """
        kind = self._tree.get_field_metadata(number)
        of_clusters = [self._tree.page_link_list[cluster] for cluster in clusters]
        columns = [columns[number] for columns in of_clusters if number < len(columns)]
        pages = [page for column in columns for page in column.pages]
        if not _is_number(kind) or any(column.suppressed for column in columns):
            for page in pages:
                self._stored(page)
            return None
        is_index = kind.dtype_byte in uproot.const.rntuple_index_types
        done = n_missing + is_index
        sizes = [int(page.num_elements) for page in pages]
        values: Array = np.empty(done + sum(sizes), kind.dtype)
        values[:done] = 0
        split = np.empty(max(sizes, default=0) * kind.dtype.itemsize, np.uint8)
        for column in columns:
            begin = done
            for page in column.pages:
                part = values[done : done + page.num_elements]
                self._read_page(page, kind, part, split)
                done += len(part)
            if is_index and begin:  # pages count from the begin of their cluster
                values[begin:done] += values[begin - 1]
        return values

    def _read_page(self, page: Any, kind: Any, values: Array, split: Array) -> None:
        stored = self._stored(page)
        target = split[: values.nbytes] if kind.split else values.view(np.uint8)
        if len(stored) > len(target):
            raise ValueError(f"a page has {len(stored)} bytes, expected {len(target)}")
        if len(stored) < len(target):
            decompress(stored, target)
        else:
            target[:] = np.frombuffer(stored, np.uint8)
        if kind.split:
            # Here, because numba is not needed where nothing is split.
            from na64.datasets.reading.split_bytes import join  # noqa: PLC0415

            join(target, values)
        if kind.zigzag:  # 0, -1, 1, -2, 2, ... are stored as 0, 1, 2, 3, 4, ...
            coded = values.view(f"u{values.itemsize}")
            coded[:] = (coded >> 1) ^ -(coded & 1)
        if kind.delta:
            np.cumsum(values, out=values)

    def _stored(self, page: Any) -> memoryview:
        """A page as it is in the file, with the checksum that it has there."""
        place, size = int(page.locator.offset), int(page.locator.num_bytes)
        if min(place, size) < 0:  # the system would call that a fault of its own
            raise ValueError(f"a page of {size} bytes from byte {place} on")
        raw = self._fetch(place, size + _CHECKSUM * page.has_checksum)
        stored, checksum = memoryview(raw)[:size], raw[size:]
        if len(stored) < size or (page.has_checksum and xxhash.xxh3_64_digest(stored) != checksum[::-1]):
            raise ValueError(f"a page of {size} bytes is cut short, or has another checksum")
        return stored


def _is_number(kind: Any) -> bool:
    """Whether a column has numbers with all of their digits, in every cluster of the same type."""
    return kind.dtype_str in _NUMBERS and bool(kind.dtype == kind.dtype_result)
