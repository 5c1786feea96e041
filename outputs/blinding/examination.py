"""What `na64 audit` finds: whether the log is whole, judged by its chain and by what lies elsewhere."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from na64.datasets.basics.identity import bytes_digest
from na64.datasets.basics.json_records import parse_object
from na64.outputs.blinding.freeze import FREEZE
from na64.outputs.result import audit_log
from na64.outputs.result.request import LOG, REQUEST, read_request
from na64.outputs.result.store import RESULT, checked_products
from na64.outputs.result.summary import from_json


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
        As `find_log` takes it. Of a folder of a result, what lies there must be in the log too, and its
        products must be those that the result was written with.
    heads : iterable of str
        Hashes of lines that were kept elsewhere.
    """
    log = find_log(path)
    if found := audit_log.altered(log):
        return [f"{log.name}: {problem}" for problem in found]
    if not path.is_dir() or not (path / REQUEST).exists():
        return audit_log.lost(log, heads)
    of_request = (f"{REQUEST}: {problem}" for problem in audit_log.lost(log, [read_request(path).audit]))
    of_files = [*_of_freeze(path, log), *unknown_records(path, log), *_of_products(path)]
    return [*audit_log.lost(log, heads), *of_request, *of_files]


def _of_products(folder: Path) -> Iterator[str]:
    """Compare a result and its products with the digests that it keeps of them."""
    if (folder / RESULT).exists():
        try:
            checked_products(folder, from_json((folder / RESULT).read_bytes()))
        except FileNotFoundError as error:
            yield f"{Path(error.filename).name} is gone"
        except ValueError as error:
            yield str(error)


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
