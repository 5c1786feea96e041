"""The searches that there are, and their reference contours."""

from __future__ import annotations

from pathlib import Path

from na64.outputs.analysis.listening import Tell, silent
from na64.outputs.limits.searches.card import SEARCHES, load_card
from na64.outputs.limits.searches.listing import Listed, list_searches
from na64.outputs.limits.searches.products import write_reference
from na64.outputs.limits.searches.reference import Reference, reference_of


def searches(*names: str) -> list[Listed]:
    """Search cards, each with the worst ratio of its reference contour to published points.

    Parameters
    ----------
    *names : str
        Of searches, or paths of cards of your own; by default all.

    Returns
    -------
    list of na64.outputs.limits.searches.listing.Listed
        ``card`` has what the file of the search says.

    Raises
    ------
    KeyError
        There is no such search.

    Examples
    --------
    >>> [one.card.title for one in na64.searches("invisible", "alp")]
    ['Dark photon to invisible', 'Axion-like particle to two photons']
    """
    return list_searches(names or SEARCHES)


def reference(
    name: str, *, to: str | Path | None = None, variant: str = "", level: float = 0.9, tell: Tell = silent
) -> Reference:
    """Reference contour of a search: what the configuration of its card excludes.

    Parameters
    ----------
    name : str
        Of the search, or the path of a card of your own.
    to : str or Path, optional
        Folder for ``contour.csv``, ``contour.png``, ``contour.pdf`` and ``reference.json``.
    variant : str
        Of the configuration; by default the first one of the card.
    level : float
        Confidence level.
    tell : callable
        Takes lines about the contour.

    Returns
    -------
    na64.outputs.limits.searches.reference.Reference

    Raises
    ------
    KeyError
        There is no such search or variant.
    """
    card = load_card(name)
    found = reference_of(card, variant, level=level)
    tell(f"{card.title}: {found.variant.label}")
    others = [one.name for one in card.variants if one is not found.variant]
    if others:
        tell(f"other variants: {', '.join(others)}")
    for nearness in found.nearness:
        published = nearness.published
        why = f" ({published.expected})" if published.expected else ""
        tell(f"{published.edge} edge over {published.curve}: worst ratio {nearness.worst:.3g}{why}")
    if found.variant.fitted:
        tell(f"fitted to published contours, no prediction: {', '.join(found.variant.fitted)}")
    if to is not None:
        write_reference(Path(to), found)
        tell(f"contour: {to}")
    return found
