"""What the catalogue knows: of one file, and of all of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum

from na64.datasets.basics.identity import identity
from na64.datasets.conditions.bad import BadList
from na64.datasets.conditions.conditions import Conditions, RunFacts, SpillFacts
from na64.datasets.conditions.production import Production
from na64.datasets.reading.chunks import Segment
from na64.datasets.reading.files import file_name
from na64.datasets.reading.layout import Layout, load_layout, parse_layout


class Status(StrEnum):
    """If a file may be used: yes, no, or not yet (still being written, or out of reach)."""

    GOOD = "good"
    QUARANTINED = "quarantined"
    PENDING = "pending"


@dataclass(frozen=True, slots=True)
class FileRecord:
    """One run file, known by its content.

    Attributes
    ----------
    path : str
        Absolute path, or URL as given.
    sha256, xxh3 : str
        Of the content; empty if it could not be read.
    size : int
        Bytes.
    format : str
        ``ttree``, ``rntuple`` or ``parquet``; empty if it is none.
    tree, layout : str
    entries : int
    runs : dict of int to int
        Entries of each run.
    segments : tuple of (start, stop)
        The canonical segments.
    spills : tuple of dict of int to tuple of int
        For each segment, the spills of each run of which it has events.
    status : Status
    reason : str
        Why it is not good.
    accepted : str
        Why somebody who reviewed a quarantined file leaves it out; empty if nobody has.
    aliases : tuple of str
        Other paths with the same content.
    duplicates : int
        Entries whose (run, spill, event) another entry of the file has too.
    truth : bool
        It says what was simulated.
    production : Production
        How it was made upstream, as stated beside it.
    """

    path: str
    sha256: str = ""
    xxh3: str = ""
    size: int = 0
    format: str = ""
    tree: str = ""
    layout: str = ""
    entries: int = 0
    runs: dict[int, int] = field(default_factory=dict)
    segments: tuple[tuple[int, int], ...] = ()
    spills: tuple[dict[int, tuple[int, ...]], ...] = ()
    status: Status = Status.GOOD
    reason: str = ""
    accepted: str = ""
    aliases: tuple[str, ...] = ()
    duplicates: int = 0
    truth: bool = False
    production: Production = field(default_factory=Production)

    def __post_init__(self) -> None:
        if (self.status is Status.GOOD) == bool(self.reason):
            raise ValueError(f'{self.name}: {self.status.value} for the reason "{self.reason}"')
        if self.accepted and self.status is not Status.QUARANTINED:
            raise ValueError(f"{self.name}: is {self.status.value}, there is nothing to accept")
        if self.status is Status.GOOD:
            self._check_counts()

    def _check_counts(self) -> None:
        if sum(self.runs.values()) != self.entries:
            raise ValueError(f"{self.name}: {sum(self.runs.values())} entries by run, {self.entries} in all")
        ends = [0, *(stop for _, stop in self.segments)]
        if [start for start, _ in self.segments] != ends[:-1] or ends[-1] != self.entries:
            raise ValueError(f"{self.name}: segments do not cover {self.entries} entries")
        known = {run for part in self.spills for run in part}
        if len(self.spills) != len(self.segments) or known != {*self.runs}:
            raise ValueError(f"{self.name}: spills of {len(self.spills)} segments and {len(known)} runs")

    @property
    def name(self) -> str:
        """Last part of the path, for messages."""
        return file_name(self.path)

    @property
    def is_good(self) -> bool:
        """Tell if the file may be used."""
        return self.status is Status.GOOD

    def chunks(self) -> tuple[Segment, ...]:
        """Give the canonical segments as pieces of work."""
        return tuple(Segment(self.sha256, self.path, start, stop) for start, stop in self.segments)


class Kind(StrEnum):
    """What the files hold; data are blind."""

    DATA = "data"
    SIMULATION = "simulation"


@dataclass(frozen=True, slots=True)
class Catalogue:
    """Files and what is known of their runs.

    Attributes
    ----------
    kind : Kind
    files : tuple of FileRecord
        In the order of their content's sha256.
    run_facts : dict of int to RunFacts
    spills : dict of (run, spill) to SpillFacts
    bad : BadList
        These three as read beside the files; a period may know more.
    layouts : dict of str to str
        The text of each layout in use that is not packaged.
    """

    kind: Kind
    files: tuple[FileRecord, ...]
    run_facts: dict[int, RunFacts] = field(default_factory=dict)
    spills: dict[tuple[int, int], SpillFacts] = field(default_factory=dict)
    bad: BadList = field(default_factory=BadList)
    layouts: dict[str, str] = field(default_factory=dict)

    @property
    def good(self) -> tuple[FileRecord, ...]:
        """Files that may be used."""
        return tuple(record for record in self.files if record.is_good)

    @property
    def unreviewed(self) -> tuple[FileRecord, ...]:
        """Files that are not good and of which nobody said that they may stay out: no result is complete."""
        return tuple(record for record in self.files if not record.is_good and not record.accepted)

    @property
    def runs(self) -> dict[int, int]:
        """Entries of each run in the good files."""
        entries: dict[int, int] = {}
        for record in self.good:
            for run, n_entries in record.runs.items():
                entries[run] = entries.get(run, 0) + n_entries
        return dict(sorted(entries.items()))

    @property
    def conditions(self) -> Conditions:
        """Facts of runs and spills, and the bad list."""
        return Conditions(self.run_facts, self.spills, self.bad)

    @property
    def identity(self) -> str:
        """Name of the content: paths do not count."""
        files = sorted(
            (r.sha256, r.status.value, r.layout, bool(r.accepted), str(r.production)) for r in self.files
        )
        facts = [list(self.run_facts.values()), list(self.spills.values()), self.bad]
        return identity([self.kind.value, files, facts, self.layouts])

    @property
    def warnings(self) -> tuple[str, ...]:
        """What a user should know, in one line each."""
        return tuple(line for record in self.files for line in _warnings(record, self.kind))

    def layout(self, name: str) -> Layout:
        """Give a layout by the name it has in the records."""
        if name in self.layouts:
            return parse_layout(self.layouts[name], f"layout {name} in the catalogue")
        return load_layout(name)


def _warnings(record: FileRecord, kind: Kind) -> Iterator[str]:
    if record.aliases:
        yield f"{record.name}: listed {len(record.aliases) + 1} times, counted once"
    if record.duplicates:
        yield f"{record.name}: {record.duplicates} entries repeat the run, spill and event of another"
    if record.is_good and kind is Kind.SIMULATION and not record.truth:
        yield f"{record.name}: taken as simulation, but does not say what was simulated"
