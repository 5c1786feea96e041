"""The searches as a table: what each is, and how near its reference contour is to published points."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from na64.datasets.basics.sourced_values import Fact
from na64.outputs.limits.searches.card import SEARCHES, Card, Variant, load_card
from na64.outputs.limits.searches.published_points import load_points
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
        if self.worst is None:
            return "no points"
        fitted = any(variant.fitted for variant in self.card.variants if variant.published)
        return f"{self.worst:.2f}" + (", of fitted numbers" if fitted else "")


def list_searches(names: Sequence[str] = SEARCHES) -> list[Listed]:
    """List searches with their nearness to published points."""
    return [Listed(card, _worst(card)) for card in map(load_card, names)]


def demonstrated() -> tuple[str, ...]:
    """Searches that `na64 demo --search` runs."""
    return tuple(name for name in SEARCHES if load_card(name).demonstration)


def demo_lines(card: Card) -> list[str]:
    """Commands that show a search at work, in order: its demonstration, or limits with results of others."""
    if card.demonstration:
        return [f"na64 demo --search {card.name}"]
    others = [load_card(name) for name in card.demonstrated_by]
    results = [
        f"results/demo_{one.name}/{selection}"
        for one in others
        for selection in (one.demonstration.selections if one.demonstration else ())
    ]
    limits = f"na64 limits --search {card.name} {' '.join(results)} --to results/demo_{card.name}"
    return [*(line for one in others for line in demo_lines(one)), limits]


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
            "periods": ", ".join(card.periods) or "none yet",
            "selections": ", ".join(card.selections) or "none yet",
            "signature": card.signature,
            "signal": f"{card.particle}, {card.coupling.meaning} {card.coupling.symbol}",
            "variants": ", ".join(variant.name for variant in card.variants),
            "published": f"worst ratio {one.nearness}" if one.worst is not None else one.nearness,
            "state": card.state,
            "demo": "; ".join(demo_lines(card)),
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
        periods = ", ".join(card.periods) or "none yet"
        papers = ", ".join(paper.removeprefix("arXiv:") for paper in card.papers)
        what = f"{card.title}: {card.coupling.meaning} {card.coupling.symbol}"
        yield _row(
            (f"`{card.name}`", what, card.beam, periods, card.signature, card.state, one.nearness, papers)
        )


def as_overview(listed: Sequence[Listed]) -> Iterator[str]:
    """Lines of the table of the README: every search, its state, whether it can be run whole, a picture."""
    yield _row(("search", "looks for", "state", "`na64 demo --search`", "contour"))
    yield _row(["---"] * 5)
    for card in (one.card for one in listed):
        page = f"docs/searches/{card.name}"
        run = "yes" if card.demonstration else f"after {' and '.join(card.demonstrated_by)}"
        picture = f"![{card.name}]({page}.png)"
        yield _row((f"[{card.name}]({page}.md)", f"{card.title}: {card.beam}", card.state, run, picture))


def _row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def as_page(card: Card) -> Iterator[str]:
    """Lines of the page of a search in Markdown; its figure lies beside it."""
    yield from (f"# {card.title}", "", card.looks_for, "")
    yield _row(("search", f"`{card.name}`"))
    yield "|---|---|"
    yield _row(("beam", card.beam))
    yield _row(("periods", ", ".join(card.periods) or "none yet"))
    yield _row(("selections", ", ".join(f"`{name}`" for name in card.selections) or "none yet"))
    yield _row(("signature", card.signature))
    yield _row(("state", card.state))
    yield _row(("papers", ", ".join(card.papers)))
    yield from ("", *card.formula.splitlines(), "")
    yield from (f"![Contour]({card.name}.png)", "")
    for variant in card.variants:
        yield from _compared(card, variant)
    for title, texts in (
        ("Set-up", card.setup),
        ("Cuts, in their order", card.cuts),
        ("Control regions and backgrounds", card.controls),
    ):
        if texts:
            yield from (f"## {title}", "", *(f"- {text}" for text in texts), "")
    yield from ("## Assumptions", "", *(f"- {text}" for text in card.assumptions), "")
    yield from ("## What is not known", "", *(f"- {text}" for text in card.not_known), "")
    yield from ("## Reference configurations", "")
    yield from _configurations(card)


def _compared(card: Card, variant: Variant) -> Iterator[str]:
    """Table of ratios to published points, if there are any."""
    for nearness in nearness_of(card, variant):
        curve, published = load_points(nearness.published.curve), nearness.published
        note = f"; {published.expected}" if published.expected else ""
        edge = f"{published.edge.capitalize()} edge of `{variant.name}`"
        yield f"{edge} over {curve.label} ({curve.paper}){note}:"
        yield ""
        yield _row(("mass (MeV)", *(f"{1e3 * mass:.4g}" for mass in nearness.mass)))
        yield _row(["---"] * (1 + len(nearness.mass)))
        yield _row(("ratio", *(f"{ratio:.2f}" for ratio in nearness.ratio)))
        yield ""


def _configurations(card: Card) -> Iterator[str]:
    """Table of every number with its source, and of the variants that have it."""
    rows: dict[tuple[str, str, str], dict[str, None]] = {}
    for variant in card.variants:
        for fact in variant.facts:
            rows.setdefault((fact.name, _shown(fact), fact.source), {})[variant.name] = None
    yield "The first variant is drawn unless `--variant` names another one."
    yield ""
    for variant in card.variants:
        yield f"- `{variant.name}`: {variant.label}"
    yield ""
    yield _row(("number", "value", "source", "variants"))
    yield _row(["---"] * 4)
    for (name, value, source), variants in rows.items():
        which = "all" if len(variants) == len(card.variants) else ", ".join(f"`{one}`" for one in variants)
        yield _row((f"`{name}`", value, source, which))


def _shown(fact: Fact) -> str:
    """Value with its unit; large numbers in powers of ten."""
    value = f"{float(fact.value):.4g}" if fact.value.isdecimal() and len(fact.value) > 6 else fact.value
    return value if fact.unit == "1" else f"{value} {fact.unit}"
