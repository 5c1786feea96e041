"""The contour of a search whose channels are counted in boxes of their own, from a stored result of each."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from pathlib import Path

from na64.datasets.basics.turns import turn
from na64.outputs.analysis.full_report import renew_report
from na64.outputs.analysis.listening import Listener, Tell, silent
from na64.outputs.background.table import with_error
from na64.outputs.limits.exposure import LimitInput, read_exposure
from na64.outputs.limits.inputs import Background
from na64.outputs.limits.request import (
    LimitsRequest,
    UsedFile,
    background_files,
    backgrounds_of,
    checked_levels,
    log_stated,
    used_file,
)
from na64.outputs.limits.searches.card import Card, load_card
from na64.outputs.limits.searches.contour import ExcludedCouplings
from na64.outputs.limits.searches.products import rows_line, write_stored
from na64.outputs.limits.searches.stored_channels import (
    StoredChannel,
    channel_contour,
    channel_facts,
    channels_without_result,
    channels_without_signal,
    has_boxes,
    stored_channels,
)
from na64.outputs.result.product_names import PRODUCTS
from na64.outputs.result.store import require_result

_ASSUMPTIONS = (
    "exposure, background, efficiency and counts are those of the stored results",
    "the boxes of the channels share no event",
    "an edge is that of the observed limit, or of the median expected one while any box is closed",
    "the errors of the efficiencies, the largest for all channels, and of the signal are in common",
    "channels with too many outcomes to be told apart count as one, or one alone where that is better",
)


def is_by_channels(search: str, variant: str = "") -> bool:
    """Whether the limits of a search are set by `channel_limits`."""
    return has_boxes(load_card(search).variant(variant))


def channel_limits(
    folders: str | Path | Sequence[str | Path],
    *,
    search: str,
    variant: str = "",
    background: str | Path | Sequence[str | Path] = (),
    efficiency: str | Path | float | None = None,
    levels: Iterable[float] = (0.9, 0.95),
    delivered: bool = False,
    to: str | Path | None = None,
    reason: str = "",
    limits_at_face_value: bool = False,
    signal_error: float = 0.1,
    tell: Tell = silent,
) -> list[tuple[float, ExcludedCouplings]]:
    """Excluded couplings of a search, each result of the channel whose box its selection is for.

    Parameters
    ----------
    folders : str, Path or several
        Where `process` wrote to.
    search, variant : str
        Name of the search or path of its card, and a configuration of it.
    background : str, Path or several
        Tables or ``"N+-DN"``, once each; by default ``background.csv`` in each folder.
    efficiency : str, Path or float, optional
        Table of one result, or a number for dark photons; by default ``efficiency_SEARCH.csv`` in each
        folder, of dark photons ``efficiency.csv``.
    levels : iterable of float
        Confidence levels.
    delivered : bool
        Count particles delivered: the efficiency gets the live time among its losses.
    to : str or Path, optional
        Folder of the contour; by default that of the result, if there is one only.
    reason : str
        Why a file is right that is of another result, was edited, or does not say what it is of.
    limits_at_face_value : bool
        Count upper limits of a background table as their value, with an error as large.
    signal_error : float
        Relative error of the signal yield.
    tell : callable
        Takes lines about the limits.

    Returns
    -------
    list of (float, na64.outputs.limits.searches.contour.ExcludedCouplings)
        By level and mass.

    Raises
    ------
    FileNotFoundError
        A folder holds no result.
    ValueError
        A result is of no channel of the search, or an input is missing or not of these results.
    """
    places = [Path(one) for one in _several(folders)]
    if to is None and len(places) != 1:
        raise ValueError("limits of several results need --to")
    for one in places:
        require_result(one)
    place = Path(to) if to is not None else places[0]
    card = load_card(search)
    chosen = card.variant(variant)
    texts = tuple(map(str, _several(background)))
    if len(texts) not in (0, len(places)):
        raise ValueError(f"{len(texts)} backgrounds for {len(places)} results: expected one for each")
    request = LimitsRequest(
        background=texts,
        levels=checked_levels(levels),
        limits_at_face_value=limits_at_face_value,
        reason=reason,
    )
    place.mkdir(parents=True, exist_ok=True)
    with turn(place, PRODUCTS, "na64 limits"):
        exposures = [read_exposure(one, delivered=delivered, any_box=True) for one in places]
        backgrounds = backgrounds_of(places, request)
        found = stored_channels(
            card,
            chosen,
            exposures,
            backgrounds,
            efficiency=None if efficiency is None else str(efficiency),
            delivered=delivered,
            reason=reason,
        )
        used = [*background_files(exposures, request, place), *_efficiency_files(found, place)]
        closed = [one.state for one in exposures if not one.is_open]
        state = "; ".join(dict.fromkeys(closed or [one.state for one in exposures]))
        missing = list(channels_without_result(chosen, exposures))
        listener = Listener(tell=tell)
        tell(state)
        listener.say(_lines(card, found, missing))
        uncounted = _without_a_number(exposures, backgrounds)
        listener.say(
            f"background of {name}: {source} has no number and is left out" for name, source in uncounted
        )
        rows = [
            (level, row)
            for level in request.levels
            for row in channel_contour(card, chosen, found, level=level, signal_error=signal_error)
        ]
        unseen = list(channels_without_signal(card, chosen, found))
        log_stated(exposures, used)
        further = {
            "channels": list(channel_facts(found)),
            "channels_left_out": missing,
            "channels_without_signal": unseen,
            "backgrounds_left_out": [f"{name}: {source}" for name, source in uncounted],
            "signal_error": signal_error,
            "files": [asdict(one) for one in used],
        }
        write_stored(place, card, chosen, rows, state, assumptions=_ASSUMPTIONS, further=further)
        for name in unseen:
            tell(f"channel {name}: sees none of these particles at any mass and coupling of the card")
        tell(rows_line(card, chosen, rows, place))
        listener.say(renew_report(place))
    return rows


def _efficiency_files(found: Iterable[StoredChannel], place: Path) -> Iterator[UsedFile]:
    stated = {path: one.efficiency.stated for one in found for path in one.efficiency.files}
    for path, why in stated.items():
        yield used_file(path, place, why)


def _lines(card: Card, found: Iterable[StoredChannel], missing: Iterable[str]) -> Iterator[str]:
    for one in found:
        category = one.category
        seen = "" if category.observed is None else f", {category.observed} observed"
        yield (
            f"channel {category.name}, {one.folder.name}: {category.exposure:.3g} particles on target, "
            f"background {with_error(category.background, category.background_error)}{seen}, "
            f"efficiency up to {max(one.efficiency.kept.values):.3f}"
        )
    for name in missing:
        yield f"channel {name} of search {card.name}: no result of it, left out"


def _without_a_number(
    exposures: Sequence[LimitInput], backgrounds: Sequence[Background]
) -> list[tuple[str, str]]:
    """Results and those of their sources of background that are in no sum, without repetition."""
    pairs = zip(exposures, backgrounds, strict=True)
    return list(dict.fromkeys((one.folder.name, source) for one, of in pairs for source in of.table.missing))


def _several(given: str | Path | Sequence[str | Path]) -> Sequence[str | Path]:
    return [given] if isinstance(given, str | Path) else given
