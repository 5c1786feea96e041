"""Writes the products of a result, each whole or not at all, and reads them back."""

from __future__ import annotations

import errno
import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import hist
import numpy as np
from numpy.typing import NDArray

from na64.datasets.basics.atomic_file import write_together
from na64.datasets.basics.identity import bytes_digest
from na64.datasets.basics.json_records import read_object, to_json, typed
from na64.datasets.conditions.conditions import SpillFacts
from na64.outputs.result import cutflow, histograms, provenance, root_file, summary, variations, yields
from na64.outputs.result.cutflow import CutflowRow, RegionsRow
from na64.outputs.result.products import Products
from na64.outputs.result.spills import SpillRead, spills_table
from na64.outputs.result.summary import Summary
from na64.outputs.result.summary_facts import HistogramFacts
from na64.outputs.result.table import Table, read_csv
from na64.outputs.result.variations import (
    VariationsRow,
    VariedYieldsRow,
    WeightedVariationsRow,
    WeightedVariedYieldsRow,
)
from na64.outputs.result.yields import YieldsRow
from na64.processors.counting.booking import Booking
from na64.processors.counting.tally import Tally
from na64.selections.selection import VISIBLE

RESULT = "result.json"
PROVENANCE = "provenance.json"
YIELDS = "yields.csv"
SPILLS = "spills.csv"
CUTFLOW = "cutflow.csv"
REGIONS = "regions.csv"
HISTOGRAMS = "histograms.uhi.zip"
VARIATIONS = "variations.csv"
VARIED_YIELDS = "variations_yields.csv"
REPORT = "report.html"
PLOTS = "plots"
DRAWN = "drawn.json"
"""What the plots were made of; of the same content they are not drawn again."""

LABEL = "label.json"
"""What stands after the name of the experiment in figures, as Preliminary."""


def write_numbers(
    folder: Path,
    *,
    facts: Summary,
    tallies: Mapping[int, Tally],
    booking: Booking,
    made_by: Mapping[str, object],
    spills: Sequence[tuple[SpillFacts, SpillRead]] = (),
    beside: Mapping[str, bytes] | None = None,
) -> None:
    """Write tables, histograms, provenance and `RESULT`, which names them by content: all of them or none.

    A report that is there already is removed unless it is of these numbers.

    Parameters
    ----------
    folder : Path
        Made if there is none.
    facts : Summary
    tallies : mapping of int to Tally
        By run; a run without one counts as empty.
    booking : Booking
    made_by : mapping
    spills : sequence of (SpillFacts, SpillRead)
    beside : mapping of str to bytes, optional
        Other files that belong to the result, by name.
    """
    tallies = _every_run(facts, tallies, booking)
    tables = _tables(facts, tallies, booking)
    hists = histograms_of(tallies, booking)
    contents = {
        **{f"{name}.csv": table.to_csv() for name, table in tables.items()},
        **{f"{name}.parquet": tables[name].to_parquet() for name in ("yields", "cutflow")},
        HISTOGRAMS: histograms.to_zip(hists),
        "histograms.root": root_file.to_root(hists, {one.name: _title(one) for one in facts.histograms}),
        SPILLS: spills_table(spills).to_csv(),
    }
    without = {VARIATIONS, VARIED_YIELDS} - contents.keys()
    digests = {name: bytes_digest(data) for name, data in contents.items()}
    result = summary.to_json(replace(_without_paths(facts), products=digests))
    origin = to_json(made_by)
    if not is_report_of(folder, result, origin):
        without.add(REPORT)
    contents |= {PROVENANCE: origin, RESULT: result, **(beside or {})}
    write_together(folder, contents, seal=RESULT, without=without)


def histograms_of(tallies: Mapping[int, Tally], booking: Booking) -> dict[str, hist.Hist[Any]]:
    """Histograms of all runs together, by name."""
    return histograms.to_hists(booking, _all_bins(tallies, booking))


def _title(facts: HistogramFacts) -> str:
    """What a histogram shows and of which events, as ROOT draws it above."""
    said = facts.label if facts.title in ("", facts.label) else f"{facts.label}, {facts.title}"
    return f"{said}, weighted with {facts.weight}" if facts.weight else said


def is_report_of(folder: Path, result: bytes, origin: bytes) -> bool:
    """Whether report and plots were made of a result and by the code that its provenance names."""
    mark = report_mark(result, origin)
    try:
        with (folder / REPORT).open("rb") as file:
            file.seek(-len(mark), os.SEEK_END)
            return file.read() == mark and (folder / PLOTS).is_dir()
    except OSError:
        return False


def report_mark(result: bytes, origin: bytes) -> bytes:
    """Last line of a report: what it was made of."""
    return f"\n<!-- {bytes_digest(result)} {bytes_digest(origin)} -->\n".encode()


def require_result(folder: Path) -> None:
    """Refuse a folder without a result, before anything is made in it.

    Raises
    ------
    FileNotFoundError
    """
    if not (folder / RESULT).exists():
        raise FileNotFoundError(errno.ENOENT, "there is no result of na64 process", str(folder / RESULT))


