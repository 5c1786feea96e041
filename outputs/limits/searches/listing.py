"""The searches as a table: what each is, and how near its reference contour is to published points."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from na64.outputs.limits.searches.card import SEARCHES, Card, load_card
from na64.outputs.limits.searches.reference import nearness_of


@dataclass(frozen=True, slots=True)
class Listed:
    """A search in the table.

    Attributes
    ----------
    card : Card
    worst : float or None
        Edge of the contour over a published point, farthest from one, of all variants; None without points.
    """

    card: Card
    worst: float | None

    @property
    def nearness(self) -> str:
        """As the table shows it."""
        return "no points" if self.worst is None else f"{self.worst:.2f}"


def list_searches() -> list[Listed]:
    """List every search with its nearness to published points."""
    return [Listed(card, _worst(card)) for card in map(load_card, SEARCHES)]


def _worst(card: Card) -> float | None:
    ratios = [one.worst for variant in card.variants for one in nearness_of(card, variant)]
    if any(math.isnan(ratio) for ratio in ratios):
        return math.nan
    return max(ratios, key=lambda ratio: abs(math.log(ratio)), default=None)


def as_text(listed: Sequence[Listed]) -> Iterator[str]:
    """Lines for a terminal."""
    for one in listed:
        card = one.card
        yield f"{card.name}: {card.title}"
        rows = {
            "beam": card.beam,
            "periods": ", ".join(card.periods) or "none",
            "selections": ", ".join(card.selections) or "none yet",
            "signature": card.signature,
            "signal": f"{card.particle}, {card.coupling.meaning} {card.coupling.symbol}",
            "variants": ", ".join(variant.name for variant in card.variants),
            "published": f"worst ratio {one.nearness}" if one.worst is not None else one.nearness,
            "state": card.state,
            "papers": ", ".join(card.papers),
        }
        for name, text in rows.items():
            yield f"  {name:<11}{text}"


def as_markdown(listed: Sequence[Listed]) -> Iterator[str]:
    """Lines of a table in Markdown."""
    head = (
        "search",
        "looks for",
        "beam",
        "periods",
        "signature",
        "state",
        "worst ratio to published",
        "papers",
    )
    yield _row(head)
    yield _row(["---"] * len(head))
    for one in listed:
        card = one.card
        periods = ", ".join(card.periods)
        papers = ", ".join(paper.removeprefix("arXiv:") for paper in card.papers)
        what = f"{card.title}: {card.coupling.meaning} {card.coupling.symbol}"
        yield _row(
            (f"`{card.name}`", what, card.beam, periods, card.signature, card.state, one.nearness, papers)
        )


def _row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cells) + " |"
