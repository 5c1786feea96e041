"""Kernels in two forms: called by Python, and linked into other kernels without machine code of their own."""

from __future__ import annotations

import numpy as np
import pytest
from numba.core import config

from na64.datasets.compiled import jit as module
from na64.datasets.compiled.jit import jit, jit_inline, jit_lent
from na64.datasets.compiled.linked import Kernel

pytestmark = pytest.mark.skipif(bool(config.DISABLE_JIT), reason="nothing is compiled")


@jit_inline
def double(number: float) -> float:
    return 2.0 * number


@jit_lent
def put_doubled(numbers: np.ndarray) -> None:
    for place in range(numbers.size):
        numbers[place] = double(numbers[place])


def test_a_kernel_that_others_call_is_part_of_these_and_not_compiled_for_python(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "CACHE_FOLDER", None)  # what is loaded has no parts

    @jit
    def doubled_twice(numbers: np.ndarray) -> np.ndarray:
        mine = numbers.copy()
        put_doubled(mine)
        put_doubled(mine)
        return mine

    assert doubled_twice(np.array([1.0, 2.5])).tolist() == [4.0, 10.0]
    for kernel in (double, put_doubled):
        assert isinstance(kernel, Kernel)
        assert len(kernel.linked.overloads) == 1
        assert not kernel.called.overloads
        (linked,) = kernel.linked.overloads.values()
        assert linked.library._codegen._engine.is_symbol_defined(linked.fndesc.llvm_func_name) is False


def test_a_kernel_of_others_can_be_called_from_python_too() -> None:
    assert double(1.5) == 3.0
    numbers = np.array([3.0])
    put_doubled(numbers)
    assert numbers.tolist() == [6.0]
    assert double.__name__ == "double"
