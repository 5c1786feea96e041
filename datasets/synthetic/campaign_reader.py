"""Reading a campaign from its TOML file."""

from __future__ import annotations

from enum import Enum
from importlib.resources import files
from pathlib import Path
from typing import TypeVar

from na64.datasets.basics.packaged import PackagedFiles
from na64.datasets.basics.toml import Source, TomlTable, load, unknown
from na64.datasets.basics.units import read_quantity
from na64.datasets.conditions.conditions import RunType
from na64.datasets.conditions.on_target import PARTICLES
from na64.datasets.instrument.columns import DETECTORS
from na64.datasets.instrument.roles import CALORIMETER, COUNTERS, MODULES, PADDLES
from na64.datasets.synthetic.campaign import (
    BadSpill,
    Campaign,
    CellFault,
    Component,
    DetectorResponse,
    Geometry,
    PileUp,
    Response,
    Run,
    SimulatedBeam,
    Trigger,
    TriggerEmulation,
)
from na64.datasets.synthetic.component_kinds import PARAMETERS, ComponentKind
from na64.datasets.synthetic.electromagnetic import Grid
from na64.datasets.synthetic.further_reader import one_value, read_dump, read_further
from na64.datasets.synthetic.muon_mode import read_muon_mode

E = TypeVar("E", bound=Enum)

_PACKAGED = PackagedFiles("campaign", files(__package__) / "campaigns")
CAMPAIGNS = _PACKAGED.names
"""Names of the packaged campaigns."""

_MERGED = ("beam", "trigger", "pile_up", "response", "dump")
"""Tables of which a campaign may state some keys, and take the others from the one it is like."""


def load_campaign(name_or_path: str | Path) -> Campaign:
    """Load a packaged campaign by name, or any by the path of its TOML file.

    A campaign with ``like = "demo"`` takes the keys it does not have from a packaged one, and its tables
    ``beam``, ``trigger``, ``pile_up``, ``response`` and ``dump`` do so too. ``[change_component.NAME]``
    changes keys of a component, and components under ``[[further_component]]`` are added.

    Raises
    ------
    KeyError
        No such packaged campaign, or an unknown or missing key.
    ValueError
        A value that is not allowed.
    """
    return _read_campaign(_PACKAGED.find(name_or_path))


def _read_campaign(source: Source) -> Campaign:
    table = TomlTable(_merged(source), source.name)
    with table.telling_misspelt():
        campaign = _campaign(table)
    table.done()
    return campaign


def _campaign(table: TomlTable) -> Campaign:
    components = (*table.tables("component"), *table.tables("further_component", ()))
    return Campaign(
        name=table.text("name"),
        description=table.text("description"),
        seed=table.integer("seed"),
        n_events=table.integer("events"),
        beam=_read_beam(table.table("beam")),
        geometries=tuple(_read_geometry(entry) for entry in table.tables("geometry")),
        trigger=_read_trigger(table.table("trigger")),
        response=_read_response(table.table("response")),
        pile_up=_read_pile_up(table.table("pile_up")),
        components=tuple(_read_component(entry) for entry in components),
        runs=tuple(_read_run(entry) for entry in table.tables("run")),
        bad=tuple(_read_bad(entry) for entry in table.tables("bad", ())),
        layout=table.text("layout", "tout2023"),
        absent=table.texts("absent", ()),
        further=read_further(table),
        dump=read_dump(table),
        muon_mode=read_muon_mode(table),
        faults=tuple(_read_fault(entry) for entry in table.tables("cell_fault", ())),
    )


def _merged(source: Source) -> dict[str, object]:
    own = dict(load(source))
    like = own.pop("like", None)
    if like is None:
        return own
    changes = own.pop("change_component", {})
    base = _merged(_PACKAGED.named(str(like), f"{source.name}: like"))
    for name in _MERGED:
        inherited, stated = base.get(name), own.get(name)
        if isinstance(inherited, dict) and isinstance(stated, dict):
            own[name] = {**inherited, **stated}
    merged = {**base, **own}
    components = merged["component"]
    if not isinstance(changes, dict):
        raise TypeError(f"{source.name}: change_component: {changes!r} is not a table of components by name")
    if isinstance(components, list):
        merged["component"] = _changed(components, changes, source.name)
    return merged


def _changed(
    components: list[dict[str, object]], changes: dict[str, dict[str, object]], where: str
) -> list[dict[str, object]]:
    """Components with other keys, by their names.

    Raises
    ------
    KeyError
        There is no component of such a name.
    TypeError
        What is to be changed is no table.
    """
    names = [str(one.get("name")) for one in components]
    for name, change in changes.items():
        if name not in names:
            raise KeyError(f"{where}: change_component: {unknown('component', name, names)}")
        if not isinstance(change, dict):
            raise TypeError(f"{where}: change_component.{name}: {change!r} is not a table")
    return [{**one, **changes.get(str(one.get("name")), {})} for one in components]


def _pair(table: TomlTable, key: str) -> tuple[int, int]:
    values = table.integers(key)
    if len(values) != 2:
        raise ValueError(f"{table.place(key)}: {list(values)} are not two numbers")
    return values[0], values[1]


