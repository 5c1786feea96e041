"""Whether more was seen in an opened box than its background explains, and how much was looked at for it."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from typing import Any

from na64.outputs.statistics.excess import excess_p_value, global_p_value, significance
from na64.processors.job import Job
from na64.processors.unblinded_counts import Opened

_NUMBER = r"((?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)"
_STATED = re.compile(rf"\s*{_NUMBER}\s*(?:(?:\+-|\+/-|±)\s*{_NUMBER})?\s*(?:events?)?\s*", re.ASCII)


def evidence_of(
    opened: Opened, job: Job, manifest: Mapping[str, Any], fraction: float, n_openings: int
) -> dict[str, Any]:
    """P-value of the excess over the background that was frozen, with what it was looked for in.

    Parameters
    ----------
    opened : Opened
    job : Job
    manifest : mapping
        What was frozen: background by period as `na64 limits` found it, or the one that was stated.
    fraction : float
        Of the spills that were opened.
    n_openings : int
        Freezes of this log under which a box was opened, this one included.
    """
    estimate = manifest["estimate"] or {}
    n_masses = len(estimate.get("expected_limit", {}).get("eps", ()))
    boxes = {context.period: job.opened_boxes(run) for run, context in job.runs.items()}
    tested = {
        "bins": len(boxes),
        "periods": len(boxes),
        "boxes": len(set(boxes.values())),
        "masses": n_masses,
        "openings": n_openings,
    }
    found = _p_values(opened, job, manifest, fraction)
    return {**found, "tested": tested, "look_elsewhere": _look_elsewhere(found, tested)}


def _p_values(opened: Opened, job: Job, manifest: Mapping[str, Any], fraction: float) -> dict[str, Any]:
    nothing: dict[str, Any] = {"p_value": None, "significance": None, "background": None, "periods": []}
    seen = opened.total[-1]
    if fraction < 1 or opened.failures:
        return nothing | {"observed": seen, "why": "only a part of the box is open"}
    stated = _background(manifest)
    if stated is None:
        why = "the background that was frozen is not a number: " + manifest["declared"]["background"]
        return nothing | {"observed": seen, "why": why}
    estimate = manifest["estimate"] or {}
    left_out = set(estimate.get("excluded", ())) if _is_estimate(manifest) else set()
    counts = {run: passed[-1] for run, passed in opened.counts.items() if run not in left_out}
    seen, (n, error) = sum(counts.values()), stated
    p_value = excess_p_value(seen, n, error)
    periods = list(_by_period(counts, job, estimate)) if _is_estimate(manifest) else []
    return {
        "observed": seen,
        "background": {"n": n, "error": error},
        "p_value": p_value,
        "significance": _finite(significance(p_value)),
        "periods": periods if len(periods) > 1 else [],
        "why": "",
    }


def _is_estimate(manifest: Mapping[str, Any]) -> bool:
    """Whether the background that was frozen is that of `na64 limits`, not one stated beside it."""
    estimate = manifest["estimate"]
    if not estimate:
        return False
    stated = stated_number(manifest["declared"]["background"])
    return stated is None or math.isclose(stated[0], estimate["background"]["n"], rel_tol=1e-3)


def _background(manifest: Mapping[str, Any]) -> tuple[float, float] | None:
    if _is_estimate(manifest):
        background = manifest["estimate"]["background"]
        return float(background["n"]), float(background["error"])
    return stated_number(manifest["declared"]["background"])


def stated_number(text: str) -> tuple[float, float] | None:
    """Read ``0.51 +- 0.13 events``; None if it is something else, or an error without a number to be of."""
    found = _STATED.fullmatch(text)
    if found is None:
        return None
    number, error = float(found[1]), float(found[2] or 0)
    is_usable = math.isfinite(number) and math.isfinite(error) and (number > 0 or error == 0)
    return (number, error) if is_usable else None


def _by_period(counts: Mapping[int, int], job: Job, estimate: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    for period in estimate.get("periods", ()):
        name, n, error = (period[key] for key in ("name", "background", "background_error"))
        seen = sum(count for run, count in counts.items() if job.runs[run].period == name)
        p_value = excess_p_value(seen, n, error)
        yield {"name": name, "observed": seen, "n": n, "error": error, "p_value": p_value}


def _look_elsewhere(found: Mapping[str, Any], tested: Mapping[str, int]) -> str:
    """Number of places where an excess was looked for, in words."""
    bins, boxes = _n(tested["bins"], "bin"), _n(tested["boxes"], "different box", "es")
    text = f"One counting bin a period: {bins}, {boxes}; the p-value is of the sum of all bins, one test. "
    if tested["masses"]:
        text += (
            f"The {tested['masses']} masses of the limit are tested with the same counts and add no trial. "
        )
    if found["periods"]:
        smallest = min(period["p_value"] for period in found["periods"])
        overall = global_p_value(smallest, len(found["periods"]))
        text += (
            f"The smallest p-value of {len(found['periods'])} periods taken alone is {smallest:.2g}; "
            f"that one of them is as small has a probability of {overall:.2g}. "
        )
    others = tested["openings"] - 1
    text += f"Openings under other freezes in this log before: {others}"
    return text + ("; each was a look of its own, which no number here contains." if others else ".")


def _n(number: int, noun: str, plural: str = "s") -> str:
    return f"{number} {noun}{'' if number == 1 else plural}"


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
