"""Periods of data taking: which runs, which beam, which detector, with the provenance of every number."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cache
from importlib import resources
from itertools import pairwise
from pathlib import Path
from types import MappingProxyType

from na64.datasets.basics.sourced_values import Fact, FactReader
from na64.datasets.basics.toml import Source, TomlTable, load_table, unknown
from na64.datasets.basics.units import read_source
from na64.datasets.conditions.bad_spills import BadList
from na64.datasets.conditions.conditions import (
    Conditions,
    RunFacts,
    RunType,
    SpillFacts,
    check_period_tables,
    join_run_facts,
    read_conditions,
)
from na64.datasets.conditions.on_target import PARTICLES
from na64.datasets.conditions.stated_boxes import StatedBox, read_boxes
from na64.datasets.instrument.detector import Setup
from na64.datasets.instrument.features import Feature, joined_features
from na64.datasets.instrument.recipes import further_features, made_of_what
from na64.datasets.instrument.setups import read_setup

RUNS = "runs"
"""Name of the facts of a period that say which runs it has."""


@dataclass(frozen=True, slots=True)
class Period:
    """A span of runs in which the detector and the beam stayed the same.

    Attributes
    ----------
    name, description : str
    runs : tuple of (int, int)
        First and last run of each range, both included; empty until somebody knows the runs.
    beam_particle : str
        One of `na64.datasets.conditions.on_target.PARTICLES`.
    beam_energy : float
        GeV.
    run_type : RunType
        Of runs that state none; physics or unknown, so that nothing is open by default.
    times_in_files : bool
        The files carry expected times and resolutions; those of `setup` are placeholders.
    setup : Setup
    boxes : tuple of StatedBox
        The signal boxes as ``[box]``, or every ``[[box]]``, states them: `na64.selections.boxes` knows more.
    run_facts, spills, bad
        The period's own tables, see `na64.datasets.conditions.conditions`.
    provenance : tuple of Fact
        Every number of the period's file with its source.
    """

    name: str
    description: str
    runs: tuple[tuple[int, int], ...]
    beam_particle: str
    beam_energy: float
    run_type: RunType
    times_in_files: bool
    setup: Setup
    boxes: tuple[StatedBox, ...]
    run_facts: dict[int, RunFacts]
    spills: dict[tuple[int, int], SpillFacts]
    bad: BadList
    provenance: tuple[Fact, ...]

    def __post_init__(self) -> None:
        if self.beam_particle not in PARTICLES:
            raise ValueError(f"period {self.name}: {unknown('particle', self.beam_particle, PARTICLES)}")
        if not self.beam_energy > 0:
            raise ValueError(f"period {self.name}: beam energy {self.beam_energy} GeV is not positive")
        if self.run_type not in (RunType.PHYSICS, RunType.UNKNOWN):
            raise ValueError(f"period {self.name}: run type {self.run_type.value} is stated run by run")
        for first, last in self.runs:
            if first > last:
                raise ValueError(f"period {self.name}: runs {first} to {last} are none")
        known = [
            *self.run_facts,
            *(run for run, _ in self.spills),
            *(entry.run for entry in self.bad.entries),
        ]
        for run in known:
            if not self.has_run(run):
                raise ValueError(f"period {self.name}: run {run} has facts but is not in {self.covers}")

    @property
    def features(self) -> dict[str, Feature]:
        """Features of the period besides the standard ones by name, in the order in which they are stored."""
        return {feature.name: feature for feature in further_features(self.setup)}

    @property
    def closed(self) -> frozenset[str]:
        """Detectors and columns that the bounds of its boxes are about, through formulas too."""
        bounds = (bound for box in self.boxes for bound in box.bounds)
        return made_of_what((name for bound in bounds for name in bound.features), self.setup)

    @property
    def covers(self) -> str:
        """The run ranges in words."""
        return ", ".join(f"{first} to {last}" for first, last in self.runs) or "no runs"

    def has_run(self, run: int) -> bool:
        """Whether a run is in the period."""
        return any(first <= run <= last for first, last in self.runs)

    def shares_runs_with(self, other: Period) -> bool:
        """Whether some run is in both periods."""
        return any(a <= d and c <= b for a, b in self.runs for c, d in other.runs)

    def facts(self, run: int, stated: RunFacts | None = None) -> RunFacts:
        """What is known of a run: type, particle and energy always, EOT None where unknown.

        Parameters
        ----------
        run : int
        stated : RunFacts, optional
            What another source knows of the run; the period's own facts must not contradict it.

        Raises
        ------
        ValueError
            The run is not in the period, or the sources contradict each other.
        """
        if not self.has_run(run):
            raise ValueError(f"run {run} is not in period {self.name}: it covers {self.covers}")
        known = join_run_facts(self.run_facts.get(run, RunFacts(run)), stated or RunFacts(run))
        return replace(
            known,
            type=self.run_type if known.type is RunType.UNKNOWN else known.type,
            particle=self.beam_particle if known.particle is None else known.particle,
            energy=self.beam_energy if known.energy is None else known.energy,
        )


def load_periods(extra: Path | None = None) -> dict[str, Period]:
    """Load the packaged periods and those of a folder, ordered by name.

    Parameters
    ----------
    extra : Path, optional
        Folder of further periods. A period there replaces the packaged one of the same name, tables included.

    Raises
    ------
    ValueError
        A run would be in two periods; names both and the runs.
    """
    if extra is None:
        return dict(packaged_periods())
    joined = {**packaged_periods(), **_of_folder(_folder(extra))}
    periods = {name: joined[name] for name in sorted(joined)}
    _check_apart(periods.values())
    return periods


def _of_folder(folder: Source) -> dict[str, Period]:
    files = [file.name for file in folder.iterdir()]
    names = [name for name in files if name.endswith(".toml") and not name.startswith(".")]  # of an editor
    return {name: load_period(folder, name) for name in sorted(name.removesuffix(".toml") for name in names)}


@cache
def packaged_periods() -> Mapping[str, Period]:
    """The packaged periods by name: what holds for a run whatever a folder of the user says of it."""
    periods = _of_folder(resources.files("na64.datasets.conditions").joinpath("periods"))
    _check_apart(periods.values())
    return MappingProxyType(periods)


def unpackaged_runs(period: Period) -> list[tuple[int, int]]:
    """Ranges of runs, both ends included, of a period that no packaged one has."""
    packaged = sorted(runs for known in packaged_periods().values() for runs in known.runs)
    left = []
    for first, last in period.runs:
        start = first
        for known_first, known_last in packaged:
            if known_first <= last and known_last >= start:
                left += [(start, known_first - 1)] if start < known_first else []
                start = known_last + 1
        left += [(start, last)] if start <= last else []
    return left


def features_of_periods(periods: Iterable[Period], *, together: bool = True) -> dict[str, Feature]:
    """Features of periods besides the standard ones by name, in the order in which they are stored.

    Parameters
    ----------
    periods : iterable of Period
    together : bool
        Whether events of all of them are counted together, see `joined_features`.

    Raises
    ------
    ValueError
        Two periods call different things the same; names both and the feature.
    """
    return joined_features({period.name: period.features.values() for period in periods}, together=together)


def features_here_and_elsewhere(
    periods: Mapping[str, Period], runs: Iterable[int]
) -> tuple[dict[str, Feature], dict[str, Feature]]:
    """Features of the periods of some runs, and those that only other periods have.

    Parameters
    ----------
    periods : mapping of str to Period
    runs : iterable of int
    """
    listed = [*runs]
    there = [one for one in periods.values() if any(map(one.has_run, listed))]
    here = features_of_periods(there, together=False)
    others = features_of_periods((one for one in periods.values() if one not in there), together=False)
    return here, {name: feature for name, feature in others.items() if name not in here}


def period_of_run(run: int, periods: Mapping[str, Period]) -> Period | None:
    """Period a run belongs to, or None if it is outside every one."""
    return next((period for period in periods.values() if period.has_run(run)), None)


def describe(period: Period) -> list[tuple[str, str, str, str]]:
    """List every number of a period as (name, value, unit, source)."""
    return [(fact.name, fact.value, fact.unit, fact.source) for fact in period.provenance]


def load_period(folder: Source, name: str) -> Period:
    """Load ``<name>.toml`` and, where they are there, ``<name>.runs.csv``, ``.spills.csv`` and ``.bad.csv``.

    Parameters
    ----------
    folder : Path or Traversable
    name : str

    Raises
    ------
    KeyError, ValueError
        Something is missing, unknown or wrong; names the file and the key, or the file, line and value.
    """
    table = load_table(folder.joinpath(f"{name}.toml"))
    if table.text("name") != name:
        raise ValueError(
            f'{table.place("name")}: "{table.text("name")}" is not "{name}", the name of the file'
        )
    with table.telling_misspelt():
        period = _period(name, table, read_conditions(folder, f"{name}."))
    table.done()
    return period


def _period(name: str, table: TomlTable, conditions: Conditions) -> Period:
    listed: list[Fact] = []
    facts = FactReader(table, listed)
    beam = facts.child("beam")
    energy = beam.number("energy", "GeV")
    setup = read_setup(facts, energy)
    return Period(
        name=name,
        description=table.text("description"),
        runs=_runs(facts),
        beam_particle=beam.text("particle"),
        beam_energy=energy,
        run_type=beam.choice("run_type", RunType),
        times_in_files=facts.flag("times_in_files"),
        setup=setup,
        boxes=read_boxes(facts, setup),
        run_facts=conditions.run_facts,
        spills=conditions.spills,
        bad=conditions.bad,
        provenance=(*listed, *_published(table)),
    )


def _runs(facts: FactReader) -> tuple[tuple[int, int], ...]:
    ranges = []
    for entry in facts.tables("runs"):
        first, last = entry.integer("first"), entry.integer("last")
        facts.remember(RUNS, f"{first} to {last}", "1", read_source(entry))
        ranges.append((first, last))
    if not ranges:
        facts.remember(RUNS, "none", "1", "NOT FOUND")
    return tuple(sorted(ranges))


def _published(table: TomlTable) -> list[Fact]:
    """Read totals that are printed and never used."""
    return [
        Fact(f"published.{entry.text('name')}", f"{entry.number('value'):.12g}", "1", read_source(entry))
        for entry in table.tables("published", ())
    ]


def _folder(path: Path) -> Path:
    if not path.is_dir():
        raise ValueError(f"{path}: is not a folder of periods")
    check_period_tables(path)
    return path


def _check_apart(periods: Iterable[Period]) -> None:
    ranges = sorted((first, last, period.name) for period in periods for first, last in period.runs)
    for (first, last, name), (next_first, next_last, next_name) in pairwise(ranges):
        if next_first <= last:
            raise ValueError(
                f"runs {next_first} to {min(last, next_last)} are in period {name} ({first} to {last}) "
                f"and in period {next_name} ({next_first} to {next_last})"
            )
