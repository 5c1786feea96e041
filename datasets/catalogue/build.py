"""The catalogue: every run file once, by content, with what is known of its runs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from itertools import chain
from pathlib import Path

from na64.datasets.basics.addresses import public_url
from na64.datasets.basics.toml import unknown
from na64.datasets.catalogue.catalogue_file import load, save
from na64.datasets.catalogue.inputs import expand
from na64.datasets.catalogue.inspection import Expectation, Keys, inspect, read_keys
from na64.datasets.catalogue.inspection_pool import inspect_files
from na64.datasets.catalogue.overlap import quarantine_overlaps
from na64.datasets.catalogue.pending_files import SETTLED
from na64.datasets.catalogue.rechecking import recheck, verify
from na64.datasets.catalogue.records import Catalogue, FileRecord, SampleKind, Status
from na64.datasets.catalogue.table_folders import TablesBeside, keep_what_is_gone, read_tables_beside
from na64.datasets.conditions.conditions import Conditions, join_conditions
from na64.datasets.conditions.period_folder import PeriodFolder, read_folder
from na64.datasets.conditions.periods import Period, load_periods
from na64.datasets.reading.files import file_name, is_url
from na64.datasets.reading.layout import LAYOUTS, Layout, load_layout
from na64.datasets.reading.layout_rules import check_keys, check_of_data, may_be_of_data
from na64.datasets.servers.patience import Patience, side_by_side

__all__ = ["Catalogue", "FileRecord", "SampleKind", "Status", "build", "load", "save", "verify"]

_SHORTEST = 8
_SERVERS_AT_A_TIME = 4


def build(
    paths: Iterable[str | Path],
    *,
    simulation: bool,
    period: str | None = None,
    layout: str | Path | None = None,
    previous: Catalogue | None = None,
    accept: Mapping[str, str] | None = None,
    conditions: Conditions | None = None,
    periods: dict[str, Period] | None = None,
    folder: Path | None = None,
    settled: float = SETTLED,
    patience: Patience | None = None,
    workers: int = 1,
    progress: Callable[[int, int], None] | None = None,
) -> Catalogue:
    """Register files: what they are, if they are whole, which runs they hold. No measured value is used.

    Of two files with the same events the one that was good in `previous` stays, else the one whose sha256
    sorts first; the other is quarantined.

    Parameters
    ----------
    paths : iterable of str or Path
        Files, folders, globs and URLs.
    simulation : bool
        False is data, which are blind.
    period : str, optional
        Name of the only period allowed.
    layout : str or Path, optional
        Name or TOML file of the only layout allowed.
    previous : Catalogue, optional
        To be brought up to date. Good files of it are quarantined if they have changed; files that never were
        good are looked at again, and forgotten if they were only pending and are gone: they have another name
        when they are whole.
    accept : mapping of str to str, optional
        Why a quarantined file stays out, by its path, its name or (8 digits at least) its sha256.
    conditions : Conditions, optional
        Added to those found in ``conditions`` folders beside the files. What tables said that are not there
        any more is kept from `previous`.
    periods : dict of str to Period, optional
        By default the packaged ones and those of `folder`.
    folder : Path, optional
        Of further periods, which the catalogue remembers; by default that of `previous`, as it is now.
    settled : float
        Seconds; a ROOT file that was not closed is pending until it has not changed for so long.
    patience : Patience, optional
        How a server is asked.
    workers : int
        Processes that look at local files.
    progress : callable, optional
        Called with the number of files done and the number of all.

    Returns
    -------
    Catalogue

    Raises
    ------
    KeyError
        Unknown period or layout, or no file to accept under that name.
    ValueError
        A path where nothing is; tables beside the files that are wrong or contradict each other; files of
        different productions.
    """
    if not settled >= 0:
        raise ValueError(f"files settled after {settled} s: expected a number from 0 on")
    own = _period_folder(folder, previous)
    known_periods = periods or (load_periods() if own is None else own.load())
    if period is not None and period not in known_periods:
        raise KeyError(unknown("period", period, known_periods))
    kind = SampleKind.SIMULATION if simulation else SampleKind.DATA
    if previous is not None and previous.kind is not kind:
        raise ValueError(f"the catalogue is of {previous.kind.value}, not of {kind.value}")
    packaged = [one for one in map(load_layout, LAYOUTS) if simulation or may_be_of_data(one)]
    allowed = packaged if layout is None else [load_layout(layout)]
    for one in allowed:
        check_keys(one)
        if not simulation:
            check_of_data(one)
    layouts = _by_name([*allowed, *_known_layouts(previous)])
    expected = Expectation(
        tuple(layouts.values() if layout is None else allowed),
        known_periods,
        period,
        settled,
        patience or Patience(),
    )
    given = _given(paths, expected.patience)
    kept, again = _recheck(previous, given, expected.patience)
    registered = {path for record in kept for path in (record.path, *record.aliases)}
    asked = [given.get(path, path) for path in {**given, **again} if path not in registered]
    new = _inspect(asked, expected, progress or _no_progress, workers)

    def keys_of(record: FileRecord) -> Keys:
        path = given.get(record.path, record.path)
        return read_keys(path, layouts[record.layout], record.tree, expected.patience)

    united = _unite(kept, new)
    # What counts the entries of each file says nothing about events that two of them share.
    counting = {name for name, one in layouts.items() if one.counts_entries}
    numbered = quarantine_overlaps([r for r in united if r.layout not in counting], keys_of)
    records = (*numbered, *(record for record in united if record.layout in counting))
    named = {path for record in records for path in (record.path, *record.aliases)}
    # Of two files in a folder the one that was named now comes last: its query may be what lets one in.
    asked = sorted(named, key=lambda path: (path in given, path))
    tables_beside = read_tables_beside((given.get(path, path) for path in asked), expected.patience)
    records = _one_production(records, tables_beside)
    folders, facts = (
        (tables_beside.folders, tables_beside.conditions)
        if previous is None
        else keep_what_is_gone(tables_beside, previous.folders, previous.conditions)
    )
    facts += conditions or Conditions()
    stated = [Conditions(known.run_facts, known.spills, known.bad) for known in known_periods.values()]
    join_conditions([*stated, facts])  # refuses what contradicts a period
    used = {record.layout for record in records}
    return Catalogue(
        kind=kind,
        files=tuple(sorted(_accept(records, accept or {}), key=_order)),
        run_facts=facts.run_facts,
        spills=facts.spills,
        bad=facts.bad,
        folders=folders,
        layouts={name: one.text for name, one in layouts.items() if name in used and name not in LAYOUTS},
        periods=own,
    )


def _period_folder(path: Path | None, previous: Catalogue | None) -> PeriodFolder | None:
    if path is None and previous is not None and previous.periods is not None:
        path = Path(previous.periods.path)
    return None if path is None else read_folder(path)


def _no_progress(done: int, total: int) -> None:
    """Show nothing."""


def _order(record: FileRecord) -> tuple[str, str]:
    return record.sha256, record.path


def _known_layouts(previous: Catalogue | None) -> list[Layout]:
    if previous is None:
        return []
    return [previous.layout(name) for name in sorted({record.layout for record in previous.files}) if name]


def _by_name(layouts: Iterable[Layout]) -> dict[str, Layout]:
    found: dict[str, Layout] = {}
    for layout in layouts:
        if found.setdefault(layout.name, layout).identity != layout.identity:
            raise ValueError(f"layout {layout.name}: not the one of that name that is known already")
    return found


def _recheck(
    previous: Catalogue | None, given: Mapping[str, str], patience: Patience
) -> tuple[tuple[FileRecord, ...], dict[str, str]]:
    """Known records as their files are now, good ones first, and the paths to look at again."""
    kept: list[FileRecord] = []
    again: dict[str, str] = {}
    known = previous.files if previous is not None else ()
    remote = [record for record in known if is_url(record.path) and record.layout and not record.accepted]
    answers = side_by_side(lambda r: recheck(r, url=given.get(r.path, ""), patience=patience), remote)
    looked_at = {record.path: found for record, found in answers}
    for record in sorted(known, key=lambda record: not record.is_good):
        if record.accepted:
            kept.append(record)
        elif not record.layout:
            again |= {} if _has_gone(record) else {record.path: record.path}
        else:
            kept.append(looked_at.get(record.path) or recheck(record))
    return tuple(kept), again


def _has_gone(record: FileRecord) -> bool:
    return record.status is Status.PENDING and not is_url(record.path) and not Path(record.path).exists()


def _given(paths: Iterable[str | Path], patience: Patience) -> dict[str, str]:
    """What was named, by path, or by URL as the catalogue keeps it: without secrets."""
    given: dict[str, str] = {}
    for path in expand(paths, patience):
        kept = public_url(path) if is_url(path) else path
        if given.setdefault(kept, path) != path:
            raise ValueError(f"{kept}: named twice, with other users or queries, which are not kept")
    return given


def _inspect(
    paths: Iterable[str], expected: Expectation, progress: Callable[[int, int], None], workers: int
) -> list[FileRecord]:
    """Look at files, those on servers side by side: there it is waited for answers."""
    listed = tuple(paths)
    remote = [path for path in listed if is_url(path)]
    looked_at = chain(
        inspect_files([path for path in listed if not is_url(path)], expected, workers=workers),
        side_by_side(lambda path: inspect(path, expected), remote, _SERVERS_AT_A_TIME),
    )
    records = {}
    for done, (path, record) in enumerate(looked_at, start=1):
        records[path] = record
        progress(done, len(listed))
    return [records[path] for path in listed]


def _unite(kept: Iterable[FileRecord], new: Iterable[FileRecord]) -> list[FileRecord]:
    """List every content once, what was known first; paths of known content become aliases."""
    found = {record.sha256 or record.path: record for record in kept}
    for record in sorted(new, key=_order):
        key = record.sha256 or record.path
        if key in found:
            aliases = (*found[key].aliases, record.path)
            found[key] = replace(found[key], aliases=aliases)
        else:
            found[key] = record
    return list(found.values())


def _one_production(records: Iterable[FileRecord], tables_beside: TablesBeside) -> tuple[FileRecord, ...]:
    """Note how files were made and refuse a mixture: passes of a reconstruction differ in their energies."""
    stated = tuple(
        record
        if (found := tables_beside.production_of(record.path)) is None
        else replace(record, production=found)
        for record in records
    )
    good = [record for record in stated if record.is_good]
    for record in good:
        if record.production != good[0].production:
            raise ValueError(
                f"{good[0].name} is of production: {good[0].production}; {record.name} is of production: "
                f"{record.production}; expected one production in a catalogue"
            )
    return stated


def _accept(records: Iterable[FileRecord], accept: Mapping[str, str]) -> list[FileRecord]:
    reviewed = {record.path: record for record in records}
    for token, reason in accept.items():
        found = [record for record in reviewed.values() if _is_named(record, token)]
        if len(found) != 1:
            raise KeyError(f"{token}: names {len(found) or 'no'} files of the catalogue, expected one")
        if not reason.strip():
            raise ValueError(f"{found[0].name}: accepted without a reason")
        given_up = found[0].status is Status.PENDING and is_url(found[0].path)
        status = Status.QUARANTINED if given_up else found[0].status
        reviewed[found[0].path] = replace(found[0], status=status, accepted=reason)
    return list(reviewed.values())


def _is_named(record: FileRecord, token: str) -> bool:
    is_digest = len(token) >= _SHORTEST and record.sha256.startswith(token)
    return is_digest or token in (record.name, file_name(record.path), record.path)
