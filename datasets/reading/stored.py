"""How run files store events: what the readers of TTree, RNTuple and Parquet have in common."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from enum import StrEnum
from typing import NamedTuple, Protocol, TypeAlias

from na64.datasets.instrument.columns import Array


class Format(StrEnum):
    """How the events of a file are stored."""

    TTREE = "ttree"
    RNTUPLE = "rntuple"
    PARQUET = "parquet"


class BadFileError(ValueError):
    """A file that cannot be read: what is wrong with it, in one line."""

    @property
    def structure(self) -> str:
        """What of the text may be shown of blind data: nothing, if it might be of what is in the events."""
        return ""

    def of(self, name: str) -> BadFileError:
        """Return the same error with the name of the file."""
        return type(self)(f"{name}: {self}")


class StructureError(BadFileError):
    """What is wrong with how a file is built: the text is of names, types, places, sizes and counts only."""

    @property
    def structure(self) -> str:
        """All of the text."""
        return str(self)


class UndecodedError(BadFileError):
    """What a library could not decode: its text may quote what it read, its kind and the place do not.

    Parameters
    ----------
    text : str
    structure : str
        What of it is safe.
    """

    def __init__(self, text: str, structure: str) -> None:
        super().__init__(text, structure)

    def __str__(self) -> str:
        return str(self.args[0])

    @property
    def structure(self) -> str:
        """The kind of the error and the place in the file."""
        return str(self.args[1])

    def of(self, name: str) -> UndecodedError:
        """Return the same error with the name of the file."""
        return UndecodedError(f"{name}: {self}", f"{name}: {self.structure}")


class ChangedFileError(StructureError):
    """A file that is not the one that was registered."""


class Stored(NamedTuple):
    """Type of one branch as it is stored.

    Attributes
    ----------
    dtype : str
        NumPy name of the number, empty if the branch does not hold plain numbers.
    shape : tuple of int
        Of one event's value; ``()`` for a single number. Without meaning if jagged.
    jagged : bool
        The number of values differs from event to event.
    text : str
        The type in words, for messages.
    """

    dtype: str
    shape: tuple[int, ...]
    jagged: bool
    text: str


class Jagged(NamedTuple):
    """Values of a jagged branch: event ``i`` owns ``values[offsets[i]:offsets[i + 1]]``, from 0 on."""

    values: Array
    offsets: Array


Values: TypeAlias = "Array | Jagged"


class Branches(Protocol):
    """The names and types of the branches of a tree."""

    def stored(self, name: str) -> Stored | None:
        """Type of a branch, None if there is no such branch."""

    def names(self) -> tuple[str, ...]:
        """Names of all branches, as a layout may write them."""


class Tree(Branches, Protocol):
    """The events of one file."""

    @property
    def format(self) -> Format:
        """How they are stored."""

    @property
    def entries(self) -> int:
        """Number of events."""

    def check(self, names: Sequence[str]) -> None:
        """Raise `BadFileError` if a branch has not as many entries as the tree."""

    def boundaries(self, names: Sequence[str]) -> tuple[int, ...]:
        """First event of each cluster of some branches, and the number of events at the end."""

    def expanded_bytes(self, names: Sequence[str]) -> int:
        """How many bytes some branches, or all, say they have when they are decompressed."""

    def shared(self, other: Tree, names: Sequence[str]) -> int:
        """Number of first events that some branches keep where those of another tree of the file are."""

    def read(self, names: Sequence[str], start: int, stop: int) -> dict[str, Values]:
        """Read events ``start`` to ``stop`` (half open) of some branches.

        Values have the precision of the file, and shape (n_events, ...); the byte order is that of the
        machine, but for several fixed values an event, which may have that of the file.
        """


class Trees(Protocol):
    """The trees of a file, of which only names and types of the branches need be known."""

    def trees(self) -> tuple[str, ...]:
        """Name the trees; that of a Parquet file has the empty name."""

    def tree(self, name: str) -> Branches:
        """One tree."""


class RunFile(Protocol):
    """An open file."""

    def trees(self) -> tuple[str, ...]:
        """Name the trees; that of a Parquet file has the empty name."""

    def tree(self, name: str) -> Tree:
        """One tree, of several of that name the newest."""

    def cycles(self, name: str) -> tuple[str, ...]:
        """Trees of one name with their cycles, newest first: ``tout;2``, ``tout;1``."""

    def older(self, name: str) -> Mapping[str, Tree]:
        """Trees of one name that are not the newest, by name and cycle."""

    def check_size(self) -> None:
        """Raise `BadFileError` if the file ends before its own header says it does."""


@contextmanager
def readable(place: str | Callable[[], str] = "") -> Iterator[None]:
    """Turn what uproot and pyarrow raise on a broken file into one readable kind of error.

    Parameters
    ----------
    place : str or callable
        What is read, for the message: ``branch "ECAL_ene"``; or what gives it, if that changes meanwhile.
    """
    try:
        yield
    except BadFileError:
        raise
    except Exception as error:  # decoders raise zlib.error, struct.error, MemoryError and more
        if isinstance(error, OSError) and not _is_of_decoder(error):
            raise
        where = place if isinstance(place, str) else place()
        before = f"{where}: " if where else ""
        kind = type(error)
        safe = (
            kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"
        )
        raise UndecodedError(
            f"{before}cannot be read: {first_line(error)}", f"{before}cannot be read: {safe}"
        ) from error


def _is_of_decoder(error: OSError) -> bool:
    """What pyarrow and uproot say of wrong bytes from what the system says: that has a number."""
    return type(error) is OSError and error.errno is None


def first_line(error: BaseException) -> str:
    """Kind and the first line of an error."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return f"{type(error).__name__}: {lines[0]}" if lines else type(error).__name__


def sort_boundaries(starts: Iterable[int], entries: int) -> tuple[int, ...]:
    """Cluster boundaries ascending, each once, with both ends."""
    return tuple(sorted({0, entries, *(int(start) for start in starts)}))
