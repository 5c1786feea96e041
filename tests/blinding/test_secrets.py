"""Passwords and tokens in URLs, environment and texts of libraries are searched in all that a job leaves."""

from __future__ import annotations

import base64
import re
import zlib
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import fsspec
import pytest

from na64.run import main

CANARY = "kanarienvogel"
KEY = f"Bearer {CANARY}-of-the-header"
QUERY = "&".join(
    f"{key}={CANARY}-{key}"
    for key in (
        "authz",
        "token",
        "access_token",
        "X-Amz-Signature",
        "X-Amz-Credential",
        "sig",
        "key",
        "whatever",
    )
)
VARIABLES = ("BEARER_TOKEN", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "X509_USER_PROXY", "SOME_PASSWORD")
_ZLIB = re.compile(rb"\x78[\x01\x5e\x9c\xda]")


def layers(data: bytes) -> Iterator[bytes]:
    """Yield the bytes of a file and what is packed in it."""
    yield data
    for found in _ZLIB.finditer(data):
        try:
            yield zlib.decompressobj().decompress(memoryview(data)[found.start() :])
        except zlib.error:
            continue


def found_in(folder: Path) -> list[str]:
    paths = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    return [path.name for path in paths for layer in layers(path.read_bytes()) if CANARY.encode() in layer]


@pytest.fixture
def address(web: Any, simulate: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A file on a server that wants a key, by a URL with everything secret that a URL can have."""
    path = sorted(simulate(tmp_path / "elsewhere", "small", 300).glob("run_*.root"))[0]
    basic = base64.b64encode(f"user:{CANARY}-password".encode()).decode()
    web.files[path.name], web.keys = path.read_bytes(), (KEY, f"Basic {basic}")
    for name in VARIABLES:
        monkeypatch.setenv(name, f"{CANARY}-{name}")
    (tmp_path / "job").mkdir()
    monkeypatch.chdir(tmp_path / "job")
    host = web.url.removeprefix("http://")
    return f"http://user:{CANARY}-password@{host}/{path.name}?{QUERY}#{CANARY}-fragment"


PROCESS = ["process", "c.json", "--selection", "dimuon_2023", "--executor", "iterative"]
SOON = ["--deadline", "1"]
"""For servers that give nothing: what is said then is searched whatever it is, and however soon."""


def test_no_secret_is_in_anything_that_is_kept_or_said(
    web: Any, address: str, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    codes = [main(["catalogue", address, "--to", "c.json"])]
    header = {"client_kwargs": {"headers": {"Authorization": KEY}}}
    monkeypatch.setitem(fsspec.config.conf, "http", header)
    codes.append(main([*PROCESS, "--to", "out", "--no-report"]))
    codes.append(main(["report", "out"]))
    codes.append(main(["freeze", "out"]))
    assert codes == [0, 0, 0, 0]
    for fault in ("401", "loop", "noise", "cut"):
        web.fault = fault
        for line in (
            ["catalogue", address, "--to", "d.json", *SOON, "--debug"],
            [*PROCESS, *SOON, "--to", f"out-{fault}", "--fresh", "--no-report"],
            ["why", "out", "8701"],
        ):
            assert main(line) in (0, 1, 2)
    monkeypatch.delitem(fsspec.config.conf, "http")
    web.fault = ""
    assert main([*PROCESS, "--to", "out-without", "--no-report"]) == 1
    captured = capfd.readouterr()
    assert "401 Unauthorized" in captured.out
    assert "are not kept; a job takes them from the configuration of fsspec" in captured.out
    assert CANARY not in captured.out + captured.err
    assert found_in(Path.cwd()) == []


@pytest.mark.parametrize(
    "line",
    [
        ["catalogue", "{}"],
        ["{}"],
        ["status", "{}"],
        ["process", "{}", "--selection", "{}"],
        ["simulate", "{}", "--to", "x"],
        ["catalogue", "simplecache::{}", "--to", "c.json"],
        ["catalogue", "unknown+{}", "--to", "c.json", "--deadline", "1"],
        ["project", "--eot", "1e12", "--background", "{}", "--efficiency", "0.5"],
        ["process", "c.json", "--selection", "dimuon_2023", "--scheduler", "{}"],
    ],
    ids=" ".join,
)
def test_no_secret_is_in_what_is_said_of_a_wrong_command_line(
    address: str, line: list[str], capfd: pytest.CaptureFixture[str]
) -> None:
    with suppress(SystemExit):
        assert main([word.format(address) for word in line]) in (1, 2)
    captured = capfd.readouterr()
    assert CANARY not in captured.out + captured.err
    assert captured.out + captured.err
    assert found_in(Path.cwd()) == []


def test_the_search_finds_secrets_where_they_are(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text(f"https://h/x?token={CANARY}")
    (tmp_path / "b.partial").write_bytes(b"head" + zlib.compress(f"--{CANARY}".encode()))
    assert found_in(tmp_path) == ["a.json", "b.partial"]
