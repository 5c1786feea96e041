"""Environments that a bundle is reproduced in."""

from __future__ import annotations

from pathlib import Path

import pytest

from na64.outputs.analysis.preservation.environment import EnvironmentProblemError, make_environment


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("NewConnectionError(...)", "no network, or an index that has none of them"),
        ("ERROR: no matching x==1 (from versions: none)", "no network, or an index that has none of them"),
        ("ERROR: x==1 needs y==2\nERROR: more", "ERROR: x==1 needs y==2"),
        ("something else", "something else"),
    ],
)
def test_an_environment_that_cannot_be_made_is_told_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, said: str, told: str
) -> None:
    """A Python that makes environments, and whose pip fails."""
    python = tmp_path / "python"
    make = '[ "$2" = venv ] && mkdir -p "$3/bin" && cp "$0" "$3/bin/python" && exit 0'
    python.write_text(f"#!/bin/sh\n{make}\nprintf '{said}' >&2\nexit 1\n")
    python.chmod(0o755)
    monkeypatch.setattr("sys.executable", str(python))
    with pytest.raises(EnvironmentProblemError) as caught:
        make_environment(tmp_path / "env", lock=tmp_path / "lock", wheel=tmp_path / "x.whl")
    assert str(caught.value) == (
        f"the packages of the bundle cannot be installed: {told}; --here uses the packages that are installed"
    )
