"""Which result a table or a file of facts was made of, as it says itself, and whether it is still as written.

What a command makes of a result (`background.csv`, `limits.json`, `dimuon.json`) or for a selection
(`efficiency.csv`) carries this inside, together with a seal: a hash of the rest. So a file is known for what
it is wherever it is copied to, and one that was edited is known too. Files that people write have no seal;
they are taken if a reason is given.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from na64.datasets.basics.identity import bytes_digest, identity
from na64.datasets.basics.json_records import parse_object
from na64.datasets.basics.named import named
from na64.datasets.conditions.periods import RUNS
from na64.outputs.result.summary import Summary, from_json
from na64.outputs.result.summary_facts import CALIBRATION_FACT, BoxFacts, PeriodFacts

RESULT = "result.json"
SEAL, BESIDE = "seal", "beside"
_COLUMNS = ("result", "cuts", "setups")
_DIGITS = 12


class OriginError(ValueError):
    """A file is not of what it is to be used for; the message says of what it is."""


@dataclass(frozen=True, slots=True)
class Origin:
    """What a file is of.

    Attributes
    ----------
    result : str
        sha256 of `result.json`.
    cuts : str
        Identity of the cuts, `na64.outputs.result.summary_facts.SelectionFacts.cuts_identity`.
    setups : mapping of str to str
        Identity of the numbers of each period, by its name.
    """

    result: str = ""
    cuts: str = ""
    setups: tuple[tuple[str, str], ...] = ()

    @property
    def columns(self) -> dict[str, str]:
        """As columns of a table, the same in every row."""
        setups = " ".join(f"{period}:{setup}" for period, setup in self.setups)
        return dict(zip(_COLUMNS, (self.result, self.cuts, setups), strict=True))

    @property
    def facts(self) -> dict[str, object]:
        """As a part of a file of facts."""
        return {"result": self.result, "cuts": self.cuts, "setups": dict(self.setups)}


ABSENT = "none"
"""In place of the sha256 of a table that was not written."""


@dataclass(frozen=True, slots=True)
class FoundOrigin:
    """What a file says of itself.

    Attributes
    ----------
    origin : Origin or None
        None: it does not say.
    is_edited : bool
        It has a seal, and is not what was sealed.
    beside : tuple of (str, str)
        Tables that it was written with, by the ends of their names, each with its sha256; `ABSENT` for none.
    lacks : str
        Which of these is not there as it was, in words; empty if all are.
    """

    origin: Origin | None
    is_edited: bool = False
    beside: tuple[tuple[str, str], ...] = ()
    lacks: str = ""


def check_runs(one: Summary, other: Summary) -> None:
    """Check that runs of one result may stand for those of another: no cut has bounds of its own in some.

    Raises
    ------
    ValueError
        The runs are not the same and a cut divides them; names it.
    """
    if one.selection.divided and {run.run for run in one.runs} != {run.run for run in other.runs}:
        raise ValueError(
            f"cut {one.selection.divided[0]} has other bounds in some runs, and the two results are of other "
            "runs: neither stands for the other"
        )


def origin_of(folder: Path) -> Origin:
    """What is to be said of files made of the result in a folder."""
    data = (folder / RESULT).read_bytes()
    return origin_in(from_json(data), bytes_digest(data))


def origin_in(summary: Summary, digest: str) -> Origin:
    """Same of a result that was read, with the sha256 of its `result.json`."""
    boxes = {box.period: box for box in summary.boxes}
    setups = tuple((facts.name, setup_identity(facts, boxes.get(facts.name))) for facts in summary.periods)
    return Origin(digest, summary.selection.cuts_identity, setups)


def setup_identity(period: PeriodFacts, box: BoxFacts | None) -> str:
    """Name the numbers of a period: beam, detector and box, whatever their sources are called.

    Which runs have them does not count: a period whose runs are not public has the same once they are stated.
    Calibrated or not, cells are to have what the period says: simulation, which needs no calibration, and
    calibrated data are of the same set-up.
    """
    facts = [
        [fact.name, fact.value, fact.unit]
        for fact in period.facts
        if fact.name != RUNS and not fact.name.startswith(CALIBRATION_FACT)
    ]
    edges: list[object] = []
    if box is not None:
        edges = [float(edge) for edge in (box.ecal, box.hcal, box.guard_ecal, box.guard_hcal)]
        edges += box.modules
        edges += (
            [] if box.is_rectangle and not box.others else [box.search, *(one.text for one in box.others)]
        )
    return identity([period.name, facts, edges])[:_DIGITS]


def seal_csv(
    data: bytes, origin: Origin | None = None, *, beside: Mapping[str, bytes | None] | None = None
) -> bytes:
    """Add to every row what a table is of, if it is not in its columns, what goes with it, and the seal.

    Parameters
    ----------
    data : bytes
    origin : Origin, optional
    beside : mapping of str to bytes or None, optional
        Tables that it is nothing without, by the ends of their names; None for one that is not written.
    """
    header, *rows = _rows(data)
    extra = {} if origin is None else origin.columns
    if beside is not None:
        named = (f"{end}:{ABSENT if one is None else _digest(one)}" for end, one in beside.items())
        extra = {**extra, BESIDE: " ".join(named)}
    header, rows = [*header, *extra], [[*row, *extra.values()] for row in rows]
    seal = _seal([header, *rows])
    return _to_csv([[*header, SEAL], *([*row, seal] for row in rows)])


def unseal_csv(data: bytes) -> tuple[bytes, FoundOrigin]:
    """Take a table apart: without the columns of `seal_csv`, and what they say."""
    header, *rows = _rows(data)
    if SEAL not in header or any(len(row) != len(header) for row in rows):
        return data, FoundOrigin(None)
    seals = {row[header.index(SEAL)] for row in rows}
    kept = [i for i, name in enumerate(header) if name != SEAL]
    whole = [[line[i] for i in kept] for line in (header, *rows)]
    extra = {BESIDE, *(_COLUMNS if "setups" in header else ())}
    own = [i for i, name in enumerate(whole[0]) if name not in extra]
    first = dict(zip(whole[0], whole[1], strict=True)) if rows else {}
    origin = _of_columns(first) if rows else None
    plain = _to_csv([[line[i] for i in own] for line in whole])
    parts = (word.partition(":") for word in first.get(BESIDE, "").split())
    beside = tuple((end, digest) for end, _, digest in parts)
    return plain, FoundOrigin(origin, is_edited=seals != {_seal(whole)}, beside=beside)


def origin_said(path: Path) -> FoundOrigin:
    """What the table in a file says of itself, and whether what it was written with is there.

    Raises
    ------
    ValueError
        No table; names the file.
    """
    with named(path.name):
        found = unseal_csv(path.read_bytes())[1]
    return replace(found, lacks=next(_lacking(path, found.beside), ""))


def _lacking(path: Path, beside: Iterable[tuple[str, str]]) -> Iterator[str]:
    """Say which tables beside one are not those that it was written with."""
    for end, digest in beside:
        other = path.with_name(f"{path.stem}_{end}.csv")
        if not other.is_file():
            if digest != ABSENT:
                yield f"it was written with {other.name}, which is gone"
        elif digest == ABSENT:
            yield f"it was written without the {other.name} beside it"
        elif digest != _digest(other.read_bytes()):
            yield f"it was written with another {other.name} than there is"


def seal_facts(plain: Mapping[str, object], origin: Origin | None = None) -> dict[str, object]:
    """Add what a file of facts is of, and the seal."""
    facts = dict(plain) if origin is None else {**plain, "origin": origin.facts}
    return {**facts, SEAL: _seal(facts)}


def unseal_facts(data: bytes, name: str) -> tuple[dict[str, Any], FoundOrigin]:
    """Read a file of facts, and what it says of itself."""
    facts = parse_object(data, name)
    seal, stated = facts.pop(SEAL, None), facts.get("origin")
    origin = None
    if isinstance(stated, Mapping):
        setups = stated.get("setups")
        known = setups.items() if isinstance(setups, Mapping) else ()
        pairs = tuple((str(period), str(setup)) for period, setup in known)
        origin = Origin(str(stated.get("result", "")), str(stated.get("cuts", "")), pairs)
    return facts, FoundOrigin(origin if seal else None, is_edited=seal is not None and seal != _seal(facts))


def check(name: str, found: FoundOrigin, wanted: Origin, *, of: str, makes: str, reason: str = "") -> str:
    """How a file belongs to a result: empty, or why it is taken although nothing in it says so.

    Parameters
    ----------
    name : str
        Of the file.
    found : FoundOrigin
    wanted : Origin
        Of the result that it is used for. What is empty in it is not compared.
    of : str
        Name of that result.
    makes : str
        How one gets a file that does, such as ``na64 background makes one``.
    reason : str
        Why it is right, stated by whoever uses it.

    Raises
    ------
    OriginError
        It is of something else, or was edited, or does not say, and no reason is stated.
    """
    problem = problem_of(found, wanted, of=of)
    if not problem:
        return ""
    if not reason.strip():
        raise OriginError(f"{name}: {problem}; {makes}, or --reason TEXT states why this one is right")
    return f"{problem}; stated: {reason.strip()}"


def problem_of(found: FoundOrigin, wanted: Origin, *, of: str) -> str:
    """Reason why a file does not belong to a result; empty if it does."""
    if found.is_edited or found.lacks:
        return "it was edited after it was written" if found.is_edited else found.lacks
    if found.origin is None:
        return "it does not say which result and which cuts it is of"
    if wanted.result and found.origin.result != wanted.result:
        return f"it is of the result {_short(found.origin.result)}, not of {_short(wanted.result)} in {of}"
    if wanted.cuts and found.origin.cuts != wanted.cuts:
        return f"it is of the cuts {found.origin.cuts or '(not stated)'}, not of {wanted.cuts} as {of}"
    known = dict(found.origin.setups)
    for period, setup in wanted.setups:
        if known.get(period) != setup:
            theirs = known.get(period, "not in it")
            return f"it is of another period {period} ({theirs}) than {of} ({setup})"
    return ""


def _short(digest: str) -> str:
    return digest[:_DIGITS] or "(not stated)"


def _of_columns(row: Mapping[str, str]) -> Origin:
    setups = (word.rpartition(":") for word in row.get("setups", "").split())
    return Origin(
        row.get("result", ""),
        row.get("cuts", ""),
        tuple((period, setup) for period, _, setup in setups),
    )


def _digest(data: bytes) -> str:
    return bytes_digest(data)[:_DIGITS]


def _seal(plain: object) -> str:
    text = json.dumps(plain, sort_keys=True, ensure_ascii=True)
    return bytes_digest(text.encode())[: 2 * _DIGITS]


def _rows(data: bytes) -> list[list[str]]:
    rows = list(csv.reader(io.StringIO(data.decode("utf-8-sig"), newline="")))
    return rows or [[]]


def _to_csv(rows: list[list[str]]) -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue().encode()
