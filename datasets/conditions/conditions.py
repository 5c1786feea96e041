"""What is known of single runs and spills: type, beam, electrons on target, quality; read from CSV.

A folder ``conditions/`` beside run files, and a period's own tables, have the same three forms:

- ``runs.csv``: ``run,type,particle,energy,eot_delivered,eot_live,triggers`` (GeV)
- ``spills.csv``: ``run,spill,eot_delivered,eot_live,quality,prescale,good_fraction``
- ``bad.csv``: ``run,spill,start,stop``

An empty field is not stated (in ``bad.csv``: the whole run or spill); a line that starts with # is a comment.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, fields
from enum import Enum
from operator import attrgetter
from pathlib import Path
from typing import Any, TypeVar

from na64.datasets.basics.csv_rows import CsvRow, read_rows
from na64.datasets.basics.toml import Source, unknown
from na64.datasets.conditions.bad_spills import BadEntry, BadList
from na64.datasets.conditions.on_target import PARTICLES

EXPOSURES = ("eot_delivered", "eot_live")
"""Columns of particles on target, and of those while the data acquisition could record."""

V = TypeVar("V")


class RunType(Enum):
    """What a run was taken for; ``unknown`` is "not stated" and treated as physics."""

    PHYSICS = "physics"
    CALIBRATION = "calibration"
    BEAM = "beam"
    UNKNOWN = "unknown"

    @property
    def is_physics(self) -> bool:
        """Whether events and particles on target of such a run are divided by each other."""
        return self in (RunType.PHYSICS, RunType.UNKNOWN)


class Quality(Enum):
    """If a spill can be used."""

    GOOD = "good"
    BAD = "bad"


@dataclass(frozen=True, slots=True)
class RunFacts:
    """What is known of a run; None (type: ``unknown``) is not known, never zero.

    Attributes
    ----------
    run : int
    type : RunType
    particle : str or None
        One of `na64.datasets.conditions.on_target.PARTICLES`.
    energy : float or None
        GeV, of the beam.
    eot_delivered, eot_live : float or None
        Particles on target, and those while the data acquisition could record.
    triggers : int or None
        Events that it recorded, of whatever trigger: as many as the files of the run together have to have.
    """

    run: int
    type: RunType = RunType.UNKNOWN
    particle: str | None = None
    energy: float | None = None
    eot_delivered: float | None = None
    eot_live: float | None = None
    triggers: int | None = None

    def __post_init__(self) -> None:
        _check_exposures(f"run {self.run}", self.eot_delivered, self.eot_live)
        if self.particle is not None and self.particle not in PARTICLES:
            raise ValueError(f"run {self.run}: {unknown('particle', self.particle, PARTICLES)}")
        if self.energy is not None and not 0 < self.energy < math.inf:
            raise ValueError(f"run {self.run}: energy {self.energy} GeV is not positive")


@dataclass(frozen=True, slots=True)
class SpillFacts:
    """What is known of a spill; fields as in `RunFacts`, and three of its own.

    Attributes
    ----------
    quality : Quality
    prescale : int or None
        Of the physics trigger: one in so many was recorded.
    good_fraction : float or None
        Part of its exposure that is outside its bad events.
    """

    run: int
    spill: int
    eot_delivered: float | None = None
    eot_live: float | None = None
    quality: Quality = Quality.GOOD
    prescale: int | None = None
    good_fraction: float | None = None

    def __post_init__(self) -> None:
        where = f"run {self.run} spill {self.spill}"
        _check_exposures(where, self.eot_delivered, self.eot_live)
        if self.prescale is not None and self.prescale < 1:
            raise ValueError(f"{where}: prescale {self.prescale} is below 1")
        if self.good_fraction is not None and not 0 <= self.good_fraction <= 1:
            raise ValueError(f"{where}: good_fraction {self.good_fraction} is not from 0 to 1")


def _check_exposures(where: str, delivered: float | None, live: float | None) -> None:
    for name, value in zip(EXPOSURES, (delivered, live), strict=True):
        if value is not None and not 0 <= value < math.inf:
            raise ValueError(f"{where}: {name} {value} is not a count")
    if delivered is not None and live is not None and live > delivered:
        raise ValueError(f"{where}: {EXPOSURES[1]} {live} is above {EXPOSURES[0]} {delivered}")


@dataclass(frozen=True, slots=True)
class Conditions:
    """Facts of runs and spills, and the bad list; ``+`` joins two and refuses contradictions.

    Attributes
    ----------
    run_facts : dict of int to RunFacts
    spills : dict of (run, spill) to SpillFacts
    bad : BadList
        Spills of bad quality are on it too.
    """

    run_facts: dict[int, RunFacts] = field(default_factory=dict)
    spills: dict[tuple[int, int], SpillFacts] = field(default_factory=dict)
    bad: BadList = field(default_factory=BadList)

    def __add__(self, other: Conditions) -> Conditions:
        return join_conditions([self, other])


def join_conditions(parts: Iterable[Conditions]) -> Conditions:
    """Join all that several sources know, in one pass.

    Raises
    ------
    ValueError
        Two contradict each other; names the run and both values.
    """
    listed = list(parts)
    return Conditions(
        run_facts=_by_run(facts for part in listed for facts in part.run_facts.values()),
        spills=_by_spill(facts for part in listed for facts in part.spills.values()),
        bad=BadList(tuple(entry for part in listed for entry in part.bad.entries)),
    )


def spills_by_run(spills: Mapping[tuple[int, int], SpillFacts]) -> dict[int, tuple[SpillFacts, ...]]:
    """Spills of each run, in the order of their numbers."""
    found: dict[int, list[SpillFacts]] = {}
    for key in sorted(spills):
        found.setdefault(key[0], []).append(spills[key])
    return {run: tuple(listed) for run, listed in found.items()}


def spill_columns(spills: Iterable[SpillFacts]) -> dict[str, list[Any]]:
    """Facts of spills as columns of plain values, which are quicker to write and to name than records."""
    listed = list(spills)
    columns = {member.name: list(map(attrgetter(member.name), listed)) for member in fields(SpillFacts)}
    return columns | {"quality": list(map(attrgetter("_value_"), columns["quality"]))}


def join_run_facts(first: RunFacts, second: RunFacts) -> RunFacts:
    """Join what two sources know of one run.

    Raises
    ------
    ValueError
        They contradict each other; names the run and both values.
    """
    if first.run != second.run:
        raise ValueError(f"run {first.run} is not run {second.run}")
    where = f"run {first.run}"
    return RunFacts(
        run=first.run,
        type=_agreed(first.type, second.type, RunType.UNKNOWN, f"{where}: type"),
        particle=_agreed(first.particle, second.particle, None, f"{where}: particle"),
        energy=_agreed(first.energy, second.energy, None, f"{where}: energy"),
        **_agreed_exposures(first, second, where),
        triggers=_agreed(first.triggers, second.triggers, None, f"{where}: triggers"),
    )


def join_spill_facts(first: SpillFacts, second: SpillFacts) -> SpillFacts:
    """Join what two sources know of one spill; bad in one is bad, other contradictions are refused."""
    where = f"run {first.run} spill {first.spill}"
    if (first.run, first.spill) != (second.run, second.spill):
        raise ValueError(f"{where} is not run {second.run} spill {second.spill}")
    return SpillFacts(
        run=first.run,
        spill=first.spill,
        **_agreed_exposures(first, second, where),
        quality=Quality.BAD if Quality.BAD in (first.quality, second.quality) else Quality.GOOD,
        prescale=_agreed(first.prescale, second.prescale, None, f"{where}: prescale"),
        good_fraction=_agreed(first.good_fraction, second.good_fraction, None, f"{where}: good_fraction"),
    )


def _agreed_exposures(
    first: RunFacts | SpillFacts, second: RunFacts | SpillFacts, where: str
) -> dict[str, float | None]:
    return {
        name: _agreed(getattr(first, name), getattr(second, name), None, f"{where}: {name}")
        for name in EXPOSURES
    }


def _agreed(first: V, second: V, unstated: V, what: str) -> V:
    if unstated in (first, second):
        return second if first == unstated else first
    if first != second:
        raise ValueError(f"{what} is {_shown(first)} in one place and {_shown(second)} in another")
    return first


def _shown(value: object) -> object:
    return value.value if isinstance(value, Enum) else value


def _by_run(listed: Iterable[RunFacts]) -> dict[int, RunFacts]:
    found: dict[int, RunFacts] = {}
    for facts in listed:
        before = found.setdefault(facts.run, facts)
        if before is not facts:
            found[facts.run] = join_run_facts(before, facts)
    return dict(sorted(found.items()))


def _by_spill(listed: Iterable[SpillFacts]) -> dict[tuple[int, int], SpillFacts]:
    found: dict[tuple[int, int], SpillFacts] = {}
    for facts in listed:
        key = (facts.run, facts.spill)
        before = found.setdefault(key, facts)
        if before is not facts:
            found[key] = join_spill_facts(before, facts)
    return dict(sorted(found.items()))


def read_conditions(folder: Source, prefix: str = "") -> Conditions:
    """Read the tables of a folder, those that are there.

    Parameters
    ----------
    folder : Path or Traversable
    prefix : str
        Before the file names: ``2022.`` for ``2022.runs.csv``.

    Raises
    ------
    ValueError
        Names the file, the line and the value, or the run and both values that contradict.
    """

    def read(name: str, columns: tuple[str, ...], make: Callable[[CsvRow], V]) -> list[V]:
        path = table_in(folder, f"{prefix}{name}.csv")
        return [] if path is None else read_rows(path, columns, make)

    run_facts = _by_run(read("runs", _RUN_COLUMNS, _run_facts))
    spills = _by_spill(read("spills", _SPILL_COLUMNS, _spill_facts))
    entries = read("bad", _BAD_COLUMNS, _bad_entry)
    entries += [
        BadEntry(run, spill) for (run, spill), facts in spills.items() if facts.quality is Quality.BAD
    ]
    return Conditions(run_facts, spills, BadList(tuple(entries)))


def table_in(folder: Source, name: str) -> Source | None:
    """Find a table in a folder; None if it is not there.

    Raises
    ------
    ValueError
        It is a link to nowhere, a folder or something else that is no file.
    """
    path = folder.joinpath(name)
    if path.is_file():
        return path
    if isinstance(path, Path) and path.is_symlink() and not path.exists():
        raise ValueError(f"{folder.name}/{name}: is a link to nowhere")
    if path.is_dir() or (isinstance(path, Path) and path.exists()):
        raise ValueError(f"{folder.name}/{name}: is not a file")
    return None


def check_period_tables(folder: Path) -> None:
    """Refuse tables in a folder of periods that would not be read: misspelt, or of no period there.

    Raises
    ------
    ValueError
        Names the table and the nearest name that is read.
    """
    names = [entry.name for entry in folder.iterdir()]
    known = [
        f"{name.removesuffix('.toml')}.{kind}.csv"
        for name in names
        if name.endswith(".toml")
        for kind in _KINDS
    ]
    for name in sorted(names):
        if name.lower().endswith(".csv") and name not in known and not name.startswith("."):
            raise ValueError(f"{folder.name}: {unknown('table', name, known)}")


_KINDS = ("runs", "spills", "bad")
_RUN_COLUMNS = ("run", "type", "particle", "energy", *EXPOSURES, "triggers")
_SPILL_COLUMNS = ("run", "spill", *EXPOSURES, "quality", "prescale", "good_fraction")
_BAD_COLUMNS = ("run", "spill", "start", "stop")


def _run_facts(row: CsvRow) -> RunFacts:
    return RunFacts(
        run=row.key("run"),
        type=row.choice("type", RunType, RunType.UNKNOWN),
        particle=row.text("particle"),
        energy=row.number("energy"),
        **{name: row.number(name) for name in EXPOSURES},
        triggers=row.integer("triggers"),
    )


def _spill_facts(row: CsvRow) -> SpillFacts:
    return SpillFacts(
        run=row.key("run"),
        spill=row.key("spill"),
        **{name: row.number(name) for name in EXPOSURES},
        quality=row.choice("quality", Quality, Quality.GOOD),
        prescale=row.integer("prescale"),
        good_fraction=row.number("good_fraction"),
    )


def _bad_entry(row: CsvRow) -> BadEntry:
    return BadEntry(row.key("run"), row.integer("spill"), row.integer("start"), row.integer("stop"))
