"""The measurement of a beam in lines for people."""

from __future__ import annotations

from collections.abc import Iterator

from scipy import special

from na64.datasets.instrument.roles import COUNTERS
from na64.outputs.comparison.statistics import chance
from na64.outputs.control.beam.measure import BeamMeasurement, BeamSample, TagEfficiency, absent
from na64.outputs.control.beam.quantities import Quantities
from na64.outputs.control.beam.values import Measured, shown
from na64.outputs.result.messages import counted

CONFIDENCE = 0.9
_NAMES = {"electron": "electrons", "hadron": "hadrons", "muon": "muons"}
_MOST = 6
"""Outliers that are named."""


def lines(found: BeamMeasurement) -> Iterator[str]:
    """Yield what a terminal shows of the measurement."""
    for one in found.efficiencies:
        efficiency = f"{_percent(one.measured)} of {one.measured.n_events:,} events"
        yield f"efficiency of the tag of {_NAMES[one.tag]}: {efficiency} of the result {one.origin}"
    for sample in found.samples:
        yield from _of_sample(sample, found)
    for run, why in found.left_out.items():
        yield f"run {run} is not measured: {why}"
    if found.partly_hidden:
        runs = ", ".join(map(str, found.partly_hidden[:_MOST])) + ", ..." * (len(found.partly_hidden) > _MOST)
        yield f"beam triggers in a closed box are hidden, and in no share: runs {runs}"
    yield from _outliers(found)


def _of_sample(one: BeamSample, found: BeamMeasurement) -> Iterator[str]:
    values = one.everything
    triggers, runs = counted(one.sums.n_events, "beam trigger"), counted(len(one.runs), "run")
    mask = found.settings.beam_mask
    which = "that did not fire the physics trigger" if mask is None else f"by the bits {mask}"
    yield f"{one.sample.name}: {triggers} in {runs}, {which}"
    yield from _momentum(one, values, found)
    yield from _places(one, values)
    yield from _composition(values, found.efficiencies)
    yield from _counters(one, values)
    yield from (f"  not in these files: {what}" for what in absent(one))


def _momentum(one: BeamSample, values: Quantities, found: BeamMeasurement) -> Iterator[str]:
    if "momentum" not in values and "track_momentum" in one.sums.known:
        yield "  momentum: too few events for a fit"
    elif "momentum" in values:
        beyond = [_percent(values[f"momentum_{side}"].measured) for side in ("below", "above")]
        yield (
            f"  momentum: {shown(values['momentum'].measured)} GeV, dp/p "
            f"{_percent(values['momentum_resolution'].measured)} in the core; beyond 3 widths "
            f"{beyond[0]} below, {beyond[1]} above"
        )
        field = found.settings.field_integral
        yield (
            f"  bent by {1e3 * one.radiation.bending_angle:.2f} mrad in {field:g} T m, "
            f"dp/p is {shown(values['bending_angle_resolution'].measured, 1e3)} mrad of that, the beam's own "
            "spread and the spectrometer together"
        )
    if "hits_momentum" in values:
        hits, less = values["hits_momentum"].measured, values.get("hits_less_track")
        beside = f"; less that of the track {shown(less.measured)} GeV" if less else ""
        yield (
            f"  momentum from hits of {len(found.settings.planes)} planes: {shown(hits)} GeV, dp/p "
            f"{_percent(values['hits_momentum_resolution'].measured)}, {hits.n_events:,} events with one hit "
            f"in each{beside}"
        )
    if "angle_median" in values:
        yield (
            f"  angle to the axis: median {shown(values['angle_median'].measured, 1e3)} mrad; divergence "
            f"{shown(values['divergence'].measured, 1e3)} mrad a projection, if both are Gaussian and alike"
        )


def _places(one: BeamSample, values: Quantities) -> Iterator[str]:
    known = [name for name in one.sums.positions if f"{name}_mean" in values]
    for name in known:
        mean, width = (shown(values[f"{name}_{what}"].measured) for what in ("mean", "width"))
        yield f"  {name}: {mean} mm, width {width} mm"


