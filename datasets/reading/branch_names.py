"""Names of the branches of a TTree: which one a layout means, however ROOT and its readers call it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import Any, NamedTuple

_DIMENSIONS = re.compile(r"(\[\d*\])+$")


class Place(NamedTuple):
    """A branch of uproot, and the leaf that is meant if it has several; empty if the whole branch is."""

    branch: Any
    leaf: str = ""


class BranchNames:
    """The branches of a tree by every name that they may be called.

    A name as the file has it comes first (``SRD_ene``, ``ev.SRD_ene[3]``), then a path (``ev/SRD_ene``), then
    either without the dimensions that ROOT appends to arrays in classes (``ev.SRD_ene``), then a leaf of a
    branch (``id.run``).
    """

    def __init__(self, tree: Any) -> None:
        self._by_rule: tuple[dict[str, list[Place]], ...] = ({}, {}, {}, {})
        for path, branch in _walk(tree, ""):
            self._add(0, branch.name, Place(branch))
            self._add(1, path, Place(branch))
            for name in {branch.name, path}:
                self._add(2, without_dimensions(name), Place(branch))
            for leaf in _leaves(branch):
                self._add(3, f"{branch.name}.{leaf}", Place(branch, leaf))

    def _add(self, rule: int, name: str, place: Place) -> None:
        self._by_rule[rule].setdefault(name, []).append(place)

    def find(self, name: str) -> list[Place]:
        """Places that are called so: none, one, or several if the name is not one of its own."""
        found = next((known[name] for known in self._by_rule if name in known), [])
        return [place for place in found if not place.branch.branches] or found

    def all(self) -> tuple[str, ...]:
        """Names that a layout can use."""
        leaves = (name for name, places in self._by_rule[3].items() if len(_leaves(places[0].branch)) > 1)
        return (*self._by_rule[0], *leaves)


def without_dimensions(name: str) -> str:
    """Name without ``[2][5][6]`` at its end."""
    return _DIMENSIONS.sub("", name)


def may_be_one(name: str, other: str) -> bool:
    """Whether two names may be of one branch: a branch is also called by its leaf and by what it is in."""
    short, long = sorted((without_dimensions(name), without_dimensions(other)), key=len)
    parts, whole = (f".{one.replace('/', '.').strip('.')}." for one in (short, long))
    return whole.startswith(parts) or whole.endswith(parts)


def similar(name: str, known: Iterable[str]) -> str:
    """Name that is there in place of one that is not; empty if nothing is like it.

    First one with other dimensions, of another object or in other letters; then what it would be a part of.
    """
    names = tuple(known)
    same = [one for one in names if _plain(one) == _plain(name)]
    whole = [one for one in names if name.startswith((f"{one}.", f"{one}/", f"{one}["))]
    return next(iter(same or whole), "")


@lru_cache(maxsize=4096)
def _plain(name: str) -> str:
    return re.split(r"[./]", without_dimensions(name).rstrip("./"))[-1].casefold()


def _walk(parent: Any, path: str) -> Iterator[tuple[str, Any]]:
    for branch in parent.branches:
        place = f"{path}{branch.name}"
        yield place, branch
        yield from _walk(branch, f"{place}/")


def _leaves(branch: Any) -> list[str]:
    return [str(leaf.member("fName")) for leaf in branch.member("fLeaves")]
