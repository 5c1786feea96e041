"""Code names roles: lines of it that name one detector, region, beam or search get fewer, never more."""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from na64.datasets.conditions.on_target import _LABELS
from na64.datasets.conditions.periods import load_periods

ROOT = Path(__file__).parents[1]
MOST = {
    "benchmarks": 27,
    "commands": 22,
    "datasets": 36,
    "docs": 5,
    "outputs": 149,
    "processors": 1,
    "selections": 6,
}
"""Lines of code by layer. Whoever names fewer writes the smaller number here; no one writes a larger one."""
MOST_EXPLAINING = 278
"""Lines of docstrings and comments of all layers."""

ORDINARY_WORDS = {"counters", "target"}
"""Names of detectors in a period that mean no detector elsewhere."""
NOT_IN_A_PERIOD = {"bgo", "gem", "lyso", "prs", "smu", "straw", "straws", "zdcal"}
"""Detectors known by columns or by other names."""
SEARCHES = {"alp", "invisible", "milliq", "semivisible"}
"""Searches whose names are neither particles nor ordinary words."""
PHRASES = re.compile(
    r"\bregions?[ _](?:i|ii|iii)(?![a-z])|(?<!\d)(?:50|70|100|150|160) ?gev\b", re.IGNORECASE
)
"""Regions of one selection and energies of one beam."""


def _words(text: str) -> list[str]:
    """Words of names and sentences, lower case, each with the digits that end it."""
    return re.findall(r"[a-z]+\d*", text.lower())


def _vocabulary() -> frozenset[str]:
    detectors = {_words(name)[0] for period in load_periods().values() for name in period.setup.detectors}
    kinds = {_words(label)[-1] for particle, (label, _) in _LABELS.items() if particle}
    return frozenset(detectors - ORDINARY_WORDS | kinds | NOT_IN_A_PERIOD | SEARCHES)


NAMES = _vocabulary()


def _is_named(text: str) -> bool:
    return bool(PHRASES.search(text)) or any(
        word in NAMES or word.rstrip("0123456789") in NAMES for word in _words(text)
    )


def _docstrings(source: str) -> set[int]:
    texts = [node.value for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Expr)]
    texts = [text for text in texts if isinstance(text, ast.Constant) and isinstance(text.value, str)]
    return {line for text in texts for line in range(text.lineno, (text.end_lineno or 0) + 1)}


def _lines(source: str) -> Iterator[tuple[int, str, str]]:
    """Lines that name something: number, `code` or `explaining`, text."""
    tokens = tokenize.generate_tokens(io.StringIO(source).readline)
    comments = {token.start[0]: token.start[1] for token in tokens if token.type == tokenize.COMMENT}
    explaining = _docstrings(source)
    for number, line in enumerate(source.splitlines(), 1):
        end = 0 if number in explaining else comments.get(number, len(line))
        for kind, text in (("code", line[:end]), ("explaining", line[end:])):
            if _is_named(text):
                yield number, kind, line.strip()


def _found() -> dict[str, list[str]]:
    """Lines by layer, those of docstrings and comments by `explaining`."""
    found: dict[str, list[str]] = {layer: [] for layer in (*MOST, "explaining")}
    for layer in MOST:
        for path in sorted((ROOT / layer).rglob("*.py")):
            for number, kind, line in _lines(path.read_text()):
                where = f"{path.relative_to(ROOT)}:{number}: {line}"
                found[layer if kind == "code" else kind].append(where)
    return found


def test_no_more_lines_name_one_detector_region_beam_or_search() -> None:
    assert sum(MOST.values()) < 250
    found = _found()
    most = {**MOST, "explaining": MOST_EXPLAINING}
    assert any(found.values())
    more = {layer: lines for layer, lines in found.items() if len(lines) > most[layer]}
    assert not more, {layer: (len(lines), *lines) for layer, lines in more.items()}


SOURCE = '''
"""Sums of the ECAL."""
sums = hcal_0 + hcal3  # of the HCAL
def of_region_i(eot): return "beam of 100 GeV"
def recall(hcalibrated, veto_, s4, s40): return "Region in the ecall, vetoed"
energy = {"region_ii": 1100 GeV, "MOT": 2}
"""the
VETO, and
more"""
'''.replace("1100 GeV", "1")


def test_names_are_found_word_by_word_in_code_and_apart_from_it_in_what_explains() -> None:
    kinds = Counter(kind for _, kind, _ in _lines(SOURCE))
    assert [(number, kind) for number, kind, _ in _lines(SOURCE)] == [
        (2, "explaining"),
        (3, "code"),
        (3, "explaining"),
        (4, "code"),
        (5, "code"),
        (6, "code"),
        (8, "explaining"),
    ]
    assert kinds == {"code": 4, "explaining": 3}


@pytest.mark.parametrize(
    "line", ["recall", "vetoed", "the regions in", "1100 GeV", "300 GeV", "positron", "a target", "min"]
)
def test_other_words_are_none_of_them(line: str) -> None:
    assert not _is_named(line)


@pytest.mark.parametrize(
    "line",
    ["E_ECAL", "hcal_0", "straw3_x", "V2", "s4", "wcal", "EOT", "e+OT", "mm1", "alp_2018", "Regions I"],
)
def test_every_kind_of_name_is_found(line: str) -> None:
    assert _is_named(line)
