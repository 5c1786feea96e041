"""Garbage collection, which Python does time and again among modules and kernels that live on."""

from __future__ import annotations

import gc
import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def collection_paused() -> Iterator[None]:
    """Period without garbage collection, which takes a tenth of importing and of compiling what stays."""
    if not gc.isenabled():
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


@contextmanager
def imports() -> Iterator[None]:
    """Period in which a program imports what it needs: none of it is looked at, neither now nor later.

    A second call in the same process imports nothing. What the first has left behind is garbage, which is
    looked for as ever.
    """
    n_before = len(sys.modules)
    with collection_paused():
        yield
        if len(sys.modules) > n_before:
            gc.freeze()