def read_result(folder: str | Path) -> Products:
    """Read the products back.

    Raises
    ------
    FileNotFoundError
        The folder holds no result.
    ValueError
        A product is not the one that belongs to the result.
    """
    folder = Path(folder)
    stored = (folder / RESULT).read_bytes()
    facts = summary.from_json(stored)
    data = checked_products(folder, facts)
    weighted = b"selected_sumw" in data[YIELDS].partition(b"\n")[0]
    regions = facts.selection.region_names
    varied, varied_yields = _read_variations(data, facts, weighted=weighted)
    return Products(
        variations=varied,
        varied_yields=varied_yields,
        summary=facts,
        yields=read_csv(data[YIELDS], YieldsRow, YIELDS, yields.yield_groups(regions, weighted=weighted)),
        cutflow=read_csv(data[CUTFLOW], CutflowRow, CUTFLOW),
        regions=read_csv(data[REGIONS], RegionsRow, REGIONS, cutflow.region_groups(regions)),
        histograms=histograms.StoredHistograms(data[HISTOGRAMS]),
        provenance=_read_provenance(folder / PROVENANCE),
        digest=bytes_digest(stored),
    )


def _read_provenance(path: Path) -> dict[str, object]:
    """Read what made a result, as far as a report shows it."""
    plain: dict[str, object] = read_object(path)
    kinds = {"command": str, "version": str, "packages": Mapping[str, str]}
    for key, kind in kinds.items():
        if key in plain:
            typed(kind, plain[key], f"{path.name}: {key}")
    return plain


def _read_variations(
    data: Mapping[str, bytes], facts: Summary, *, weighted: bool
) -> tuple[Table[VariationsRow] | None, Table[VariedYieldsRow] | None]:
    if not facts.selection.variations:
        return None, None
    counts = WeightedVariationsRow if weighted else VariationsRow
    found = WeightedVariedYieldsRow if weighted else VariedYieldsRow
    return (
        read_csv(data[VARIATIONS], counts, VARIATIONS),
        read_csv(data[VARIED_YIELDS], found, VARIED_YIELDS),
    )


def _without_paths(facts: Summary) -> Summary:
    """Messages name files, not the folders and hosts of whoever ran the job."""
    clean = provenance.anonymous
    not_read = tuple((clean(name), clean(reason)) for name, reason in facts.files.not_read)
    return replace(
        facts,
        scope=clean(facts.scope),
        reasons=tuple(map(clean, facts.reasons)),
        warnings=tuple(map(clean, facts.warnings)),
        failures=tuple(map(clean, facts.failures)),
        files=replace(facts.files, not_read=not_read),
    )


def _tables(facts: Summary, tallies: Mapping[int, Tally], booking: Booking) -> dict[str, Table[Any]]:
    stage = (VISIBLE, *booking.cuts).index(facts.selection.yields_after)
    regions = booking.regions
    tables: dict[str, Table[Any]] = {
        "yields": yields.yields_table(
            facts.runs, tallies, stage=stage, is_data=facts.is_data, regions=regions
        ),
        "cutflow": cutflow.cutflow_table(tallies, booking.cuts),
        "regions": cutflow.regions_table(tallies, booking.cuts, regions=regions),
    }
    if booking.variations:
        tables["variations"] = variations.variations_table(tallies, booking)
        tables["variations_yields"] = variations.varied_yields_table(tallies, booking, stage=stage)
    return tables


def _every_run(facts: Summary, tallies: Mapping[int, Tally], booking: Booking) -> dict[int, Tally]:
    empty = _empty(tallies, booking)
    return {run: tallies.get(run, empty) for run in sorted({run.run for run in facts.runs})}


def _all_bins(tallies: Mapping[int, Tally], booking: Booking) -> NDArray[np.int64]:
    """Bins of all runs together; counts are integers, so the order does not matter."""
    bins = _empty(tallies, booking).histograms
    for tally in tallies.values():
        bins[:, tally.bins] += tally.contents
    return bins


def _empty(tallies: Mapping[int, Tally], booking: Booking) -> Tally:
    return booking.empty_tally(max((tally.n_components for tally in tallies.values()), default=1))


def checked_products(folder: Path, facts: Summary) -> dict[str, bytes]:
    """Contents of every product that a result names, and of those that every result has, by name.

    Raises
    ------
    FileNotFoundError
    ValueError
        One is not what the result was written with; names it.
    """
    return {name: checked(folder / name, facts) for name in product_names(facts)}


def product_names(facts: Summary) -> list[str]:
    """Names of every product that a result names, and of those that every result has."""
    needed = {YIELDS, CUTFLOW, REGIONS, HISTOGRAMS}
    if facts.selection.variations:
        needed |= {VARIATIONS, VARIED_YIELDS}
    return sorted(needed | facts.products.keys())


def checked(path: Path, facts: Summary) -> bytes:
    """Read a product that belongs to a result.

    Raises
    ------
    FileNotFoundError
    ValueError
        It is not the one that the result was written with.
    """
    data = path.read_bytes()
    if bytes_digest(data) != facts.products.get(path.name):
        raise ValueError(f"{path.name} is not the one that {RESULT} was written with")
    return data
