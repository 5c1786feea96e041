"""na64 selections, features and periods: what the package brings along."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from na64.commands.verbs import SUCCESS, add_command, tell

if TYPE_CHECKING:
    from na64.datasets.conditions.periods import Period
    from na64.datasets.instrument.features import Feature
    from na64.selections.cut import Cut
    from na64.selections.selection import Selection


def add(verbs: Any) -> None:
    """Declare the commands of this module."""
    text = "List the packaged selections, or one with its cuts, bounds, regions, histograms and variations."
    parser = add_command(verbs, "selections", _selections, text)
    name = "of a selection, or a TOML file of your own; default: all that are packaged"
    parser.add_argument("name", nargs="?", default="", metavar="NAME_OR_TOML", help=name)
    _add_folder(parser, "whose features it may use")
    _add_layout(parser, "it may use")
    plugin = "features of your own that it may use"
    parser.add_argument("--plugin", type=Path, metavar="FILE.py", help=plugin)
    text = "List the features that cuts, histograms and formulas can use: name, unit and meaning."
    parser = add_command(verbs, "features", _features, text)
    parser.add_argument("word", nargs="?", default="", metavar="WORD", help="in the name or the meaning")
    _add_folder(parser, "whose features are listed too")
    _add_layout(parser, "are listed too")
    text = "List the run periods, or one with its box and all its numbers and where they are from."
    parser = add_command(verbs, "periods", _periods, text)
    parser.add_argument("name", nargs="?", default="", metavar="NAME", help="of a period; default: all")
    _add_folder(parser, "which are listed too")


def _add_folder(parser: argparse.ArgumentParser, what_for: str) -> None:
    folder = f"folder of periods of your own, {what_for}; default: $NA64_PERIODS"
    parser.add_argument("--periods", type=Path, metavar="DIR", help=folder)


def _add_layout(parser: argparse.ArgumentParser, what_for: str) -> None:
    layout = f"layout or catalogue whose columns of your own {what_for}"
    parser.add_argument("--layout", metavar="FILE", help=layout)


def _known_periods(options: argparse.Namespace) -> dict[str, Period]:
    from na64.datasets.conditions.period_folder import folder_of_environment
    from na64.datasets.conditions.periods import load_periods

    return load_periods(options.periods or folder_of_environment())


def _known_features(options: argparse.Namespace) -> dict[str, Feature]:
    """Features of the periods, and the columns of a layout or a catalogue that is named."""
    from na64.datasets.catalogue.build import load
    from na64.datasets.catalogue.layout_columns import with_columns_of
    from na64.datasets.conditions.periods import features_of_periods
    from na64.datasets.reading.layout import load_layout

    periods = _known_periods(options)
    if options.layout and Path(options.layout).suffix == ".json":
        periods = {**periods, **load(Path(options.layout)).known_periods()}
    elif options.layout:
        periods = with_columns_of([load_layout(options.layout)], periods)
    return features_of_periods(periods.values(), together=False)


def _selections(options: argparse.Namespace) -> int:
    from na64.processors.features.plugin import load_plugin
    from na64.selections.selection import SELECTIONS, load_selection

    if options.name:
        features = _known_features(options)
        own = load_plugin(options.plugin).features if options.plugin else None
        try:
            chosen = load_selection(options.name, extra_features=own, other_features=features)
        except KeyError as error:
            raise KeyError(f"{error.args[0]}{_where_features_are(error, options)}") from error
        tell(_one_selection(options.name, chosen))
        return SUCCESS
    listed = [load_selection(name) for name in SELECTIONS]
    tell(_table((one.name, f"{len(one.cuts)} cuts", one.label) for one in listed))
    return SUCCESS


def _where_features_are(error: KeyError, options: argparse.Namespace) -> str:
    """What may be missing if a feature is not known: periods of one's own, or a plug-in."""
    if not any(f"unknown {noun} " in str(error.args[0]) for noun in ("feature", "name")):
        return ""
    ways = {
        "--periods DIR": options.periods,
        "--plugin FILE.py": options.plugin,
        "--layout FILE": options.layout,
    }
    missing = [way for way, given in ways.items() if given is None]
    said = " or ".join(filter(None, (", ".join(missing[:-1]), *missing[-1:])))
    return f"; {said} may have it" if missing else ""


