"""Tables beside run files are found, or it is said that they were not."""

from __future__ import annotations

import errno
import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import fsspec
import pytest

from na64.datasets.catalogue.build import Catalogue, build, load, save
from na64.datasets.catalogue.table_folders import TableFolder, places_of, read_tables_beside, summary_of
from na64.datasets.conditions.bad_spills import BadEntry, BadList
from na64.datasets.conditions.conditions import Conditions, RunType
from na64.datasets.conditions.reconstruction import ReconstructionTags
from na64.datasets.servers.patience import Patience

AGAIN = Patience(limit=120.0, attempts=2, pause=0.01)
RUNS, BAD = "run,type\n8701,calibration\n", "run,spill,start,stop\n8701,2,,\n8701,3,,\n"


@pytest.fixture
def conditions(tmp_path: Path) -> Path:
    folder = tmp_path / "data" / "conditions"
    folder.mkdir(parents=True)
    (folder / "runs.csv").write_text(RUNS)
    (folder / "bad.csv").write_text(BAD)
    return folder


def look(folder: Path) -> Any:
    return read_tables_beside([str(folder.parent / "run.root")])


def test_tables_are_read_and_counted(conditions: Path) -> None:
    (conditions / "production.toml").write_text('pass = "5"\n')
    (conditions / ".bad.csv.swp").touch()
    beside = look(conditions)
    assert beside.folders == (
        TableFolder(str(conditions), {"runs.csv": 1, "bad.csv": 2, "production.toml": 1}),
    )
    assert beside.conditions.run_facts[8701].type is RunType.CALIBRATION
    assert beside.conditions.bad == BadList((BadEntry(8701, 2), BadEntry(8701, 3)))
    assert beside.production_of(str(conditions.parent / "run.root")) == ReconstructionTags("5")
    assert list(summary_of(beside.folders)) == [
        "tables in data/conditions: runs.csv (1), bad.csv (2), production.toml (1)"
    ]
    assert beside.folders[0].warnings == ()


def test_no_tables_are_none(tmp_path: Path) -> None:
    beside = read_tables_beside([str(tmp_path / "data" / "run.root"), str(tmp_path / "other" / "run.root")])
    assert beside.conditions == Conditions()
    assert list(summary_of(beside.folders)) == ["tables in data/conditions and 1 more: none"]
    assert [one.warnings for one in beside.folders] == [(), ()]


def broken(folder: Path, name: str) -> None:
    (folder / name).unlink(missing_ok=True)
    (folder / name).symlink_to(folder / "nowhere")


