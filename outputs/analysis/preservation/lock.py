"""Versions of all packages that this program runs with, as `pip` installs them again."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from importlib.metadata import PackageNotFoundError, distribution, version

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name


def lock(requirements: Iterable[str], made_by: Mapping[str, str]) -> bytes:
    """Lines ``name==version`` of all that requirements need, directly or not, as it is installed here.

    Parameters
    ----------
    requirements : iterable of str
        Of the program; one of an extra counts if it is installed.
    made_by : mapping of str to str
        Versions that are known to have made a result: they are written in place of what is installed now.

    Raises
    ------
    ImportError
        Something is needed that is not installed; names it.
    """
    found: dict[str, str] = {}
    for name in _needed(requirements):
        found[name] = version(name)
    known: dict[str, str] = {canonicalize_name(name): number for name, number in made_by.items()}
    locked = {name: known.get(name, number) for name, number in found.items()}
    return "".join(f"{name}=={number}\n" for name, number in sorted(locked.items())).encode()


def locked_versions(text: str) -> dict[str, str]:
    """Versions by the names of packages, as `lock` wrote them."""
    pairs = (line.partition("==") for line in text.splitlines() if line)
    return {name: number for name, _, number in pairs}


def other_versions(versions: Mapping[str, str], where: str = "in the bundle") -> Iterator[str]:
    """Packages that are here in another version, or not at all: one line each."""
    for name, number in sorted(versions.items()):
        try:
            here = version(name)
        except PackageNotFoundError:
            here = "not installed"
        if here != number:
            yield f"{name}: {here} here, {number} {where}"


def _needed(requirements: Iterable[str]) -> list[str]:
    """Names of installed packages that requirements lead to."""
    seen: dict[tuple[str, str], None] = {}
    waiting = [(requirement, "") for requirement in _of_program(requirements)]
    while waiting:
        requirement, of_extra = waiting.pop()
        if requirement.marker is not None and not requirement.marker.evaluate({"extra": of_extra}):
            continue
        name = canonicalize_name(requirement.name)
        if not _is_installed(name):
            raise ImportError(f"{name} is needed and not installed: the environment is not whole")
        for extra in ("", *sorted(requirement.extras)):
            if (name, extra) not in seen:
                seen[name, extra] = None
                waiting += [(Requirement(line), extra) for line in distribution(name).requires or ()]
    return sorted({name for name, _ in seen})


def _of_program(requirements: Iterable[str]) -> Iterator[Requirement]:
    """Requirements without those of extras that nobody has installed."""
    for requirement in map(Requirement, requirements):
        if "extra" in str(requirement.marker or ""):
            if not _is_installed(requirement.name):
                continue
            requirement.marker = None
        yield requirement


def _is_installed(name: str) -> bool:
    try:
        version(name)
    except PackageNotFoundError:
        return False
    return True
