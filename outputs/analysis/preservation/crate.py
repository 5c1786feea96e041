"""The description of a bundle, `ro-crate-metadata.json`: what each file is, and its hash.

It follows RO-Crate 1.1 (https://w3id.org/ro/crate/1.1), the form in which archives such as Zenodo describe
research data: JSON-LD, flat, the descriptor first, then the bundle, then its files and what they refer to.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import quote, unquote

from na64.datasets.basics.identity import bytes_digest
from na64.datasets.basics.json_records import parse_object
from na64.outputs.analysis.preservation.archive import Archive, DamagedError

METADATA = "ro-crate-metadata.json"
_SPECIFICATION = "https://w3id.org/ro/crate/1.1"
_PROFILE = "https://w3id.org/ro/wfrun/process/0.5"
_CONTEXT = (f"{_SPECIFICATION}/context", {"sha256": "https://schema.org/sha256"})
_ROOT, _ACTION, _LICENSE = "./", "#process", "#license"
_SEAL = "sha256:"
_UNSEALED = f"{_SEAL}{'0' * 64}"
_LARGEST = 1 << 26
"""Longest description that is read, bytes."""

_FORMATS = {
    ".csv": "text/csv",
    ".html": "text/html",
    ".json": "application/json",
    ".jsonl": "application/jsonl",
    ".lock": "text/plain",
    ".pdf": "application/pdf",
    ".png": "image/png",
    ".parquet": "application/vnd.apache.parquet",
    ".py": "text/x-python",
    ".root": "application/x-root",
    ".toml": "application/toml",
    ".whl": "application/zip",
    ".zip": "application/zip",
}


@dataclass(frozen=True, slots=True)
class Described:
    """A file of a bundle and what it is.

    Attributes
    ----------
    name : str
        With ``/`` between folders.
    data : bytes
    description : str
    """

    name: str
    data: bytes
    description: str


@dataclass(frozen=True, slots=True)
class Statement:
    """What a bundle says of itself as a whole.

    Attributes
    ----------
    name, description : str
    date : str
        Day of the result, ISO 8601.
    status : str
        Verdict, and whether the box is closed.
    license : str
        URL or words; empty: nobody has said.
    command : str
        The one that made the result.
    version : str
        Of na64.
    program : str
        Name of the file of the program.
    inputs, outputs : tuple of str
        Names of files that the command took and made.
    """

    name: str
    description: str
    date: str
    status: str
    license: str
    command: str
    version: str
    program: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]


def metadata(files: Iterable[Described], stated: Statement) -> bytes:
    """Description of a bundle; the same for the same files and statements.

    Parameters
    ----------
    files : iterable of Described
    stated : Statement
    """
    listed = [_file(one, stated) for one in files]
    graph = [_descriptor(), _root(listed, stated), *listed, _action(stated), *_license(stated)]
    graph.append({"@id": _PROFILE, "@type": "CreativeWork", "name": "Process Run Crate", "version": "0.5"})
    data = _to_json({"@context": [*_CONTEXT], "@graph": graph})
    return data.replace(_UNSEALED.encode(), _seal(data).encode(), 1)


def check_crate(archive: Archive) -> dict[str, Any]:
    """Root entity of the description of a bundle whose files are all there and as described.

    Raises
    ------
    DamagedError
        The description was edited, or a file is missing, is not described, or has another hash; names it.
    """
    data = _read(archive)
    entities = _entities(data)
    root = entities.get(_ROOT, {})
    seal = str(root.get("identifier", ""))
    if data.count(seal.encode()) != 1 or _seal(data.replace(seal.encode(), _UNSEALED.encode())) != seal:
        raise DamagedError(f"{METADATA}: it was edited after it was written")
    described = {unquote(str(part.get("@id"))) for part in _listed(root.get("hasPart"))}
    for name in sorted((archive.names - {METADATA}) ^ described):
        raise DamagedError(f"{name}: {'is missing' if name in described else 'is not described'}")
    for name in sorted(described):
        if archive.digest(name) != entities.get(quote(name), {}).get("sha256"):
            raise DamagedError(f"{name}: is not what the bundle was written with, its sha256 is another one")
    return root


def _read(archive: Archive) -> bytes:
    if METADATA not in archive.names:
        raise DamagedError(f"{METADATA}: is missing: this is no bundle of na64")
    if archive.size(METADATA) > _LARGEST:
        raise DamagedError(f"{METADATA}: is too long")
    return archive.read(METADATA)


def _entities(data: bytes) -> dict[str, dict[str, Any]]:
    try:
        graph = parse_object(data, METADATA).get("@graph")
    except ValueError as error:
        raise DamagedError(str(error)) from None
    return {str(entity.get("@id")): entity for entity in _listed(graph)}


def _listed(value: object) -> list[dict[str, Any]]:
    return [entity for entity in value if isinstance(entity, dict)] if isinstance(value, list) else []


def _descriptor() -> dict[str, Any]:
    return {
        "@id": METADATA,
        "@type": "CreativeWork",
        "about": {"@id": _ROOT},
        "conformsTo": {"@id": _SPECIFICATION},
    }


def _root(files: Iterable[Mapping[str, Any]], stated: Statement) -> dict[str, Any]:
    return {
        "@id": _ROOT,
        "@type": "Dataset",
        "name": stated.name,
        "description": stated.description,
        "datePublished": stated.date,
        "license": {"@id": _license_id(stated)},
        "creativeWorkStatus": stated.status,
        "conformsTo": {"@id": _PROFILE},
        "identifier": _UNSEALED,
        "hasPart": [{"@id": file["@id"]} for file in files],
        "mentions": {"@id": _ACTION},
    }


def _file(one: Described, stated: Statement) -> dict[str, Any]:
    suffix = PurePosixPath(one.name).suffix
    entity: dict[str, Any] = {
        "@id": quote(one.name),
        "@type": "File",
        "name": PurePosixPath(one.name).name,
        "description": one.description,
        "encodingFormat": _FORMATS.get(suffix, "application/octet-stream"),
        "contentSize": str(len(one.data)),
        "sha256": bytes_digest(one.data),
    }
    if one.name == stated.program:
        entity |= {
            "@type": ["File", "SoftwareApplication"],
            "name": "na64",
            "softwareVersion": stated.version,
        }
    return entity


def _action(stated: Statement) -> dict[str, Any]:
    return {
        "@id": _ACTION,
        "@type": "CreateAction",
        "name": "na64 process",
        "description": stated.command,
        "endTime": stated.date,
        "instrument": {"@id": quote(stated.program)},
        "object": _references(stated.inputs),
        "result": _references(stated.outputs),
    }


def _references(names: tuple[str, ...]) -> object:
    """References to files; one is not a list."""
    found = [{"@id": quote(name)} for name in names]
    return found[0] if len(found) == 1 else found


def _license(stated: Statement) -> list[dict[str, Any]]:
    words = stated.license or "not stated"
    description = (
        "The terms under which this bundle may be used."
        if stated.license
        else "Whoever made this bundle has not stated how it may be used: ask before it is used."
    )
    return [{"@id": _license_id(stated), "@type": "CreativeWork", "name": words, "description": description}]


def _license_id(stated: Statement) -> str:
    return stated.license if stated.license.startswith(("https://", "http://")) else _LICENSE


def _seal(data: bytes) -> str:
    return f"{_SEAL}{bytes_digest(data)}"


def _to_json(plain: Mapping[str, Any]) -> bytes:
    return (json.dumps(plain, indent=1, allow_nan=False, ensure_ascii=False) + "\n").encode()
