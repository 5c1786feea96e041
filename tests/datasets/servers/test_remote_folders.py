"""Folders and globs of XRootD over a file system that stands for the server."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from na64.datasets.servers import remote_folders
from na64.datasets.servers.patience import Patience

TREE = {
    "/": ["run_1.root", "run_2.root", "._run_1.root", "truth.parquet", "notes.txt", "a", "ab", ".sys.v#.a"],
    "/.sys.v#.a": ["run_9.root"],
    "/a": ["run_3.root", "run_[4].parquet"],
    "/ab": ["run_5.root"],
}


class Folders:
    """Names of entries are what fsspec-xrootd makes of them: with a slash too many, or none."""

    def __init__(self) -> None:
        self.dircache: dict[str, Any] = {}

    def ls(self, path: str, *, detail: bool) -> list[dict[str, str]]:
        assert detail
        if path not in TREE:
            raise FileNotFoundError(path)
        kinds = {name: "directory" if f"/{name}" in TREE else "file" for name in TREE[path]}
        return [{"name": f"{path}/{name}", "type": kind} for name, kind in kinds.items()]

    def info(self, path: str) -> dict[str, str]:
        parent, _, name = path.rpartition("/")
        if name not in TREE.get(parent or "/", []):
            raise FileNotFoundError(path)
        return {"type": "directory" if path in TREE else "file"}


@pytest.fixture(autouse=True)
def server(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remote_folders, "open_storage", lambda url: (Folders(), url))
    monkeypatch.setattr(remote_folders, "check_reader", lambda url: None)


def expand(url: str) -> Sequence[str]:
    found: Sequence[str] = remote_folders.expand_url(
        url, ("*.root", "*.parquet"), lambda name: not name.startswith("truth"), Patience(attempts=1)
    )
    return found


@pytest.mark.parametrize(
    ("named", "found"),
    [
        ("", ["run_1.root", "run_2.root"]),
        ("?authz=t", ["run_1.root?authz=t", "run_2.root?authz=t"]),
        ("a/", ["a/run_3.root", "a/run_[4].parquet"]),
        ("run_?.root?authz=t", ["run_1.root?authz=t", "run_2.root?authz=t"]),
        ("a*/*.root", ["a/run_3.root", "ab/run_5.root"]),
        ("*/run_3.root", ["a/run_3.root"]),
        ("._run*.root", ["._run_1.root"]),
        ("notes.txt", ["notes.txt"]),
        ("none.root", ["none.root"]),
        ("*.txt", ["notes.txt"]),
    ],
)
def test_folders_and_globs_are_those_of_a_disk(named: str, found: list[str]) -> None:
    assert expand(f"root://host:1//{named}") == [f"root://host:1//{name}" for name in found]


@pytest.mark.parametrize(
    ("named", "said"),
    [
        ("none/?authz=secret", r"root://host:1//none/: cannot be listed: No such file or directory$"),
        ("*.dat?authz=secret", r"root://host:1//\*.dat: no such file or folder$"),
        ("*/run_9.root", r"root://host:1//\*/run_9.root: no such file or folder$"),
        ("none/*.root", r"root://host:1//none/\*.root: cannot be listed: No such file or directory$"),
    ],
)
def test_what_is_not_there_is_said_without_secrets(named: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        expand(f"root://host:1//{named}")


def test_http_has_no_folders() -> None:
    assert expand("https://host/a/*.root") == ["https://host/a/*.root"]
