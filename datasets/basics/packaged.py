"""Files that the package brings along, asked for by name, and those of a user, by path."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.resources.abc import Traversable
from pathlib import Path

from na64.datasets.basics.toml import Source, unknown


@dataclass(frozen=True, slots=True)
class PackagedFiles:
    """Packaged files of one kind.

    Attributes
    ----------
    noun : str
        What one of them describes, for messages: ``campaign``.
    folder : Traversable
    suffix : str
    besides : tuple of str
        Names of files of the folder that are of another kind.
    """

    noun: str
    folder: Traversable
    suffix: str = ".toml"
    besides: tuple[str, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """Their names, in alphabetical order."""
        found = (file.name for file in self.folder.iterdir() if file.name.endswith(self.suffix))
        return tuple(sorted({name.removesuffix(self.suffix) for name in found} - {*self.besides}))

    def find(self, name_or_path: str | Path) -> Source:
        """File of a name, or of a path with the suffix.

        Raises
        ------
        KeyError
            Neither; names the packaged one that is nearest.
        """
        if isinstance(name_or_path, str) and name_or_path in self.names:
            return self.folder / f"{name_or_path}{self.suffix}"
        path = Path(name_or_path)
        if path.suffix != self.suffix:
            raise KeyError(unknown(self.noun, str(name_or_path), self.names))
        return path

    def named(self, name: str, place: str) -> Source:
        """File of a name that another file gives.

        Raises
        ------
        KeyError
            Not packaged; begins with the place.
        """
        if name not in self.names:
            raise KeyError(f"{place}: {unknown(self.noun, name, self.names)}")
        return self.folder / f"{name}{self.suffix}"
