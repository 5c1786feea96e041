"""What `na64 audit` finds: whether the log is whole, judged by its chain and by what lies elsewhere."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from na64.datasets.basics.identity import bytes_digest
from na64.datasets.basics.json_records import parse_object, read_object, value_at
from na64.outputs.blinding.freeze import FREEZE, REPLACED
from na64.outputs.blinding.names import OPENED, UNBLINDED
from na64.outputs.result import audit_log
from na64.outputs.result.request import LOG, REQUEST, read_request
from na64.outputs.result.store import PROVENANCE, RESULT, checked, product_names
from na64.outputs.result.summary import Summary, from_json


def find_log(path: Path) -> Path:
    """Find the log: a file, or the one of a result's or a catalogue's folder.

    Raises
    ------
    FileNotFoundError
        There is none.
    """
    of_result = path.is_dir() and (path / REQUEST).exists()
    log = read_request(path).log(path) if of_result else path / LOG if path.is_dir() else path
    if not log.is_file():
        where = f", where the catalogue of {path.name}/{REQUEST} would be" if of_result else ""
        raise FileNotFoundError(f"{log}: there is no log{where}")
    return log


def problems(path: Path, heads: Iterable[str] = ()) -> list[str]:
    """What is wrong with a log, one line each; no run file is read.

    Parameters
    ----------
    path : Path
        As `find_log` takes it. Of a folder of a result, what lies there must be in the log too, its products
        must be those that the result was written with, and nothing of it may be missing.
    heads : iterable of str
        Hashes of lines that were kept elsewhere.
    """
    log = find_log(path)
    if found := audit_log.altered(log):
        return [f"{log.name}: {problem}" for problem in found]
    empty = [] if audit_log.entries(log) or audit_log.torn(log) else [f"{log.name}: it has no line"]
    lost = [*empty, *audit_log.lost(log, heads)]
    if not path.is_dir():
        return lost
    if not (path / REQUEST).exists():
        left = [name for name in _OF_RESULTS if (path / name).exists()]
        return [*lost, *([f"{REQUEST} is gone, and {left[0]} is of a result"] if left else [])]
    request = read_request(path)
    of_request = (f"{REQUEST}: {problem}" for problem in audit_log.lost(log, [request.audit]))
    of_files = [*_of_freeze(path, log), *unknown_records(path, log), *_of_openings(path, log)]
    return [*lost, *of_request, *of_files, *_of_result(path, log, request.audit)]


_OF_RESULTS = (RESULT, PROVENANCE, FREEZE, UNBLINDED, OPENED)
"""What a folder has only if it has, or had, a result."""


def _of_result(folder: Path, log: Path, audit: str) -> Iterator[str]:
    """Compare a result with the line of the log that it is of, and with what lies beside it."""
    for name in (RESULT, PROVENANCE):
        if not (folder / name).exists():
            yield f"{name} is gone"
    if not (folder / RESULT).exists():
        return
    try:
        summary = from_json((folder / RESULT).read_bytes())
    except ValueError as error:
        yield str(error)
        return
    if summary.is_data and not audit:
        yield f"{REQUEST} names no line of {log.name}, and {RESULT} is of data"
    yield from _of_another(summary, audit_log.details_of(log, audit), log.name)
    yield from _of_provenance(folder, summary)
    for name in product_names(summary):
        try:
            checked(folder / name, summary)
        except FileNotFoundError:
            yield f"{name} is gone"
        except (OSError, ValueError) as error:
            yield str(error)


def _of_another(summary: Summary, logged: Mapping[str, Any], name: str) -> Iterator[str]:
    """Whether a result is of the catalogue and the selection that its line of the log is of."""
    for what, key in (("catalogue", "catalogue"), ("selection", "selection_identity")):
        if key in logged and logged[key] != summary.identities.get(what):
            yield f"{RESULT} is of another {what} than the line of {name} that {REQUEST} names"


def _of_provenance(folder: Path, summary: Summary) -> Iterator[str]:
    """Whether a provenance can be read, and is of the selection of the result."""
    if (folder / PROVENANCE).exists():
        try:
            stated = value_at(str, read_object(folder / PROVENANCE), "selection.identity", PROVENANCE)
        except (OSError, ValueError) as error:
            yield str(error)
            return
        if stated != summary.identities.get("selection", ""):
            yield f"{PROVENANCE} is of another selection than {RESULT}"


def _of_openings(folder: Path, log: Path) -> Iterator[str]:
    """Look for the freezes and the records of opened boxes that the log knows, or that a file names."""
    freezes = _digests(folder, FREEZE, "freeze-*.json")
    records = _digests(folder, UNBLINDED, "unblinded-*.json")
    for event, details in _events(log):
        opened = event == "opened" and details.get("freeze") in freezes and "unblinded" in details
        if opened and details["unblinded"] not in records:
            yield f"what was opened under the freeze {details['freeze'][:12]} is gone ({UNBLINDED})"
    for path in sorted(folder.glob("unblinded*.json")):
        try:
            freeze = value_at(str, parse_object(path.read_bytes(), path.name), "record.freeze", path.name)
        except ValueError:
            continue  # one that the log does not know
        if freeze not in freezes:
            yield f"the freeze {freeze[:12]} that {path.name} was opened under is gone ({FREEZE})"
    if (folder / OPENED).exists() and not (folder / UNBLINDED).exists():
        yield f"{UNBLINDED} is gone, and {OPENED} is what it was written with"
    if (folder / RESULT).exists() and not freezes:
        digest = bytes_digest((folder / RESULT).read_bytes())
        if any(event == "freeze" and one.get("result") == digest for event, one in _events(log)):
            yield f"{FREEZE} is gone: the log says that this result was frozen"


def _events(log: Path) -> Iterator[tuple[object, Mapping[str, Any]]]:
    for line in audit_log.entries(log):
        if isinstance(line["details"], Mapping):
            yield line["event"], line["details"]


def _digests(folder: Path, *patterns: str) -> set[str]:
    """Hashes of files of a folder, and of those that were kept when its result was replaced."""
    found = [path for one in patterns for path in (*folder.glob(one), *(folder / REPLACED).glob(f"*/{one}"))]
    return {bytes_digest(path.read_bytes()) for path in found}


def _of_freeze(folder: Path, log: Path) -> Iterator[str]:
    if (folder / FREEZE).exists():
        yield from _compare(folder / FREEZE, log, "audit")


def unknown_records(folder: Path, log: Path) -> Iterator[str]:
    """Compare opened boxes with what the log says of them."""
    for path in sorted(folder.glob("unblinded*.json")):
        yield from _compare(path, log, "record")
        yield from _of_files(path)


def _of_files(path: Path) -> Iterator[str]:
    """Compare what an opening wrote with the record of it."""
    try:
        files = parse_object(path.read_bytes(), path.name).get("files", {})
        named = {str(name): str(digest) for name, digest in files.items()}
    except (AttributeError, ValueError):
        return
    place = path.with_name(path.stem.replace("unblinded", "opened"))
    for name, digest in named.items():
        file = place / Path(name).name
        if not file.is_file():
            yield f"{place.name}/{name} is gone"
        elif bytes_digest(file.read_bytes()) != digest:
            yield f"{place.name}/{name} is not the one that {path.name} names"


def _named(log: Path) -> set[str]:
    details = (line["details"] for line in audit_log.entries(log))
    return {str(value) for one in details if isinstance(one, dict) for value in one.values()}


def _compare(path: Path, log: Path, key: str) -> Iterator[str]:
    data = path.read_bytes()
    if bytes_digest(data) not in _named(log):
        yield f"{path.name} is not the one that the log knows"
    yield from (f"{path.name}: {problem}" for problem in audit_log.lost(log, _heads(data, key)))


def _heads(data: bytes, key: str) -> list[str]:
    """Hash that a file keeps of a line of the log; none if it has been damaged."""
    try:
        found = parse_object(data, "")[key]
        head = found if isinstance(found, str) else found["audit"]
    except (KeyError, TypeError, ValueError):
        return []
    return [head] if isinstance(head, str) else []
