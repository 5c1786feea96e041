"""A folder of the user's periods as a catalogue remembers it: where it is, and the content of its files."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from na64.datasets.basics.identity import bytes_digest, identity
from na64.datasets.conditions.periods import Period, load_periods

FOLDER_VARIABLE = "NA64_PERIODS"
"""Environment variable that names the folder that `na64 catalogue` takes if none is given."""

_SUFFIXES = (".toml", ".csv")


@dataclass(frozen=True, slots=True)
class PeriodFolder:
    """A folder of periods and what was in it.

    Attributes
    ----------
    path : str
        Absolute.
    files : dict of str to str
        sha256 of each file by its name.
    """

    path: str
    files: dict[str, str]

    @property
    def identity(self) -> str:
        """Name of the content; where it lies does not count."""
        return identity(self.files)

    def load(self) -> dict[str, Period]:
        """Load the packaged periods and those of the folder.

        Raises
        ------
        ValueError
            The folder is not there, or is not what it was; names what differs.
        """
        if changes := list(_changes(self.files, read_folder(Path(self.path)).files)):
            raise ValueError(
                f"periods in {self.path}: {', '.join(changes)} since the catalogue was made; "
                "na64 catalogue --update takes them as they are now"
            )
        return load_periods(Path(self.path))


def read_folder(path: Path) -> PeriodFolder:
    """Note what is in a folder of periods.

    Raises
    ------
    ValueError
        There is no such folder.
    """
    if not path.is_dir():
        raise ValueError(f"{path}: is not a folder of periods")
    files = sorted(file for file in path.iterdir() if file.suffix in _SUFFIXES and file.is_file())
    return PeriodFolder(str(path.resolve()), {file.name: bytes_digest(file.read_bytes()) for file in files})


def folder_of_environment() -> Path | None:
    """Return the folder that `FOLDER_VARIABLE` names, if it does."""
    named = os.environ.get(FOLDER_VARIABLE)
    return Path(named) if named else None


def check_environment(known: PeriodFolder | None, catalogue: Path) -> None:
    """Refuse a folder in the environment that a catalogue was not made with: it would not be used.

    Raises
    ------
    ValueError
        Names both folders.
    """
    named = folder_of_environment()
    if named is not None and (known is None or Path(known.path) != named.resolve()):
        made = "without periods of a folder" if known is None else f"with those in {known.path}"
        raise ValueError(
            f"{FOLDER_VARIABLE} is {named}, but {catalogue} was made {made}: unset it, or let "
            f"na64 catalogue --update --periods {named} take them"
        )


def _changes(then: dict[str, str], now: dict[str, str]) -> Iterator[str]:
    for name in sorted({*then, *now}):
        if name not in now:
            yield f"{name} has gone"
        elif name not in then:
            yield f"{name} is new"
        elif then[name] != now[name]:
            yield f"{name} has changed"
