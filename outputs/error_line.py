"""What went wrong, in one line for a person."""

from __future__ import annotations


def error_line(problem: BaseException) -> str:
    """Return the text of an exception: of a KeyError without its quotes, of an OSError its file first."""
    text = str(problem) or type(problem).__name__
    if isinstance(problem, KeyError) and problem.args:
        text = str(problem.args[0])
    elif isinstance(problem, OSError) and problem.strerror and problem.filename is not None:
        text = f"{problem.filename}: {problem.strerror}"
    return " ".join(text.split())
