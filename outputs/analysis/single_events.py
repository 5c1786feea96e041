"""The visible events behind the numbers of a result: files and pictures of them."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from na64.datasets.catalogue.run_filter import chosen_runs
from na64.outputs.analysis.listening import Listener, Progress, Tell, no_progress, silent
from na64.outputs.analysis.plans import runs_asked
from na64.outputs.blinding.names import OPENED
from na64.outputs.blinding.opened_box import read_opened
from na64.outputs.events.analysis import ReopenedResult, reopen, reopen_box
from na64.outputs.events.event_filter import EventFilter, counted
from na64.outputs.events.event_record import EventRecord
from na64.outputs.events.pictures import NoEventError, find, pictures
from na64.outputs.events.skim import SkimFormat, write_events
from na64.outputs.events.table import lines
from na64.outputs.result.cutflow import ALL_RUNS
from na64.outputs.result.request import log_use
from na64.outputs.result.unreplaced import unreplaced


@dataclass(frozen=True, slots=True)
class Skim:
    """A file of events.

    Attributes
    ----------
    path : Path
    n_events : int
    n_expected : int or None
        As the result counted them; None if it does not say.
    """

    path: Path
    n_events: int
    n_expected: int | None

    @property
    def as_counted(self) -> bool:
        """There are as many as the result has."""
        return self.n_expected is None or self.n_events == self.n_expected


def events(
    folder: str | Path,
    *,
    after: str | None = None,
    region: str | None = None,
    runs: str | Collection[int] | None = None,
    limit: int | None = None,
    opened: bool = False,
    cells: bool = False,
    format: str | None = None,  # noqa: A002
    to: str | Path | None = None,
    progress: Progress = no_progress,
    tell: Tell = silent,
    note: Tell | None = None,
) -> Skim:
    """File of the visible events of a result: numbers, features, cells on request.

    Parameters
    ----------
    folder : str or Path
        Where `process` wrote to.
    after : str, optional
        Events that pass this cut and all before, or ``visible``; by default all cuts.
    region : str, optional
        Only those in this region, as the selection calls it, or in none: ``elsewhere``.
    runs : str or collection of int, optional
        Only these, as ``"8396-8458,8500"`` or one by one.
    limit : int, optional
        So many events at most.
    opened : bool
        Events of the opened box, after `unblind`, in place of the visible ones.
    cells : bool
        Energy, delay and window of every cell too; MeV and ns.
    format : {"parquet", "root", "csv"}, optional
        By default by the name of the file, or Parquet.
    to : str or Path, optional
        The file; by default ``events.FORMAT`` in the folder.
    progress : callable
        Takes the numbers of events done and of all.
    tell : callable
        Takes lines about what was written.
    note : callable, optional
        Takes what is to be known besides; by default that is logged.

    Returns
    -------
    Skim

    Raises
    ------
    FileNotFoundError
        The folder holds no result of `process`.
    KeyError, ValueError
        A cut or run that is not there; a closed box; files or selection that are not those of the result.
    na64.outputs.result.unreplaced.ReplacedError
        Another result came into the folder meanwhile (a ``RuntimeError``).

    Examples
    --------
    >>> skim = na64.events("out", after="visible", limit=10)
    >>> skim.path.name, skim.n_events
    ('events.parquet', 10)
    """
    access = _EventAccess(Path(folder), opened, runs_asked(runs), Listener(progress, tell, note))
    analysis, event_filter = access.reopen(after, region, limit)
    path, kind = _place(access, None if to is None else Path(to), format)
    expected = counted(analysis, event_filter)
    if expected == 0 and (hint := _hint(analysis, event_filter)):
        raise ValueError(f"{analysis.selection.name}: no visible events {event_filter}; {hint}")
    known = expected if expected is not None else max(analysis.n_opened.values())
    total = min(known, limit or known)
    access.log(analysis, "events", event_filter, cells=cells)
    path.parent.mkdir(parents=True, exist_ok=True)
    progress(0, total)
    written = write_events(
        analysis, event_filter, path, format=kind, cells=cells, on_progress=lambda done: progress(done, total)
    )
    access.log_listed(analysis, "events", written)
    found = Skim(path, written, None if expected is None else total)
    tell(f"{written:,} {analysis.kind} event{'' if written == 1 else 's'} {event_filter}: {path}")
    if not found.as_counted:
        tell(f"not as counted: the result has {expected:,} of them")
    return found


@dataclass(frozen=True, slots=True)
class Shown:
    """Events that were drawn.

    Attributes
    ----------
    records : list of EventRecord
        Everything that is known of each.
    pictures : list of Path
    """

    records: list[EventRecord]
    pictures: list[Path]


def show(
    folder: str | Path,
    *numbers: str,
    after: str | None = None,
    region: str | None = None,
    runs: str | Collection[int] | None = None,
    limit: int | None = None,
    opened: bool = False,
    sheet: bool = False,
    to: str | Path | None = None,
    tell: Tell = silent,
    note: Tell | None = None,
) -> Shown:
    """Pictures of visible events of a result, and what the selection says of each, cut by cut.

    Parameters
    ----------
    folder : str or Path
        Where `process` wrote to.
    *numbers : str
        Events as ``RUN:SPILL:EVENT``; or they are chosen as in `events`.
    after, region, runs, opened
        As `events` takes them.
    limit : int, optional
        So many chosen events; by default 12.
    sheet : bool
        Many events on a page.
    to : str or Path, optional
        Folder of the pictures; by default ``events`` in that of the result.
    tell : callable
        Takes the tables of the events and the names of the pictures, line by line.
    note : callable, optional
        Takes what is to be known besides; by default that is logged.

    Returns
    -------
    Shown

    Raises
    ------
    na64.outputs.events.pictures.NoEventError
        There is no visible event with a number (a ``KeyError``).
    KeyError, ValueError, FileNotFoundError, RuntimeError
        As `events`.

    Examples
    --------
    >>> shown = na64.show("out", after="visible", limit=1)
    >>> len(shown.records), len(shown.pictures)
    (1, 1)
    """
    if numbers and (after or region or runs or limit):
        raise ValueError("either events by number, or --after, --region, --runs and --limit")
    access = _EventAccess(Path(folder), opened, runs_asked(runs), Listener(tell=tell, note=note))
    analysis, event_filter = access.reopen(after, region, limit or 12)
    access.log(analysis, "show", numbers or event_filter)
    records = access.find(analysis, numbers) if numbers else find(analysis, event_filter)
    access.log_listed(analysis, "show", len(records))
    if not records:
        raise ValueError(f"{access.folder.name}: no {analysis.kind} events {event_filter}")
    place = Path(to) if to is not None else access.folder / "events"
    for record in [] if sheet else records:
        access.listener.say((*lines(record), ""))
    with unreplaced(access.folder, analysis.products.summary, "na64 show"):
        written = pictures(analysis, records, place, sheet=sheet)
    access.listener.say(f"picture: {path}" for path in written)
    return Shown(records, written)


def _hint(analysis: ReopenedResult, asked: EventFilter) -> str:
    """Where the events of a region are that all cuts leave empty; empty if that is not the case."""
    after = analysis.selection.yields_after
    if asked.region is None or asked.after is not None:
        return ""
    found = counted(analysis, replace(asked, after=after))
    return (
        f"region {asked.region} is counted after {after}, where it has {found:,}: --after {after}"
        if found
        else ""
    )


def _place(access: _EventAccess, to: Path | None, format: str | None) -> tuple[Path, SkimFormat]:  # noqa: A002
    suffix = to.suffix.removeprefix(".").lower() if to else ""
    if suffix and not format and suffix not in [*SkimFormat]:
        raise ValueError(f"{to}: {suffix} is not written, only {', '.join(SkimFormat)}; or say the format")
    if format and suffix in [*SkimFormat] and suffix != format:
        raise ValueError(f"--format {format}: the name of {to} says {suffix}")
    kind = SkimFormat(format or suffix or "parquet")
    folder = access.folder / OPENED if access.opened else access.folder
    return to or folder / f"events.{kind}", kind


@dataclass(frozen=True, slots=True)
class _EventAccess:
    """Somebody looks at single events."""

    folder: Path
    opened: bool
    runs: str
    listener: Listener

    def reopen(
        self, after: str | None, region: str | None, limit: int | None
    ) -> tuple[ReopenedResult, EventFilter]:
        analysis = (reopen_box if self.opened else reopen)(self.folder)
        analysis.stage(after)
        runs = chosen_runs(self.runs, analysis.job.runs) if self.runs else None
        if analysis.other_code:
            self.listener.warn("note: the result was made by another version of the code")
        return analysis, EventFilter(after, region, runs, limit)

    def find(self, analysis: ReopenedResult, numbers: Sequence[str]) -> list[EventRecord]:
        """Find events by number: visible ones, and those of the box if it was opened."""
        try:
            return find(analysis, numbers)
        except NoEventError:
            if analysis.opening or read_opened(self.folder, analysis.products.summary) is None:
                raise
        opened = reopen_box(self.folder)
        self.log(opened, "show", numbers)
        return find(analysis, numbers, opened)

    def log(
        self, analysis: ReopenedResult, event: str, chosen: EventFilter | Sequence[str], **details: object
    ) -> None:
        """Log that somebody is about to look at single events of data, and at which."""
        opened = {"freeze": analysis.opening.unblinding.freeze} if analysis.opening else {}
        named: dict[str, object] = {"runs": self.runs or ALL_RUNS, "choice": str(chosen)}
        if isinstance(chosen, EventFilter):
            named |= {"cut": chosen.after, "region": chosen.region, "limit": chosen.limit}
        else:
            named |= {"choice": list(chosen)}
        self._log(analysis, event, {**named, **details, **opened})

    def log_listed(self, analysis: ReopenedResult, event: str, n_events: int) -> None:
        """Log how many events were written or drawn."""
        self._log(analysis, "listed", {"command": event, "n_events": n_events})

    def _log(self, analysis: ReopenedResult, event: str, details: Mapping[str, object]) -> None:
        if analysis.products.summary.is_data:
            log_use(self.folder, event, {"events": analysis.kind, **details})