REFUSED: dict[str, tuple[Callable[[Path], object], str]] = {
    "bad_spills.csv": (
        lambda folder: (folder / "bad_spills.csv").write_text(BAD),
        r'data/conditions: unknown table "bad_spills\.csv", nearest known is "spills\.csv"',
    ),
    "capitals": (
        lambda folder: (folder / "Bad.CSV").write_text(BAD),
        r'unknown table "Bad\.CSV", nearest .*"bad\.csv"',
    ),
    "toml": (
        lambda folder: (folder / "prod.toml").touch(),
        r'unknown table "prod\.toml", nearest .*"production\.toml"',
    ),
    "link": (lambda folder: broken(folder, "spills.csv"), r"conditions/spills\.csv: is a link to nowhere"),
    "folder": (lambda folder: (folder / "spills.csv").mkdir(), r"conditions/spills\.csv: is not a file"),
    "empty": (lambda folder: (folder / "spills.csv").touch(), r"spills\.csv: no header, expected run,spill"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_is_called_like_a_table_and_is_none_is_refused(what: str, conditions: Path) -> None:
    spoil, message = REFUSED[what]
    spoil(conditions)
    with pytest.raises(ValueError, match=message):
        look(conditions)


def test_a_folder_of_conditions_that_is_none_is_refused(tmp_path: Path) -> None:
    broken(tmp_path, "conditions")
    with pytest.raises(ValueError, match="conditions: is a link to nowhere"):
        look(tmp_path / "conditions")
    (tmp_path / "conditions").unlink()
    (tmp_path / "conditions").touch()
    with pytest.raises(ValueError, match="conditions: is not a folder"):
        look(tmp_path / "conditions")


@pytest.mark.parametrize("what", ["iterdir", "read_bytes"])
def test_tables_that_may_not_be_read_are_refused(
    what: str, conditions: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_: Path) -> Any:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, what, refuse)
    with pytest.raises(ValueError, match="data/conditions: cannot be read: Permission denied"):
        look(conditions)


@pytest.mark.parametrize("name", ["Conditions", "condition", "conditions_2023", "conditions.old"])
def test_a_folder_called_nearly_so_is_told(name: str, tmp_path: Path) -> None:
    (tmp_path / "data" / name).mkdir(parents=True)
    (folder,) = look(tmp_path / "data" / "conditions").folders
    (warning,) = folder.warnings
    assert warning.startswith(f"data/conditions: ../{name} is not read, tables are runs.csv, spills.csv, ")


def test_what_is_no_table_and_tables_of_the_folder_above_are_told(conditions: Path) -> None:
    (conditions / "bad.txt").write_text("8701 2\n")
    (conditions / "old").mkdir()
    (folder,) = look(conditions).folders
    assert folder.unread == ("bad.txt", "old")
    assert folder.warnings[0].startswith("data/conditions: bad.txt is not read")
    (below,) = look(conditions.parent / "run8701" / "conditions").folders
    assert below.unread == ()  # that folder is not there
    (conditions.parent / "run8701").mkdir()
    (below,) = look(conditions.parent / "run8701" / "conditions").folders
    assert below.warnings[0].startswith("run8701/conditions: ../../conditions is not read")


def test_a_table_without_rows_is_told(conditions: Path) -> None:
    (conditions / "bad.csv").write_text("run,spill,start,stop\n# none yet\n")
    (folder,) = look(conditions).folders
    assert folder.warnings == ("data/conditions: bad.csv has no rows",)


def test_a_linked_file_has_the_tables_beside_what_it_is(conditions: Path, tmp_path: Path) -> None:
    (conditions.parent / "run.root").touch()
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "run.root").symlink_to(conditions.parent / "run.root")
    beside = read_tables_beside([str(tmp_path / "mine" / "run.root")])
    assert len(beside.folders) == 2
    assert set(beside.conditions.run_facts) == {8701}


@pytest.mark.parametrize(
    ("url", "folder"),
    [
        ("https://host/a/run.root", "https://host/a/conditions"),
        ("https://me:secret@host:8080/a/run.root?authz=token#x", "https://host:8080/a/conditions"),
        ("root://eos.cern.ch//eos/na64/run.root", "root://eos.cern.ch//eos/na64/conditions"),
        ("memory://data/run.root", "memory://data/conditions"),
    ],
)
def test_the_folder_of_a_url_has_no_secret(url: str, folder: str) -> None:
    assert places_of(url) == (folder,)


@pytest.fixture
def remote(request: pytest.FixtureRequest) -> Iterator[Any]:
    """A file system in memory, as a stand-in for a remote one that can be listed."""
    filesystem = fsspec.filesystem("memory")
    yield filesystem
    for path in list(filesystem.store):
        filesystem.rm(path)


def test_tables_of_a_remote_folder_are_read(remote: Any) -> None:
    for name, text in (("runs.csv", RUNS), ("bad.csv", BAD), ("notes.txt", "x")):
        remote.pipe(f"/data/conditions/{name}", text.encode())
    beside = read_tables_beside(["memory://data/run.root", "memory://data/run2.root"])
    assert beside.folders == (
        TableFolder("memory://data/conditions", {"runs.csv": 1, "bad.csv": 2}, unread=("notes.txt",)),
    )
    assert len(beside.conditions.bad.entries) == 2
    remote.pipe("/data/conditions/bad_spills.csv", BAD.encode())
    with pytest.raises(ValueError, match=r'memory://data/conditions: unknown table "bad_spills\.csv"'):
        read_tables_beside(["memory://data/run.root"])


