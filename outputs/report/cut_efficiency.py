"""What every cut keeps of the events that pass all the others."""

from __future__ import annotations

import math

from na64.outputs.result.cutflow import VISIBLE
from na64.outputs.result.products import Products, of_all_runs
from na64.outputs.statistics.binomial import binomial_error

_MOST_DIGITS = 2


def kept_by_cut(products: Products) -> dict[str, str]:
    """Share of the events passing all the other cuts that each cut keeps, with its binomial error, in words.

    Of weighted simulation nothing is said: the cut-flow counts events, not weights.
    """
    if products.is_weighted:
        return {}
    rows = {row.cut: row for row in of_all_runs(products.cutflow).rows}
    selected = rows[VISIBLE].n_minus_one if VISIBLE in rows else 0
    return {
        name: f"keeps {_in_percent(selected, row.n_minus_one)}"
        for name, row in rows.items()
        if name != VISIBLE and row.n_minus_one
    }


def _in_percent(part: int, whole: int) -> str:
    share, error = 100 * part / whole, 100 * binomial_error(part, whole)
    digits = min(_MOST_DIGITS, max(0, 1 - math.floor(math.log10(error))))
    return f"{share:.{digits}f} \N{PLUS-MINUS SIGN} {error:.{digits}f} %"
