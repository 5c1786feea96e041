"""Searches for garbage, which Python makes time and again among modules and kernels that live on."""

from __future__ import annotations

import gc
import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def no_search() -> Iterator[None]:
    """Period without searches, for what is made to stay: they take a tenth of importing and of compiling."""
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
    with no_search():
        yield
        if len(sys.modules) > n_before:
            gc.freeze()
