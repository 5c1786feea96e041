"""A file on a server that is not any more what was registered is named; one that is, is read."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from email.utils import formatdate
from pathlib import Path
from typing import Any

import pytest

from na64.datasets.catalogue import rechecking
from na64.datasets.catalogue.build import build
from na64.datasets.catalogue.catalogue_file import load, save
from na64.datasets.catalogue.inspection import Expectation, inspect
from na64.datasets.catalogue.rechecking import find_change, recheck, verify
from na64.datasets.catalogue.records import Catalogue, FileRecord, Status
from na64.datasets.catalogue.registered_events import registered_events
from na64.datasets.conditions.periods import load_periods
from na64.datasets.reading.layout import load_layout
from na64.datasets.reading.stored import ChangedFileError
from na64.run import main

LAYOUT = load_layout("tout2023")
EXPECTED = Expectation((LAYOUT,), load_periods())
Writer = Callable[..., Path]

OLD, NEW = formatdate(1.7e9, usegmt=True), formatdate(1.7e9 + 60, usegmt=True)
STATED: dict[str, tuple[dict[str, str] | None, dict[str, str] | None]] = {
    "ETag": (None, None),
    "Last-Modified": ({"Last-Modified": OLD}, {"Last-Modified": NEW}),
    "a time that is not over": ({"Last-Modified": formatdate(4e9, usegmt=True)},) * 2,
    "a tag, then none": ({"ETag": '"1"'}, {}),
    "the tag of another, the same time": (
        {"ETag": '"1"', "Last-Modified": OLD},
        {"ETag": '"2"', "Last-Modified": OLD},
    ),
}


@pytest.fixture(autouse=True)
def forgotten() -> Iterator[None]:
    """No hash of another test is known."""
    rechecking._known_hash.cache_clear()
    yield
    rechecking._known_hash.cache_clear()


def give(web: Any, write_run: Writer) -> tuple[str, bytes]:
    """Let a server have a run file; its URL, and bytes of the same size and number of events."""
    content = write_run().read_bytes()
    web.files["run.root"] = content
    return f"{web.url}/run.root", content[:-1] + bytes([content[-1] ^ 1])


def read(record: FileRecord) -> int:
    return sum(events.n_events for events in registered_events(record, LAYOUT, 0, record.entries, n_events=2))


@pytest.mark.parametrize("stated", STATED)
def test_a_file_that_was_replaced_on_its_server_is_not_read(stated: str, web: Any, write_run: Writer) -> None:
    url, other = give(web, write_run)
    web.stated, after = STATED[stated]
    record = inspect(url, EXPECTED)
    assert record.is_good
    assert read(record) == record.entries
    web.files["run.root"], web.stated = other, after
    verify(record)  # its size and number of events are the same
    with pytest.raises(ChangedFileError, match=r"run\.root: another content than was registered"):
        read(record)
    assert find_change(record) == "changed since it was registered: another content of the same size"
    assert recheck(record).status is Status.QUARANTINED


def test_a_file_that_is_replaced_on_its_server_between_two_batches_is_named(
    web: Any, write_run: Writer
) -> None:
    url, other = give(web, write_run)
    record = inspect(url, EXPECTED)
    batches = registered_events(record, LAYOUT, 0, record.entries, n_events=2)
    next(batches)  # all of so small a file is here now
    web.files["run.root"] = other
    with pytest.raises(ChangedFileError, match=r"run\.root: another content than was registered"):
        list(batches)


def test_the_same_content_with_another_version_is_hashed_once_and_read(web: Any, write_run: Writer) -> None:
    url, _ = give(web, write_run)
    web.stated = {"ETag": '"1"'}
    record = inspect(url, EXPECTED)
    web.asked.clear()
    assert read(record) == record.entries
    n_asked = len(web.asked)
    web.stated = {"ETag": '"2"'}
    for more in (True, False):
        web.asked.clear()
        assert read(record) == record.entries
        assert (len(web.asked) > n_asked) is more
    found = recheck(record)
    assert found.is_good
    assert (record.version, found.version) == ('etag: "1"', 'etag: "2"')


def test_a_file_that_changes_while_it_is_registered_is_pending(
    web: Any, write_run: Writer, monkeypatch: pytest.MonkeyPatch
) -> None:
    url, other = give(web, write_run)
    digest_of = rechecking.digest_of

    def replaced(*words: Any) -> Any:
        found = digest_of(*words)
        web.files["run.root"] = other
        return found

    monkeypatch.setattr("na64.datasets.catalogue.inspection.digest_of", replaced)
    found = inspect(f"{url}?token=canary", EXPECTED)
    assert (found.status, found.reason) == (
        Status.PENDING,
        "is being written: it has changed while it was looked at",
    )
    assert "canary" not in found.path


@pytest.fixture
def without(web: Any, write_run: Writer) -> tuple[Catalogue, bytes]:
    """Catalogue of a file whose server states no version, and another content."""
    url, other = give(web, write_run)
    web.stated = {"ETag": 'W/"weak"'}
    return build([url], simulation=False), other


def test_a_file_without_a_version_is_said_to_be_told_by_its_size_and_looked_at_again_by_an_update(
    without: tuple[Catalogue, bytes], web: Any
) -> None:
    catalogue, other = without
    (said,) = (line for line in catalogue.warnings if "no version is known" in line)
    assert said == (
        "run.root: no version is known (ETag, time of change), so that only size and number of events "
        "tell if it was replaced; na64 catalogue --update reads it again"
    )
    web.stated = None
    (known,) = build([], simulation=False, previous=catalogue).files
    assert known.is_good
    assert known.version
    web.files["run.root"] = other
    (changed,) = build([], simulation=False, previous=catalogue).files
    assert changed.reason == "changed since it was registered: another content of the same size"


def test_a_catalogue_of_before_has_no_versions_and_is_read(
    without: tuple[Catalogue, bytes], web: Any, write_run: Writer, tmp_path: Path
) -> None:
    save(without[0], tmp_path / "c.json")
    assert "version" not in json.loads((tmp_path / "c.json").read_text())["files"][0]
    assert load(tmp_path / "c.json") == without[0]
    web.stated = None
    stated = build([f"{web.url}/run.root"], simulation=False)
    assert stated.identity == without[0].identity
    save(stated, tmp_path / "c.json")
    assert load(tmp_path / "c.json").files[0].version == stated.files[0].version != ""
    local = build([write_run()], simulation=False)
    assert local.files[0].version == ""
    assert not any("no version" in line for line in local.warnings)


def test_a_job_names_the_file_that_was_replaced_and_reads_the_other(
    web: Any, simulate: Callable[..., Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for path in simulate(tmp_path, "small", 200).glob("run_870[13].root"):
        web.files[path.name] = path.read_bytes()
    urls = [f"{web.url}/{name}" for name in web.files]
    assert main(["catalogue", *urls, "--to", str(tmp_path / "c.json")]) == 0
    line = ["process", str(tmp_path / "c.json"), "--selection", "dimuon_2023", "--to", str(tmp_path / "o")]
    line += ["--executor", "iterative", "--no-report"]
    content = web.files["run_8701.root"]
    web.files["run_8701.root"] = content[:-1] + bytes([content[-1] ^ 1])
    capsys.readouterr()
    assert main(line) == 1
    said = capsys.readouterr().out
    assert "run_8701.root, events 0 to" in said
    assert "another content than was registered" in said
    assert "run_8703.root" not in said
