"""Figures of the same content are drawn once; any other content, and any damage, draws them again."""

from __future__ import annotations

import ast
import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from importlib.resources import files
from pathlib import Path
from typing import Any

import hist
import numpy as np
import pytest
from matplotlib.figure import Figure

from na64.outputs.report import drawing, kept_figures
from na64.outputs.report.drawing import write_figure, write_figures
from na64.outputs.report.figures import Drawing
from na64.outputs.report.kept_figures import code_digest, key_of, read_kept
from na64.outputs.report.pictures import write_pictures
from na64.outputs.result.store import DRAWN, PLOTS
from na64.outputs.result.summary_facts import IntervalFacts


def counts(*numbers: int, label: str = "x", name: str = "feature", high: float = 3.0) -> hist.Hist[Any]:
    axis = hist.axis.Regular(3, 0, high, name=name, label=label)
    found: hist.Hist[Any] = hist.Hist(axis, storage=hist.storage.Int64())
    found.view()[...] = numbers or (1, 2, 3)
    return found


def picture(*_: object, **__: object) -> Figure:
    return Figure(figsize=(1, 1))


def other(*_: object) -> Figure:
    return Figure(figsize=(2, 1))


def broken(*_: object) -> Figure:
    raise ValueError("no such colour")


def killed(parent: int) -> Figure:
    if os.getpid() != parent:
        os._exit(1)
    return Figure(figsize=(1, 1))


INTERVAL = IntervalFacts("feature", "GeV", "feature < 1 GeV", None, 1.0)


@pytest.mark.parametrize(
    "make",
    [
        partial(other, counts()),
        partial(picture, counts(1, 2, 4)),
        partial(picture, counts(label="y")),
        partial(picture, counts(name="another")),
        partial(picture, counts(high=4.0)),
        partial(picture, counts(), title="more"),
        partial(picture, counts(), INTERVAL),
        partial(picture, counts(), replace(INTERVAL, high=1.5)),
        partial(picture, counts(), (INTERVAL,)),
        partial(picture, counts(), {"a": np.arange(3)}),
        partial(picture, counts(), {"a": np.arange(3.0)}),
        partial(picture, counts(), {"a": np.arange(4)}),
        partial(picture, partial(other, counts())),
    ],
)
def test_any_other_content_has_another_key(make: Any) -> None:
    key = key_of("plane", partial(picture, counts()), "code")
    assert len(key) == 64
    assert key == key_of("plane", partial(picture, counts()), "code")
    assert key_of("plane", make, "code") not in ("", key)
    assert key_of("plane", make, "code") == key_of("plane", make, "code")
    assert key != key_of("plane", partial(picture, counts()), "other code")
    assert key != key_of("flow", partial(picture, counts()), "code")


def test_what_has_no_name_has_no_key() -> None:
    assert key_of("plane", partial(picture, object()), "code") == ""
    assert key_of("plane", lambda: Figure(figsize=(3, 3)), "code") == ""


_ONLY_FILES = (
    "datasets/basics/atomic_file",
    "datasets/basics/error_line",
    "datasets/basics/json_records",
    "datasets/basics/sourced_values",
)
"""Modules that read and write what is shown, and do not shape it."""


class Drawn:
    """A result of two figures, and how often each was drawn."""

    def __init__(self, folder: Path, facts: Any, patch: pytest.MonkeyPatch) -> None:
        self.folder, self.names = folder, list[str]()
        self.makes: dict[str, Callable[[], Figure]] = {"one": partial(picture, 1), "two": partial(picture, 2)}
        self.products: Any = type("Products", (), {"summary": facts})()
        patch.setattr("na64.outputs.report.figures.drawings", self._drawings)
        patch.setattr(drawing, "write_figures", self._write)

    def _drawings(self, products: object, status: str) -> list[Drawing]:
        return [Drawing(name, "section", f"{name}{status}", make) for name, make in self.makes.items()]

    def _write(self, folder: Path, figures: list[tuple[str, Any]]) -> Any:
        for name, make in figures:
            self.names.append(name)
            yield write_figure(folder, name, make)

    def write(self, *, status: str = "", result: bytes = b"result") -> list[str]:
        """Names of what was drawn for it."""
        self.names.clear()
        found, failed = write_pictures(self.folder, self.products, status, result)
        assert [name for name, *_ in found] + failed == list(self.makes)
        assert all(png == (self.folder / PLOTS / f"{name}.png").read_bytes() for name, _, _, png in found)
        return list(self.names)


