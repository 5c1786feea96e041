"""The straight line as tests drive it: simulate, catalogue, process, read the products back."""

from __future__ import annotations

import base64
import csv
import gc
import http.server
import sys
import threading
import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any, BinaryIO

import pytest
from hypothesis import HealthCheck, settings

import na64
from na64.run import main

CANONICAL = (
    "yields.csv",
    "yields.parquet",
    "cutflow.csv",
    "cutflow.parquet",
    "regions.csv",
    "histograms.uhi.zip",
)
SPEED = (HealthCheck.too_slow,)
settings.register_profile("na64", deadline=None, suppress_health_check=SPEED)  # machines are shared
settings.load_profile("na64")

# An installed package has no tests: what several of them share is found beside this file.
_SHARED = ModuleType("na64.tests")
_SHARED.__path__ = [str(Path(__file__).parent)]
sys.modules.setdefault(_SHARED.__name__, _SHARED)

PACKAGE = Path(na64.__file__).parent
PLACES = {
    "period": "datasets/conditions/periods",
    "layout": "datasets/reading/layouts",
    "selection": "selections",
    "campaign": "datasets/synthetic/campaigns",
}
PIXEL = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAQAAAC1HAwCAAAAC0lEQVR42mNk+A8AAQUBAScY42YAAAAASUVORK5CYII="
)
"""The smallest picture."""

LONGEST = tuple(
    Path(__file__).parent / f"{name}.py"
    for name in (
        "torture/faults/test_faults",
        "blinding/test_secrets",
        "test_clusters",
        "processors/execution/test_dask_schedulers",
        "processors/execution/test_backends",
        "blinding/test_non_interference",
        "torture/test_bad_inputs",
        "test_main_line",
        "test_docs",
        "blinding/cycle/test_together",
        "blinding/test_mutants_of_visible_events",
        "outputs/analysis/test_examples",
        "test_run",
        "blinding/test_canaries",
        "blinding/test_looking",
        "outputs/analysis/test_calibrations",
        "blinding/test_many_boxes",
        "torture/test_damaged_files",
        "test_batch",
        "blinding/test_boxes_of_any_set_up",
    )
)
"""Files that begin first, so that the last of several workers is not alone with one of them.

Ahead are those that wait for servers and workers: others, as mypy, have the processor then.
"""

IF_VARIED = ("variations.csv", "variations_yields.csv")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Begin with the files that take longest; `make soak` has an order of its own."""
    if config.getoption("markexpr") == "not soak":
        places = {path: place for place, path in enumerate(LONGEST)}
        items.sort(key=lambda item: places.get(item.path, len(places)))


@pytest.hookimpl(tryfirst=True)
def pytest_collection() -> None:
    """Search for no garbage while tests are collected: all that is made then is kept."""
    gc.disable()


def pytest_collection_finish() -> None:
    """Search for garbage again, but not in what thousands of tests and their modules are."""
    gc.collect()
    gc.freeze()
    gc.enable()


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Print what came of every bad input and every fault, from all processes that ran tests."""
    reports = [report for listed in terminalreporter.stats.values() for report in listed]
    noted = [pair for r in reports if getattr(r, "when", "") == "call" for pair in r.user_properties]
    rows = [tuple(values) for name, values in noted if name == "outcome"]
    if rows:
        terminalreporter.section("bad inputs and faults: case, outcome, reason")
    for case, outcome, reason in sorted(rows, key=lambda row: _number_first(row[0])):
        terminalreporter.write_line(f"{case:44s} {outcome:11s} {reason}".rstrip()[:200])


def _number_first(case: str) -> tuple[int, str]:
    digits = case[: len(case) - len(case.lstrip("0123456789"))]
    return int(digits or 1000), case


@pytest.fixture(scope="session")
def simulate() -> Callable[..., Path]:
    """Write the files of a packaged campaign into ``folder/data``."""

    def write(folder: Path, campaign: str, events: int, **options: str) -> Path:
        more = [word for name, value in options.items() for word in (f"--{name}", value)]
        size = ["--events", str(events)]
        assert main(["simulate", campaign, "--to", str(folder / "data"), *size, *more]) == 0
        return folder / "data"

    return write


