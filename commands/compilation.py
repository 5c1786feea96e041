"""na64 compile: kernels in advance, so that the first job does not wait for them."""

from __future__ import annotations

import argparse
from typing import Any

from na64.commands.verbs import SUCCESS, add_command


def add(verbs: Any) -> None:
    """Declare the command."""
    add_command(verbs, "compile", _compile, "Compile the kernels in advance, for all jobs on this machine.")


def _compile(options: argparse.Namespace) -> int:  # noqa: ARG001
    from na64.processors.events.ready_kernels import compile_usual

    n_compiled = compile_usual(lambda line: print(line, flush=True))
    if not n_compiled:
        print("the kernels are compiled already")
    return SUCCESS
