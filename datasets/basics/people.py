"""Names of people: which of them are the same, however they are written."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable

_UNSEEN = ("Cf", "Mn")
"""Formatting characters, and marks on a letter."""


def distinct_people(names: Iterable[str]) -> int:
    """Number of different people among names; one without a letter is nobody.

    The same are names that differ in case, accents, punctuation, the order of words, or in characters that
    look alike by Unicode's compatibility tables or cannot be seen.
    """
    return len({_key(name) for name in names} - {()})


def _key(name: str) -> tuple[str, ...]:
    plain = unicodedata.normalize("NFKD", unicodedata.normalize("NFKC", name).casefold())
    seen = "".join(letter for letter in plain if unicodedata.category(letter) not in _UNSEEN)
    words = "".join(letter if letter.isalpha() else " " for letter in seen).split()
    return tuple(sorted(words))
