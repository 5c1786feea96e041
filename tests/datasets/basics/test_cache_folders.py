from __future__ import annotations

import os
import tempfile
from pathlib import Path

import pytest

from na64.datasets.basics.cache_folders import has_home, make_private, private_folder, user_caches


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder for temporary files of this test alone, and no cache of the user."""
    for name in ("XDG_CACHE_HOME", "XDG_CONFIG_HOME"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "tmp").mkdir()
    (tmp_path / "tmp").chmod(0o1777)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "tmp"))
    return tmp_path / "tmp"


def test_a_cache_is_where_the_user_has_caches(
    temporary: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    assert private_folder("a") == tmp_path / "home" / ".cache" / "na64" / "a"
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "caches"))
    assert private_folder("a") == tmp_path / "caches" / "na64" / "a"
    assert not list(temporary.iterdir())


@pytest.mark.parametrize("home", ["/proc/none", "/dev/null", "no/such", ""])
def test_a_home_that_cannot_be_is_replaced_by_a_folder_of_the_user_alone(
    home: str, temporary: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", home)
    monkeypatch.setenv("XDG_CACHE_HOME", home and f"{home}/caches")
    monkeypatch.setattr(os.path, "expanduser", lambda text: text.replace("~", home or "~"))  # no such user
    assert not has_home()
    assert private_folder("a") == temporary / f"na64-{os.getuid()}" / "a"
    assert (temporary / f"na64-{os.getuid()}").stat().st_mode & 0o777 == 0o700
    assert [path.name for path in tmp_path.iterdir()] == ["tmp"]


def test_without_a_folder_for_temporary_files_the_users_own_is_left(
    temporary: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail() -> str:
        raise FileNotFoundError("no usable temporary directory")

    monkeypatch.setattr(tempfile, "gettempdir", fail)
    monkeypatch.setenv("HOME", "/nowhere")
    assert user_caches() == (Path("/nowhere/.cache/na64"),)
    assert temporary.exists()


@pytest.mark.parametrize(
    ("parent", "folder", "is_private"),
    [
        (0o700, 0o700, True),
        (0o755, 0o700, True),
        (0o1777, 0o700, True),
        (0o777, 0o700, False),
        (0o775, 0o700, False),
        (0o700, 0o755, False),
        (0o700, 0o770, False),
    ],
)
def test_a_folder_that_others_could_change_or_replace_is_not_private(
    parent: int, folder: int, is_private: bool, tmp_path: Path
) -> None:
    path = tmp_path / "parent" / "folder"
    path.mkdir(parents=True)
    path.chmod(folder)
    path.parent.chmod(parent)
    assert make_private(path) == is_private


@pytest.mark.skipif(os.getuid() != 0, reason="only root can give a folder away")
@pytest.mark.parametrize("whose", ["parent", "parent/folder", "link"])
def test_a_folder_or_link_of_somebody_else_is_not_private(whose: str, tmp_path: Path) -> None:
    (tmp_path / "parent" / "folder").mkdir(parents=True, mode=0o700)
    (tmp_path / "parent" / "folder").chmod(0o700)
    (tmp_path / "link").symlink_to("parent")
    assert make_private(tmp_path / "link" / "folder")
    os.chown(tmp_path / whose, 12345, 12345, follow_symlinks=False)
    assert not make_private(tmp_path / "link" / "folder")
