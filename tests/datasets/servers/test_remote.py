from __future__ import annotations

import errno
import socket
import ssl
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from na64.datasets.catalogue.build import build
from na64.datasets.catalogue.inspection import Expectation, inspect
from na64.datasets.catalogue.rechecking import recheck, verify
from na64.datasets.catalogue.records import FileRecord, Status
from na64.datasets.conditions.periods import load_periods
from na64.datasets.reading.layout import load_layout
from na64.datasets.reading.read import read
from na64.datasets.reading.stored import ChangedFileError
from na64.datasets.servers.patience import Patience
from na64.datasets.servers.remote import PassingRemoteError, RemoteError, RemoteFile, explain

QUICK = Patience(limit=0.6, attempts=3, pause=0.01)
PATIENT = Patience(limit=120.0, attempts=3, pause=0.01)
TOUT = load_layout("tout2023")
DATA = bytes(range(256)) * 2048
Writer = Callable[..., Path]

FAULTS = {
    "401": "401 Unauthorized",
    "403": "403 Forbidden",
    "404": "404 Not Found",
    "410": "410 Gone",
    "429": "429 Too Many Requests",
    "500": "500 Internal Server Error",
    "502": "502 Bad Gateway",
    "503": "503 Service Unavailable",
    "599": "599",
    "stall": "no answer within 0.6 s",
    "cut": "connection closed in the middle",
    "no ranges": "the server gives files only as a whole, not parts of them",
    "short": "the server gave 65535 bytes of 65536",
    "long": "connection closed in the middle",
    "loop": "redirected too often",
    "file": "redirected to what is no address of HTTP",
    "noise": "the answer of the server is not HTTP",
    "other bytes": "the server gave bytes 262143 to 327678, asked for 262144 to 327679",
}


