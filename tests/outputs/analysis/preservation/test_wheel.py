"""The wheel in a bundle installs the program that runs, without network."""

from __future__ import annotations

import csv
import io
import shutil
import zipfile
from base64 import urlsafe_b64encode
from email import message_from_string
from hashlib import sha256
from pathlib import Path

import pytest

import na64
from na64.outputs.analysis.preservation.wheel import requirements_of_program, wheel_of_program
from na64.outputs.result.provenance import code_digest

ROOT = Path(__file__).parents[4]
FOLDER = f"na64-{na64.__version__}.dist-info"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    name, data = wheel_of_program(ROOT)
    path = tmp_path_factory.mktemp("wheel") / name
    path.write_bytes(data)
    return path


def test_it_is_the_same_every_time(wheel: Path) -> None:
    assert wheel_of_program(ROOT) == (wheel.name, wheel.read_bytes())


def test_the_record_names_every_file_with_its_hash(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    rows = {
        name: (digest, size)
        for name, digest, size in csv.reader(io.StringIO(files[f"{FOLDER}/RECORD"].decode()))
    }
    assert rows.keys() == files.keys()
    del rows[f"{FOLDER}/RECORD"]
    for name, (digest, size) in rows.items():
        hashed = urlsafe_b64encode(sha256(files[name]).digest()).decode().rstrip("=")
        assert (digest, size) == (f"sha256={hashed}", str(len(files[name])))


def test_it_states_what_the_program_needs(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        stated = message_from_string(archive.read(f"{FOLDER}/METADATA").decode())
        scripts = archive.read(f"{FOLDER}/entry_points.txt").decode()
    assert stated["Name"] == "na64"
    assert stated["Version"] == na64.__version__
    assert stated.get_all("Requires-Dist") == requirements_of_program(ROOT)
    assert 'xrootd>=6.0.3; extra == "xrootd"' in requirements_of_program(ROOT)
    assert scripts == "[console_scripts]\nna64 = na64.run:main\n"


@pytest.fixture(scope="module")
def installed(wheel: Path) -> Path:
    """What an installer makes of it: the files, unpacked."""
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(wheel.parent / "installed")
    return wheel.parent / "installed"


def test_the_code_that_it_installs_is_this_one(installed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    here = code_digest()
    monkeypatch.setattr(na64, "__file__", str(installed / "na64" / "__init__.py"))
    assert code_digest() == here
    tests = [path for path in installed.rglob("*") if path.name in ("tests", "docs", ".git")]
    assert not tests


def test_an_installed_package_makes_a_wheel_of_what_is_installed(
    installed: Path, wheel: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(installed))
    name, data = wheel_of_program(installed / "na64")
    assert name == wheel.name
    with zipfile.ZipFile(io.BytesIO(data)) as again, zipfile.ZipFile(wheel) as first:
        assert {*again.namelist()} == {*first.namelist()}
        assert all(again.read(name) == first.read(name) for name in first.namelist() if "RECORD" not in name)


def test_data_files_and_the_license_are_in_it(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = {*archive.namelist()}
    assert {f"{FOLDER}/licenses/LICENSE", "na64/py.typed", "na64/selections/invisible_2023.toml"} <= names
    folders = ("commands", "datasets", "outputs", "processors", "selections")
    there = {path for folder in folders for path in (ROOT / folder).rglob("*") if path.is_file()}
    there = {path for path in there if "__pycache__" not in path.parts}
    assert {f"na64/{path.relative_to(ROOT).as_posix()}" for path in there} <= names


def test_a_copy_that_is_neither_installed_nor_beside_its_sources_makes_none(
    installed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(installed))  # another copy is installed: that is not what runs
    shutil.copytree(installed / "na64" / "selections", tmp_path / "na64" / "selections")
    with pytest.raises(FileNotFoundError, match="neither installed nor beside its pyproject"):
        wheel_of_program(tmp_path / "na64")
