"""How regions look in figures: a colour, a line and a marker each, told apart without colour too."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from na64.outputs.result.summary_facts import RegionFacts
from na64.selections.regions import CONTRACT, ELSEWHERE, PREFIX, short_name

Line: TypeAlias = Literal["-", "--", "-.", ":"] | tuple[float, tuple[float, ...]]


@dataclass(frozen=True, slots=True)
class RegionStyle:
    """Look of a region.

    Attributes
    ----------
    name : str
        As people call it.
    colour, marker : str
    line : str or dash pattern
        As matplotlib takes it.
    """

    name: str
    colour: str
    line: Line
    marker: str


# Hues of Okabe and Ito (2008) and of Tol (2021), in an order in which neighbours differ in lightness. The
# first three are those of `CONTRACT`. No red: that is what is not looked at.
PALETTE = (
    *("#0b5394", "#b45309", "#6a1b6a", "#009e73", "#cc79a7", "#56b4e9"),
    *("#e69f00", "#332288", "#999933", "#117733", "#882255", "#44aa99"),
)
"""Colours that people who are colour-blind tell apart as far as twelve can be."""

_LINES: tuple[Line, ...] = (
    *("-", "--", "-.", (0, (5, 1)), (0, (3, 1, 1, 1)), (0, (1, 1))),
    *((0, (8, 3)), (0, (4, 1, 1, 1, 1, 1)), (0, (2, 1)), (0, (6, 1, 3, 1)), (0, (1, 2)), (0, (7, 1, 1, 1))),
)
_MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*", "<", ">", "p", "h")
NOWHERE = RegionStyle(ELSEWHERE, "#6b6b6b", ":", "x")
"""Look of what is in no region."""


def region_styles(regions: Sequence[RegionFacts]) -> Mapping[str, RegionStyle]:
    """Look of every region of a selection by its column, and last of `ELSEWHERE`.

    I, II and III look alike everywhere; others take what is left, in their order, or what the selection says.
    """
    own = [f"{PREFIX}{name}" for name in CONTRACT]
    taken = [own.index(region.name) for region in regions if region.name in own]
    left = iter(number for number in range(len(PALETTE)) if number not in taken)
    styles = {}
    for region in regions:
        number = own.index(region.name) if region.name in own else next(left)
        styles[region.name] = RegionStyle(
            short_name(region.name),
            region.colour or PALETTE[number],
            _LINES[number],
            region.marker or _MARKERS[number],
        )
    return {**styles, ELSEWHERE: NOWHERE}


def region_title(region: RegionFacts) -> str:
    """Name and label of a region in one line."""
    name = short_name(region.name)
    return region.label if region.label.startswith(name) else f"{name}: {region.label}"