def _read_beam(table: TomlTable) -> SimulatedBeam:
    particle = table.text("particle")
    if particle not in PARTICLES:
        raise ValueError(f"{table.place('particle')}: {unknown('particle', particle, PARTICLES)}")
    return SimulatedBeam(
        particle,
        one_value(table, "energy", "GeV"),
        one_value(table, "spread"),
        one_value(table, "spot", "mm"),
        (one_value(table, "centre_x", "mm"), one_value(table, "centre_y", "mm")),
        one_value(table, "live_fraction"),
    )


def _read_geometry(table: TomlTable) -> Geometry:
    n_x, n_y = _pair(table, "cells")
    return Geometry(Grid(n_x, n_y, _pair(table, "beam_cell")), table.integer("run_shift", 0))


def _read_trigger(table: TomlTable) -> TriggerEmulation:
    return TriggerEmulation(
        one_value(table, f"{CALORIMETER}_below", "GeV"),
        one_value(table, "preshower_above", "GeV"),
        one_value(table, "resolution"),
    )


def _read_pile_up(table: TomlTable) -> PileUp:
    return PileUp(
        one_value(table, "probability"),
        one_value(table, "start", "ns"),
        one_value(table, "stop", "ns"),
        one_value(table, "hadron_fraction"),
        one_value(table, "proton_fraction"),
        one_value(table, "unresolved", "ns"),
    )


def _read_response(table: TomlTable) -> Response:
    detectors = {name: _read_detector(table.table(name)) for name in DETECTORS}
    return Response(
        detectors=detectors,
        calorimeter_stochastic=one_value(table, f"{CALORIMETER}_stochastic"),
        calorimeter_photostatistics=one_value(table, f"{CALORIMETER}_photostatistics"),
        modules_photostatistics=one_value(table, f"{MODULES}_photostatistics"),
        muon_modules_scale=one_value(table, f"muon_{MODULES}_scale"),
        library_spread=one_value(table, "library_spread"),
        paddle_scale=one_value(table, f"{PADDLES}_scale"),
        paddle_photostatistics=one_value(table, f"{PADDLES}_photostatistics"),
        paddle_saturation=one_value(table, f"{PADDLES}_saturation", "GeV"),
        counter_means=read_quantity(table, f"{COUNTERS}_means", "GeV").values,
        counter_shape=one_value(table, f"{COUNTERS}_shape"),
        counter_accidental=one_value(table, f"{COUNTERS}_accidental"),
        counter_accidental_mean=one_value(table, f"{COUNTERS}_accidental_mean", "GeV"),
        track_resolution=one_value(table, "track_resolution"),
        track_failures=one_value(table, "track_failures"),
        angle_sigma=one_value(table, "angle_sigma", "rad"),
        further_hits=one_value(table, "straw_extra"),
        hit_inefficiency=one_value(table, "straw_inefficiency"),
        zero_degree_median=one_value(table, "zero_degree_median", "GeV"),
        zero_degree_width=one_value(table, "zero_degree_width"),
    )


def _read_detector(table: TomlTable) -> DetectorResponse:
    return DetectorResponse(
        one_value(table, "noise", "GeV"),
        one_value(table, "threshold", "GeV"),
        one_value(table, "resolution", "ns"),
        one_value(table, "sigma", "ns"),
        one_value(table, "delay", "ns"),
    )


def _read_component(table: TomlTable) -> Component:
    kind = _member(table, "kind", ComponentKind)
    rates = table.table("rate")
    return Component(
        name=table.text("name"),
        kind=kind,
        trigger=_member(table, "trigger", Trigger),
        rates={RunType(name): one_value(rates, name) for name in _run_types(rates)},
        bias=table.number("bias", 1.0),
        parameters={name: one_value(table, name, unit) for name, unit in PARAMETERS[kind].items()},
    )


def _run_types(rates: TomlTable) -> list[str]:
    return [member.value for member in RunType if rates.has(member.value)]


def _member(table: TomlTable, key: str, members: type[E]) -> E:
    text = table.text(key)
    names = [str(member.value) for member in members]
    if text not in names:
        raise ValueError(f"{table.place(key)}: {unknown(key, text, names)}")
    return members(text)


def _read_run(table: TomlTable) -> Run:
    return Run(
        table.integer("run"),
        _member(table, "type", RunType) if table.has("type") else RunType.PHYSICS,
        table.number("share", 1.0),
        table.integer("spills"),
        table.integer("files", 1),
    )


def _read_bad(table: TomlTable) -> BadSpill:
    return BadSpill(
        table.integer("run"),
        table.integer("spill", None),
        table.integer("start", None),
        table.integer("stop", None),
        table.number(f"{CALORIMETER}_gain", 1.0),
    )


def _read_fault(table: TomlTable) -> CellFault:
    def value(key: str, unit: str, default: float) -> float:
        return one_value(table, key, unit) if table.has(key) else default

    return CellFault(
        table.text("detector"),
        table.integers("cells", ()),
        gain=table.number("gain", 1.0),
        delay=value("delay", "ns", 0.0),
        noise=table.number("noise", 1.0),
        pedestal=value("pedestal", "GeV", 0.0),
        first_run=table.integer("first_run", 0),
        last_run=table.integer("last_run", 2**32),
    )
