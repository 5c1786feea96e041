from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from na64.datasets.basics.identity import source_digest
from na64.datasets.basics.kept_names import keep, kept_names


@pytest.fixture
def caches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    (tmp_path / "caches").mkdir(mode=0o700)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "caches"))
    kept_names.cache_clear()
    yield tmp_path / "caches"
    kept_names.cache_clear()


def test_what_one_program_named_another_does_not_name_again(caches: Path, tmp_path: Path) -> None:
    source = tmp_path / "kernel.py"
    source.write_text("X = 1\n")
    named = source_digest([source])
    (kept,) = caches.rglob("sources/*.json")
    before = kept.stat().st_mtime_ns
    kept_names.cache_clear()
    assert source_digest([source]) == named
    assert kept.stat().st_mtime_ns == before  # nothing was lacking
    source.write_text("X = 2\n")
    assert source_digest([source]) != named


@pytest.mark.parametrize("damage", [b"", b"{", b"[]", b'{"names": 1, "seal": 2}', b"[" * 100_000])
def test_a_damaged_file_of_names_is_made_again(damage: bytes, caches: Path, tmp_path: Path) -> None:
    source = tmp_path / "kernel.py"
    source.write_text("X = 1\n")
    named = source_digest([source])
    (kept,) = caches.rglob("sources/*.json")
    kept.write_bytes(damage)
    kept_names.cache_clear()
    assert source_digest([source]) == named
    assert json.loads(kept.read_bytes())["names"]


def test_a_name_that_was_altered_is_not_believed(caches: Path, tmp_path: Path) -> None:
    source = tmp_path / "kernel.py"
    source.write_text("X = 1\n")
    named = source_digest([source])
    (kept,) = caches.rglob("sources/*.json")
    content = json.loads(kept.read_bytes())
    content["names"] = dict.fromkeys(content["names"], "0" * 64)
    kept.write_text(json.dumps(content))
    kept_names.cache_clear()
    assert source_digest([source]) == named


def test_the_newest_of_too_many_names_are_kept(caches: Path) -> None:
    keep("maker", {f"{n}": "name" for n in range(20_001)})
    kept = kept_names("maker")
    assert len(kept) == 10_000
    assert "20000" in kept
    assert kept_names("another maker") == {}
