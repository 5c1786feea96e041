"""What `na64 audit` finds: whether the log is whole, judged by its chain and by what lies elsewhere."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from hashlib import sha256
from pathlib import Path

from na64.datasets.basics.json_records import parse_object
from na64.outputs.blinding.freeze import FREEZE
from na64.outputs.result import audit_log
from na64.outputs.result.request import LOG, REQUEST, read_request


def find_log(path: Path) -> Path:
    """Find the log: a file, or the one of a result's or a catalogue's folder.

    Raises
    ------
    FileNotFoundError
        There is none.
    """
    if path.is_dir():
        path = read_request(path).log(path) if (path / REQUEST).exists() else path / LOG
    if not path.is_file():
        raise FileNotFoundError(f"{path}: there is no log")
    return path


def problems(path: Path, heads: Iterable[str] = ()) -> list[str]:
    """Give what is wrong with a log, one line each; no run file is read.

    Parameters
    ----------
    path : Path
        As `find_log` takes it. Of a folder of a result, what lies there must be in the log too.
    heads : iterable of str
        Hashes of lines that were kept elsewhere.
    """
    log = find_log(path)
    if found := audit_log.verify(log):
        return [f"{log.name}: {problem}" for problem in found]
    if not path.is_dir() or not (path / REQUEST).exists():
        return audit_log.lost(log, heads)
    of_request = (f"{REQUEST}: {problem}" for problem in audit_log.lost(log, [read_request(path).audit]))
    return [*audit_log.lost(log, heads), *of_request, *_unknown(path, log)]


def _unknown(folder: Path, log: Path) -> Iterator[str]:
    """Compare manifest and opened boxes with what the log says of them."""
    lines = audit_log.entries(log)
    named = {
        str(value)
        for line in lines
        if isinstance(line["details"], dict)
        for value in line["details"].values()
    }
    if (folder / FREEZE).exists():
        yield from _compare(folder / FREEZE, named, log, "audit")
    for path in sorted(folder.glob("unblinded*.json")):
        yield from _compare(path, named, log, "record")


def _compare(path: Path, named: set[str], log: Path, key: str) -> Iterator[str]:
    data = path.read_bytes()
    if sha256(data).hexdigest() not in named:
        yield f"{path.name} is not the one that the log knows"
    yield from (f"{path.name}: {problem}" for problem in audit_log.lost(log, _heads(data, key)))


def _heads(data: bytes, key: str) -> list[str]:
    """Give the hash that a file keeps of a line of the log; none if it has been damaged."""
    try:
        found = parse_object(data, "")[key]
        return [found if isinstance(found, str) else found["audit"]]
    except (KeyError, TypeError, ValueError):
        return []
