"""The description of a bundle has what RO-Crate 1.1 requires, and shows every change of a file."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from na64.outputs.analysis.preservation.archive import DamagedError, open_archive, write_archive
from na64.outputs.analysis.preservation.crate import METADATA, Described, Statement, check_crate, metadata

FILES = [
    Described("code/na64-1-py3-none-any.whl", b"wheel", "program"),
    Described("result/a b \u00e9.csv", b"1,2\n", "table"),
]
STATED = Statement(
    name="a result",
    description="of a selection",
    date="2026-11-30",
    status="COMPLETE, data, blind",
    license="",
    command="na64 process",
    version="1",
    program=FILES[0].name,
    inputs=(FILES[0].name,),
    outputs=(FILES[1].name,),
)


def _entities(stated: Statement = STATED) -> dict[str, dict[str, Any]]:
    graph = json.loads(metadata(FILES, stated))["@graph"]
    found = {entity["@id"]: entity for entity in graph}
    assert len(found) == len(graph)
    return found


def _bundle(folder: Path, **changed: bytes) -> Path:
    contents = {METADATA: metadata(FILES, STATED), **{one.name: one.data for one in FILES}}
    path = folder / "x.zip"
    write_archive(path, contents | {"result/" + name: data for name, data in changed.items()})
    return path


def _check(path: Path) -> dict[str, Any]:
    with open_archive(path) as archive:
        return check_crate(archive)


def test_the_descriptor_and_the_root_have_what_the_specification_requires() -> None:
    """RO-Crate 1.1: the descriptor, and @type, name, description, date and license of the root."""
    plain, entities = json.loads(metadata(FILES, STATED)), _entities()
    assert plain.keys() == {"@context", "@graph"}
    assert plain["@context"][0] == "https://w3id.org/ro/crate/1.1/context"
    descriptor, root = entities[METADATA], entities["./"]
    assert descriptor["@type"] == "CreativeWork"
    assert descriptor["about"] == {"@id": "./"}
    assert descriptor["conformsTo"] == {"@id": "https://w3id.org/ro/crate/1.1"}
    assert root["@type"] == "Dataset"
    assert root["name"]
    assert root["description"]
    assert re.fullmatch(r"\d{4}-\d\d-\d\d", root["datePublished"])
    assert entities[root["license"]["@id"]]["name"] == "not stated"


def test_every_file_is_a_part_with_its_size_and_hash() -> None:
    entities = _entities()
    assert [part["@id"] for part in entities["./"]["hasPart"]] == [
        "code/na64-1-py3-none-any.whl",
        "result/a%20b%20%C3%A9.csv",
    ]
    table = entities["result/a%20b%20%C3%A9.csv"]
    assert table["@type"] == "File"
    assert table["contentSize"] == "4"
    assert table["sha256"] == sha256(b"1,2\n").hexdigest()
    assert table["encodingFormat"] == "text/csv"


def test_it_is_flat_and_refers_to_what_is_there() -> None:
    """A value is text, or a reference by @id alone to an entity that is there."""
    entities = _entities()
    for entity in entities.values():
        for key, value in entity.items():
            for one in value if isinstance(value, list) else [value]:
                assert isinstance(one, str) or one.keys() == {"@id"}, key
                if not isinstance(one, str) and not one["@id"].startswith("https://w3id.org/ro/crate"):
                    assert one["@id"] in entities


def test_a_license_is_kept_as_words_or_as_a_place() -> None:
    root = _entities(replace(STATED, license="https://example.org/terms"))["./"]
    assert root["license"] == {"@id": "https://example.org/terms"}
    assert _entities(replace(STATED, license="CC-BY-4.0"))["#license"]["name"] == "CC-BY-4.0"


def test_a_bundle_as_it_was_written_says_its_status(tmp_path: Path) -> None:
    assert _check(_bundle(tmp_path))["creativeWorkStatus"] == "COMPLETE, data, blind"


def test_another_content_of_a_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(DamagedError, match=r"a b .*csv: is not what the bundle was written with"):
        _check(_bundle(tmp_path, **{"a b \u00e9.csv": b"1,3\n"}))


def test_a_file_that_nobody_described_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DamagedError, match=r"result/more\.csv: is not described"):
        _check(_bundle(tmp_path, **{"more.csv": b""}))


def test_a_file_that_is_missing_is_named(tmp_path: Path) -> None:
    path = tmp_path / "x.zip"
    write_archive(path, {METADATA: metadata(FILES, STATED), FILES[0].name: FILES[0].data})
    with pytest.raises(DamagedError, match="csv: is missing"):
        _check(path)


@pytest.mark.parametrize(
    ("old", "new"),
    [("data, blind", "data, bland"), (sha256(b"wheel").hexdigest(), sha256(b"other").hexdigest())],
)
def test_an_edited_description_is_refused(tmp_path: Path, old: str, new: str) -> None:
    data = metadata(FILES, STATED).decode()
    assert old in data
    path = tmp_path / "x.zip"
    files = {one.name: one.data for one in FILES} | {FILES[0].name: b"other"}
    write_archive(path, {METADATA: data.replace(old, new).encode(), **files})
    with pytest.raises(DamagedError, match="edited after it was written"):
        _check(path)


@pytest.mark.parametrize("data", [b"", b"[]", b"{}", b'{"@graph": 3}', b'{"@graph": [3, {"@id": "./"}]}'])
def test_what_is_no_description_is_refused(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "x.zip"
    write_archive(path, {METADATA: data})
    with pytest.raises(DamagedError, match=METADATA):
        _check(path)


def test_a_zip_file_without_a_description_is_no_bundle(tmp_path: Path) -> None:
    path = tmp_path / "x.zip"
    write_archive(path, {"a": b""})
    with pytest.raises(DamagedError, match="no bundle of na64"):
        _check(path)