def _one_selection(source: str, selection: Selection) -> Iterator[str]:
    from na64.selections.bounds import bounds_of
    from na64.selections.regions import short_name
    from na64.selections.selection import replaced_histograms

    yield f"{selection.name}: {selection.label}"
    yield from (f"  {line}" for line in selection.description.strip().splitlines())
    for cut in selection.cuts:
        yield from _cut(cut)
    for region in selection.regions:
        yield f"region {short_name(region.name)}: {' and '.join(region.condition.texts())}"
    for plane in selection.planes:
        yield f"plane {plane.name}: {' and '.join(axis.feature for axis in plane.axes)}"
    yield f"yields are taken after {selection.yields_after}"
    for variation in selection.variations:
        yield f"variation {variation.name}: {'; '.join(variation.texts())}"
    for formula in selection.formulas:
        yield f"feature {formula.feature.name} [{formula.feature.unit}]: {formula.feature.meaning}"
    names = ", ".join(histogram.name for histogram in selection.histograms)
    yield f"histograms: {names or 'those that are made without being asked for'}"
    if replaced := replaced_histograms(source):
        yield f"  not those of the base: {', '.join(replaced)}; [[append_histogram]] would add to them"
    yield "bounds, as --set and na64 scan name them:"
    yield from (f"  {line}" for line in _table((b.path, b.text) for b in bounds_of(source).values()))


def _cut(cut: Cut) -> Iterator[str]:
    yield f"cut {cut.name}: {' and '.join(cut.condition.texts())}"
    yield from (f"  in {one.name}: {' and '.join(one.condition.texts())}" for one in cut.when)
    yield f"  {cut.label}; {cut.source or 'no source is stated'}"


def _features(options: argparse.Namespace) -> int:
    from na64.datasets.basics.toml import unknown
    from na64.datasets.instrument.features import FEATURES

    word = options.word.casefold()
    known = FEATURES | _known_features(options)
    found = [one for one in known.values() if word in f"{one.name} {one.meaning}".casefold()]
    if not found:
        more = "" if options.layout else "; --layout FILE lists columns of your own too"
        raise KeyError(f"{unknown('feature', options.word, known)}{more}")
    tell(_table((one.name, one.unit, one.meaning) for one in found))
    return SUCCESS


def _periods(options: argparse.Namespace) -> int:
    from na64.datasets.basics.toml import unknown

    known = _known_periods(options)
    if options.name and options.name not in known:
        raise KeyError(unknown("period", options.name, known))
    if options.name:
        tell(_one_period(known[options.name]))
    else:
        tell(_table((one.name, one.covers, _beam(one)) for one in known.values()))
    return SUCCESS


def _beam(period: Period) -> str:
    return f"{period.beam_particle}, {period.beam_energy:g} GeV"


def _one_period(period: Period) -> Iterator[str]:
    from na64.datasets.conditions.periods import describe, unpackaged_runs
    from na64.selections.boxes import boxes_of

    runs = period.covers if period.runs else "none"
    yield f"{period.name}: runs {runs}; {_beam(period)}"
    if period.boxes or not unpackaged_runs(period):
        yield from (f"box of search {box.search}: hidden {box.text()}" for box in boxes_of(period))
    else:
        yield "no box: data of these runs are refused"
    numbers = describe(period)
    yield from _table(
        (name, value if unit == "1" else f"{value} {unit}", source) for name, value, unit, source in numbers
    )


def _table(rows: Iterable[tuple[str, ...]]) -> Iterator[str]:
    """Rows with their columns one below the other."""
    listed = list(rows)
    widths = [max(map(len, column)) for column in zip(*listed, strict=True)]
    for row in listed:
        cells = (f"{cell:{width}}" for cell, width in zip(row, widths, strict=True))
        yield "  ".join(cells).rstrip()
