"""Imports point left: datasets, selections, processors, outputs, benchmarks, commands, run.py."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
LAYERS = ("datasets", "selections", "processors", "outputs", "benchmarks", "commands", "run")
KERNEL_IMPORTS = {"__future__", "math", "numpy", "numba"}


def _imported(tree: ast.AST) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            names.add("." * node.level + (node.module or ""))
            names.update(f"{node.module}.{alias.name}" for alias in node.names if node.module == "na64")
    return names


def _violations(source: str, layer: str) -> list[str]:
    allowed = LAYERS[: LAYERS.index(layer) + 1]
    bad = []
    for name in _imported(ast.parse(source)):
        top, _, rest = name.partition(".")
        is_right = top == "na64" and rest and rest.split(".")[0] not in (*allowed, "__version__")
        if not top or top in LAYERS or is_right:
            bad.append(name)
    return bad


def _modules(layer: str) -> list[Path]:
    return [ROOT / "run.py"] if layer == "run" else sorted((ROOT / layer).rglob("*.py"))


@pytest.mark.parametrize("layer", LAYERS)
def test_imports_point_left(layer: str) -> None:
    found = {str(path.relative_to(ROOT)): _violations(path.read_text(), layer) for path in _modules(layer)}
    assert found
    assert not {path: names for path, names in found.items() if names}


@pytest.mark.parametrize(
    ("source", "layer"),
    [
        ("from na64.processors import result", "selections"),
        ("import na64.outputs.result.store", "processors"),
        ("from na64 import processors", "datasets"),
        ("def f():\n    from na64.run import main", "outputs"),
        ("import datasets", "processors"),
        ("from . import cut", "selections"),
    ],
)
def test_an_import_to_the_right_is_found(source: str, layer: str) -> None:
    assert _violations(source, layer)


def test_kernels_import_math_numpy_and_numba_only() -> None:
    loops = [path for path in _modules("processors") if path.parent.name == "kernels"]
    loops = [path for path in loops if path.name not in ("__init__.py", "jit.py", "vector.py")]
    assert loops
    for path in loops:
        names = _imported(ast.parse(path.read_text()))
        others = {name.split(".")[0] for name in names if not name.startswith("na64.processors.kernels")}
        assert others <= KERNEL_IMPORTS, path.name
