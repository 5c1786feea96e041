"""Histograms of the result as `hist` objects and as a zip file that depends on their content alone."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Collection, Iterator, Mapping
from typing import Any

import hist
import numpy as np
import uhi.io.zip
from numpy.typing import NDArray

from na64.outputs.result.messages import counted
from na64.outputs.result.summary_facts import HistogramFacts, Role
from na64.processors.counting.booking import Booking, FilledHistogram, Rule
from na64.processors.counting.tally import Tally
from na64.processors.counting.weighted_sums import LEFT_OUT
from na64.selections.histograms import Axis
from na64.selections.selection import VISIBLE

_EPOCH = (1980, 1, 1, 0, 0, 0)
_PERMISSIONS = 0o644 << 16
LOG = "log"
"""What an axis has under ``scale`` if it is to be drawn logarithmically."""


def to_hists(booking: Booking, bins: NDArray[np.int64]) -> dict[str, hist.Hist[Any]]:
    """Every histogram by name: counts as Int64; sums of weights, also those of simulated events, as Weight.

    Names are ``plane_after_<cut>`` (``plane_after_visible`` before any cut) and of further planes
    ``plane_<name>_after_<cut>``, ``n_minus_one_<cut>_<feature>``, and those the selection gives. nan is in
    the overflow bin.

    Parameters
    ----------
    booking : Booking
    bins : (n_components, n_bins) int64
        `Tally.histograms` of all runs.
    """
    return {filled.name: _hist(filled) for filled in booking.filled(bins)}


def describe(booking: Booking) -> tuple[HistogramFacts, ...]:
    """Descriptions of the histograms, in the same order."""
    nothing = np.zeros((1, booking.n_bins), np.int64)
    return tuple(
        HistogramFacts(
            filled.name,
            filled.label,
            title(filled),
            _role(filled),
            filled.cut,
            filled.plane,
            filled.weight.label if filled.weight else "",
        )
        for filled in booking.filled(nothing)
    )


def left_out(booking: Booking, tallies: Collection[Tally]) -> Iterator[str]:
    """Say of each histogram with a weight how many events it lacks, because theirs is not finite."""
    for spec in booking.histograms:
        if spec.weight is None:
            continue
        start = spec.start + LEFT_OUT * spec.size
        layers = [(one.contents[0], (one.bins >= start) & (one.bins < start + spec.size)) for one in tallies]
        if n_events := sum(int(contents[here].sum()) for contents, here in layers):
            what = counted(n_events, "visible event")
            yield f"histogram {spec.name}: {what} left out, whose weight {spec.weight.feature} is not finite"


def _role(filled: FilledHistogram) -> Role:
    if filled.plane:
        return Role.PLANE
    return Role.N_MINUS_ONE if filled.rule is Rule.N_MINUS_ONE else Role.SELECTION


def title(filled: FilledHistogram) -> str:
    """Events that are in the histogram, in words."""
    cut = filled.cut.replace("_", " ")
    if filled.rule is Rule.N_MINUS_ONE:
        return f"all cuts but {cut}"
    return "visible events, before any cut" if filled.cut == VISIBLE else f"after {cut}"


def to_zip(histograms: Mapping[str, hist.Hist[Any]]) -> bytes:
    """Write every histogram as `uhi.io.zip` and `hist` read it, in name order, with fixed dates."""
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w") as archive:
        for name in sorted(histograms):
            uhi.io.zip.write(archive, name, histograms[name])
    repacked = io.BytesIO()
    with zipfile.ZipFile(written) as source, zipfile.ZipFile(repacked, "w") as target:
        for name in sorted(source.namelist()):
            member = zipfile.ZipInfo(name, _EPOCH)
            member.compress_type = zipfile.ZIP_DEFLATED
            member.external_attr = _PERMISSIONS
            target.writestr(member, source.read(name), compresslevel=6)
    return repacked.getvalue()


class StoredHistograms(Mapping[str, hist.Hist[Any]]):
    """Histograms of an archive that `to_zip` wrote, by name; each is read when it is first asked for.

    Most of those who open a result ask for none.

    Parameters
    ----------
    data : bytes
        The archive.
    """

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._archive = zipfile.ZipFile(io.BytesIO(data))
        names = [name for name in self._archive.namelist() if name.endswith(".json")]
        self._read: dict[str, hist.Hist[Any] | None] = dict.fromkeys(
            name.removesuffix(".json") for name in names
        )

    def __getitem__(self, name: str) -> hist.Hist[Any]:
        found = self._read[name]
        if found is None:
            found = self._read[name] = hist.Hist(uhi.io.zip.read(self._archive, name))
        return found

    def __iter__(self) -> Iterator[str]:
        return iter(self._read)

    def __len__(self) -> int:
        return len(self._read)

    def __repr__(self) -> str:
        return f"histograms {', '.join(self) or 'of nothing'}"

    def __reduce__(self) -> tuple[type[StoredHistograms], tuple[bytes]]:
        return StoredHistograms, (self._data,)  # figures are drawn in other processes


def _axis(axis: Axis) -> hist.axis.Regular | hist.axis.Variable:
    if not axis.edges:
        return hist.axis.Regular(axis.bins, axis.low, axis.high, name=axis.feature, label=axis.label)
    found = hist.axis.Variable(axis.edges, name=axis.feature, label=axis.label)
    if axis.log:
        found.__dict__["scale"] = LOG  # kept with the name and the label, in the file too
    return found


def is_logarithmic(axis: Any) -> bool:
    """Whether an axis of a histogram is to be drawn logarithmically."""
    return bool(axis.__dict__.get("scale") == LOG)


def _hist(filled: FilledHistogram) -> hist.Hist[Any]:
    axes = [_axis(axis) for axis in filled.axes]
    storage = hist.storage.Weight() if filled.is_weighted else hist.storage.Int64()
    histogram = hist.Hist(*axes, storage=storage, name=filled.name, label=filled.label)
    if filled.is_weighted:
        numbers = filled.sums
        histogram.view(flow=True)[...] = np.stack([numbers.sumw, numbers.sumw2], axis=-1)
    else:
        histogram.view(flow=True)[...] = filled.contents[0]
    return histogram
