"""na64 completion: what a shell completes commands, options and files with."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from na64.commands.verbs import SUCCESS, add_command, tell


def add(verbs: Any) -> None:
    """Declare the command."""
    text = "Print the script by which a shell completes commands, options and names of files."
    parser = add_command(verbs, "completion", _completion, text)
    parser.add_argument("shell", choices=("bash", "zsh"), help="for which shell")


def _completion(options: argparse.Namespace) -> int:
    try:
        import shtab
    except ImportError:
        raise ImportError(
            "completion needs the package shtab, which is not installed: it is the extra na64[completion]"
        ) from None
    parser: argparse.ArgumentParser = options.parser()
    for action in _actions(parser):
        if action.type is Path:
            action.complete = shtab.FILE  # type: ignore[attr-defined]
    tell(shtab.complete(parser, shell=options.shell).splitlines())
    return SUCCESS


def _actions(parser: argparse.ArgumentParser) -> Iterator[argparse.Action]:
    """Options and arguments of all commands."""
    for action in parser._actions:
        yield action
        if isinstance(action, argparse._SubParsersAction):
            for verb in action.choices.values():
                yield from _actions(verb)