@pytest.fixture(scope="session")
def process() -> Callable[..., Path]:
    """Catalogue a folder of run files beside it, and process that without a report."""

    def run(
        files: Path, selection: str, *options: str, name: str = "products", catalogue: tuple[str, ...] = ()
    ) -> Path:
        listed, products = files.parent / f"{files.name}.json", files.parent / name
        assert main(["catalogue", str(files), "--to", str(listed), *catalogue]) == 0
        command = ["process", str(listed), "--selection", selection, "--to", str(products), "--no-report"]
        executor = [] if "--executor" in options else ["--executor", "iterative"]
        assert main([*command, *executor, *options]) == 0
        return products

    return run


@pytest.fixture(scope="session")
def canonical() -> Callable[[Path], dict[str, bytes]]:
    """Read the products that are the same byte for byte for equal input."""

    def read(folder: Path) -> dict[str, bytes]:
        varied = [name for name in IF_VARIED if (folder / name).exists()]
        return {name: (folder / name).read_bytes() for name in (*CANONICAL, *varied)}

    return read


@pytest.fixture(scope="session")
def rows() -> Callable[[Path], list[dict[str, str]]]:
    """Read a CSV product."""

    def read(path: Path) -> list[dict[str, str]]:
        with path.open(newline="") as stream:
            return list(csv.DictReader(stream))

    return read


def _edited(kind: str, name: str, folder: Path, *changes: tuple[str, str], to: str = "") -> Path:
    text = (PACKAGE / PLACES[kind] / f"{name}.toml").read_text()
    for old, new in ((f'name = "{name}"', f'name = "{to or name}"'), *changes):
        assert old in text, old
        text = text.replace(old, new, 1)
    folder.mkdir(exist_ok=True)
    path = folder / f"{to or name}.toml"
    path.write_text(text)
    return path


@pytest.fixture(scope="session")
def edited() -> Callable[..., Path]:
    """Write a packaged period, layout or selection with changed texts, each in its first place.

    What it gives is called with kind, name, folder and pairs of texts; `to` is another name for it.
    """
    return _edited


@contextmanager
def _undrawn() -> Iterator[None]:
    def save(_figure: object, to: BinaryIO, **_options: object) -> None:
        to.write(PIXEL)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("matplotlib.figure.Figure.savefig", save)
        patch.setattr("matplotlib.layout_engine.ConstrainedLayoutEngine.execute", lambda *_: None)
        patch.setattr("na64.outputs.report.column_layout.ColumnLayout.execute", lambda *_: None)
        patch.setattr("matplotlib.figure.Figure.findobj", lambda *_: [])  # it makes every tick
        yield


@pytest.fixture(scope="session")
def undrawing() -> Callable[[], AbstractContextManager[None]]:
    """Make figures, but let matplotlib not draw them: it is most of their time, and not all are looked at."""
    return _undrawn


@pytest.fixture(scope="module")
def undrawn() -> Iterator[None]:
    """As `undrawing`, for a module none of whose tests looks at a picture."""
    with _undrawn():
        yield


@pytest.fixture(scope="module")
def uncompared() -> Iterator[None]:
    """Limits without the fits of pyhf beside them, for a module none of whose tests looks at these."""

    def found(*_given: object, **_options: object) -> tuple[float, list[float], None]:
        return 1.0, [1.0] * 5, None

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("pyhf.infer.intervals.upper_limits.toms748_scan", found)
        yield


@pytest.fixture(scope="session")
def patience() -> Callable[..., float]:
    """Give a deadline (s) that something keeps on this machine, however busy: ten times what it takes."""

    def measure(do: Callable[[], object], *, least: float) -> float:
        start = time.monotonic()
        do()
        return round(max(least, 10 * (time.monotonic() - start)), 1)

    return measure


