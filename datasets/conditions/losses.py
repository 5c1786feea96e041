"""Losses of the signal besides those that are simulated: the share that each leaves, its error, its source.

Packaged files are in ``losses/``, one a period. A loss without a value is listed and does not count.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from importlib.resources import files
from pathlib import Path

from na64.datasets.basics.named import named
from na64.datasets.basics.toml import Source, TomlTable, load_table, unknown
from na64.datasets.basics.units import read_quantity, read_source

LIVE_TIME = "live_time"
"""Name of the loss that only particles delivered have: those counted live came while data were recorded."""

UNKNOWN = "NOT FOUND"
"""How the source of a loss begins that nobody has a number of."""

_FOLDER = files(__package__) / "losses"
_NAME = re.compile(r"[a-z][a-z0-9_]*")
_UNVERIFIED = "taken over unverified"
_OTHER_LIVE_TIME = re.compile(r"live|dead|daq")


@dataclass(frozen=True, slots=True)
class Loss:
    """One reason why a dark photon is not seen.

    Attributes
    ----------
    name, label, source : str
    value : float or None
        Share of the signal that is kept, of all of this loss; None is not known.
    error : float or None
        Standard error of `value`; None is not known.
    cuts : tuple of str
        Cuts by which a part of this loss may be simulated: that part is not counted again.
    correlated : bool
        The error is the same, not only as large, in other periods with a loss of this name.
    note : str
        What was done to the value.
    """

    name: str
    label: str
    source: str
    value: float | None = None
    error: float | None = None
    cuts: tuple[str, ...] = ()
    correlated: bool = False
    note: str = ""

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            raise ValueError(f'loss "{self.name}": expected small letters, digits and _')
        if self.name != LIVE_TIME and _OTHER_LIVE_TIME.search(self.name):
            raise ValueError(
                f'loss "{self.name}": a live time is named {LIVE_TIME}: it must not count for live exposure'
            )
        if self.name == LIVE_TIME and self.cuts:
            raise ValueError(f"loss {LIVE_TIME}: no cut simulates it")
        if self.value is None:
            self._check_unknown()
        else:
            check_share(f"loss {self.name}", self.value, self.error)

    def _check_unknown(self) -> None:
        if self.error is not None:
            raise ValueError(f"loss {self.name}: an error of {self.error:g} without a value")
        if not self.cuts and not self.source.startswith(UNKNOWN):
            raise ValueError(
                f"loss {self.name}: no value: expected a source that begins with {UNKNOWN}, or cuts"
            )


def check_share(what: str, value: float, error: float | None) -> None:
    """Check of a share of the signal: above 0 and up to 1, with an error below it."""
    if not 0 < value <= 1:
        raise ValueError(f"{what}: value {value:g}: expected a share above 0 and up to 1")
    if error is not None and not 0 <= error < value:
        raise ValueError(f"{what}: error {error:g}: expected from 0 on and below the value {value:g}")


@dataclass(frozen=True, slots=True)
class PublishedLimit:
    """A published limit of analyses that had a period, to compare the efficiency with.

    Attributes
    ----------
    curve : str
        Name of the curve, at 90 % CL.
    on_target : float
        Electrons on target, delivered.
    events : float
        Limit on the signal events.
    threshold : float
        GeV of missing energy.
    resonance : tuple of float, (2,)
        First and last mass (GeV) between which other production counts, so that nothing is compared.
    source : str
    """

    curve: str
    on_target: float
    events: float
    threshold: float
    resonance: tuple[float, ...]
    source: str


@dataclass(frozen=True, slots=True)
class Losses:
    """All losses of a period.

    Attributes
    ----------
    period : str
    losses : tuple of Loss
    published : PublishedLimit or None
    """

    period: str
    losses: tuple[Loss, ...]
    published: PublishedLimit | None = None

    def __post_init__(self) -> None:
        owner: dict[str, str] = {}
        for loss in self.losses:
            for cut in loss.cuts:
                if cut in owner:
                    raise ValueError(f'cut "{cut}" is of the losses {owner[cut]} and {loss.name}')
                owner[cut] = loss.name


def packaged_losses() -> dict[str, Losses]:
    """Losses of the packaged periods, by period."""
    found = (read_losses(entry) for entry in _FOLDER.iterdir() if entry.name.endswith(".toml"))
    return {losses.period: losses for losses in sorted(found, key=lambda losses: losses.period)}


def losses_of_files(paths: Iterable[Path]) -> dict[str, Losses]:
    """Losses in files of the user, by period.

    Raises
    ------
    ValueError
        Two files are of one period, or a file is wrong; names it.
    """
    found: dict[str, Losses] = {}
    for path in paths:
        losses = read_losses(path)
        if losses.period in found:
            raise ValueError(f"{path}: another file has losses of period {losses.period} too")
        found[losses.period] = losses
    return found


def read_losses(path: Source) -> Losses:
    """Losses of a period, from its file.

    Raises
    ------
    ValueError, KeyError
        Names the file, the key and what is wrong with it.
    """
    table = load_table(path)
    period, like = table.text("period"), table.text("like", "")
    known = _taken_over(table.place("like"), like) if like else {}
    intensity = _intensity(table, "intensity")
    if own := table.table("loss", None):
        known |= {name: _loss(own.table(name), name, intensity) for name in own.names()}
    stated = table.table("published", None)
    limit = _published(stated) if stated else None
    table.done()
    with named(path.name):
        return Losses(period, tuple(known.values()), limit)


def _taken_over(place: str, like: str) -> dict[str, Loss]:
    """Losses of another packaged period, which say so."""
    names = {entry.name.removesuffix(".toml"): entry for entry in _FOLDER.iterdir()}
    if like not in names:
        raise ValueError(f"{place}: {unknown('period', like, names)}")
    return {
        loss.name: replace(loss, source=_of_another(loss.source, like))
        for loss in read_losses(names[like]).losses
    }


def _of_another(source: str, like: str) -> str:
    """Source of a loss with the period that it is taken over from; that it is unverified is said once."""
    if source.endswith(_UNVERIFIED):
        return f"{source}, as in {like}"
    return f"{source}, of {like}, {_UNVERIFIED}"


def _loss(table: TomlTable, name: str, intensity: float | None) -> Loss:
    with named(table.place()):
        loss = Loss(
            name,
            table.text("label", name),
            read_source(table),
            table.number("value", None),
            table.number("error", None),
            table.texts("cuts", ()),
            table.flag("correlated", False),
        )
    at = _intensity(table, "intensity")
    return loss if at is None else _at_intensity(loss, at, intensity)


def _at_intensity(loss: Loss, at: float, intensity: float | None) -> Loss:
    """Loss by accidental activity at another intensity than that at which it is known.

    Nothing comes within a window of time with the probability exp(-rate x window), and the rate is
    proportional to the intensity.
    """
    if intensity is None:
        note = f"known at {at:.2g} particles a spill; intensity of the period {UNKNOWN}: not scaled"
        return replace(loss, note=note)
    if loss.value is None or intensity == at:
        return loss
    power = intensity / at
    value = loss.value**power
    error = None if loss.error is None else power * value / loss.value * loss.error
    return replace(loss, value=value, error=error, note=f"scaled from {at:.2g} to {intensity:.2g} a spill")


def _intensity(table: TomlTable, key: str) -> float | None:
    """Particles a spill."""
    if not table.has(key):
        return None
    (value,) = read_quantity(table, key, "1").values
    if not value > 0:
        raise ValueError(f"{table.place(key)}: {value:g}: expected particles a spill, above 0")
    return value


def _published(table: TomlTable) -> PublishedLimit:
    on_target, events, threshold = (table.number(key) for key in ("eot", "events", "threshold"))
    resonance = table.numbers("resonance")
    if not min(on_target, events, threshold) > 0 or len(resonance) != 2:
        raise ValueError(f"{table.place()}: expected numbers above 0, and two masses of the resonance")
    return PublishedLimit(table.text("curve"), on_target, events, threshold, resonance, read_source(table))
