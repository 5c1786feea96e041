"""Bounds of a selection as ``--set`` and ``na64 scan`` name them: ``vhcal.vhcal_total.below``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from na64.datasets.basics.toml import nearest
from na64.selections.base import entries_of
from na64.selections.selection import selection_content

_SIDES = ("above", "min", "below", "max")
_PATH = "expected CUT.FEATURE.BOUND"


@dataclass(frozen=True, slots=True)
class Bound:
    """A number that a feature is compared with in a cut.

    Attributes
    ----------
    path : str
        ``CUT.FEATURE.BOUND``.
    value : float
        In the unit of the file.
    unit : str
        As the file has it; empty for a plain number.
    """

    path: str
    value: float
    unit: str = ""

    @property
    def cut(self) -> str:
        """Name of the cut."""
        return self.path.partition(".")[0]

    @property
    def label(self) -> str:
        """With the unit, for a plot."""
        return f"{self.path} [{self.unit}]" if self.unit else self.path

    @property
    def text(self) -> str:
        """Value with its unit."""
        return f"{self.value:g} {self.unit}".rstrip()


def bounds_of(source: str | Path, settings: Sequence[str] = ()) -> dict[str, Bound]:
    """Bounds of the cuts of a selection that are single numbers, by path; tables of bounds are none.

    Parameters
    ----------
    source : str or Path
        As `na64.selections.selection.load_selection` takes it.
    settings : sequence of str
        Values that replace those of the file.
    """
    content = selection_content(source, settings=settings)
    found: dict[str, Bound] = {}
    for name, entry in entries_of("cut", content, str(source)).items():
        found |= {bound.path: bound for bound in _below(entry, name)}
    return found


def find_bound(path: str, source: str | Path, settings: Sequence[str] = (), *, name: str = "") -> Bound:
    """Bound of a path.

    Parameters
    ----------
    path : str
    source, settings
        As of `bounds_of`.
    name : str
        Of the selection, for messages.

    Raises
    ------
    KeyError
        The selection has no such bound; names the nearest one of the same cut, or of all.
    ValueError
        The bound is a table.
    """
    known = bounds_of(source, settings)
    if path in known:
        return known[path]
    cuts = entries_of("cut", selection_content(source, settings=settings), str(source))
    if table := _table_at(path, cuts):
        raise ValueError(f"--cut {path}: {table}")
    cut = path.partition(".")[0]
    there = {one: bound for one, bound in known.items() if bound.cut == cut or cut not in cuts}
    if not there:
        where = f"cut {cut} of {name}" if cut in cuts else f"selection {name}"
        raise KeyError(f"--cut {path}: {where} has no bound that is a single number")
    near = there[nearest(path, there)]
    problem = f"is no bound of {name}" if path.count(".") > 1 else _PATH
    raise KeyError(f'--cut {path}: {problem}; nearest is "{near.path}", which is {near.text}')


def _table_at(path: str, cuts: Mapping[str, object]) -> str:
    """What a path leads to that has many values, in words; empty if it leads to nothing of that kind."""
    cut, *keys = path.split(".")
    found = cuts.get(cut)
    above: Mapping[str, object] = {}
    for key in keys:
        above, found = (found, found.get(key)) if isinstance(found, Mapping) else ({}, None)
    if not isinstance(found, list) or keys[-1:] == ["edges"]:
        return ""
    if keys[-1] in _SIDES:
        return (
            f"has {len(found)} values, one a bin of {above.get('of', 'another feature')}: a scan is of a "
            "single number"
        )
    return f"is a list of {len(found)} tables: a scan is of a single number of a feature"


def _below(entry: Mapping[str, object], path: str) -> Iterator[Bound]:
    for key, value in entry.items():
        if isinstance(value, Mapping):
            yield from _below(value, f"{path}.{key}")
        elif key in _SIDES and isinstance(value, int | float) and not isinstance(value, bool):
            unit = entry.get("unit")
            yield Bound(f"{path}.{key}", float(value), unit if isinstance(unit, str) else "")
