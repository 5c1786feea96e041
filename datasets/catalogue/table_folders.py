"""Folders of conditions beside run files: which tables are there, which are missed, and why.

A table that nobody finds changes a result without a sign: a bad spill counts, a run has no exposure. So what
was found in each folder, and what could not be looked for, is kept in the catalogue and said with the result.
"""

from __future__ import annotations

import difflib
import os
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from urllib.parse import urlsplit, urlunsplit

from na64.datasets.basics.csv_rows import count_rows
from na64.datasets.basics.toml import unknown
from na64.datasets.conditions.conditions import Conditions, join_conditions, read_conditions, table_in
from na64.datasets.conditions.reconstruction import NAME as PRODUCTION
from na64.datasets.conditions.reconstruction import ReconstructionTags, tags_in
from na64.datasets.reading.files import is_url
from na64.datasets.servers.patience import Patience, side_by_side
from na64.datasets.servers.remote import MissingRemoteError, RemoteError, list_names, read_whole

CONDITIONS = "conditions"
"""Name of the folder with tables beside run files."""

TABLES = ("runs.csv", "spills.csv", "bad.csv", PRODUCTION)
"""Names of the files that are read in it."""

_OURS = (".csv", ".toml")


@dataclass(frozen=True, slots=True)
class TableFolder:
    """What is in the folder of conditions beside some run files.

    Attributes
    ----------
    folder : str
        Absolute path, or URL without user and query.
    rows : dict of str to int
        Of each table that is there.
    unread : tuple of str
        What else is there, or close by under another name.
    problem : str
        Why tables could not be looked for; empty if they could.
    gone : tuple of str
        Tables that were there when the catalogue was made and are not any more.
    """

    folder: str
    rows: dict[str, int] = field(default_factory=dict)
    unread: tuple[str, ...] = ()
    problem: str = ""
    gone: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """The last two parts of the folder, or its URL, for messages."""
        return self.folder if is_url(self.folder) else "/".join(PurePosixPath(self.folder).parts[-2:])

    @property
    def warnings(self) -> tuple[str, ...]:
        """What a user should know, in one line each."""
        return tuple(_warnings(self))


@dataclass(frozen=True, slots=True)
class TablesBeside:
    """All that tables beside run files say.

    Attributes
    ----------
    folders : tuple of TableFolder
        In the order of their names.
    conditions : Conditions
    productions : dict of str to ReconstructionTags
        By folder; one that could not be looked into is not there.
    """

    folders: tuple[TableFolder, ...] = ()
    conditions: Conditions = field(default_factory=Conditions)
    productions: dict[str, ReconstructionTags] = field(default_factory=dict)

    def production_of(self, file: str) -> ReconstructionTags | None:
        """Return how a run file was made, as stated beside it; None if nobody could look."""
        found = [self.productions[place] for place in places_of(file) if place in self.productions]
        return next((one for one in found if one != ReconstructionTags()), found[0] if found else None)


def read_tables_beside(files: Iterable[str], patience: Patience | None = None) -> TablesBeside:
    """Read the tables in the folders of conditions beside run files, local or remote, each folder once.

    Parameters
    ----------
    files : iterable of str
        Absolute paths and URLs. A link also has the tables beside the file it points to.
    patience : Patience, optional
        How a server is asked for each table.

    Raises
    ------
    ValueError
        A table is wrong, unknown, not to be read, a link to nowhere or no file, or two contradict each other.
    """
    places = {place: file for file in files for place in places_of(file)}
    limits = patience or Patience()
    urls = [place for place in sorted(places) if is_url(place)]
    remote = dict(side_by_side(lambda place: _remote(place, places[place], limits), urls))
    folders, productions, stated = [], {}, []
    for place in sorted(places):
        found, conditions, production = remote[place] if place in remote else _local(Path(place))
        folders.append(found)
        stated.append(conditions)
        if not found.problem:
            productions[place] = production
    return TablesBeside(tuple(folders), join_conditions(stated), productions)


