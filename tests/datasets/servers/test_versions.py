"""What storages state of a file is taken for its version if other content has another one."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import fsspec
import pytest

from na64.datasets.servers import versions
from na64.datasets.servers.versions import version_of, version_to_keep

CHANGED = datetime(2026, 11, 30, 12, 0, 0, tzinfo=UTC)
DATE = "Mon, 30 Nov 2026 12:00:00 GMT"


@pytest.mark.parametrize(
    ("info", "version"),
    [
        ({"ETag": '"a;b"', "Last-Modified": DATE, "size": 3}, f'etag: "a,b"; lastmodified: {DATE}'),
        ({"ETag": 'W/"weak"', "mimetype": "text/plain", "url": "x"}, ""),
        ({"ETag": 'W/"weak"', "Last-Modified": DATE}, f"lastmodified: {DATE}"),
        ({"name": "x", "mtime": 1_796_000_000, "atime": 1, "uid": 0}, "mtime: 1796000000"),
        ({"LastModified": CHANGED, "ETag": None}, "lastmodified: 2026-11-30T12:00:00+00:00"),
        ({"name": "x", "size": 3, "type": "file"}, ""),
    ],
    ids=["HTTP", "weak", "weak and a time", "XRootD", "S3", "nothing"],
)
def test_a_version_is_what_changes_with_the_content(
    info: dict[str, Any], version: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Storage:
        def invalidate_cache(self) -> None:
            """Nothing is kept."""

        def info(self, _path: str) -> dict[str, Any]:
            return info

    monkeypatch.setattr(versions, "open_storage", lambda url: (Storage(), url))
    assert version_of("x://run.root") == version


@pytest.mark.parametrize("text", [DATE, str(int(CHANGED.timestamp())), CHANGED.isoformat()])
def test_a_time_that_is_not_over_is_equal_to_no_later_one(text: str) -> None:
    version, changed = f'etag: "a"; lastmodified: {text}', CHANGED.timestamp()
    assert version_to_keep(version, changed + 11) == version
    for now in (changed, changed + 9, changed - 3600):
        assert version_to_keep(version, now) != version
    assert version_to_keep('etag: "a"', changed) == 'etag: "a"'
    assert version_to_keep("", changed) == ""


def test_a_file_of_any_storage_that_is_replaced_has_another_version() -> None:
    storage = fsspec.filesystem("memory")
    storage.pipe("/versions/run.root", b"one")
    before = version_of("memory://versions/run.root")
    storage.pipe("/versions/run.root", b"two")
    assert before.startswith("created: ")
    assert version_of("memory://versions/run.root") != before
    storage.rm("/versions", recursive=True)
