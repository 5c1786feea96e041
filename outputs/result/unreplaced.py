"""Turns at a folder for what was made of its result over a long time, while the result may be replaced."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from na64.datasets.basics.turns import turn
from na64.outputs.result.product_names import PRODUCTS
from na64.outputs.result.store import RESULT
from na64.outputs.result.summary import Summary, from_json


class ReplacedError(RuntimeError):
    """A result is not the one any more that was read."""


@contextmanager
def unreplaced(folder: Path, summary: Summary, who: str) -> Iterator[None]:
    """Time to write what was made of a result, in which nobody puts another one into its folder.

    Parameters
    ----------
    folder : Path
        Of the result.
    summary : Summary
        What was read of it.
    who : str
        What the others are told, such as ``na64 events``.

    Raises
    ------
    ReplacedError
        The result was removed or replaced since it was read: what was made of it does not belong there.
    na64.datasets.basics.turns.BusyError
        Somebody else was writing there for minutes.
    """
    with turn(folder, PRODUCTS, who):
        if not _is_there(folder, summary):
            raise ReplacedError(
                f"{folder}: its result was replaced or removed while {who} read it: nothing was written"
            )
        yield


def _is_there(folder: Path, summary: Summary) -> bool:
    try:
        found = from_json((folder / RESULT).read_bytes())
    except (FileNotFoundError, ValueError):
        return False
    return (found.products, found.identities) == (summary.products, summary.identities)