def keep_what_is_gone(
    now: TablesBeside, known: Sequence[TableFolder], before: Conditions
) -> tuple[tuple[TableFolder, ...], Conditions]:
    """Keep what tables said that are not there any more, or that cannot be looked for now, and note it.

    Parameters
    ----------
    now : TablesBeside
    known : sequence of TableFolder
        Of the catalogue that is brought up to date.
    before : Conditions
        Of that catalogue.
    """
    there = {one.folder: one for one in now.folders}
    folders = dict(there)
    for old in known:
        new = there.get(old.folder, TableFolder(old.folder))
        gone = tuple(name for name in TABLES if name in (*old.rows, *old.gone) and name not in new.rows)
        folders[old.folder] = TableFolder(new.folder, new.rows, new.unread, new.problem, gone)
    lost = {name for one in folders.values() for name in one.gone}
    kept, found = Conditions(), now.conditions
    if "runs.csv" in lost:
        kept += Conditions({run: f for run, f in before.run_facts.items() if run not in found.run_facts})
    if "spills.csv" in lost:
        kept += Conditions(spills={key: f for key, f in before.spills.items() if key not in found.spills})
    if {"bad.csv", "spills.csv"} & lost:
        kept += Conditions(bad=before.bad)
    return tuple(folders[name] for name in sorted(folders)), found + kept


def warnings_of(folders: Sequence[TableFolder]) -> tuple[str, ...]:
    """Warn of what was missed in the folders beside the files of a catalogue, in one line each."""
    lines = [line for one in folders for line in one.warnings]
    without = _without_tables(folders)
    if without and (some := [one for one in folders if one.rows]):
        lines.append(f"{_first_of(without)}: no tables beside these files, but there are in {some[0].name}")
    return tuple(lines)


def summary_of(folders: Sequence[TableFolder]) -> Iterator[str]:
    """Tables that were read, in a line for each folder that has some, and how many folders have none."""
    for one in folders:
        if one.rows:
            listed = ", ".join(f"{name} ({n_rows})" for name, n_rows in one.rows.items())
            yield f"tables in {one.name}: {listed}"
    if none := _without_tables(folders):
        yield f"tables in {_first_of(none)}: none"


def _without_tables(folders: Sequence[TableFolder]) -> list[TableFolder]:
    return [one for one in folders if not (one.rows or one.problem or one.gone)]


def _first_of(folders: Sequence[TableFolder]) -> str:
    return folders[0].name + (f" and {len(folders) - 1} more" if len(folders) > 1 else "")


def places_of(file: str) -> tuple[str, ...]:
    """Name the folders that may hold tables about a run file."""
    if is_url(file):
        parts = urlsplit(file)
        host = parts.netloc.rpartition("@")[2]
        folder = parts.path.rpartition("/")[0]
        return (urlunsplit((parts.scheme, host, f"{folder}/{CONDITIONS}", "", "")),)
    path = Path(file)
    parents = (os.path.realpath(path.parent), os.path.dirname(os.path.realpath(path)))  # noqa: PTH120
    return tuple(dict.fromkeys(f"{parent}/{CONDITIONS}" for parent in parents))


def _warnings(one: TableFolder) -> Iterator[str]:
    if one.problem:
        yield (
            f"{one.name}: tables cannot be looked for ({one.problem}): bad spills, run types, triggers and "
            "exposure that may be stated there are not known"
        )
    for name in one.unread:
        yield f"{one.name}: {name} is not read, tables are {', '.join(TABLES)} in {CONDITIONS}"
    for name, n_rows in one.rows.items():
        if not n_rows:
            yield f"{one.name}: {name} has no rows"
    for name in one.gone:
        what = "production is not stated any more" if name == PRODUCTION else "what it said is kept"
        why = "" if one.problem else " is not there any more"
        yield f"{one.name}: {name}{why}: {what}"


def _local(folder: Path) -> tuple[TableFolder, Conditions, ReconstructionTags]:
    try:
        is_there = folder.exists() or folder.is_symlink()
    except OSError as error:  # the files themselves cannot be reached either: that is said of them
        return TableFolder(str(folder), problem=_why(error)), Conditions(), ReconstructionTags()
    try:
        names = _names_in(folder) if is_there else tuple(_near(folder))
        return _read(folder, str(folder), names)
    except OSError as error:
        raise ValueError(f"{_shown(folder)}: cannot be read: {_why(error)}") from error


