"""Whether the box of a result was opened: by whom, when, under which freeze, and for which numbers."""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from na64.datasets.basics.identity import bytes_digest
from na64.datasets.basics.json_records import parse_object, read_object, typed, value_at
from na64.datasets.basics.named import named
from na64.outputs.blinding.examination import problems
from na64.outputs.blinding.freeze import FREEZE, openings
from na64.outputs.blinding.names import UNBLINDED
from na64.outputs.result.other_boxes import begins_above
from na64.outputs.result.products import Products
from na64.outputs.result.request import REQUEST, read_request
from na64.outputs.result.summary import Blinding, Summary


@dataclass(frozen=True, slots=True)
class OpenedBox:
    """What is known of the opening of a box.

    Attributes
    ----------
    freeze, time, reason : str
    approved_by : tuple of str
    fraction : float
        Of the spills.
    counts : mapping of int to int
        Events after all cuts, by run.
    cutflow : mapping of str to int
        Opened events by what they have passed, beginning with the box itself.
    result : mapping of str to str
        Digests of the products of the blind result.
    unknown : str
        Why the log does not vouch for it; empty if it does.
    problem : str
        Why the counts are not those of the whole box of this result; empty if they are.
    """

    freeze: str
    time: str
    reason: str
    approved_by: tuple[str, ...]
    fraction: float
    counts: Mapping[int, int]
    unknown: str = ""
    problem: str = ""
    cutflow: Mapping[str, int] = field(default_factory=dict)
    result: Mapping[str, str] = field(default_factory=dict)

    @property
    def short(self) -> str:
        """When and under which freeze, as a figure says it."""
        return " ".join(filter(None, ("opened", self.time[:10], f"(freeze {self.freeze[:8]})")))

    @property
    def words(self) -> str:
        """When it was opened and by whom."""
        by = f" by {' and '.join(self.approved_by)}" if self.approved_by else ""
        on = f" on {self.time[:10]}" if self.time else ""
        part = f", {self.fraction:.0%} of the spills" if self.fraction < 1 else ""
        return f"opened{on}{by}{part}"


def read_opened(folder: Path, summary: Summary) -> OpenedBox | None:
    """Read what is known of the opened box of a result; None if it is closed, or the result is no data.

    Raises
    ------
    ValueError
        The record of the opening is damaged.
    """
    if not summary.is_data:
        return None
    if not (folder / UNBLINDED).exists():
        return _begun(folder)
    try:
        unknown = next(iter(problems(folder)), "")
    except (OSError, ValueError) as error:
        unknown = str(error)
    box = replace(_parse(read_object(folder / UNBLINDED)), unknown=unknown)
    return replace(box, problem=box.problem or _problem(folder, box, summary))


def _parse(plain: Mapping[str, Any]) -> OpenedBox:
    """Read the record of an opening."""

    def get(hint: Any, keys: str) -> Any:
        return value_at(hint, plain, keys, UNBLINDED)

    runs: dict[str, dict[str, int]] = get(dict[str, dict[str, int]], "runs")
    rows: tuple[dict[str, Any], ...] = get(tuple[dict[str, Any], ...], "cutflow")
    fraction, verdict = get(float, "record.fraction"), get(str, "verdict")
    is_whole = verdict == "COMPLETE" and fraction >= 1
    with named(UNBLINDED):
        return OpenedBox(
            freeze=get(str, "record.freeze"),
            time=get(str, "record.time"),
            reason=get(str, "record.reason"),
            approved_by=get(tuple[str, ...], "record.approved_by"),
            fraction=fraction,
            counts={int(run): numbers["selected"] for run, numbers in runs.items()},
            problem="" if is_whole else f"only a part of the box was opened ({fraction:.0%}, {verdict[:20]})",
            cutflow={str(row["cut"]): typed(int, row["passed"], "cutflow.passed") for row in rows},
            result=get(dict[str, str], "result"),
        )


def as_opened(products: Products, box: OpenedBox | None) -> Products:
    """Result the label of an opened one, if its box is open."""
    if box is None:
        return products
    return replace(
        products, summary=replace(products.summary, blinding=Blinding.UNBLINDED, opening=box.short)
    )


def _begun(folder: Path) -> OpenedBox | None:
    """Find an opening of the freeze in a folder that the log knows and that left no record here."""
    if not (folder / FREEZE).exists() or not (folder / REQUEST).exists():
        return None
    freeze = bytes_digest((folder / FREEZE).read_bytes())
    try:
        found = [one for one in openings(read_request(folder).log(folder)) if one["freeze"] == freeze]
    except (OSError, ValueError):
        return None
    if not found:
        return None
    names = tuple(map(str, found[-1]["approved_by"]))
    missing = f"the log has an opening under the freeze {freeze[:12]}, and there is no {UNBLINDED} here"
    return OpenedBox(
        freeze, "", str(found[-1]["reason"]), names, float(found[-1]["fraction"]), {}, problem=missing
    )


def _problem(folder: Path, box: OpenedBox, summary: Summary) -> str:
    frozen = (folder / FREEZE).read_bytes() if (folder / FREEZE).exists() else b""
    if bytes_digest(frozen) != box.freeze:
        return f"the box was opened under the freeze {box.freeze[:12]}, which is not {FREEZE}"
    result = value_at(dict[str, str], parse_object(frozen, FREEZE), "frozen.blind_result", FREEZE)
    if not result == box.result == dict(summary.products):
        return f"the box was opened for another result than the one in {folder}"
    before = value_at(tuple[str, ...], parse_object(frozen, FREEZE), "frozen.opened_before", FREEZE)
    return next(_kept_closed(summary, before), "")


def _kept_closed(summary: Summary, before: Container[str]) -> Iterator[str]:
    """Say which closed box may have kept a part of the opened one closed."""
    for box in summary.boxes:
        for other in box.others:
            apart = box.is_rectangle and begins_above(box, other, box.height)
            if other.search != box.search and other.search not in before and not apart:
                yield (
                    f"the box of search {box.search} was opened while that of search {other.search} was "
                    "closed, and what both hide stayed closed: it counts once both are open, this one again"
                )
