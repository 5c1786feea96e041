"""A zip file of anybody is read as files below one folder, or refused."""

from __future__ import annotations

import stat
import struct
import zipfile
from pathlib import Path

import pytest

from na64.outputs.analysis.preservation.archive import DamagedError, open_archive, write_archive

WRITTEN = {"b.txt": b"second", "a/one.csv": b"1,2\n" * 99, "a/two": b""}


def _written(folder: Path) -> Path:
    path = folder / "x.zip"
    write_archive(path, WRITTEN)
    return path


def _with_entry(folder: Path, entry: zipfile.ZipInfo | str, data: bytes = b"x") -> Path:
    path = folder / "bad.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("good.txt", b"good")
        archive.writestr(entry, data)
    return path


def test_what_was_written_is_read_and_unpacked(tmp_path: Path) -> None:
    with open_archive(_written(tmp_path)) as archive:
        assert archive.names == {*WRITTEN}
        assert {name: archive.read(name) for name in WRITTEN} == WRITTEN
        archive.unpack(tmp_path / "out")
    assert {name: (tmp_path / "out" / name).read_bytes() for name in WRITTEN} == WRITTEN


def test_the_bytes_follow_from_names_and_contents(tmp_path: Path) -> None:
    first = _written(tmp_path).read_bytes()
    (tmp_path / "x.zip").unlink()
    assert _written(tmp_path).read_bytes() == first
    with zipfile.ZipFile(tmp_path / "x.zip") as archive:
        assert {entry.date_time for entry in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}


@pytest.mark.parametrize(
    "name",
    [
        "../out.txt",
        "a/../../out.txt",
        "/etc/passwd",
        "a//b",
        "./a",
        "folder/",
        "a\\..\\b",
        "C:x",
        "a\nb",
        "a\x1b[31m",
        "a ",
        "a./b",
        "x" * 300,
    ],
)
def test_a_name_that_leads_elsewhere_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(DamagedError, match="its name"), open_archive(_with_entry(tmp_path, name)):
        pass
    assert [path.name for path in tmp_path.iterdir()] == ["bad.zip"]
    with pytest.raises(ValueError, match="cannot be put into a bundle"):
        write_archive(tmp_path / "own.zip", {name: b""})


@pytest.mark.parametrize("twice", ["good.txt", "GOOD.txt"])
@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_name_that_is_there_twice_is_refused(tmp_path: Path, twice: str) -> None:
    with pytest.raises(DamagedError, match="is there twice"), open_archive(_with_entry(tmp_path, twice)):
        pass


def test_accents_written_in_two_ways_are_one_name(tmp_path: Path) -> None:
    path = tmp_path / "bad.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("\u00e9.txt", b"")
        archive.writestr("e\u0301.txt", b"")
    with pytest.raises(DamagedError, match="is there twice"), open_archive(path):
        pass


def test_a_file_is_no_folder(tmp_path: Path) -> None:
    with (
        pytest.raises(DamagedError, match="a folder that is a file"),
        open_archive(_with_entry(tmp_path, "good.txt/x")),
    ):
        pass


@pytest.mark.parametrize("kind", [stat.S_IFLNK, stat.S_IFIFO, stat.S_IFDIR, stat.S_IFCHR])
def test_links_and_devices_are_refused(tmp_path: Path, kind: int) -> None:
    entry = zipfile.ZipInfo("link")
    entry.create_system, entry.external_attr = 3, (kind | 0o777) << 16
    with (
        pytest.raises(DamagedError, match="no file"),
        open_archive(_with_entry(tmp_path, entry, b"/etc/passwd")),
    ):
        pass


def test_what_is_compressed_may_be_a_bomb_and_is_refused(tmp_path: Path) -> None:
    entry = zipfile.ZipInfo("zeros")
    entry.compress_type = zipfile.ZIP_DEFLATED
    with (
        pytest.raises(DamagedError, match="zeros: is compressed"),
        open_archive(_with_entry(tmp_path, entry, bytes(1 << 20))),
    ):
        pass


def test_what_is_encrypted_is_refused(tmp_path: Path) -> None:
    data = bytearray(_written(tmp_path).read_bytes())
    at = data.index(b"PK\x01\x02")
    data[at + 8] |= 1
    (tmp_path / "x.zip").write_bytes(data)
    with pytest.raises(DamagedError, match="is encrypted"), open_archive(tmp_path / "x.zip"):
        pass


def test_entries_that_share_their_bytes_are_refused(tmp_path: Path) -> None:
    """The directory names the same content many times, each longer than the file has bytes for."""
    path = tmp_path / "x.zip"
    write_archive(path, {f"f{n}": b"x" * 1000 for n in range(3)})
    data = bytearray(path.read_bytes())
    first = data.index(b"PK\x01\x02")
    at = first
    for _ in range(3):
        data[at + 20 : at + 28] = struct.pack("<II", 3000, 3000)
        at = data.find(b"PK\x01\x02", at + 4)
    path.write_bytes(data)
    with pytest.raises(DamagedError, match="longer than the file"), open_archive(path):
        pass


def test_a_changed_byte_of_a_file_is_noticed(tmp_path: Path) -> None:
    path = _written(tmp_path)
    data = bytearray(path.read_bytes())
    data[data.index(b"second")] ^= 1
    path.write_bytes(data)
    with open_archive(path) as archive, pytest.raises(DamagedError, match=r"b\.txt: Bad CRC"):
        archive.digest("b.txt")


@pytest.mark.parametrize("cut", [0, 3, 40, -1, -30])
def test_what_is_no_zip_file_is_refused(tmp_path: Path, cut: int) -> None:
    path = _written(tmp_path)
    path.write_bytes(path.read_bytes()[:cut])
    with pytest.raises(DamagedError, match="is not a zip file that is whole"), open_archive(path):
        pass


def test_unpacking_replaces_nothing(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out/b.txt").write_text("mine")
    with open_archive(_written(tmp_path)) as archive, pytest.raises(FileExistsError):
        archive.unpack(tmp_path / "out")
    assert (tmp_path / "out/b.txt").read_text() == "mine"
