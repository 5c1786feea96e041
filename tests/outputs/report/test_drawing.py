from __future__ import annotations

import errno
import gc
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path
from typing import Any

import matplotlib as mpl
import pytest
from cycler import cycler
from matplotlib.figure import Figure

from na64.datasets.basics.turns import turn
from na64.outputs.report.drawing import write_figure


def picture(label: str = "$E_\\mathrm{ECAL}$ [GeV]") -> Figure:
    figure = Figure()
    axes = figure.subplots()
    axes.plot([0, 1, 2], [-1, 5, 3], label="energy")
    axes.set_xlabel(label)
    axes.legend()
    return figure


@pytest.mark.parametrize(
    "setting",
    [
        {"text.usetex": True},
        {"font.size": 30.0, "font.family": ["monospace"]},
        {"axes.grid": True, "axes.prop_cycle": cycler(color=["red"])},
        {"savefig.bbox": "tight", "savefig.transparent": True, "savefig.facecolor": "black"},
        {"figure.autolayout": True, "figure.subplot.left": 0.4},
        {"path.sketch": (1.0, 100.0, 2.0), "path.simplify": False},
        {"pdf.compression": 0, "pdf.fonttype": 42, "svg.fonttype": "none"},
        {"axes.formatter.limits": [-1, 1], "axes.unicode_minus": False},
    ],
    ids=lambda setting: next(iter(setting)),
)
def test_settings_of_the_user_change_no_figure(setting: dict[str, Any], tmp_path: Path) -> None:
    expected = write_figure(tmp_path, "picture", picture)
    current: Any = mpl.rcParams
    with mpl.rc_context():
        current.update(setting)
        assert write_figure(tmp_path, "picture", picture) == expected
        assert {name: current[name] for name in setting} == setting
    assert expected.keys() == {"png", "pdf"}


@pytest.mark.parametrize(
    "problem",
    [
        RuntimeError("latex could not be found"),
        OSError(errno.ENOSPC, "No space left on device", "picture.png"),
        ImportError("no backend"),
        MemoryError(),
        KeyError("font.size"),
    ],
    ids=lambda problem: type(problem).__name__,
)
def test_whatever_a_figure_raises_is_a_line(
    problem: Exception, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    def fail() -> Figure:
        raise problem

    assert write_figure(tmp_path, "picture", picture)
    assert write_figure(tmp_path, "picture", fail) == {}
    assert list(tmp_path.iterdir()) == []  # nor is there one of before
    (line,) = caplog.messages
    assert line.startswith("figure picture is not drawn: ")
    assert str(problem.args[-1] if problem.args else "MemoryError") in line


def test_a_folder_that_cannot_be_written_is_a_line(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "plots").write_text("a file")
    assert write_figure(tmp_path / "plots", "picture", picture) == {}
    assert caplog.messages == [f"figure picture is not drawn: {tmp_path / 'plots'}: File exists"]


@pytest.mark.parametrize(
    "text",
    [
        r"$\frac{x $",
        "a $ of b_ $",
        "1 $",
        r"$\nonsense$",
        "a\n$\\frac{$",
        "\u4e2d\U0001f600 $x$",
        "\U0001f600",
    ],
)
def test_what_only_looks_like_a_formula_is_shown_as_it_is_written(text: str, tmp_path: Path) -> None:
    def make() -> Figure:
        figure = picture()
        axes = figure.axes[0]
        axes.set(title=text, xlabel=text)
        axes.plot([1, 2], label=text)
        axes.legend()
        return figure

    assert write_figure(tmp_path, "picture", make).keys() == {"png", "pdf"}


def test_a_formula_in_a_label_stays_one(tmp_path: Path) -> None:
    formula, text = (
        write_figure(tmp_path, "one", partial(picture, label)) for label in (r"$\alpha$", r"\alpha")
    )
    assert formula != text


@pytest.mark.parametrize("problem", [None, RuntimeError("no")])
def test_garbage_is_collected_again_after_a_figure(problem: Exception | None, tmp_path: Path) -> None:
    meanwhile: list[bool] = []

    def make() -> Figure:
        meanwhile.append(gc.isenabled())
        if problem:
            raise problem
        return Figure(figsize=(1, 1))

    write_figure(tmp_path, "picture", make)
    assert meanwhile == [False]
    assert gc.isenabled()


DRAWING = """
import os, sys, time
from pathlib import Path
from na64.datasets.basics.turns import turn
from na64.outputs.report import drawing

folder = Path(sys.argv[1])
drawing._processors = lambda: 2

def draw():
    (folder / f"drawing_{os.getpid()}").touch()
    time.sleep(600)

with turn(folder, "products", "na64 report"):
    list(drawing.write_figures(folder / "plots", [(f"figure_{n}", draw) for n in range(6)]))
"""


def test_a_report_that_is_killed_while_it_draws_keeps_nobody_out(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", DRAWING, str(tmp_path)]) as report:
        while len(list(tmp_path.glob("drawing_*"))) < 2 and report.poll() is None:
            time.sleep(0.02)
        report.send_signal(signal.SIGTERM)
    with turn(tmp_path, "products", "the next one", patience=60.0):
        assert report.returncode == -signal.SIGTERM
