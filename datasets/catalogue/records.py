"""What the catalogue knows: of one file, and of all of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property

from na64.datasets.basics.identity import identity
from na64.datasets.basics.plain_text import visible
from na64.datasets.catalogue.layout_columns import with_columns_of
from na64.datasets.catalogue.table_folders import TableFolder, warnings_of
from na64.datasets.conditions.bad_spills import BadList
from na64.datasets.conditions.conditions import (
    Conditions,
    RunFacts,
    SpillFacts,
    spill_columns,
    spills_by_run,
)
from na64.datasets.conditions.period_folder import PeriodFolder
from na64.datasets.conditions.periods import Period, load_periods
from na64.datasets.conditions.reconstruction import ReconstructionTags
from na64.datasets.reading.chunks import Segment
from na64.datasets.reading.files import file_name, is_url
from na64.datasets.reading.layout import LAYOUTS, Layout, load_layout, parse_layout
from na64.datasets.reading.layout_differences import has_packaged_truth, warning_of
from na64.datasets.reading.layout_rules import check_keys, check_of_data


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
    truth : bool
        It says what was simulated.
    production : ReconstructionTags
        How it was made upstream, as stated beside it.
    version : str
        What its server stated with this content and states otherwise with another, as
        `na64.datasets.servers.versions` has it; empty of a local file, or if nothing was stated.
    missing_columns : tuple of str
        Columns of its layout that it has no branch of.
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
    truth: bool = False
    production: ReconstructionTags = field(default_factory=ReconstructionTags)
    version: str = ""
    missing_columns: tuple[str, ...] = ()

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
        """Last part of the path, as it can be shown."""
        return visible(file_name(self.path))

    @property
    def is_good(self) -> bool:
        """Whether the file may be used."""
        return self.status is Status.GOOD

    def chunks(self) -> tuple[Segment, ...]:
        """Canonical segments as pieces of work."""
        return tuple(Segment(self.sha256, self.path, start, stop) for start, stop in self.segments)


class SampleKind(StrEnum):
    """What the files hold; data are blind."""

    DATA = "data"
    SIMULATION = "simulation"


@dataclass(frozen=True)
class Catalogue:
    """Files and what is known of their runs.

    Attributes
    ----------
    kind : SampleKind
    files : tuple of FileRecord
        In the order of their content's sha256.
    run_facts : dict of int to RunFacts
    spills : dict of (run, spill) to SpillFacts
    bad : BadList
        These three as read beside the files; a period may know more.
    layouts : dict of str to str
        The text of each layout in use that is not packaged.
    folders : tuple of TableFolder
        Which tables were found beside the files, folder by folder, and where none could be looked for.
    periods : PeriodFolder or None
        The folder whose periods it was made with, besides the packaged ones.
    """

    kind: SampleKind
    files: tuple[FileRecord, ...]
    run_facts: dict[int, RunFacts] = field(default_factory=dict)
    spills: dict[tuple[int, int], SpillFacts] = field(default_factory=dict)
    bad: BadList = field(default_factory=BadList)
    layouts: dict[str, str] = field(default_factory=dict)
    folders: tuple[TableFolder, ...] = ()
    periods: PeriodFolder | None = None

    @cached_property
    def good(self) -> tuple[FileRecord, ...]:
        """Files that may be used."""
        return tuple(record for record in self.files if record.is_good)

    @property
    def unreviewed(self) -> tuple[FileRecord, ...]:
        """Files that are not good and of which nobody said that they may stay out: no result is complete."""
        return tuple(record for record in self.files if not record.is_good and not record.accepted)

    @cached_property
    def runs(self) -> dict[int, int]:
        """Entries of each run in the good files."""
        entries: dict[int, int] = {}
        for record in self.good:
            for run, n_entries in record.runs.items():
                entries[run] = entries.get(run, 0) + n_entries
        return dict(sorted(entries.items()))

    @cached_property
    def files_of_runs(self) -> dict[int, tuple[FileRecord, ...]]:
        """Good files that have events of a run, by run."""
        found: dict[int, list[FileRecord]] = {}
        for record in self.good:
            for run in record.runs:
                found.setdefault(run, []).append(record)
        return {run: tuple(records) for run, records in found.items()}

    @cached_property
    def spills_of_runs(self) -> dict[int, tuple[SpillFacts, ...]]:
        """What the tables beside the files say of spills, by run, in the order of the spills."""
        return spills_by_run(self.spills)

    @property
    def conditions(self) -> Conditions:
        """Facts of runs and spills, and the bad list."""
        return Conditions(self.run_facts, self.spills, self.bad)

    @cached_property
    def identity(self) -> str:
        """Name of the content: paths do not count."""
        files = sorted(
            (r.sha256, r.status.value, r.layout, bool(r.accepted), str(r.production)) for r in self.files
        )
        facts = [list(self.run_facts.values()), spill_columns(self.spills.values()), self.bad]
        periods = [] if self.periods is None else [self.periods.identity]
        return identity([self.kind.value, files, facts, self.layouts, *periods])

    @property
    def warnings(self) -> tuple[str, ...]:
        """What a user should know, in one line each."""
        of_layouts = (warning_of(self.layout(name), self.closed) for name in sorted(self.layouts))
        claimed = self.claimed if self.kind is SampleKind.SIMULATION else ()
        return (
            *(line for record in self.files for line in _warnings(record)),
            *_warnings_of_versions(self.good),
            *(_warning_of_claim(record) for record in claimed),
            *(line for line in of_layouts if line),
            *(_warning_of_spills(name) for name in self._without_spills),
            *warnings_of(self.folders),
        )

    def known_periods(self) -> dict[str, Period]:
        """Load the periods that it was made with; they have the columns of its layouts too.

        Raises
        ------
        ValueError
            Those of a folder are not there any more, or not the same; names what differs.
        """
        periods = load_periods() if self.periods is None else self.periods.load()
        return with_columns_of([self.layout(name) for name in sorted(self.layouts)], periods)

    def layout(self, name: str) -> Layout:
        """Layout by the name it has in the records."""
        if name not in self.layouts:
            return load_layout(name)
        layout = parse_layout(self.layouts[name], f"layout {name} in the catalogue")
        if layout.name != name or name in LAYOUTS:
            raise ValueError(f"layout {name} in the catalogue: its text is that of another layout")
        check_keys(layout)
        if self.kind is SampleKind.DATA:
            check_of_data(layout)
        return layout

    @cached_property
    def closed(self) -> frozenset[str]:
        """Detectors and columns that bounds of boxes are about, in the periods of its runs."""
        if not self.layouts:
            return frozenset()
        periods = [one for one in self.known_periods().values() if any(map(one.has_run, self.runs))]
        return frozenset().union(*(period.closed for period in periods))

    @cached_property
    def _without_spills(self) -> tuple[str, ...]:
        """Layouts in use whose files have no numbers of spills."""
        return tuple(name for name in sorted(self.layouts) if "spill" in self.layout(name).constants)

    @cached_property
    def runs_without_spills(self) -> frozenset[int]:
        """Runs of which some good file has no numbers of spills."""
        records = (record for record in self.good if record.layout in self._without_spills)
        return frozenset(run for record in records for run in record.runs)

    @cached_property
    def claimed(self) -> tuple[FileRecord, ...]:
        """Good files that do not say, in a branch that a packaged layout reads for it, what was simulated."""
        known = {name: has_packaged_truth(self.layout(name)) for name in {r.layout for r in self.good}}
        return tuple(record for record in self.good if not (record.truth and known[record.layout]))


def _warnings(record: FileRecord) -> Iterator[str]:
    if record.aliases:
        yield f"{record.name}: listed {len(record.aliases) + 1} times, counted once"


def _warnings_of_versions(records: Sequence[FileRecord]) -> Iterator[str]:
    """Files on servers of which a later content may not be told from the registered one."""
    names = [record.name for record in records if is_url(record.path) and not record.version]
    if names:
        files = names[0] if len(names) == 1 else f"{names[0]} and {len(names) - 1} other files on servers"
        yield (
            f"{files}: no version is known (ETag, time of change), so that only size and number of events "
            "tell if it was replaced; na64 catalogue --update reads it again"
        )


def _warning_of_spills(layout: str) -> str:
    return (
        f"layout {layout} has no numbers of spills: no bad spill can be left out, and particles on target "
        "are known of whole runs only"
    )


def _warning_of_claim(record: FileRecord) -> str:
    if record.truth:
        return f"{record.name}: taken as simulation for what only layout {record.layout} takes for its truth"
    return f"{record.name}: taken as simulation, but does not say what was simulated"
