"""Run files on a real XRootD server: found, read, refused; the server killed, stopped, started again."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from na64.run import main

pytestmark = pytest.mark.soak

Products = dict[str, bytes]

CONFIGURATION = """
xrd.port {port}
xrd.allow host 127.0.0.1
xrd.allow host localhost
all.export /
oss.localroot {folder}/data
all.adminpath {folder}/admin
all.pidpath {folder}/admin
{more}
"""


@dataclass
class XRootD:
    """A server of a folder `data`, as a user who is not root; `start` may be called again and again."""

    folder: Path
    url: str
    begin: Callable[..., Any]
    stack: ExitStack
    process: subprocess.Popen[bytes] | None = None

    @property
    def data(self) -> Path:
        return self.folder / "data"

    def start(self, more: str = "") -> None:
        port = self.url.rpartition(":")[2]
        text = CONFIGURATION.format(folder=self.folder, port=port, more=more)
        (self.folder / "xrootd.cfg").write_text(text)
        log = self.folder / "admin" / "out"
        line = ["xrootd", "-c", str(self.folder / "xrootd.cfg"), "-l", str(self.folder / "admin" / "log")]
        self.process = self.begin(self.stack, line, log, f"127.0.0.1:{port}")

    def send(self, number: int) -> None:
        assert self.process is not None
        self.process.send_signal(number)

    def kill(self) -> None:
        self.send(signal.SIGKILL)
        assert self.process is not None
        self.process.wait()

    def restart(self) -> None:
        self.kill()
        self.start()


@pytest.fixture
def xrootd(servers: Any, data: Path) -> Iterator[XRootD]:
    pytest.importorskip("XRootD.client", reason="needs the extra xrootd")
    pytest.importorskip("fsspec_xrootd", reason="needs the extra xrootd")
    servers.require("xrootd-server", "xrootd")
    with servers.open_folder() as folder, ExitStack() as stack:
        shutil.copytree(data, folder / "data")
        (folder / "admin").mkdir()
        servers.give_away(folder / "admin")
        found = XRootD(folder, f"root://127.0.0.1:{servers.free_port()}", servers.begin, stack)
        found.start()
        yield found


def register(listed: Path, *urls: str) -> int:
    return main(["catalogue", *urls, "--to", str(listed)])


def process(listed: Path, out: Path, *options: str) -> int:
    line = ["process", str(listed), "--selection", "dimuon_2023", "--to", str(out), "--no-report"]
    executor = () if "--executor" in options else ("--executor", "iterative")
    return main([*line, "--store", str(out / "features"), *executor, *options])


def _tables(listed: Path) -> dict[str, int]:
    (folder,) = json.loads(listed.read_text())["folders"]
    return dict(folder["rows"])


def paths(listed: Path) -> list[str]:
    return sorted(record["path"] for record in json.loads(listed.read_text())["files"])


@pytest.mark.parametrize(
    "named",
    [
        ["/"],
        ["//?authz=a"],
        ["//*.root"],
        ["//run_870[13].root?authz=a", "//run_8702_?.root"],
        ["//run_8701.root", "//run_8702*", "//*3*"],
    ],
    ids=["folder", "query", "glob", "globs", "some"],
)
def test_files_folders_and_globs_are_found(named: list[str], xrootd: XRootD, tmp_path: Path) -> None:
    listed = tmp_path / "c.json"
    assert register(listed, *(f"{xrootd.url}{one}" for one in named)) == 0
    names = sorted(path.name for path in xrootd.data.glob("*.root"))
    assert paths(listed) == [f"{xrootd.url}//{name}" for name in names]


def test_globs_go_through_folders(xrootd: XRootD, tmp_path: Path) -> None:
    for name in ("a", "ab", "b"):
        (xrootd.data / name).mkdir()
    shutil.move(xrootd.data / "run_8701.root", xrootd.data / "a")
    shutil.move(xrootd.data / "run_8702_0.root", xrootd.data / "ab")
    shutil.move(xrootd.data / "run_8703.root", xrootd.data / "b")
    assert register(tmp_path / "c.json", f"{xrootd.url}//a*/*.root") == 0
    assert paths(tmp_path / "c.json") == [
        f"{xrootd.url}//{name}" for name in ("a/run_8701.root", "ab/run_8702_0.root")
    ]


@pytest.mark.parametrize("executor", ["iterative", "processes"])
def test_the_products_are_those_of_local_files(
    executor: str,
    xrootd: XRootD,
    canonical: Callable[[Path], Products],
    tmp_path: Path,
) -> None:
    assert register(tmp_path / "local.json", str(xrootd.data)) == 0
    assert process(tmp_path / "local.json", tmp_path / "local") == 0
    listed = tmp_path / "c.json"
    assert register(listed, f"{xrootd.url}//?authz=a-secret-of-mine") == 0
    there, local = (_tables(path) for path in (listed, tmp_path / "local.json"))
    assert there == local != {}
    assert process(listed, tmp_path / "out", "--executor", executor, "--workers", "2") == 0
    assert canonical(tmp_path / "out") == canonical(tmp_path / "local")
    kept = [path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()]
    assert not any(b"a-secret-of-mine" in content for content in kept)


@pytest.mark.parametrize(
    ("named", "code", "said"),
    [
        ("//none.root", 1, "pending: none.root: cannot be read: no such file (XRootD 3011)"),
        ("//none/", 2, "na64: {url}//none/: cannot be listed: no such file (XRootD 3011)"),
        ("//none*.root", 2, "na64: {url}//none*.root: no such file or folder"),
        ("//empty", 2, "na64: {url}//empty: no *.root or *.parquet in it"),
        (
            "//closed/run_8703.root",
            1,
            "pending: run_8703.root: cannot be read: permission denied (XRootD 3010)",
        ),
        ("//closed", 2, "na64: {url}//closed: cannot be listed: permission denied (XRootD 3010)"),
    ],
)
def test_what_is_not_given_is_said_in_a_line(
    *, named: str, code: int, said: str, xrootd: XRootD, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (xrootd.data / "closed").mkdir()
    (xrootd.data / "empty").mkdir()
    shutil.copy(xrootd.data / "run_8703.root", xrootd.data / "closed")
    (xrootd.folder / "rights").write_text("u * /closed -a / rl\n")
    xrootd.kill()
    xrootd.start(f"ofs.authorize 1\nacc.authdb {xrootd.folder}/rights")
    assert register(tmp_path / "c.json", f"{xrootd.url}{named}") == code
    captured = capsys.readouterr()
    assert said.format(url=xrootd.url) in (captured.out + captured.err).splitlines()


def test_who_is_not_let_in_is_told_so(
    xrootd: XRootD, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    key = xrootd.folder / "sss.keytab"
    made = ["xrdsssadmin", "-k", "na64", "-u", "nobody", "-g", "nogroup", "add", str(key)]
    subprocess.run(made, check=True, capture_output=True, input=b"y\n")
    key.chmod(0o600)
    os.chown(key, *owner_of(xrootd.folder / "admin"))
    xrootd.kill()
    xrootd.start(f"xrootd.seclib libXrdSec.so\nsec.protocol sss -s {key}\nsec.protbind * only sss")
    assert register(tmp_path / "c.json", f"{xrootd.url}//run_8703.root") == 1
    assert "pending: run_8703.root: cannot be read: authentication failed" in capsys.readouterr().out


def owner_of(path: Path) -> tuple[int, int]:
    found = path.stat()
    return found.st_uid, found.st_gid


def test_a_server_that_is_killed_costs_what_it_has_and_no_more(
    xrootd: XRootD,
    holding: Any,
    canonical: Callable[[Path], Products],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    listed, out = tmp_path / "c.json", tmp_path / "out"
    assert register(listed, f"{xrootd.url}//run_8702_*.root") == 0
    assert process(listed, tmp_path / "whole", "--plugin", str(holding.plugin)) == 0
    capsys.readouterr()
    holding.hold()
    with holding.when_held(xrootd.kill):
        assert process(listed, out, "--plugin", str(holding.plugin)) == 1
    said = capsys.readouterr().out
    assert "INCOMPLETE: " in said
    assert re.search(r"run_8702_\d.root.*: cannot be read: (connection|no answer)", said)
    xrootd.start()
    again = ["process", str(listed), "--selection", "dimuon_2023", "--to", str(out), "--no-report"]
    again += ["--executor", "iterative", "--store", str(out / "features"), "--plugin", str(holding.plugin)]
    # Another process: the client in this one may have given the server up for good.
    assert subprocess.run([sys.executable, "-m", "na64.run", *again], check=False).returncode == 0
    assert canonical(out) == canonical(tmp_path / "whole")


def test_a_server_that_comes_back_within_seconds_costs_nothing(
    xrootd: XRootD, holding: Any, canonical: Callable[[Path], Products], tmp_path: Path
) -> None:
    listed, out = tmp_path / "c.json", tmp_path / "out"
    assert register(listed, f"{xrootd.url}//") == 0
    assert process(listed, tmp_path / "whole", "--plugin", str(holding.plugin)) == 0
    holding.hold()
    with holding.when_held(xrootd.restart):
        assert process(listed, out, "--plugin", str(holding.plugin)) == 0
    assert canonical(out) == canonical(tmp_path / "whole")


def test_a_server_that_is_silent_is_waited_for_no_longer_than_the_deadline(
    xrootd: XRootD, holding: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    listed, out = tmp_path / "c.json", tmp_path / "out"
    assert register(listed, f"{xrootd.url}//run_8702_*.root") == 0
    holding.hold()
    with holding.when_held(lambda: xrootd.send(signal.SIGSTOP)):
        assert process(listed, out, "--plugin", str(holding.plugin), "--deadline", "20") == 1
    said = capsys.readouterr().out
    assert re.search(r"run_8702_\d.root.*: (not done within 20 s|cannot be read: no answer)", said)
    xrootd.send(signal.SIGCONT)
    assert process(listed, out, "--plugin", str(holding.plugin)) == 0


def test_a_file_that_was_changed_or_cut_off_is_refused_by_name(
    xrootd: XRootD, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    listed = tmp_path / "c.json"
    assert register(listed, f"{xrootd.url}//") == 0
    size = (xrootd.data / "run_8703.root").stat().st_size
    with (xrootd.data / "run_8703.root").open("ab") as file:
        file.write(b"more")
    content = (xrootd.data / "run_8702_0.root").read_bytes()
    capsys.readouterr()
    assert process(listed, tmp_path / "out") == 1
    assert f"run_8703.root: {size + 4} bytes, registered with {size}" in capsys.readouterr().out
    (xrootd.data / "run_8702_0.root").write_bytes(content[: len(content) // 2])
    assert register(tmp_path / "new.json", f"{xrootd.url}//run_8702_0.root") == 1
    assert "quarantined: run_8702_0.root: truncated: " in capsys.readouterr().out


def test_a_file_that_was_replaced_by_one_of_its_size_is_named_and_one_that_was_copied_again_is_read(
    xrootd: XRootD, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    names = ("run_8701.root", "run_8703.root")
    for name in names:
        os.utime(xrootd.data / name, (1.7e9, 1.7e9))
    assert register(tmp_path / "c.json", *(f"{xrootd.url}//{name}" for name in names)) == 0
    listed = json.loads((tmp_path / "c.json").read_text())["files"]
    assert [one["version"] for one in listed] == ["mtime: 1700000000"] * 2
    content = (xrootd.data / names[0]).read_bytes()
    (xrootd.data / names[0]).write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    os.utime(xrootd.data / names[1], (1.7e9 + 60, 1.7e9 + 60))
    capsys.readouterr()
    assert process(tmp_path / "c.json", tmp_path / "out") == 1
    said = capsys.readouterr().out
    assert "run_8701.root, events 0 to" in said
    assert "another content than was registered" in said
    assert "run_8703.root" not in said