@pytest.fixture
def drawn(case: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Drawn:
    return Drawn(tmp_path, case.facts, monkeypatch)


def test_nothing_is_drawn_twice(drawn: Drawn) -> None:
    assert drawn.write() == ["one", "two"]
    assert drawn.write() == []
    assert drawn.write(result=b"another run, the same figures") == []


def test_only_what_changed_is_drawn(drawn: Drawn) -> None:
    drawn.write()
    drawn.makes |= {"two": partial(picture, 3), "three": partial(picture, 2)}
    assert drawn.write(result=b"another") == ["two", "three"]
    assert drawn.write(result=b"another") == []


@pytest.mark.parametrize("name", ["one.png", "two.pdf"])
def test_a_picture_that_was_changed_or_lost_is_drawn_again(drawn: Drawn, name: str) -> None:
    drawn.write()
    (drawn.folder / PLOTS / name).write_bytes(b"edited")
    assert drawn.write() == [name[:3]]
    (drawn.folder / PLOTS / name).unlink()
    assert drawn.write() == [name[:3]]
    assert drawn.write() == []


@pytest.mark.parametrize("text", [b"", b"[]", b'{"of": 3}', b'{"figures": [{"name": "../one"}]}'])
def test_a_damaged_memory_is_none(drawn: Drawn, text: bytes) -> None:
    drawn.write()
    (drawn.folder / DRAWN).write_bytes(text)
    assert drawn.write() == ["one", "two"]


def test_what_failed_is_tried_again(drawn: Drawn) -> None:
    drawn.makes["two"] = partial(broken, 1)
    assert drawn.write() == ["one", "two"]
    assert read_kept(drawn.folder).of == ""
    assert drawn.write() == ["two"]


def test_several_processes_draw_what_one_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    figures = [(f"figure_{n}", partial(picture if n % 2 else other, n)) for n in range(6)]
    figures.insert(3, ("broken", partial(broken, 1)))
    found = []
    for n_processes in (1, 2):
        monkeypatch.setattr(drawing, "_processors", lambda n=n_processes: n)
        caplog.clear()
        found.append(list(write_figures(tmp_path / str(n_processes), figures)))
        assert caplog.messages == ["figure broken is not drawn: no such colour"]
    assert found[0] == found[1]
    assert [bool(images) for images in found[0]] == [True] * 3 + [False] + [True] * 3


def test_what_a_lost_process_was_drawing_is_drawn_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(drawing, "_processors", lambda: 2)
    figures: list[Any] = [(f"figure_{n}", partial(killed, os.getpid())) for n in range(5)]
    figures.append(("unnamed", lambda: Figure(figsize=(1, 1))))
    assert all(write_figures(tmp_path, figures))


def test_nothing_is_copied_beside_other_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("threading.active_count", lambda: 2)
    assert drawing._processors() == 1
    monkeypatch.setattr("threading.active_count", lambda: 1)
    assert drawing._processors() >= 1


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of all that figures are drawn by, which the digest is of."""
    root = Path(str(files("na64")))
    for name in kept_figures._DRAWN_BY:
        leave_out = shutil.ignore_patterns("__pycache__")
        shutil.copytree(root / name, tmp_path / "package" / name, ignore=leave_out)
    for name in kept_figures._AND_BY:
        (tmp_path / "package" / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(root / name, tmp_path / "package" / name)
    copied = partial(code_digest, tmp_path / "package")
    monkeypatch.setattr("na64.outputs.report.pictures.code_digest", copied)
    return tmp_path / "package"


@pytest.mark.parametrize(
    ("name", "edit", "again"),
    [
        ("outputs/report/na64.mplstyle", ("", "axes.grid: True"), True),
        ("outputs/report/style.py", ('"font.size": 12', '"font.size": 13'), True),
        ("outputs/result/palette.toml", ("", "[colours]"), True),
        ("datasets/instrument/features.toml", ('unit = "GeV"', 'unit = "MeV"'), True),
        ("datasets/conditions/particles.toml", ("EOT", "electrons on target"), True),
        ("outputs/report/report.css", ("}", "} "), False),
        ("outputs/report/style.py", ("\nINK", "\n# a remark\nINK"), False),
    ],
)
def test_what_shapes_a_picture_is_drawn_again_when_it_changes(
    drawn: Drawn,
    package: Path,
    name: str,
    edit: tuple[str, str],
    again: bool,
) -> None:
    old, new = edit
    assert drawn.write() == ["one", "two"]
    text = (package / name).read_text() if old else ""
    assert old in text
    (package / name).write_text(text.replace(old, new, 1) if old else new)
    assert drawn.write() == (["one", "two"] if again else [])


def test_the_digest_is_of_every_module_that_words_and_units_of_figures_are_from() -> None:
    root, known = Path(str(files("na64"))), {*kept_figures._AND_BY}
    for name in ("figures", "plots", "plane", "spectra", "display", "heading", "outline", "region_styles"):
        tree = ast.parse((root / "outputs" / "report" / f"{name}.py").read_text())
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("na64."):
                path = node.module.removeprefix("na64.").replace(".", "/")
                is_drawing = path.startswith(kept_figures._DRAWN_BY) or path in _ONLY_FILES
                assert is_drawing or f"{path}.py" in known, f"{name} imports {path}"