class Web(http.server.ThreadingHTTPServer):
    """A server on loopback with files by name, and a fault that it has.

    Attributes
    ----------
    files : dict of str to bytes
    fault : str
        Nothing, a status, or: ``stall``, ``cut``, ``no ranges``, ``short``, ``long``, ``loop``, ``file``,
        ``noise``, ``no size``, ``other bytes``.
    left : int
        Answers until the fault is over; -1: it stays.
    keys : tuple of str
        One of which the header ``Authorization`` must have; empty: nothing.
    query : str
        What the query must have.
    asked : list of str
        Lines of the requests so far.
    stated : dict of str to str or None
        Headers about the version of every file; None: an ``ETag`` of its content.
    """

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _WebHandler)
        self.files: dict[str, bytes] = {}
        self.fault, self.left = "", -1
        self.keys: tuple[str, ...] = ()
        self.query = ""
        self.asked: list[str] = []
        self.stated: dict[str, str] | None = None
        self.released = threading.Event()

    @property
    def url(self) -> str:
        """Where it is."""
        return f"http://127.0.0.1:{self.server_port}"

    def fault_now(self) -> str:
        """Give the fault of this answer."""
        if self.left == 0:
            return ""
        self.left -= self.left > 0
        return self.fault

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing of clients that have gone."""


class _WebHandler(http.server.BaseHTTPRequestHandler):
    server: Web
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Say nothing."""

    def do_HEAD(self) -> None:
        """Answer without content."""
        self._answer(with_content=False)

    def do_GET(self) -> None:
        """Answer with content."""
        self._answer(with_content=True)

    def _answer(self, *, with_content: bool) -> None:
        self.server.asked.append(self.requestline)
        fault = self.server.fault_now()
        data = self.server.files.get(self.path.partition("?")[0].lstrip("/"))
        is_known = not self.server.keys or self.headers.get("Authorization") in self.server.keys
        if not is_known or self.server.query not in self.path.partition("?")[2]:
            fault = "401"
        elif data is None:
            fault = fault or "404"
        if fault == "stall":
            self.server.released.wait(600)
        if fault == "noise":
            self.wfile.write(b"\x00\x01 this is no answer\r\n\r\n")
            self.close_connection = True
        elif fault.isdigit() or fault in ("loop", "file"):
            self._say_only(int(fault) if fault.isdigit() else 302, fault)
        else:
            self._give(data or b"", fault, with_content=with_content)

    def _say_only(self, status: int, fault: str) -> None:
        self.send_response(status, "secret words of the server")
        if status == 302:
            place = "file:///etc/passwd" if fault == "file" else self.path
            self.send_header("Location", f"{place}?token=canary-of-a-redirect")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def _give(self, data: bytes, fault: str, *, with_content: bool) -> None:
        wanted = "" if fault == "no ranges" else self.headers.get("Range", "")
        first, _, last = wanted.removeprefix("bytes=").partition("-")
        start, stop = int(first or 0), min(int(last or len(data) - 1), len(data) - 1) + 1
        if fault == "other bytes" and start:
            start, stop = start - 1, stop - 1
        part = data[start:stop]
        self.send_response(206 if wanted else 200)
        if wanted:
            self.send_header("Content-Range", f"bytes {start}-{stop - 1}/{len(data)}")
        stated = self.server.stated
        for name, text in ({"ETag": f'"{zlib.crc32(data)}"'} if stated is None else stated).items():
            self.send_header(name, text)
        size = len(part) + {"short": -1, "long": 1}.get(fault, 0) * with_content
        if fault != "no size":
            self.send_header("Content-Length", str(size))
        self.close_connection = fault in ("cut", "long", "short", "no size")
        self.end_headers()
        if with_content:
            self.wfile.write(part[: len(part) // 2 if fault == "cut" else size])


@pytest.fixture
def web() -> Iterator[Web]:
    """Serve files on loopback."""
    with Web() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        yield server
        server.released.set()
        server.shutdown()
        thread.join()
