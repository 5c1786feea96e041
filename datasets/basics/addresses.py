"""Addresses of files, and what of them may be kept or shown: never a password, a token or a signature."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TypeAlias

Location: TypeAlias = str | Path
"""A path, or a URL such as ``root://host//path`` or ``https://host/path``."""

HIDDEN = "***"
"""What stands for a secret in a text."""

_PLAIN_KEYS = frozenset({"dl", "download", "file", "filename", "files", "format", "name", "path", "raw"})
"""Parameters of a query that say which file is meant; any other might be a secret."""

_SCHEME = re.compile(r"[a-zA-Z][a-zA-Z0-9+.-]*://")
_PARTS = re.compile(
    r"(?P<scheme>[a-zA-Z][a-zA-Z0-9+.-]*://)(?P<host>[^/?#]*)(?P<path>[^?#]*)(?:\?(?P<query>[^#]*))?",
    re.DOTALL,
)
# Quantifiers before what is looked for are bounded: texts may be long.
_URL_IN_TEXT = re.compile(r"[a-zA-Z][a-zA-Z0-9+.-]{0,20}://[^\s\"'<>|\\^`{}]+")
_URL_AS_A_PATH = re.compile(r"([a-zA-Z][a-zA-Z0-9+.-]{1,20}:)/(?=[^/\s][^\s\"'<>]{0,300}[@?#])")
_SCHEME_OF_A_TOKEN = re.compile(r"\b(bearer|basic|token)((?:\s|%20|\+)+)[^\s\"',;&)]{6,}", re.IGNORECASE)
_PAIR = re.compile(
    r"([\w.-]{0,30}(?:authz|token|passw|secret|signature|credential|api[_-]?key|access[_-]?key)[\w.-]{0,30}"
    r"\s*=\s*[\"']?)[^\s\"'&,;)}]{4,}",
    re.IGNORECASE,
)
_SECRET_NAME = re.compile(r"TOKEN|SECRET|PASSW|CREDENTIAL|API_?KEY|ACCESS_KEY|PRIVATE_KEY|X509_USER|^FSSPEC_")
_SHORTEST_SECRET = 6


def is_url(location: Location) -> bool:
    """Whether a text is a URL and not a path."""
    return isinstance(location, str) and _SCHEME.match(location) is not None


def file_name(location: Location) -> str:
    """Last part of a path or URL, for messages; without the query of a URL."""
    text = public_url(str(location)).partition("?")[0] if is_url(location) else str(location)
    return text.rstrip("/").rpartition("/")[2]


def public_url(url: str) -> str:
    """Write a URL without user, password and fragment, and of its query only what says which file is meant.

    Whether an unknown parameter is a secret cannot be told, so it is left out too. A path stays as it is.
    """
    found = _PARTS.match(url)
    if found is None:
        return url
    host = found["host"].rpartition("@")[2]
    kept = "&".join(
        pair for pair in (found["query"] or "").split("&") if pair.partition("=")[0] in _PLAIN_KEYS
    )
    return f"{found['scheme']}{host}{found['path']}{'?' if kept else ''}{kept}"


def without_secrets(text: str, environment: Mapping[str, str] | None = None) -> str:
    """Write a text with its URLs as `public_url` gives them, and no token, password or secret variable.

    Parameters
    ----------
    text : str
    environment : mapping of str to str, optional
        Whose secret variables are looked for; that of the process by default.
    """
    for secret in sorted(
        _secrets_of(os.environ if environment is None else environment), key=len, reverse=True
    ):
        text = text.replace(secret, HIDDEN)
    text = _SCHEME_OF_A_TOKEN.sub(rf"\1\2{HIDDEN}", text)
    text = _URL_AS_A_PATH.sub(r"\1//", text)
    text = _URL_IN_TEXT.sub(lambda found: public_url(found.group()), text)
    return _PAIR.sub(rf"\1{HIDDEN}", text)


def _secrets_of(environment: Mapping[str, str]) -> Iterator[str]:
    for name, value in environment.items():
        if _SECRET_NAME.search(name):
            for text in (value, *_texts_in(value)):
                # A header is "Bearer" and a token: either may stand in a text.
                yield from (part for part in (text, *text.split()[1:]) if len(part) >= _SHORTEST_SECRET)


def _texts_in(value: str) -> Iterator[str]:
    """Yield the texts in a variable that holds JSON, as those of fsspec do."""
    try:
        waiting = [json.loads(value)]
    except (ValueError, RecursionError):
        return
    while waiting:
        found = waiting.pop()
        if isinstance(found, dict):
            waiting.extend(found.values())
        elif isinstance(found, list):
            waiting.extend(found)
        elif isinstance(found, str):
            yield found
