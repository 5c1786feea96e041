"""A file to start a period of one's own from: the numbers of a packaged one, for other runs."""

from __future__ import annotations

import re
from importlib.resources import files

from na64.datasets.basics.packaged import PackagedFiles
from na64.datasets.conditions.periods import packaged_periods

_PACKAGED = PackagedFiles("period", files("na64.datasets.conditions").joinpath("periods"))
_BLOCK = re.compile(r"^\[\[(runs|published)\]\]\n(?:[^\[\n][^\n]*\n|\n(?!\[))*\n?", re.MULTILINE)
_N_RUNS = 1000

_HEADER = """\
# Period {name}, begun with the numbers of {like}: na64 init period.
# Change what differs, and say in every source where the number is from. It is used with
#   na64 catalogue PATH... --to CATALOGUE.json --periods FOLDER_OF_THIS_FILE
# The name has to be that of the file. Runs of another period are refused.
# Every source below is that of {like}.

"""

_RUNS = """\
[[runs]]
first = {first}
last = {last}
source = "{source}"

"""
_FREE = "NOT FOUND: runs that no packaged period has"


def stated_runs_text(name: str, first: int, last: int, source: str) -> str:
    """Text of a packaged period whose runs are not public, with runs stated.

    Raises
    ------
    ValueError
        The packaged period has runs.
    """
    text = _PACKAGED.named(name, "period").read_text(encoding="utf-8")
    if packaged_periods()[name].runs:
        raise ValueError(f"period {name} has runs")
    head, mark, rest = re.sub(r"^runs = .*\n", "", text, flags=re.MULTILINE).partition("[beam]")
    return head + _RUNS.format(first=first, last=last, source=source) + mark + rest


def period_text(name: str, like: str) -> str:
    """Text of a period that loads as it stands beside the packaged ones.

    Parameters
    ----------
    name : str
    like : str
        Packaged period whose numbers it begins with; its runs and published numbers are left out.

    Raises
    ------
    KeyError
        There is no such packaged period; names the nearest.
    """
    text = _PACKAGED.named(like, "--like").read_text(encoding="utf-8")
    text = _BLOCK.sub("", text[text.index("name = ") :])
    text = re.sub(r'^name = ".*"$', f'name = "{name}"', text, count=1, flags=re.MULTILINE)
    text = re.sub(
        r'^description = ".*"$', f'description = "begun with {like}"', text, count=1, flags=re.MULTILINE
    )
    text = re.sub(r"^runs = .*\n", "", text, flags=re.MULTILINE)
    first = 1 + max(last for period in packaged_periods().values() for _, last in period.runs)
    runs = _RUNS.format(first=first, last=first + _N_RUNS - 1, source=_FREE)
    head, mark, rest = text.partition("[beam]")
    return _HEADER.format(name=name, like=like) + head + runs + mark + rest.rstrip() + "\n"
