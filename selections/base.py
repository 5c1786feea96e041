"""Selections that build on another: cuts, regions, planes, histograms and variations edited one by one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from na64.datasets.basics.toml import Placed, TomlTable, unknown
from na64.selections.planes import DEFAULT
from na64.selections.regions import contract_order

Entries = dict[str, Mapping[str, object]]

KINDS = ("cut", "region", "plane", "histogram", "variation", "feature")
"""What a selection has several of; the keys that edit cuts go without the word."""


def _edits(kind: str) -> tuple[str, str, str]:
    """Keys that edit a kind: remove, change, append."""
    suffix = "" if kind == "cut" else f"_{kind}"
    return f"remove{suffix}", f"change{suffix}", f"append{suffix}"


EDITS = tuple(key for kind in KINDS for key in _edits(kind))
"""Keys of a file that edit what its base has."""

CHANGED = "NOT FOUND: changed"
"""How the source of a bound begins that is not that of the base."""

_TELLING = {"name", "label", "source"}


def on_base(own: Mapping[str, object], base: Mapping[str, object], file: str) -> dict[str, object]:
    """What a file says on top of its base.

    A key of the file replaces that of the base as a whole, ``[[cut]]`` too. Single cuts are edited in this
    order: ``remove`` takes some away, ``[change.NAME]`` replaces keys of one where it stands, ``[[append]]``
    adds one at the end, or directly ``before`` or ``after`` another. In a file that edits, ``[[cut]]`` adds
    as well.

    Parameters
    ----------
    own, base : mapping of str to object
        As TOML has them; `own` has the name of its base under ``base``.
    file : str
        Name of the file of `own`, for messages.

    Raises
    ------
    KeyError, ValueError
        An edit of something that the base has not, with the nearest; or one that leaves something without its
        cut.
    """
    table = TomlTable(own, file)
    name = table.text("base")
    edited = {key for kind in KINDS for key in _edits(kind)}
    merged = {**base, **{key: own[key] for key in own if key != "base" and key not in edited}}
    for kind in KINDS:
        if any(table.has(key) for key in _edits(kind)):
            merged[kind] = _edited(kind, table, base, name)
        elif kind == "cut" and kind in own and "yields_after" not in own:
            raise ValueError(
                f"{table.place(kind)}: replaces all cuts of {name}: [[append]] adds one, "
                "[change.NAME] changes one; if all are meant, say yields_after too"
            )
    _check_cuts(table, merged)
    if any(table.has(key) for key in edited) and "label" not in own:
        merged["label"] = f"{base.get('label', name)}, changed"
    return merged


def refuse_edits(table: TomlTable) -> None:
    """Refuse edits in a file without a base."""
    for key in (key for kind in KINDS for key in _edits(kind)):
        if table.has(key):
            raise ValueError(f"{table.place(key)}: there is no base to edit")


def entries_of(kind: str, content: Mapping[str, object], file: str) -> Entries:
    """Entries of a kind by name, each with the place where it was written; without planes the default."""
    found = content.get(kind, [dict(DEFAULT)] if kind == "plane" else [])
    named: Iterable[tuple[str, str, Any]]
    if kind == "region" and isinstance(found, Mapping):
        tables = sorted(_items(found), key=lambda item: contract_order(item[0]))
        named = ((name, f"region.{name}", _named(entry, name, file)) for name, entry in tables)
    else:
        named = ((_name_of(entry), f"{kind}[{n}]", entry) for n, entry in enumerate(_listed(found)))
    return {
        name: entry if isinstance(entry, Placed) else Placed(entry, file, path)
        for name, path, entry in named
        if isinstance(entry, Mapping)
    }


def with_entries(entries: Entries) -> object:
    """The value of the key of a kind, as TOML would have it."""
    return list(entries.values())


def _named(entry: object, name: str, file: str) -> object:
    """A table ``[region.NAME]`` as one of a list, which has its name inside."""
    if not isinstance(entry, Mapping):
        return entry
    if entry.get("name", name) != name:
        raise ValueError(f'{file}: region.{name}.name: the region is called "{name}"')
    named = {**entry, "name": name}
    return Placed(named, entry.where, entry.path) if isinstance(entry, Placed) else named


def with_source(entry: Mapping[str, object], why: str) -> dict[str, object]:
    """An entry whose numbers are not those that its source tells of any more."""
    return {**entry, "source": f"{why}; before: {entry.get('source') or 'no source'}"}


def _edited(kind: str, table: TomlTable, base: Mapping[str, object], name: str) -> object:
    remove, change, append = _edits(kind)
    entries = entries_of(kind, base, f"{name}.toml")
    for gone in table.texts(remove, ()):
        if gone not in entries:
            raise KeyError(f"{table.place(remove)}: {unknown(f'{kind} of {name}', gone, entries)}")
        del entries[gone]
    for key, given in _tables(table, change):
        if key not in entries:
            raise KeyError(f"{table.place(change)}: {unknown(f'{kind} of {name}', key, entries)}")
        entries[key] = _changed(entries[key], given, name)
    for key, given in (*_appended(kind, table, append), *_appended(kind, table, kind)):
        if key in entries:
            hint = f"{table.place(change)}.{key}".partition(": ")[2]
            raise ValueError(f'{given.place()}: {name} has a {kind} "{key}": [{hint}] changes it')
        entries = _placed(kind, entries, key, given)
    return with_entries(entries)


def _appended(kind: str, table: TomlTable, key: str) -> Iterator[tuple[str, TomlTable]]:
    if kind == "region" and not table.is_list(key):
        yield from _tables(table, key)
    else:
        for entry in table.tables(key, ()):
            yield entry.text("name"), entry


def _tables(table: TomlTable, key: str) -> Iterator[tuple[str, TomlTable]]:
    given = table.table(key, None)
    if given is not None:
        for name in given.names():
            yield name, given.table(name)


def _changed(entry: Mapping[str, object], change: TomlTable, base: str) -> Placed:
    """An entry with some keys replaced and some removed; a feature's bounds are one key."""
    if change.has("name"):
        raise ValueError(f"{change.place('name')}: what is changed keeps its name")
    dropped = change.texts("remove", ())
    for key in dropped:
        if key not in entry or key == "name":
            others = [other for other in entry if other != "name"]
            raise KeyError(f"{change.place('remove')}: {unknown('key', key, others)}")
    given = {key: value for key, value in change.anything().items() if key != "remove"}
    kept = {key: value for key, value in entry.items() if key not in dropped}
    if "source" in entry and "source" not in given and (dropped or not given.keys() <= _TELLING):
        kept = with_source(kept, f"{CHANGED} from {base}")
    where, _, path = change.place().partition(": ")
    return Placed({**kept, **given}, where, path)