class Server(ThreadingHTTPServer):
    daemon_threads = True
    code = 0
    n_refused = 1_000_000
    asked: list[str]


class Handler(SimpleHTTPRequestHandler):
    server: Server

    def log_message(self, *_: Any) -> None:
        """Print nothing."""

    def do_GET(self) -> None:
        self.server.asked.append(self.path)
        if self.server.code and len(self.server.asked) <= self.server.n_refused:
            self.send_error(self.server.code)
        else:
            super().do_GET()

    do_HEAD = do_GET  # noqa: N815


@pytest.fixture
def server(conditions: Path) -> Iterator[Server]:
    root = str(conditions.parents[1])
    made = Server(("127.0.0.1", 0), lambda *words: Handler(*words, directory=root))
    made.asked = []
    thread = threading.Thread(target=made.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield made
    made.shutdown()
    thread.join()
    made.server_close()


def test_tables_of_a_server_are_read_and_wrong_names_refused(server: Server, conditions: Path) -> None:
    url = f"http://127.0.0.1:{server.server_port}/data/run.root?authz=secret"
    (folder,) = read_tables_beside([url]).folders
    assert folder.rows == {"runs.csv": 1, "bad.csv": 2}
    assert "secret" not in folder.folder
    assert "/data/conditions/bad.csv?authz=secret" in server.asked
    (conditions / "bad_spills.csv").write_text(BAD)
    with pytest.raises(ValueError, match=r'conditions: unknown table "bad_spills\.csv"') as caught:
        read_tables_beside([url])
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("code", "reason"),
    [(404, ""), (401, "401 Unauthorized"), (403, "403 Forbidden"), (503, "503 Service Unavailable")],
)
def test_what_cannot_be_looked_for_is_told(server: Server, code: int, reason: str) -> None:
    server.code = code
    url = f"http://127.0.0.1:{server.server_port}/data/run.root?authz=secret"
    (folder,) = read_tables_beside([url], AGAIN).folders
    assert (folder.rows, folder.problem) == ({}, reason)
    assert any(f"tables cannot be looked for ({reason})" in line for line in folder.warnings) is bool(reason)
    assert "secret" not in " ".join(folder.warnings)


def test_a_server_is_asked_again_for_a_table(server: Server) -> None:
    server.code, server.n_refused = 503, 1
    (folder,) = read_tables_beside([f"http://127.0.0.1:{server.server_port}/data/run.root"], AGAIN).folders
    assert (folder.rows, folder.problem) == ({"runs.csv": 1, "bad.csv": 2}, "")


def test_a_server_that_never_answers_costs_what_it_may(server: Server) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:  # accepts, and says nothing
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/data/run.root"
        (folder,) = read_tables_beside([url], Patience(limit=0.3, attempts=1)).folders
    assert folder.problem == "no answer within 0.3 s"


def test_a_wrong_table_of_a_server_is_named(server: Server, conditions: Path) -> None:
    (conditions / "bad.csv").write_text("run\nx\n")
    with pytest.raises(ValueError, match=r"/data/conditions: bad\.csv line 2: run"):
        read_tables_beside([f"http://127.0.0.1:{server.server_port}/data/run.root"], AGAIN)


@pytest.mark.parametrize("page", [b"<html>please log in</html>", b"root\0\0\1", b"\xff\xfe"])
def test_a_server_that_gives_the_same_for_every_name_has_no_tables(web: Any, page: bytes) -> None:
    web.files = {f"data/conditions/{name}": page for name in ("runs.csv", "bad.csv")}
    beside = read_tables_beside([f"{web.url}/data/run.root"], AGAIN)
    assert beside.folders[0].problem == "what the server gives as runs.csv is no table"
    assert beside.folders[0].warnings


