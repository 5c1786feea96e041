"""Which runs a user asks for."""

from __future__ import annotations

from collections.abc import Collection


def chosen_runs(text: str, known: Collection[int]) -> list[int]:
    """Known runs that are in a list like ``8396-8458,8500``.

    Parameters
    ----------
    text : str
        Runs and ranges of runs, both ends included, with commas between.
    known : collection of int

    Raises
    ------
    ValueError
        A part is neither a run nor a range, or holds no known run.
    """
    chosen: set[int] = set()
    for part in text.split(","):
        first, dash, last = (word.strip() for word in part.partition("-"))
        if not first.isdecimal() or (dash and not last.isdecimal()):
            raise ValueError(f'runs {text}: "{part}" is neither a run nor a range of runs')
        if dash and int(last) < int(first):
            raise ValueError(f'runs {text}: "{part.strip()}" ends before it begins: {last}-{first}?')
        inside = {run for run in known if int(first) <= run <= int(last or first)}
        if not inside:
            raise ValueError(f'runs {text}: no run of the catalogue is in "{part.strip()}"')
        chosen |= inside
    return sorted(chosen)
