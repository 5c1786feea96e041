"""Quantities of a beam as a report shows them: in words, and in units that suit them."""

from __future__ import annotations

from na64.datasets.instrument.roles import COUNTERS

_NAME = COUNTERS.upper()
_WORDS = {
    "momentum": "momentum, core",
    "momentum_width": "momentum, width of the core",
    "momentum_resolution": "dp/p, beam and spectrometer together",
    "bending_angle_resolution": "the same as a bending angle",
    "hits_momentum": "momentum from hits, core",
    "hits_momentum_width": "momentum from hits, width of the core",
    "hits_momentum_resolution": "dp/p from hits",
    "hits_less_track": "momentum from hits less that of the track",
    "hits_less_track_width": "width of this difference",
    "momentum_below": "more than 3 widths below",
    "momentum_above": "more than 3 widths above",
    "angle_median": "angle to the axis, median",
    "angle_90": "angle to the axis, 90 % are below",
    "divergence": "divergence, each projection",
    "untagged": "with no tag",
    "electron_tagged": "tagged as electrons",
    "hadron_tagged": "tagged as hadrons",
    "muon_tagged": "tagged as muons",
    "electron_fraction": "electrons among them, the rest",
    "hadron_fraction": "hadrons among them, by the tag's efficiency",
    "muon_fraction": "muons among them, by the tag's efficiency",
    f"{COUNTERS}_passed_electron": f"{_NAME}, tagged electrons that pass",
    f"{COUNTERS}_passed_hadron": f"{_NAME}, tagged hadrons that pass",
    f"{COUNTERS}_passed_muon": f"{_NAME}, tagged muons that pass",
    f"{COUNTERS}_accidental_hadron": "accidental coincidences, hadrons",
    f"{COUNTERS}_accidental_muon": "accidental coincidences, muons",
    f"{COUNTERS}_sum_energy": f"{_NAME} sum, mean energy of electrons",
}
_SHOWN = {"1": (100.0, "%"), "rad": (1e3, "mrad"), "GeV": (1.0, "GeV"), "mm": (1.0, "mm")}


def label_of(name: str, unit: str) -> tuple[str, float]:
    """Words for a quantity with the unit it is shown in, and the factor to that unit.

    Parameters
    ----------
    name, unit : str
        As in `beam.csv`.
    """
    scale, shown = _SHOWN[unit]
    if name.endswith("_energy"):
        scale, shown = 1e3, "MeV"
    return f"{_WORDS.get(name, _of_one(name))} [{shown}]", scale


def _of_one(name: str) -> str:
    """Words for a quantity of a single counter or of a position."""
    for ending, words in (
        ("_energy", ", mean energy of electrons"),
        ("_mean", ", mean"),
        ("_width", ", width"),
    ):
        if name.endswith(ending):
            return _plain(name.removesuffix(ending)) + words
    counter, _, tag = name.partition("_passed_")
    return f"{_plain(counter)} alone, {tag}s" if tag else _plain(name)


def _plain(name: str) -> str:
    return name.replace(f"{COUNTERS}_", f"{_NAME} ").replace("_", " ")
