"""Kernels as other kernels call them: part of these, and made machine code with them only.

numba optimises and emits every function by itself, and again for everything that it calls, level by
level: half of the time that compiling took went into machine code that nobody runs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cached_property, update_wrapper
from typing import Any, Generic, TypeVar

import numba
from numba.core import types
from numba.core.codegen import JITCodeLibrary
from numba.core.compiler import CompilerBase, DefaultPassBuilder
from numba.core.compiler_machinery import register_pass
from numba.core.typed_passes import NativeLowering
from numba.extending import typeof_impl

R = TypeVar("R")


class Kernel(Generic[R]):
    """Function that is compiled in two forms: one that Python calls, one that is linked into other kernels.

    Each is made when it is first needed. Python never gets hold of the second.

    Parameters
    ----------
    function : callable
    options : mapping of str to bool
        Of `numba.njit`.
    keep : callable
        Takes the function and gives where its machine code is kept, None if nowhere.
    """

    def __init__(
        self, function: Callable[..., R], options: Mapping[str, Any], keep: Callable[..., Any]
    ) -> None:
        update_wrapper(self, function)
        self.py_func = function
        self._options = options
        self._keep = keep

    def __call__(self, *arguments: Any) -> R:
        """Call the compiled function from Python."""
        result: R = self.called(*arguments)
        return result

    @cached_property
    def called(self) -> Any:
        """Dispatcher of the form that Python calls."""
        called = numba.njit(self.py_func, **self._options)
        called._compilation_chain_init_hook = _add_nothing
        if (kept := self._keep(self.py_func)) is not None:
            called._cache = kept
        return called

    @cached_property
    def linked(self) -> Any:
        """Dispatcher of the form that other kernels call."""
        neither = {"no_cpython_wrapper": True, "no_cfunc_wrapper": True}
        return numba.njit(self.py_func, pipeline_class=LinkedCompiler, **neither, **self._options)


def _add_nothing() -> None:
    """Stand in for what other packages add to numba: kernels that are loaded need none of it."""


@typeof_impl.register(Kernel)
def _in_kernels(kernel: Kernel[Any], _: Any) -> Any:
    return types.Dispatcher(kernel.linked)


class _LinkedLibrary(JITCodeLibrary):  # type: ignore[misc]
    """Intermediate code that is left as it is, for the libraries that it is linked into."""

    def _optimize_final_module(self) -> None:
        pass

    def _finalize_final_module(self) -> None:
        self._finalized = True


@register_pass(mutates_CFG=True, analysis_only=False)
class _LinkedLowering(NativeLowering):  # type: ignore[misc]
    """Intermediate code for other kernels, without machine code."""

    _name = "na64_linked_lowering"

    def run_pass(self, state: Any) -> bool:
        """Do as numba, but tell it that there is nothing that Python could call."""
        state.flags.no_compile = True
        state.library = _LinkedLibrary(state.targetctx.codegen(), state.func_id.func_qualname)
        super().run_pass(state)
        lowered = state["cr"]
        name: Any = [].append  # a builtin of its own, by which numba knows the function; never called
        state.targetctx.insert_user_function(name, lowered.fndesc, [state.library])
        state["cr"] = lowered._replace(cfunc=name)
        return True


class LinkedCompiler(CompilerBase):  # type: ignore[misc]
    """The steps of numba, the last of which makes no machine code."""

    def define_pipelines(self) -> list[Any]:
        """List the one way to compile."""
        steps = DefaultPassBuilder.define_nopython_pipeline(self.state)
        steps.passes = [
            (_LinkedLowering if step is NativeLowering else step, what) for step, what in steps.passes
        ]
        steps.finalize()
        return [steps]
