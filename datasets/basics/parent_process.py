"""Processes that end with the one that has started them, however that ends."""

from __future__ import annotations

import multiprocessing
import os
import threading


def end_with_parent() -> None:
    """Watch over the process that has started this one, and end once it has gone.

    A worker that waits for its next task at a pipe would wait for ever: it holds an end of that pipe itself.
    A forked one would keep every lock of the parent, too. In the parent of all nothing happens.
    """
    if multiprocessing.parent_process() is not None:
        threading.Thread(target=_wait_and_end, daemon=True).start()


def _wait_and_end() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
