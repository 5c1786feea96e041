"""What a protocol needs, said before anything is read."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

import pytest

from na64.datasets.servers.remote import RemoteError, RemoteFile
from na64.datasets.servers.storages import NoReaderError, check_reader
from na64.run import main

REGISTRY = importlib.import_module("fsspec.registry")._registry
EXTRA = "root:// needs the extra xrootd: pip install na64[xrootd]"


@pytest.fixture
def without_xrootd(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.partition(".")[0] in ("XRootD", "fsspec_xrootd")]:
        monkeypatch.setitem(sys.modules, name, None)
    for name in ("XRootD", "XRootD.client", "XRootD.client.file", "fsspec_xrootd", "fsspec_xrootd.xrootd"):
        monkeypatch.setitem(sys.modules, name, None)
    monkeypatch.delitem(REGISTRY, "root", raising=False)


@pytest.mark.parametrize(
    "url", ["root://host//run_8701.root", "root://host//folder/", "ROOT://host//*.root?authz=x"]
)
@pytest.mark.usefixtures("without_xrootd")
def test_a_protocol_without_its_package_says_which_to_install(
    url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["catalogue", url, "--to", str(tmp_path / "c.json")]) == 2
    assert capsys.readouterr().err == f"na64: {EXTRA}\n"
    assert not (tmp_path / "c.json").exists()


@pytest.mark.usefixtures("without_xrootd")
def test_a_worker_without_the_package_says_so_too() -> None:
    with pytest.raises(RemoteError, match=r"root:// needs the extra xrootd: pip install na64\[xrootd\]"):
        RemoteFile("root://host//run_8701.root")


@pytest.mark.parametrize("url", ["htps://host/run.root", "xroots://host//run.root"])
def test_a_protocol_that_nobody_knows_is_refused(url: str) -> None:
    with pytest.raises(NoReaderError, match="is no protocol that is known here"):
        check_reader(url)


def test_protocols_of_other_packages_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "s3fs", None)
    monkeypatch.delitem(REGISTRY, "s3", raising=False)
    with pytest.raises(NoReaderError, match="s3:// needs a package that is not installed"):
        check_reader("s3://bucket/run.root")


def test_the_protocols_that_are_always_there_are_taken() -> None:
    for url in ("https://host/run.root", "file:///run.root"):
        check_reader(url)
