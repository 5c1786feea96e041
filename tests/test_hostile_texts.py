"""Texts of a user in selections and names: in every page and figure they are text, and nothing else."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path

import pytest

import na64
from na64.outputs.report.interactive import script
from na64.run import main

SELECTION = Path(na64.__file__).parent / "selections" / "invisible_2023.toml"
SCRIPT = '"><script>alert(1)</script><img src=x onerror=alert(1)>&amp;{{ 7 * 7 }}{% raw %}'


class Reader(HTMLParser):
    """Collects what a browser would obey besides the script of the report, and what it would show."""

    def __init__(self) -> None:
        super().__init__()
        self.obeyed: list[str] = []
        self.text = ""
        self.script: str | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.obeyed.extend(name for name, _ in attrs if name.startswith("on"))
        if tag == "script" and attrs != [("type", "application/json"), ("id", "data")]:
            self.script = ""
            self.obeyed.extend(f"script {name}" for name, _ in attrs)

    def handle_endtag(self, tag: str) -> None:
        if self.script is not None and self.script != str(script()):
            self.obeyed.append(self.script)
        self.script = None

    def handle_data(self, data: str) -> None:
        if self.script is None:
            self.text += data
        else:
            self.script += data


def read(page: Path) -> Reader:
    reader = Reader()
    reader.feed(page.read_text())
    return reader


def written_by_an_enemy(folder: Path, text: str) -> Path:
    """Copy a selection with a text in place of, or after, each of its own."""
    value = json.dumps(text, ensure_ascii=False)
    found = SELECTION.read_text().replace('name = "invisible_2023"', 'name = "mine"')
    found = re.sub(r'\b(label|source) = "[^"]*"', lambda one: f"{one[1]} = {value}", found)
    found = re.sub(r'description = """.*?"""', lambda _: f"description = {value}", found, flags=re.DOTALL)
    path = folder / "mine.toml"
    path.write_text(found)
    assert found.count(value) > 20
    return path


@pytest.mark.soak
@pytest.mark.parametrize("text", [SCRIPT, r"$\frac{x $ %s {0} \n ^_", "\u0645\u03bc\u4e2d\U0001f600 $x$"])
def test_texts_of_a_selection_are_shown_and_never_obeyed(
    text: str, simulate: Callable[..., Path], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    data = simulate(tmp_path, "small", 300)
    shutil.copy(next(data.glob("run_*.root")), data / "run_<b onload=alert(1)>.root")
    listed, out, other = tmp_path / "c.json", tmp_path / "out", tmp_path / "other"
    assert main(["catalogue", str(data), "--to", str(listed)]) == 0
    mine = str(written_by_an_enemy(tmp_path, text))
    ways = ["--executor", "iterative"]
    assert main(["process", str(listed), "--selection", mine, "--to", str(out), *ways]) == 0
    assert (
        main(
            [
                "process",
                str(listed),
                "--selection",
                "invisible_2023",
                "--to",
                str(other),
                *ways,
                "--no-report",
            ]
        )
        == 0
    )
    assert main(["compare", str(other), str(out)]) == 0
    assert main(["show", str(out), "--after", "visible", "--limit", "2"]) == 0
    assert main(["freeze", str(out), "--background", "0.1 events", "--expected-limit", "none"]) == 0
    assert main(["report", str(out)]) == 0
    assert "cannot be drawn" not in capfd.readouterr().err
    pages = {page.name: read(page) for page in out.rglob("*.html")}
    assert "report.html" in pages
    assert not any(page.obeyed for page in pages.values())
    if text == SCRIPT:
        assert pages["report.html"].text.count(SCRIPT) >= 10