def test_a_folder_that_cannot_be_listed_is_told(remote: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise PermissionError(errno.EACCES, "closed")

    remote.pipe("/data/conditions/bad.csv", BAD.encode())
    monkeypatch.setattr(type(remote), "ls", refuse)
    (folder,) = read_tables_beside(["memory://data/run.root"], AGAIN).folders
    assert folder.problem == "Permission denied"


def test_the_token_of_a_file_opens_its_tables(
    web: Any, conditions: Path, tmp_path: Path, write_run: Callable[..., Path]
) -> None:
    web.query = "authz=sesame"
    web.files["data/run.root"] = write_run("run.root").read_bytes()
    web.files["data/conditions/bad.csv"] = BAD.encode()
    found = build([f"{web.url}/data/run.root?authz=sesame"], simulation=False, patience=AGAIN)
    assert found.warnings == ()
    assert found.folders[0].rows == {"bad.csv": 2}
    assert "sesame" not in repr(found)


def test_a_server_that_is_down_and_a_protocol_nobody_knows_are_told(server: Server) -> None:
    server.shutdown()
    server.server_close()
    (down,) = read_tables_beside([f"http://127.0.0.1:{server.server_port}/data/run.root"], AGAIN).folders
    assert down.problem == "connection refused"
    (strange,) = read_tables_beside(["gopher://host/data/run.root"]).folders
    assert strange.problem == "gopher:// is no protocol that is known here"
    assert (
        read_tables_beside(["gopher://host/data/run.root"]).production_of("gopher://host/data/run.root")
        is None
    )


@pytest.fixture
def registered(tmp_path: Path, conditions: Path, write_run: Callable[..., Path]) -> Catalogue:
    write_run("data/run.root")
    return build([tmp_path / "data"], simulation=False)


def test_the_catalogue_keeps_what_was_found(registered: Catalogue, tmp_path: Path) -> None:
    save(registered, tmp_path / "c.json")
    assert load(tmp_path / "c.json") == registered
    assert registered.folders[0].rows == {"runs.csv": 1, "bad.csv": 2}
    assert replace(registered, folders=()).identity == registered.identity


@pytest.mark.parametrize("name", ["bad.csv", "runs.csv"])
def test_a_table_that_vanishes_before_an_update_is_told_and_what_it_said_is_kept(
    name: str, registered: Catalogue, conditions: Path, tmp_path: Path
) -> None:
    text = (conditions / name).read_text()
    (conditions / name).unlink()
    for _ in range(2):
        after = build([tmp_path / "data"], simulation=False, previous=registered)
        assert after.conditions == registered.conditions
        assert after.warnings == (f"data/conditions: {name} is not there any more: what it said is kept",)
    assert build([tmp_path / "data"], simulation=False).conditions != registered.conditions
    (conditions / name).write_text(text.replace("8701,2,,\n", ""))
    back = build([tmp_path / "data"], simulation=False, previous=after)
    assert back.warnings == ()
    assert (back.conditions == registered.conditions) is (name == "runs.csv")


def test_files_of_a_second_folder_without_tables_are_told(
    registered: Catalogue, tmp_path: Path, write_run: Callable[..., Path]
) -> None:
    (tmp_path / "more").mkdir()
    write_run("more/run2.root", run=8702)
    after = build([tmp_path / "more"], simulation=False, previous=registered)
    assert after.warnings == (
        "more/conditions: no tables beside these files, but there are in data/conditions",
    )
    (tmp_path / "more" / "conditions").mkdir()
    (tmp_path / "more" / "conditions" / "bad.csv").write_text("run\n8702\n")
    both = build([tmp_path / "more"], simulation=False, previous=after)
    assert both.warnings == ()
    assert both.bad == registered.bad + BadList((BadEntry(8702),))