def outcome(web: Any, fault: str, patience: Patience) -> str:
    """Read around in a file of which the server first gives the size."""
    web.files["run.root"] = DATA
    file = RemoteFile(f"{web.url}/run.root", patience)
    web.fault = fault
    file.seek(len(DATA) // 2)
    with pytest.raises(RemoteError) as caught:
        file.read(100)
    return str(caught.value)


def test_any_bytes_of_a_file_are_those_of_the_server(web: Any) -> None:
    web.files["run.root"] = DATA
    with RemoteFile(f"{web.url}/run.root") as file:
        assert file.size == len(DATA)
        for start, n_bytes in (
            (0, 4),
            (100_000, 10),
            (99_990, 30),
            (len(DATA) - 3, 10),
            (5, 0),
            (7, 400_000),
        ):
            file.seek(start)
            assert file.read(n_bytes) == DATA[start : start + n_bytes]
            assert file.tell() == min(start + n_bytes, len(DATA))
        file.seek(-5, 2)
        assert file.read() == DATA[-5:]
        assert file.read() == b""


@pytest.mark.parametrize("change", ["other content", "longer", "shorter"])
def test_a_file_that_changes_between_two_questions_is_named(web: Any, change: str) -> None:
    web.files["run.root"] = DATA
    with RemoteFile(f"{web.url}/run.root") as file:
        file.read(100)
        web.files["run.root"] = {
            "other content": bytes(len(DATA)),
            "longer": DATA + bytes(10),
            "shorter": DATA[:-10],
        }[change]
        file.seek(len(DATA) // 2)
        with pytest.raises(RemoteError, match="the file has changed"):
            file.read(100)


def test_a_file_that_changes_while_its_server_is_down_is_named(web: Any) -> None:
    web.files["run.root"] = DATA
    with RemoteFile(f"{web.url}/run.root", PATIENT) as file:
        file.read(100)
        web.fault, web.left, web.files["run.root"] = "cut", 1, DATA + bytes(10)
        file.seek(len(DATA) // 2)
        with pytest.raises(RemoteError, match=f"{len(DATA) + 10} bytes on the server, {len(DATA)} before"):
            file.read(100)


def test_reading_on_takes_few_questions(web: Any) -> None:
    web.files["run.root"] = DATA
    with RemoteFile(f"{web.url}/run.root") as file:
        while file.read(1000):
            pass
    assert len(web.asked) < 8


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_of_a_server_is_said_in_words_of_ours(web: Any, fault: str) -> None:
    assert outcome(web, fault, QUICK if fault == "stall" else PATIENT) == FAULTS[fault]


@pytest.mark.parametrize("fault", ["404", "401", "503", "stall", "no size", "loop", "file", "noise"])
def test_a_fault_at_the_first_question_is_said_too(web: Any, fault: str) -> None:
    web.files["run.root"] = DATA
    web.fault = fault
    with pytest.raises(RemoteError) as caught:
        RemoteFile(f"{web.url}/run.root", QUICK if fault == "stall" else PATIENT)
    expected = {"no size": "the server does not say how large it is"}
    assert str(caught.value) == (expected | {n: t for n, t in FAULTS.items() if n != "no size"})[fault]


@pytest.mark.parametrize("fault", ["503", "cut", "429", "short", "noise"])
def test_what_may_pass_is_tried_again(web: Any, fault: str) -> None:
    web.files["run.root"] = DATA
    with RemoteFile(f"{web.url}/run.root", PATIENT) as file:
        web.fault, web.left = fault, 2
        assert file.read(10) == DATA[:10]


def test_an_answer_that_does_not_come_is_asked_for_again(web: Any) -> None:
    web.files["run.root"] = DATA
    with RemoteFile(f"{web.url}/run.root", Patience(limit=4.0, attempts=2, pause=0.01)) as file:
        web.fault, web.left = "stall", 1
        assert file.read(10) == DATA[:10]


@pytest.mark.parametrize("fault", ["401", "403", "404", "no ranges"])
def test_what_will_stay_is_not_tried_again(web: Any, fault: str) -> None:
    web.files["run.root"] = DATA
    file = RemoteFile(f"{web.url}/run.root", Patience(limit=30.0, attempts=3, pause=0.0))
    web.asked.clear()
    web.fault = fault
    file.seek(1000)
    with pytest.raises(RemoteError):
        file.read(10)
    assert len(web.asked) == 1


@pytest.mark.parametrize(
    ("error", "reason", "passes"),
    [
        (ConnectionRefusedError(errno.ECONNREFUSED, "x"), "connection refused", True),
        (ConnectionResetError(errno.ECONNRESET, "x"), "connection closed in the middle", True),
        (socket.gaierror(socket.EAI_NONAME, "secret.host"), "its host is not known", False),
        (socket.gaierror(socket.EAI_AGAIN, "secret.host"), "its host is not known", True),
        (FileNotFoundError("https://u:pw@h/x?token=abcdefg"), "No such file or directory", False),
        (PermissionError(errno.EACCES, "x"), "Permission denied", False),
        (OSError(errno.EIO, "x"), "Input/output error", True),
        (
            OSError("[ERROR] Server responded: [3011] no /x"),
            "no such file (XRootD 3011)",
            False,
        ),
        (OSError("at root://u@h//x?authz=abcdefg"), "OSError: at ...", True),
        (ssl.SSLError(1, "x"), "no encrypted connection: TLS failed", False),
        (ValueError("credentials twice"), "ValueError: credentials twice", False),
        (ImportError("install this"), "ImportError: install this", False),
    ],
    ids=repr,
)
def test_errors_of_libraries_become_reasons(error: Exception, reason: str, passes: bool) -> None:
    for one in (error, _caused_by(error)):
        found = explain(one)
        assert str(found) == reason
        assert isinstance(found, PassingRemoteError) is passes


def test_an_error_without_words_is_named() -> None:
    assert str(explain(ValueError())) == "ValueError"


def _caused_by(error: Exception) -> Exception:
    outer = FileNotFoundError() if isinstance(error, OSError) and error.errno else RuntimeError()
    outer.__cause__ = error
    return outer


def test_a_port_where_nobody_listens_and_a_host_that_is_none() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    for url, reason in (
        (f"http://127.0.0.1:{port}/run.root", "connection refused"),
        ("http://host.invalid/run.root", "its host is not known"),
    ):
        with pytest.raises(RemoteError, match=reason):
            RemoteFile(url, PATIENT)


@pytest.mark.parametrize("container", ["ttree", "rntuple", "parquet"])
def test_a_server_that_fails_within_a_file_is_named_and_the_file_is_good_later(
    web: Any, container: str, write_run: Writer
) -> None:
    web.files["run.root"] = write_run("x.dat", container=container, n_events=300).read_bytes()
    url = f"{web.url}/run.root"
    if container == "parquet":
        web.files["run.parquet"] = web.files.pop("run.root")
        url = f"{web.url}/run.parquet"
    expected = Expectation((TOUT,), load_periods(), patience=PATIENT)
    good = inspect(url, expected)
    assert good.status is Status.GOOD, good.reason
    verify(good, PATIENT)
    events = read(good, TOUT, 0, 300)
    assert events.event["event"].tolist() == list(range(300))
    for fault in ("503", "403", "cut"):
        web.fault = fault
        for found in (inspect(url, expected), recheck(good, patience=PATIENT)):
            assert (found.status, found.reason) == (
                (Status.GOOD, "")  # its size is known without content
                if fault == "cut" and found.layout
                else (Status.PENDING, f"cannot be read: {FAULTS[fault]}")
            )
    web.fault = "403"
    with pytest.raises(RemoteError, match=f"^{good.name}: cannot be read: 403 Forbidden$"):
        read(good, TOUT, 0, 300)
    web.fault = ""
    assert recheck(good, patience=PATIENT).is_good
    web.files[good.name] += b"."
    assert recheck(good).status is Status.QUARANTINED
    with pytest.raises(ChangedFileError):
        verify(good)


def test_a_server_out_of_reach_leaves_a_file_pending_and_it_comes_back(web: Any, write_run: Writer) -> None:
    web.files["run.root"] = write_run().read_bytes()
    url = f"{web.url}/run.root"
    first = build([url], simulation=False, patience=PATIENT)
    assert first.good
    web.fault = "503"
    second = build([url], simulation=False, previous=first, patience=PATIENT)
    assert [(record.status, record.reason) for record in second.files] == [
        (Status.PENDING, "cannot be read: 503 Service Unavailable")
    ]
    given_up = build([], simulation=False, previous=second, accept={"run.root": "lost"}, patience=PATIENT)
    assert not given_up.unreviewed
    web.fault = ""
    third = build([], simulation=False, previous=second, patience=PATIENT)
    assert third.files == first.files


def test_files_on_servers_are_looked_at_side_by_side(web: Any, write_run: Writer) -> None:
    names = [f"{number}.root" for number in range(4)]
    for number, name in enumerate(names):
        web.files[name] = write_run(name, run=8701 + number).read_bytes()
    seen: list[tuple[int, int]] = []
    urls = [f"{web.url}/{name}" for name in names]
    built = build(urls, simulation=False, patience=PATIENT, progress=lambda *n: seen.append(n))
    assert {record.path for record in built.good} == set(urls)
    assert seen == [(done, 4) for done in range(1, 5)]


def test_a_record_of_a_url_has_its_secrets_not(web: Any, write_run: Writer) -> None:
    web.files["run.root"] = write_run().read_bytes()
    given = f"{web.url.replace('//', '//user:canary-1@')}/run.root?token=canary-2&download=1#canary-3"
    record = inspect(given, Expectation((TOUT,), load_periods()))
    assert record.is_good
    assert record.path == f"{web.url}/run.root?download=1"
    assert "canary" not in repr(record)
    built = build([given], simulation=False)
    assert "canary" not in repr(built)
    assert recheck(replace(record, path=f"{web.url}/gone"), url=given).is_good


def test_two_urls_that_would_be_kept_as_one_are_refused(web: Any) -> None:
    with pytest.raises(ValueError, match=r"run\.root: named twice"):
        build([f"{web.url}/run.root?id=1", f"{web.url}/run.root?id=2"], simulation=False)


def test_a_record_by_hand_needs_no_server() -> None:
    assert FileRecord("https://u:pw@h/x.root?token=1").name == "x.root"
