"""Imports point left: datasets, selections, processors, outputs, benchmarks, commands, run.py."""

from __future__ import annotations

import ast
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
LAYERS = ("datasets", "selections", "processors", "outputs", "benchmarks", "commands", "run")
KERNEL_IMPORTS = {"__future__", "math", "numpy", "numba"}
OF_KERNELS = ("na64.processors.kernels", "na64.datasets.compiled")


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


def _name(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(("na64", *(part for part in parts if part != "__init__")))


def _late(tree: ast.AST) -> set[str]:
    """Modules that are imported by name when they are needed."""
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    calls = [call for call in calls if ast.unparse(call.func).endswith("import_module")]
    arguments = [argument for call in calls for argument in call.args]
    values = [argument.value for argument in arguments if isinstance(argument, ast.Constant)]
    return {value for value in values if isinstance(value, str)}


def _graph(sources: dict[str, str]) -> dict[str, set[str]]:
    """Modules by name and the modules that each imports, wherever in it; packages stand for their rooms."""
    graph = {}
    for name, source in sources.items():
        tree = ast.parse(source)
        named = _imported(tree) | _late(tree)
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom):
                named.update(f"{node.module}.{alias.name}" for alias in node.names)
        graph[name] = {found for found in named if found in sources and found != name}
    return graph


def _circle(graph: dict[str, set[str]]) -> list[str]:
    """Names in a circle; empty if there is none."""
    sorter = TopologicalSorter(graph)
    try:
        sorter.prepare()
    except CycleError as error:
        return [str(name) for name in error.args[1]]
    return []


def _rooms(graph: dict[str, set[str]]) -> dict[str, set[str]]:
    def room(name: str) -> str:
        return ".".join(name.split(".")[:3])

    rooms: dict[str, set[str]] = {}
    for name, found in graph.items():
        rooms.setdefault(room(name), set()).update({room(other) for other in found} - {room(name)})
    return rooms


def _sources() -> dict[str, str]:
    return {_name(path): path.read_text() for layer in LAYERS for path in _modules(layer)}


@pytest.fixture(scope="module")
def graph() -> dict[str, set[str]]:
    return _graph(_sources())


def test_no_module_imports_itself_over_others(graph: dict[str, set[str]]) -> None:
    assert not _circle(graph)


def test_no_room_needs_a_room_that_needs_it(graph: dict[str, set[str]]) -> None:
    assert not _circle(_rooms(graph))


def test_a_circle_is_found_in_functions_and_by_name_too() -> None:
    sources = {
        "na64.outputs.a": "from na64.outputs import b",
        "na64.outputs.b": "def f():\n    from na64.outputs.c import g",
        "na64.outputs.c": "import importlib\nimportlib.import_module('na64.outputs.a')",
    }
    assert set(_circle(_graph(sources))) == {"na64.outputs.a", "na64.outputs.b", "na64.outputs.c"}
    del sources["na64.outputs.c"]
    assert not _circle(_graph(sources))


def test_a_layer_has_at_most_a_dozen_rooms() -> None:
    for layer in LAYERS[:-1]:
        rooms = {path.parent for path in (ROOT / layer).glob("*/__init__.py")}
        assert len(rooms) <= 12, layer


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
    others = ("__init__.py", "vector.py")
    loops = [path for path in loops if path.name not in others]
    assert loops
    for path in loops:
        names = _imported(ast.parse(path.read_text()))
        from_elsewhere = {one.split(".")[0] for one in names if not one.startswith(OF_KERNELS)}
        assert from_elsewhere <= KERNEL_IMPORTS, path.name