def _names_in(folder: Path) -> tuple[str, ...]:
    """List what is in a folder; what cannot be a table, but is called like one, is refused."""
    if folder.is_symlink() and not folder.exists():
        raise ValueError(f"{_shown(folder)}: is a link to nowhere")
    if not folder.is_dir():
        raise ValueError(f"{_shown(folder)}: is not a folder")
    names = sorted(entry.name for entry in folder.iterdir() if not entry.name.startswith("."))
    for name in names:
        if name not in TABLES and PurePosixPath(name).suffix.lower() in _OURS:
            raise ValueError(f"{_shown(folder)}: {unknown('table', name, TABLES)}")
    return tuple(names)


def _near(folder: Path) -> Iterator[str]:
    """Name folders that are not where they belong, or not named as they should be."""
    if not folder.parent.is_dir():
        return
    with os.scandir(folder.parent) as entries:
        near = [entry.name for entry in entries if _is_like(entry.name) and entry.is_dir()]
    yield from (f"../{name}" for name in sorted(near))
    if (folder.parent.parent / CONDITIONS).is_dir():
        yield f"../../{CONDITIONS}"


def _is_like(name: str) -> bool:
    return bool(difflib.get_close_matches(name.casefold(), [CONDITIONS], cutoff=0.8))


def _read(
    place: Path, folder: str, names: Iterable[str]
) -> tuple[TableFolder, Conditions, ReconstructionTags]:
    """Read the tables of a folder on this machine, which may be a copy of a remote one."""
    there = [name for name in TABLES if table_in(place, name) is not None]
    rows = {name: 1 if name == PRODUCTION else count_rows(place / name) for name in there}
    unread = tuple(name for name in names if name not in TABLES)
    return TableFolder(folder, rows, unread), read_conditions(place), tags_in(place)


def _remote(folder: str, file: str, patience: Patience) -> tuple[TableFolder, Conditions, ReconstructionTags]:
    """Read the tables of a remote folder; whatever keeps them from being looked for is said and kept."""
    query = urlsplit(file).query
    user = urlsplit(file).netloc.rpartition("@")[0]
    with tempfile.TemporaryDirectory() as copy:
        try:
            for name in TABLES:
                with suppress(MissingRemoteError):
                    data = read_whole(_with(f"{folder}/{name}", user, query), patience)
                    if not _may_be_table(data):
                        what = f"what the server gives as {name} is no table"
                        return TableFolder(folder, problem=what), Conditions(), ReconstructionTags()
                    (Path(copy) / name).write_bytes(data)
            names = _remote_names(folder, _with(folder, user, query), patience)
        except RemoteError as error:
            return TableFolder(folder, problem=str(error)), Conditions(), ReconstructionTags()
        try:
            return _read(Path(copy), folder, names)
        except ValueError as error:
            raise ValueError(f"{folder}: {error}") from error


def _may_be_table(data: bytes) -> bool:
    """Whether data are a table, not a page or file that a server gives whatever it is asked for."""
    try:
        text = data.decode()
    except UnicodeDecodeError:
        return False
    return not text.lstrip().startswith("<") and "\0" not in text


def _with(url: str, user: str, query: str) -> str:
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=f"{user}@{parts.netloc}" if user else parts.netloc, query=query))


def _remote_names(folder: str, url: str, patience: Patience) -> tuple[str, ...]:
    """List a remote folder; a wrong name in it is refused like a local one."""
    is_http = folder.lower().startswith("http")
    try:
        names = [name for name in list_names(url, patience) if name not in TABLES]
    except MissingRemoteError:
        return ()
    except RemoteError:
        if is_http:  # which has no folders: few servers list one
            return ()
        raise
    for name in names:
        if PurePosixPath(name).suffix.lower() in _OURS:
            raise ValueError(f"{folder}: {unknown('table', name, TABLES)}")
    if is_http:  # a page for people has links to other things too
        return ()
    return tuple(name for name in names if name and not name.startswith("."))


def _why(error: OSError) -> str:
    """Reason without the path, which is said beside it."""
    return error.strerror or type(error).__name__


def _shown(path: Path) -> str:
    return "/".join(path.parts[-2:])