def _composition(values: Quantities, efficiencies: tuple[TagEfficiency, ...]) -> Iterator[str]:
    tagged = [
        f"{_NAMES[tag]} {_percent(values[f'{tag}_tagged'].measured)}"
        for tag in _NAMES
        if f"{tag}_tagged" in values
    ]
    if tagged:
        rest = f"; with no tag {_percent(values['untagged'].measured)}" if "untagged" in values else ""
        yield f"  tagged: {', '.join(tagged)}{rest}"
    for name, of in (
        ("hadron", " (pi, K and p are not told apart)"),
        ("muon", ""),
        ("electron", ", the rest"),
    ):
        if f"{name}_fraction" in values:
            yield f"  {_NAMES[name]} among them{of}: {_percent(values[f'{name}_fraction'].measured)}"
    lacking = [_NAMES[t] for t in ("hadron", "muon") if t not in {one.tag for one in efficiencies}]
    if tagged and lacking:
        tags = " and ".join(lacking)
        yield f"  tagged shares are no fractions of the beam: the tag of {tags} has no efficiency here"


def _counters(one: BeamSample, values: Quantities) -> Iterator[str]:
    counters = [one.sums.counters[place] for place in one.sums.seen_counters]
    if not counters:
        return
    if (passed := values.get(f"{COUNTERS}_passed_electron")) is not None:
        each = ", ".join(_percent(values[f"{name}_passed_electron"].measured) for name in counters)
        low, high = one.radiation.srd_window
        yield (
            f"  {COUNTERS.upper()}, {1e3 * low:.3g} to {1e3 * high:.3g} MeV in every counter: tagged "
            f"electrons {_percent(passed.measured)}; single counters {each}"
        )
    for tag in ("hadron", "muon"):
        if f"{COUNTERS}_passed_{tag}" in values:
            found = (values[f"{COUNTERS}_{what}_{tag}"].measured for what in ("passed", "accidental"))
            yield f"  tagged {_NAMES[tag]} that pass the {COUNTERS.upper()}: {suppression(*found)}"
    radiation = one.radiation
    seen = ""
    if f"{COUNTERS}_sum_energy" in values:
        each = ", ".join(f"{1e3 * values[f'{name}_energy'].measured.value:.2f}" for name in counters)
        whole = values[f"{COUNTERS}_sum_energy"].measured.value
        seen = f"; the counters see {each} MeV, {100 * whole / radiation.total_energy:.1f} % of it"
    yield (
        f"  synchrotron radiation of an electron: {radiation.n_photons:.2f} photons, critical energy "
        f"{1e3 * radiation.critical_energy:.2f} MeV, {1e3 * radiation.total_energy:.1f} MeV in all{seen}"
    )


def suppression(passed: Measured, expected: Measured) -> str:
    """Say how many of some events pass, beside those that accidental coincidences would give."""
    n, k = passed.n_events, passed.n_passed or 0
    most = float(special.betaincinv(k + 1, n - k, CONFIDENCE)) if k < n else 1.0
    text = f"{k:,} of {n:,}, below {most:.2g} at {100 * CONFIDENCE:.0f} % CL"
    if k:
        text = f"{k:,} of {n:,}, {passed.value:.2g} +{passed.above:.2g} -{passed.below:.2g}"
    accidental = f"{expected.value:.2g} +{expected.above:.2g} -{expected.below:.2g}"
    text += f"; accidental coincidences of the counters' rates there: {accidental}"
    if k and expected.value:
        text += f" ({chance(float(special.gammainc(k, n * expected.value)))} for as many)"
    return text


def _outliers(found: BeamMeasurement) -> Iterator[str]:
    rows = sorted((row for row in found.rows if row.outlier), key=lambda row: row.p or 0.0)
    for row in rows[:_MOST]:
        differs = f"{row.quantity} {row.value:.4g} is not that of the other runs"
        yield f"run {row.run}: {differs} ({chance(row.p or 0.0)})"
    if len(rows) > _MOST:
        yield f"and {len(rows) - _MOST} more values of runs"
    if found.n_looks and not rows:
        yield f"no run differs from the others: {found.n_looks:,} looks, p below {found.limit:.2g}"
    if not found.n_looks:
        yield "no run can be compared with another"


def _percent(value: Measured) -> str:
    return f"{shown(value, 100)} %"
