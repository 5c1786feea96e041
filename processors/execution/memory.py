"""How a worker holds on to its memory, and how little of it is searched for garbage."""

from __future__ import annotations

import ctypes
import gc
import sys
from functools import cache

import pyarrow as pa

_TRIM_THRESHOLD, _MMAP_THRESHOLD, _MMAP_MAX = -1, -3, -4  # malloc.h
_NEVER = 1 << 30


def keep_freed_memory() -> None:
    """Let the C library use freed memory again rather than give it back and ask for more.

    The arrays of one batch have the sizes of those before, and asking the system for their pages anew costs
    as much as decompressing them. Only glibc is told so, and pyarrow to use it; elsewhere nothing happens.
    """
    if not sys.platform.startswith("linux"):
        return
    library = ctypes.CDLL(None)
    if hasattr(library, "gnu_get_libc_version"):
        library.mallopt(_TRIM_THRESHOLD, _NEVER)
        library.mallopt(_MMAP_THRESHOLD, _NEVER)
        library.mallopt(_MMAP_MAX, 0)
        pa.set_memory_pool(pa.system_memory_pool())


@cache
def collect_garbage() -> None:
    """Collect garbage once a process, before much is loaded among which it would be looked for."""
    gc.collect()


@cache
def spare_what_is_loaded() -> None:
    """Leave out of all later searches for garbage what this process has loaded so far.

    Modules and compiled kernels are 300,000 objects, which are there until the end; looking at all of them
    takes 0.15 s, in the midst of a task. Done once a process: what is made later is searched as ever. What
    was garbage before stays, unless `collect_garbage` was called.
    """
    gc.freeze()
