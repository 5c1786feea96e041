"""What `import na64` gives, and how quickly."""

from __future__ import annotations

import subprocess
import sys

import pytest

import na64


def test_importing_the_package_imports_nothing_else() -> None:
    new = "{name.partition('.')[0] for name in {*sys.modules} - before} - sys.stdlib_module_names"
    code = f"import sys; before = {{*sys.modules}}; import na64; print(sorted({new}))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "['na64']\n"


def test_every_public_name_is_there_and_is_explained() -> None:
    for name in na64.__all__:
        if name != "__version__":
            assert getattr(na64, name).__doc__, name


def test_an_unknown_name_is_refused_with_those_that_exist() -> None:
    with pytest.raises(AttributeError, match=r"no attribute 'run_it_all'.*open_result"):
        na64.run_it_all  # noqa: B018
