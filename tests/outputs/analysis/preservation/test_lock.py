"""The lock of a bundle has every package that the program needs, in the version that made the result."""

from __future__ import annotations

from importlib.metadata import version

import pytest

from na64.outputs.analysis.preservation.lock import lock, locked_versions, other_versions


def test_what_is_needed_by_what_is_needed_is_locked_too() -> None:
    found = locked_versions(lock(["coffea>=2025"], {}).decode())
    assert found["numpy"] == version("numpy")
    assert found["awkward-cpp"] == version("awkward_cpp")
    assert "pytest" not in found


def test_an_extra_of_a_package_is_followed() -> None:
    assert "bokeh" not in locked_versions(lock(["numpy"], {}).decode())
    needs = locked_versions(lock(["fsspec[http]"], {}).decode())
    assert {"fsspec", "aiohttp"} <= needs.keys()
    assert "aiohttp" not in locked_versions(lock(["fsspec"], {}).decode())


def test_an_extra_that_nobody_installed_is_left_out() -> None:
    assert lock(['no-such-package; extra == "some"'], {}) == b""
    assert locked_versions(lock(['packaging; extra == "some"'], {}).decode()) == {
        "packaging": version("packaging")
    }


def test_what_is_missing_is_named() -> None:
    with pytest.raises(ImportError, match="no-such-package is needed and not installed"):
        lock(["no_such_package>=1"], {})


def test_the_version_that_made_the_result_is_locked() -> None:
    text = lock(["packaging"], {"packaging": "1.0", "other": "2"}).decode()
    assert text == "packaging==1.0\n"
    assert list(other_versions(locked_versions(text))) == [
        f"packaging: {version('packaging')} here, 1.0 in the bundle"
    ]
    assert list(other_versions({"no-such-package": "1"})) == [
        "no-such-package: not installed here, 1 in the bundle"
    ]
