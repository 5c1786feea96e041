"""A driver that is ended by a signal while it writes its products: nothing half, nothing left behind."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from na64.run import main

Products = dict[str, bytes]

DRIVER = """
import os, sys
from pathlib import Path
from na64.run import main

left, number, folder, *words = sys.argv[1:]
replace, calls = Path.replace, [int(left)]

def replace_or_die(self, target):
    if Path(target).parent == Path(folder):
        calls[0] -= 1
        if calls[0] < 0:
            os.kill(os.getpid(), int(number))
    return replace(self, target)

Path.replace = replace_or_die
sys.exit(main(words))
"""


@pytest.fixture(scope="module")
def listed(simulate: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    data = simulate(tmp_path_factory.mktemp("killed"), "small", 300)
    path = data.parent / "c.json"
    assert main(["catalogue", str(data), "--to", str(path)]) == 0
    return path


@pytest.mark.parametrize(
    ("n_written", "number"),
    [
        pytest.param(n_written, number, marks=() if (n_written, number) == quick else pytest.mark.soak)
        for quick in [(6, signal.SIGTERM)]
        for n_written in (0, 1, 6, 11)
        for number in (signal.SIGTERM, signal.SIGKILL)
    ],
)
def test_a_driver_that_is_ended_between_two_products_leaves_nothing_half(
    *,
    n_written: int,
    number: int,
    listed: Path,
    canonical: Callable[[Path], Products],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    out = tmp_path / "out"
    words = ["process", str(listed), "--selection", "dimuon_2023", "--to", str(out), "--no-report"]
    words += ["--executor", "iterative", "--store", str(listed.parent / "features")]
    assert main([*words, "--limit", "50"]) == 1
    before = canonical(out)
    line = [sys.executable, "-c", DRIVER, str(n_written), str(int(number)), str(out), *words, "--replace"]
    assert subprocess.run(line, check=False, capture_output=True).returncode == -number
    capsys.readouterr()
    if (out / "result.json").exists():
        assert main(["status", str(out)]) in (0, 1)
        assert canonical(out) == before
    else:
        assert main(["status", str(out)]) == 1
        assert capsys.readouterr().out.splitlines() == [
            "no products yet: the same na64 process goes on where it was"
        ]
    assert main([*words, "--replace"]) == 0
    assert main(["status", str(out)]) == 0
    assert not [path.name for path in out.iterdir() if path.name.endswith(".writing")]


@pytest.mark.soak
def test_what_a_killed_report_left_goes_with_the_next_one(
    listed: Path, undrawing: Callable[[], AbstractContextManager[None]], tmp_path: Path
) -> None:
    out = tmp_path / "out"
    words = ["process", str(listed), "--selection", "dimuon_2023", "--to", str(out), "--no-report"]
    assert main([*words, "--executor", "iterative"]) == 0
    line = [sys.executable, "-c", DRIVER, "3", str(int(signal.SIGKILL)), str(out / "plots")]
    done = subprocess.run([*line, "report", str(out)], check=False, capture_output=True)
    assert done.returncode == -signal.SIGKILL
    assert len(list(out.rglob("*.writing"))) == 1
    with undrawing():
        assert main(["report", str(out)]) == 0
    assert not list(out.rglob("*.writing"))
    assert len(list(out.glob("plots/*.png"))) > 3
