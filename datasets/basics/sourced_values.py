"""Facts with their provenance: a value without a source is not read."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import TypeVar

from na64.datasets.basics.names import read_name
from na64.datasets.basics.toml import TomlTable, one_of, unknown
from na64.datasets.basics.units import UNITS, Quantity, read_quantity, read_source, to_base

V = TypeVar("V")
E = TypeVar("E", bound=Enum)


@dataclass(frozen=True, slots=True)
class Fact:
    """One fact of a period as a report prints it.

    Attributes
    ----------
    name : str
        Dotted, as in the file.
    value : str
        In `unit`.
    unit : str
        Base unit; ``1`` for plain numbers and words.
    source : str
        Provenance tag.
    """

    name: str
    value: str
    unit: str
    source: str


class FactReader:
    """Reads tagged values from a table and remembers each as a `Fact`.

    Parameters
    ----------
    table : TomlTable
    listed : list of Fact
        Grows with every value read.
    name : str
        Dotted name of the table.
    """

    def __init__(self, table: TomlTable, listed: list[Fact], name: str = "") -> None:
        self._table = table
        self._listed = listed
        self._name = name

    def place(self, key: str = "") -> str:
        """Name the file and the key path, for messages."""
        return self._table.place(key)

    def has(self, key: str) -> bool:
        """Whether a value is there."""
        return self._table.has(key)

    def require(self, *keys: str) -> None:
        """Refuse a table that lacks any of some keys."""
        for key in keys:
            if not self.has(key):
                raise KeyError(f'{self.place()}: "{key}" is missing')

    def child(self, key: str) -> FactReader:
        """Reader of a table within this one."""
        return FactReader(self._table.table(key), self._listed, self._dotted(key))

    def tables(self, key: str) -> tuple[TomlTable, ...]:
        """Array of tables, whose facts the caller has to `remember`."""
        return self._table.tables(key)

    def named_children(self, key: str) -> tuple[tuple[str, FactReader], ...]:
        """Readers of an array of tables, each by the name it states; none if it is not there."""
        entries = self._table.tables(key, ())
        names = [read_name(entry) for entry in entries]
        return tuple(
            (name, FactReader(entry, self._listed, self._dotted(f"{key}.{name}")))
            for name, entry in zip(names, entries, strict=True)
        )

    def word(self, key: str, kind: type[E], default: E | None = None) -> E:
        """Member of an enumeration by a plain word, which needs no source."""
        text = self._table.text(key) if default is None else self._table.text(key, str(default.value))
        return self._member(key, text, kind)

    def names(self) -> tuple[str, ...]:
        """Keys of the table in the order of the file."""
        return self._table.names()

    def read(self, reader: Callable[[TomlTable], V]) -> V:
        """What somebody else reads from the table, and lists if that is wanted."""
        return reader(self._table)

    def constant(self, key: str) -> tuple[float, str]:
        """One number with its source and the base unit of the unit it is in."""
        entry = self._table.table(key)
        unit, value, source = entry.text("unit", "1"), entry.number("value"), read_source(entry)
        if unit not in UNITS:
            raise KeyError(f"{entry.place('unit')}: {unknown('unit', unit, UNITS)}")
        base = UNITS[unit].base
        found = to_base(value, unit, base)
        self.remember(key, f"{found:.12g}", base, source)
        return found, base

    def plain(self, key: str, default: str | None = None) -> str:
        """Word that needs no source; without a default it has to be there."""
        return self._table.text(key) if default is None else self._table.text(key, default)

    def cells(self, key: str) -> tuple[tuple[int, ...], ...]:
        """Cells of a tagged value, by their indices: ``{ cells = [[2, 1], [3, 1]], source = "..." }``."""
        return self._tagged(key, lambda entry: entry.integer_rows("cells"), str)

    def children(self, key: str) -> tuple[FactReader, ...]:
        """Reader of a table within this one, or of each of a list of tables; none if it is not there."""
        if not self.has(key):
            return ()
        if not self._table.is_list(key):
            return (self.child(key),)
        return tuple(
            FactReader(entry, self._listed, self._dotted(f"{key}[{n}]"))
            for n, entry in enumerate(self._table.tables(key))
        )

    def words(self, key: str, default: tuple[str, ...] | None = None) -> tuple[str, ...]:
        """Words that need no source; without a default they have to be there."""
        return self._table.texts(key) if default is None else self._table.texts(key, default)

    def several(self, key: str, base: str) -> Quantity:
        """Several numbers with their source, in the base unit."""
        return self._quantity(key, base)

    def quantity(self, key: str, base: str) -> Quantity:
        """One number with its source, in the base unit."""
        quantity = self._quantity(key, base)
        self._one(key, quantity.values)
        return quantity

    def numbers(self, key: str, base: str = "1") -> tuple[float, ...]:
        """All numbers of a tagged value, in the base unit."""
        return self._quantity(key, base).values

    def _quantity(self, key: str, base: str) -> Quantity:
        quantity = read_quantity(self._table, key, base)
        self.remember(key, ", ".join(f"{value:.12g}" for value in quantity.values), base, quantity.source)
        return quantity

    def number(self, key: str, base: str = "1") -> float:
        """One number of a tagged value, in the base unit."""
        return self._one(key, self.numbers(key, base))

    def integers(self, key: str) -> tuple[int, ...]:
        """All numbers of a tagged value, which are whole and not negative."""
        numbers = self.numbers(key)
        for number in numbers:
            if not number.is_integer() or number < 0:
                raise ValueError(f"{self.place(key)}: {number:g} is not a whole number from 0")
        return tuple(int(number) for number in numbers)

    def integer(self, key: str) -> int:
        """One whole number of a tagged value."""
        return self._one(key, self.integers(key))

    def each(self, key: str, base: str, n: int) -> tuple[float, ...]:
        """`n` numbers, of which the file states all or the one that they share."""
        numbers = self.numbers(key, base)
        if len(numbers) not in (1, n):
            raise ValueError(f"{self.place(key)}: {len(numbers)} values where 1 or {n} are expected")
        return numbers * n if len(numbers) == 1 else numbers

    def text(self, key: str) -> str:
        """Word: ``{ text = "e-", source = "..." }``."""
        return self._tagged(key, lambda entry: entry.text("text"), str)

    def flag(self, key: str) -> bool:
        """True or false: ``{ flag = true, source = "..." }``."""
        return self._tagged(key, lambda entry: entry.flag("flag"), lambda value: str(value).lower())

    def choice(self, key: str, kind: type[E]) -> E:
        """Member of an enumeration whose value a word is."""
        return self._member(key, self.text(key), kind)

    def _member(self, key: str, text: str, kind: type[E]) -> E:
        names = [str(member.value) for member in kind]
        if text not in names:
            raise ValueError(f"{self.place(key)}: {one_of('word', text, names)}")
        return kind(text)

    def _tagged(self, key: str, read: Callable[[TomlTable], V], show: Callable[[V], str]) -> V:
        entry = self._table.table(key)
        value = read(entry)
        self.remember(key, show(value), "1", read_source(entry))
        return value

    def remember(self, key: str, value: str, unit: str, source: str) -> None:
        """List a fact that was read in another form."""
        self._listed.append(Fact(self._dotted(key), value, unit, source))

    def _one(self, key: str, values: tuple[V, ...]) -> V:
        if len(values) != 1:
            raise ValueError(f"{self.place(key)}: {len(values)} values where one is expected")
        return values[0]

    def _dotted(self, key: str) -> str:
        return f"{self._name}.{key}" if self._name else key
