"""Every public name has an example, and the examples work: one campaign goes through all of them."""

from __future__ import annotations

import doctest
import inspect
import shutil
from collections.abc import Iterator
from typing import Any

import pytest

import na64

pytestmark = pytest.mark.usefixtures("undrawn")

_ORDER = (
    "simulate",
    "catalogue",
    "NA64Schema",
    "NA64Processor",
    "nanoevents",
    "opened_schema",
    "feature",
    "cell_feature",
    "calibrate",
    "monitor",
    "beam",
    "process",
    "Result",
    "open_result",
    "compare",
    "overlay",
    "events",
    "show",
    "background",
    "project",
    "searches",
    "efficiency",
    "limits",
    "scan",
    "freeze",
    "audit",
    "unblind",
)
"""The order of an analysis: each takes what those before have written."""


@pytest.fixture(scope="module")
def said(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """What was wrong with the examples of each name; empty if nothing was."""
    folder = tmp_path_factory.mktemp("examples")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        globs: dict[str, Any] = {"na64": na64}
        yield {name: _run(name, globs) for name in _ORDER}


def _run(name: str, globs: dict[str, Any]) -> str:
    if name == "overlay":
        _simulation()
    if name == "beam":
        _beam_triggers()
    test = doctest.DocTestParser().get_doctest(_text(name), globs, name, None, 0)
    failed: list[str] = []
    runner = doctest.DocTestRunner(verbose=False)
    runner.run(test, out=failed.append, clear_globs=False)
    globs.update(test.globs)
    return "".join(failed)


def _simulation() -> None:
    """The same files, not taken for data."""
    shutil.copytree("data", "files")
    na64.catalogue("files", to="files.json", simulation=True)
    na64.process("files.json", selection="dimuon_2023", to="simulated", executor="iterative", report=False)


def _beam_triggers() -> None:
    """Enough of them to fit the momentum to."""
    na64.simulate("beam", to="beam", events=5_000)
    na64.catalogue("beam", to="beam.json")
    na64.process("beam.json", selection="beam_2023", to="beam_out", executor="iterative", report=False)


def _text(name: str) -> str:
    return inspect.getdoc(getattr(na64, name)) or ""


def test_every_public_name_is_run() -> None:
    assert {*_ORDER, "__version__"} == {*na64.__all__}


@pytest.mark.parametrize("name", _ORDER)
def test_a_public_name_has_an_example(name: str) -> None:
    examples = doctest.DocTestParser().get_examples(_text(name))
    assert examples
    assert not any(example.options.get(doctest.SKIP) for example in examples)


@pytest.mark.parametrize("name", _ORDER)
def test_the_example_of_a_public_name_gives_what_it_shows(said: dict[str, str], name: str) -> None:
    assert said[name] == ""


def test_the_verbs_take_options_by_name_only() -> None:
    for name in _ORDER:
        found = getattr(na64, name)
        if inspect.isfunction(found) and found.__module__.startswith("na64.outputs.analysis"):
            parameters = inspect.signature(found).parameters.values()
            free = [
                p.name for p in parameters if p.kind is p.POSITIONAL_OR_KEYWORD and p.default is not p.empty
            ]
            assert not free, name