def _placed(kind: str, entries: Entries, name: str, given: TomlTable) -> Entries:
    where, _, path = given.place().partition(": ")
    anchors = {side: given.text(side) for side in ("before", "after") if kind == "cut" and given.has(side)}
    if given.has("name") and given.text("name") != name:
        raise ValueError(f'{given.place("name")}: the {kind} is called "{name}"')
    own = {key: value for key, value in given.anything().items() if key not in anchors}
    new = Placed({**own, "name": name}, where, path)
    if len(anchors) > 1:
        raise ValueError(f"{given.place()}: has both before and after")
    names = list(entries)
    for side, anchor in anchors.items():
        if anchor not in entries:
            raise KeyError(f"{given.place(side)}: {unknown('cut', anchor, entries)}")
        names.insert(names.index(anchor) + (side == "after"), name)
    return {key: new if key == name else entries[key] for key in ([*names] if anchors else [*names, name])}


def _check_cuts(table: TomlTable, merged: Mapping[str, object]) -> None:
    """Refuse to leave a histogram or a variation without the cut that it is about."""
    removed = set(table.texts("remove", ())) - {_name_of(cut) for cut in _listed(merged.get("cut"))}
    for cut in sorted(removed):
        if merged.get("yields_after") == cut:
            raise ValueError(f'{table.place("remove")}: "{cut}" is where yields are taken: say yields_after')
        for kind, entry in _about(merged, cut):
            raise ValueError(
                f'{table.place("remove")}: {kind} "{_name_of(entry)}" is about cut "{cut}": '
                f"remove_{kind} removes it, [change_{kind}.NAME] changes it"
            )


def _about(merged: Mapping[str, object], cut: str) -> Iterator[tuple[str, Mapping[str, object]]]:
    for entry in _listed(merged.get("histogram")):
        if entry.get("after") == cut:
            yield "histogram", entry
    for entry in _listed(merged.get("variation")):
        if any(cut in dict(_items(entry.get(key))) for key in ("threshold", "cut")):
            yield "variation", entry


def _name_of(entry: object) -> str:
    return str(entry.get("name", "")) if isinstance(entry, Mapping) else ""


def _listed(value: object) -> list[Mapping[str, object]]:
    """Tables of a list; whatever else is there is for the reader to refuse."""
    return [entry for entry in value if isinstance(entry, Mapping)] if isinstance(value, list) else []


def _items(value: object) -> Iterator[tuple[str, object]]:
    if isinstance(value, Mapping):
        yield from value.items()
