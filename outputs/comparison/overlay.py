"""Data and simulation beside each other: every distribution that both have, and how well it agrees."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import hist
import numpy as np
from numpy.typing import NDArray

from na64.datasets.basics.toml import unknown
from na64.datasets.conditions.on_target import UNKNOWN, on_target
from na64.outputs.comparison.event_samples import other_runs_in_histograms
from na64.outputs.comparison.other_cuts import left_out, of_other_cuts
from na64.outputs.comparison.statistics import Agreement, agreement
from na64.outputs.comparison.unlike_files import LeftOut, lines_of
from na64.outputs.comparison.unlike_files import left_out as left_out_of_files
from na64.outputs.result.lacks import hidden_without
from na64.outputs.result.origin import check_runs
from na64.outputs.result.products import Products, energy_planes, weighted_names
from na64.outputs.result.summary_facts import BoxFacts, ClosedFacts, Role

Floats = NDArray[np.float64]
Ends = tuple[float | None, float | None]


@dataclass(frozen=True, slots=True)
class ScaledSimulation:
    """A result of simulation, and by what its sums are multiplied.

    Attributes
    ----------
    name : str
    products : Products
    whole : Products or None
        With the events too that are hidden in `products` as they would be of data; None where none are.
    hidden : str
        How many those are, in words.
    """

    name: str
    products: Products
    whole: Products | None = None
    hidden: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Distribution:
    """One variable in data and simulation.

    Attributes
    ----------
    name, events : str
        The variable, and which events.
    title : str
        What the selection calls the histogram; empty for that of a cut or a plane.
    edges : (n_bins + 1,) float64
    feature, label : str
        Of the axis.
    counts : (n_bins + 2,) float64
        Data, flow bins included.
    parts : tuple of (n_bins + 2,) float64
        Sum of weights of each source, scaled.
    variance : (n_bins + 2,) float64
        Of the sum of the sources.
    scale : float
        By which the sources were multiplied: electrons on target, or to the number of data.
    found : Agreement
    hidden_share : float or None
        Share of the simulation that data would not show; nan if no plane of ECAL and HCAL energy after the
        cut has it, None for a cut variable.
    hidden : (n_bins + 2,) float64 or None
        Sum of weights of simulated events that are hidden as in data, scaled, and in none of the `parts`;
        None where simulation is shown as a whole.
    """

    name: str
    events: str
    title: str
    edges: Floats
    feature: str
    label: str
    counts: Floats
    parts: tuple[Floats, ...]
    variance: Floats
    scale: float
    found: Agreement
    hidden_share: float | None
    hidden: Floats | None = None

    @property
    def expected(self) -> Floats:
        """Sum of the sources, (n_bins + 2,)."""
        total: Floats = np.sum(self.parts, axis=0)
        return total


@dataclass(frozen=True, slots=True)
class Overlay:
    """Everything that data and simulations have in common.

    Attributes
    ----------
    label : str
        What the data are.
    names : tuple of str
        Of the sources.
    norm : str
        How the simulation was normalised, in words.
    distributions : tuple of Distribution
    hidden : tuple of str
        What is hidden in the simulations as in the data, a line each.
    notes : tuple of str
        Events of runs without a part in the exposure, and what is left out because of other cuts or because
        events of some files have no value, a line each.
    """

    label: str
    names: tuple[str, ...]
    norm: str
    distributions: tuple[Distribution, ...]
    hidden: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def overlay(
    data: Products, sources: Sequence[ScaledSimulation], *, only: Sequence[str] | None = None
) -> Overlay:
    """Put simulations upon data.

    At equal exposure if the particles on target are known of every run of every result and are of one kind;
    else the sum of the simulations is scaled to the data, variable by variable, and only shapes are compared.

    Parameters
    ----------
    data : Products
    sources : sequence of ScaledSimulation
    only : sequence of str, optional
        Variables; all by default.

    Raises
    ------
    ValueError
        The results have no distribution in common, or none that was asked for and of which all have values;
        or a cut has bounds of its own in some runs of the data.
    KeyError
        None of those in common is of a variable that was asked for.
    """
    for source in sources:
        check_runs(data.summary, source.products.summary)
    other_cuts = [of_other_cuts(data.summary, source.products.summary) for source in sources]
    names_left_out = {fact.name for facts in other_cuts for fact in facts}
    listed = tuple(_distributions(data, sources, _scales(data, sources), names_left_out))
    if not listed:
        raise ValueError("data and simulation have no distribution in common: was another selection used?")
    found, unlike = _with_values(_chosen(listed, only))
    names, hidden = tuple(s.name for s in sources), tuple(s.hidden for s in sources if s.hidden)
    of = _named(data, sources)
    notes = (
        *other_runs_in_histograms(of, {one.events for one in found}),
        *(
            left_out(data.summary, source.products.summary, facts, source.name)
            for source, facts in zip(sources, other_cuts, strict=True)
            if facts
        ),
        *unlike,
    )
    return Overlay(data.summary.label, names, _norm(data, sources), found, hidden, notes)


_Found: TypeAlias = "Distribution | LeftOut"


def _chosen(listed: tuple[_Found, ...], only: Sequence[str] | None) -> tuple[_Found, ...]:
    """Distributions of the variables that were asked for, those that are left out among them."""
    names = [one.variable if isinstance(one, LeftOut) else one.name for one in listed]
    for name in only or ():
        if name not in names:
            raise KeyError(unknown("variable", name, set(names)))
    return tuple(one for one, name in zip(listed, names, strict=True) if only is None or name in only)


def _with_values(chosen: tuple[_Found, ...]) -> tuple[tuple[Distribution, ...], tuple[str, ...]]:
    """Distributions of the same events everywhere, and lines about the others."""
    others = tuple(lines_of([one for one in chosen if isinstance(one, LeftOut)]))
    kept = tuple(one for one in chosen if not isinstance(one, LeftOut))
    if not kept:
        raise ValueError("; ".join(others))
    return kept, others


def _named(data: Products, sources: Sequence[ScaledSimulation]) -> dict[str, Products]:
    """Results by what they are called."""
    return {"the data": data, **{source.name: source.products for source in sources}}


def check_apart(sources: Sequence[ScaledSimulation]) -> None:
    """Refuse a result that is named twice, by whatever folder; a ValueError names both."""
    for number, source in enumerate(sources):
        for other in sources[:number]:
            if dict(source.products.summary.products) == dict(other.products.summary.products):
                raise ValueError(f"{other.name} and {source.name} are the same result: it would count twice")


def _scales(data: Products, sources: Sequence[ScaledSimulation]) -> list[float] | None:
    """What the sums of each simulation are multiplied by; None if their exposures cannot be compared."""
    if _shapes_only(data, sources):
        return None
    exposures = [products.summary.delivered for products in (data, *(source.products for source in sources))]
    delivered = [exposure.delivered or 0.0 for exposure in exposures if exposure is not None]
    return [delivered[0] / of_source for of_source in delivered[1:]]


def _shapes_only(data: Products, sources: Sequence[ScaledSimulation]) -> str:
    """Why exposures cannot be compared; empty if they can."""
    named = _named(data, sources)
    without = [run for run in data.summary.rate_runs if run.eot_delivered is None]
    if without:
        runs = ", ".join(str(run.run) for run in without[:3]) + (" and more" if len(without) > 3 else "")
        return f"no {on_target(data.summary.particle_of(without[0]))} are stated for run {runs}"
    for name, products in named.items():
        if len(kinds := products.summary.exposures) > 1:
            return f"{name} have {' and '.join(on_target(kind.particle) for kind in kinds)}"
    for name, products in named.items():
        if lost := hidden_without(products.summary.rate_runs):
            return f"of {name} {lost}"
    kind = data.summary.exposures[0].particle if data.summary.exposures else UNKNOWN
    for name, products in named.items():
        found = products.summary.delivered
        if found is None or not found.delivered:
            return f"{on_target(kind)} of {name} are not known"
        if found.particle != kind:
            return f"the data are of {on_target(kind)}, {name} of {on_target(found.particle)}"
    return ""


def _norm(data: Products, sources: Sequence[ScaledSimulation]) -> str:
    if why := _shapes_only(data, sources):
        return f"normalised to the data, shapes only: {why}"
    (exposure,) = data.summary.exposures
    of_what = " in physics runs" if data.summary.other_runs else ""
    return f"at equal exposure: {exposure.delivered:.4g} {on_target(exposure.particle)}{of_what}"


def _distributions(
    data: Products,
    sources: Sequence[ScaledSimulation],
    absolute: Sequence[float] | None,
    without: Collection[str],
) -> Iterator[_Found]:
    summaries = {name: products.summary for name, products in _named(data, sources).items()}
    facts = {fact.name: fact for fact in data.summary.histograms}
    weighted = frozenset().union(*map(weighted_names, (data, *(source.products for source in sources))))
    stages = (data.summary.selection.yields_after, data.summary.selection.cuts[-1].name)
    planes = [plane for stage, plane in energy_planes(data).items() if stage in stages]
    alike = all(source.whole is not None for source in sources)
    for name, histogram in data.histograms.items():
        others = [source.products.histograms.get(name) for source in sources]
        same = [other for other in others if other is not None and _same_axes(histogram, other)]
        if name not in facts or len(same) < len(sources) or name in weighted or name in without:
            continue
        fact = facts[name]
        if unlike := [*left_out_of_files(summaries, fact, histogram)]:
            yield from unlike if histogram.ndim == 1 or any(histogram is plane for plane in planes) else ()
            continue
        wholes = [source.whole.histograms[name] for source in sources if source.whole is not None]
        if histogram.ndim == 1:
            is_asked = fact.role is Role.SELECTION and not alike
            share = _hidden_share(data, sources, fact.cut) if is_asked else None
            variable = histogram.axes[0].name if fact.role is Role.N_MINUS_ONE else name
            stated = fact.role is Role.SELECTION and fact.label != name.replace("_", " ")
            title = fact.label if stated else ""
            shown = [histogram, *same]
            yield _distribution(
                variable, fact.title, shown, absolute, share=share, title=title, wholes=wholes
            )
        elif alike and any(histogram is plane for plane in planes):
            for axis in (0, 1):
                flat, whole = ([one.project(axis) for one in ones] for ones in ([histogram, *same], wholes))
                name_of_axis = flat[0].axes[0].name
                yield _distribution(name_of_axis, fact.title, flat, absolute, share=None, wholes=whole)
        elif any(histogram is plane for plane in planes):
            masked = [_outside(each, data.summary.boxes, data.summary.is_data) for each in (histogram, *same)]
            is_known = not data.summary.is_data or all(map(_is_in_plane, _others(data)))
            share = 0.0 if is_known else math.nan
            for axis in (0, 1):
                flat = [each.project(axis) for each in masked]
                what = f"{fact.title}, outside the hidden region" if data.summary.is_data else fact.title
                yield _distribution(flat[0].axes[0].name, what, flat, absolute, share=share)


def _same_axes(one: hist.Hist[Any], other: hist.Hist[Any]) -> bool:
    return one.ndim == other.ndim and all(
        a.name == b.name and np.array_equal(a.edges, b.edges)
        for a, b in zip(one.axes, other.axes, strict=True)
    )


def _outside(histogram: hist.Hist[Any], boxes: Sequence[BoxFacts], closed: bool) -> hist.Hist[Any]:
    """Empty the bins that reach into a closed region, as they are in data."""
    masked = histogram.copy()
    for region in _closed(boxes) if closed else ():
        bins = tuple(_bins(axis.edges, *ends) for axis, ends in zip(masked.axes, region, strict=True))
        view = masked.view(flow=True)
        view[bins] = np.zeros((), view.dtype)
    return masked


def _others(data: Products) -> Iterator[ClosedFacts]:
    return (other for box in data.summary.boxes for other in box.others)


def _closed(boxes: Sequence[BoxFacts]) -> Iterator[tuple[Ends, Ends]]:
    """Where every closed region of a plane begins and ends, None where it has no edge."""
    for box in boxes:
        if box.is_rectangle:
            yield (None, box.hidden_width), (None, box.hidden_height)
        yield from (other.in_plane for other in box.others if _is_in_plane(other))


def _is_in_plane(box: ClosedFacts) -> bool:
    """Whether a box has an edge in the plane of ECAL and HCAL energy."""
    x, y = box.in_plane
    return any(edge is not None for edge in (*x, *y))


def _bins(edges: NDArray[np.float64], low: float | None, high: float | None) -> slice:
    """Bins, with the one below all edges as the first, that reach into a region."""
    start = 0 if low is None else int(np.searchsorted(edges, low, "right"))
    stop = len(edges) + 1 if high is None else int(np.searchsorted(edges, high, "left")) + 1
    return slice(start, stop)


def _hidden_share(data: Products, sources: Sequence[ScaledSimulation], cut: str) -> float:
    """Share of simulated events after a cut that lie where data are hidden; nan where no plane has it."""
    if not data.summary.is_data:
        return 0.0
    if not all(other.covers for other in _others(data)):
        return math.nan
    whole = outside = 0.0
    for source in sources:
        plane = energy_planes(source.products).get(cut)
        if plane is None:
            return math.nan
        whole += float(_sums(plane)[0].sum())
        outside += float(_sums(_outside(plane, data.summary.boxes, closed=True))[0].sum())
    return 1 - outside / whole if whole > 0 else 0.0


def _distribution(
    name: str,
    events: str,
    histograms: Sequence[hist.Hist[Any]],
    absolute: Sequence[float] | None,
    *,
    share: float | None,
    title: str = "",
    wholes: Sequence[hist.Hist[Any]] = (),
) -> Distribution:
    """Compare the first histogram, of data, with the others; ``wholes`` are those with hidden events."""
    counts = _sums(histograms[0])[0]
    sums = [_sums(histogram) for histogram in histograms[1:]]
    if absolute is None:
        total = sum(float(sumw.sum()) for sumw, _ in sums)
        scales = [float(counts.sum()) / total if total > 0 else 1.0] * len(sums)
    else:
        scales = list(absolute)
    parts = tuple(scale * sumw for scale, (sumw, _) in zip(scales, sums, strict=True))
    variance: Floats = np.sum([s * s * sumw2 for s, (_, sumw2) in zip(scales, sums, strict=True)], axis=0)
    found = agreement(counts, np.sum(parts, axis=0), variance, normalised=absolute is None)
    axis = histograms[0].axes[0]
    what = (name, events, title, axis.edges, str(axis.name), str(axis.label or axis.name))
    if not wholes:
        return Distribution(*what, counts, parts, variance, scales[0], found, share)
    hidden: Floats = np.sum(
        [scale * _sums(whole)[0] - part for scale, whole, part in zip(scales, wholes, parts, strict=True)],
        axis=0,
    )
    total = float(hidden.sum() + np.sum(parts))
    share = float(hidden.sum()) / total if total > 0 else 0.0
    return Distribution(*what, counts, parts, variance, scales[0], found, share, hidden)


def _sums(histogram: hist.Hist[Any]) -> tuple[Floats, Floats]:
    """Sums of weights and of their squares, flow bins included; without weights both are the counts."""
    values = np.asarray(histogram.values(flow=True), np.float64)
    variances = histogram.variances(flow=True)
    return values, values if variances is None else np.asarray(variances, np.float64)
