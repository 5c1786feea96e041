"""A plug-in is named by what it computes; one that may look at its own text, by its text."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import pytest

from na64.processors.features.plugin import Plugin, PluginError, load_plugin
from na64.processors.features.plugin_source import code_identity, imported_modules

SOURCE = '''import math
import numba
import numpy as np
from na64 import feature

_LIMITS = (1, 20.5)


@feature(name="new", unit="GeV")
def new(event):
    """Energy."""
    energy = event["ecal"] + event["hcal"]
    return np.clip(energy, *_LIMITS) * math.pi
'''
SAME = {
    "a comment": SOURCE.replace("    energy", "    # both calorimeters\n    energy"),
    "a comment at the end": SOURCE + "# the end",
    "a type comment": SOURCE.replace('hcal"]', 'hcal"]  # type: ignore'),
    "an encoding line": "# -*- coding: latin-1 -*-\n" + SOURCE,
    "blank lines": SOURCE.replace("\n", "\n\n"),
    "windows lines": SOURCE.replace("\n", "\r\n"),
    "indentation": SOURCE.replace("    ", "\t"),
    "brackets": SOURCE.replace('event["ecal"] + event["hcal"]', '(\n  event["ecal"]\n  + event["hcal"])'),
    "quotes": SOURCE.replace('["ecal"]', "['ecal']"),
    "ways to write a number": SOURCE.replace("20.5", "2.05e1").replace("1,", "0x1,"),
    "no newline at the end": SOURCE.rstrip(),
}
OTHER = {
    "a number": SOURCE.replace("20.5", "20.6"),
    "an integer for a float": SOURCE.replace("20.5", "20"),
    "a docstring, which a function may read": SOURCE.replace("Energy.", "Sum of energies."),
    "a name": SOURCE.replace("energy", "sum_of_both"),
    "an unused line": SOURCE + "_MORE = 1\n",
    "the order": SOURCE.replace('event["ecal"] + event["hcal"]', 'event["hcal"] + event["ecal"]'),
    "a unit": SOURCE.replace('unit="GeV"', 'unit="MIP"'),
}
LOOKS = (
    "import inspect\nlength = len(inspect.getsource(inspect))",
    "import sys\nline = sys._getframe().f_lineno",
    "from os import path",
    "text = open('my.py').read()",
    "text = open(__file__).read()",
    "text = __loader__.get_source(__name__)",
    "line = feature.__code__.co_firstlineno",
    "line = getattr(feature, '__code__')",
    "words = ['__code__']\nline = [getattr(feature, word) for word in words]",
    "what = '__co' + 'de__'\nline = getattr(feature, what)",
    "exec('1')",
    "import numpy as np\ntable = np.loadtxt('my.py')",
    "from numpy import load",
    "try:\n    1 / 0\nexcept ZeroDivisionError as error:\n    line = error.__traceback__.tb_lineno",
    "import a_module_that_nobody_knows",
    "import numba\nasm = numba.njit(feature).inspect_llvm()",
)


@pytest.mark.parametrize("how", SAME)
def test_what_computes_the_same_has_the_same_name_and_another_text(how: str) -> None:
    assert SAME[how] != SOURCE
    one, other = Plugin("my.py", SOURCE), Plugin("my.py", SAME[how])
    assert one.identity == other.identity
    assert one.sha256 != other.sha256


@pytest.mark.parametrize("how", OTHER)
def test_what_may_compute_something_else_has_another_name(how: str) -> None:
    assert OTHER[how] != SOURCE
    assert Plugin("my.py", SOURCE).identity != Plugin("my.py", OTHER[how]).identity


@pytest.mark.parametrize("line", LOOKS)
def test_a_source_that_may_look_at_its_text_is_named_by_every_letter(line: str) -> None:
    names = {code_identity("my.py", f"{line}\n{more}") for more in ("", "# a remark\n", "\n")}
    assert len(names) == 3
    assert code_identity("my.py", line) != code_identity("other.py", line)


def test_the_file_name_counts_only_where_it_can_be_read() -> None:
    assert code_identity("my.py", SOURCE) == code_identity("other.py", SOURCE)


def test_a_source_too_deep_to_be_written_down_is_named_by_its_text() -> None:
    deep = "x = " + "+".join(["1"] * 1200)
    compile(deep, "my.py", "exec")
    assert code_identity("my.py", deep) != code_identity("my.py", f"{deep}  # a remark")


def test_a_text_has_the_name_that_sha256sum_gives_its_file(tmp_path: Path) -> None:
    path = tmp_path / "my.py"
    path.write_bytes(SOURCE.replace("\n", "\r\n").encode())
    assert load_plugin(path).sha256 == sha256(path.read_bytes()).hexdigest()


@pytest.fixture
def beside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Plug-in with a module beside it that imports another one."""
    monkeypatch.syspath_prepend(str(tmp_path))
    (tmp_path / "beside_one.py").write_text("import math\n\nimport beside_two\n\nSCALE = beside_two.SCALE\n")
    (tmp_path / "beside_two.py").write_text("SCALE = 2\n")
    path = tmp_path / "my.py"
    path.write_text(f"import beside_one\n{SOURCE}")
    yield path
    for name in ("beside_one", "beside_two"):
        sys.modules.pop(name, None)


def test_modules_beside_a_plug_in_are_part_of_its_name(beside: Path) -> None:
    before = load_plugin(beside)
    assert [name for name, _ in before.imported] == ["beside_one", "beside_two"]
    assert load_plugin(beside).identity == before.identity
    beside.with_name("beside_two.py").write_text("SCALE = 3\n")
    assert load_plugin(beside).identity != before.identity


def test_a_worker_that_has_another_module_by_the_name_refuses(beside: Path) -> None:
    read = load_plugin(beside)
    moved = Plugin("moved.py", read.source, read.imported)
    beside.with_name("beside_two.py").write_text("SCALE = 3\n")
    with pytest.raises(PluginError, match=r"^plug-in moved.py: module beside_two is not what it was"):
        _ = moved.features


def test_packages_of_the_program_are_not_part_of_the_name_and_other_installed_ones_by_version() -> None:
    assert imported_modules(SOURCE) == ()
    assert imported_modules("from os import path\nimport nothing_of_that_name") == (
        ("nothing_of_that_name", imported_modules("import nothing_of_that_name")[0][1]),
    )
    ((name, version),) = imported_modules("def later():\n    import pluggy.hooks\n")
    assert name == "pluggy"
    assert version == sys.modules["pluggy"].__version__
