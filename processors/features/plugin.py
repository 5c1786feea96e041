"""User code: a file of functions, each a new feature computed from features or cells of visible events.

    from na64 import cell_feature, feature

    @feature(name="missing_energy", unit="GeV")
    def missing_energy(event):
        return 100 - event["ecal"] - event["hcal"]

    @cell_feature(name="hcal_0_corner", unit="GeV", detector="hcal")
    def hcal_0_corner(cells):
        return cells.in_time[:, 0, 0, 0]

A function of features gets a read-only mapping of feature name to (n_events,) float32 array, the packaged
features and those defined above it in the file; a function of cells gets the
`na64.processors.features.visible_cells.VisibleCells` of one detector. Both return one number an event. They
must look at each event by itself: how many events they get at a time is not their business. They never get a
hidden event of data.
"""

from __future__ import annotations

import io
import traceback
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import redirect_stdout, suppress
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import Any, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from na64.datasets.basics.toml import unknown
from na64.datasets.basics.units import UNITS
from na64.datasets.instrument.features import FEATURES, Feature
from na64.datasets.instrument.roles import CALORIMETER
from na64.processors.features.plugin_source import Imported, code_identity, imported_modules, name_of_text

Features: TypeAlias = Mapping[str, NDArray[np.float32]]
Function: TypeAlias = Callable[[Any], Any]

_MARK = "__na64_feature__"

_N_REHEARSED = 3
_BY_UNIT = {"GeV": 0.5, "MIP": 0.1, "mm": 1.0, "ns": 1.0, "rad": 0.001, "1": 1.0}
_BEAM = (
    *("track_momentum", "visible_energy"),
    *(CALORIMETER, f"{CALORIMETER}_total", f"{CALORIMETER}_3x3", f"{CALORIMETER}_5x5"),
)
_LEFT = 0.99
"""Part of the beam's energy that these features of a beam electron have."""
_NOTHING = {"bad_spill": 0.0, f"{CALORIMETER}_out_of_time": 0.0}
"""Of a beam electron; every other feature has the value of its unit."""
_USUAL = 100.0
"""GeV, of the beam."""


class CellSource(Protocol):
    """The calibrated cells of some visible events; `na64.processors.features.visible_cells` has them."""

    def blocks(self, detector: str) -> Iterable[Any] | None:
        """Cells of a detector, some events at a time; None where the file lacks the detector."""


@dataclass(frozen=True, slots=True)
class _Marked:
    """What a function is decorated with."""

    feature: Feature
    detector: str | None


class PluginError(ValueError):
    """User code is wrong or failed; the message holds no value of any event."""


def feature(*, name: str, unit: str, meaning: str = "") -> Callable[[Function], Function]:
    """Decorator that makes a function of a plug-in a feature.

    Parameters
    ----------
    name : str
        As selections will call it; an identifier that is not a packaged feature.
    unit : str
        A base unit: GeV, mm, ns, rad, MIP or 1.
    meaning : str
        One line for the report; the first line of the docstring by default.

    Raises
    ------
    PluginError
        A name or unit that cannot be used (a ``ValueError``).

    Examples
    --------
    >>> @na64.feature(name="missing_energy", unit="GeV")
    ... def missing_energy(event):
    ...     return 100 - event["ecal"] - event["hcal"]
    """
    return _mark(name, unit, meaning, None)


def cell_feature(*, name: str, unit: str, detector: str, meaning: str = "") -> Callable[[Function], Function]:
    """Decorator that makes a function of the cells of a detector a feature.

    The function gets ``cells.energy``, ``cells.in_time`` (GeV) and ``cells.delay`` (ns), each of shape
    (n_events, planes or modules, n_x, n_y), float64 and read-only, and may be compiled with ``numba.njit``.
    Where a file lacks the detector the feature is nan.

    Parameters
    ----------
    name : str
        As selections will call it; an identifier that is not a packaged feature.
    unit : str
        A base unit: GeV, mm, ns, rad, MIP or 1.
    detector : str
        As periods call it, for instance ``ecal``.
    meaning : str
        One line for the report; the first line of the docstring by default.

    Raises
    ------
    PluginError
        A name, unit or detector that cannot be used (a ``ValueError``).

    Examples
    --------
    >>> @na64.cell_feature(name="hcal_0_corner", unit="GeV", detector="hcal")
    ... def hcal_0_corner(cells):
    ...     return cells.in_time[:, 0, 0, 0]
    """
    if not detector.isidentifier():
        raise PluginError(f'feature "{name}": "{detector}" is not the name of a detector')
    return _mark(name, unit, meaning, detector)


def _mark(name: str, unit: str, meaning: str, detector: str | None) -> Callable[[Function], Function]:
    if not name.isidentifier() or name in FEATURES:
        raise PluginError(f'feature "{name}": expected an identifier that is not a packaged feature')
    if unit not in UNITS:
        raise PluginError(f'feature "{name}": {unknown("unit", unit, UNITS)}')
    if UNITS[unit].base != unit:
        raise PluginError(
            f'feature "{name}": unit "{unit}" is not a base unit, expected "{UNITS[unit].base}"'
        )

    def mark(function: Function) -> Function:
        line = meaning or (function.__doc__ or "computed by a plug-in").strip().splitlines()[0]
        setattr(function, _MARK, _Marked(Feature(name, unit, line), detector))
        return function

    return mark


@dataclass(frozen=True, slots=True)
class Plugin:
    """The source of a plug-in; it is compiled again in each process.

    Attributes
    ----------
    name : str
        File name without folders.
    source : str
    imported : tuple of (str, str)
        Modules that it imports, see `imported_modules`; where it is compiled they have to be the same.
    """

    name: str
    source: str
    imported: Imported = ()

    @property
    def identity(self) -> str:
        """Name of what it computes: comments, blank lines and formatting do not count."""
        code = code_identity(self.name, self.source)
        return name_of_text(f"{code} {self.imported}") if self.imported else code

    @property
    def sha256(self) -> str:
        """Name of its text by every letter."""
        return name_of_text(self.source)

    @property
    def facts(self) -> dict[str, object]:
        """Its name, its text by every letter, what it computes, and the modules that it imports."""
        modules = [list(module) for module in self.imported]
        return {"name": self.name, "sha256": self.sha256, "identity": self.identity, "imported": modules}

    @property
    def features(self) -> dict[str, Feature]:
        """The features it defines by name, in order."""
        return {marked.feature.name: marked.feature for marked, _ in _compiled(self)}

    @property
    def detectors(self) -> dict[str, str]:
        """Detectors of whose cells features are made, by name of the feature."""
        return {one.feature.name: one.detector for one, _ in _compiled(self) if one.detector is not None}

    def compute(
        self,
        values: NDArray[np.float32] | Sequence[NDArray[np.float32]],
        names: tuple[str, ...],
        cells: CellSource | None = None,
    ) -> NDArray[np.float32]:
        """Compute the features of the plug-in.

        Parameters
        ----------
        values : (n_features, n_events) float32
            Visible events only.
        names : tuple of str
            Of the rows, of which there may be more.
        cells : CellSource, optional
            Cells of the same events; without them what is made of cells is nan.

        Returns
        -------
        (n_new_features, n_events) float32
        """
        rows = {name: _read_only(row) for name, row in zip(names, values, strict=True)}
        n_events = len(values[0])
        new = np.empty((len(_compiled(self)), n_events), np.float32)
        for row, (marked, function) in zip(new, _compiled(self), strict=True):
            name = marked.feature.name
            if marked.detector is None:
                row[:] = self._call(name, function, MappingProxyType(rows), n_events)
            else:
                blocks = None if cells is None else cells.blocks(marked.detector)
                row[:] = self._of_cells(name, function, blocks, n_events)
            rows[name] = _read_only(row)
        return new

    def _of_cells(
        self, name: str, function: Function, blocks: Iterable[Any] | None, n_events: int
    ) -> NDArray[np.float32]:
        if blocks is None:
            return np.full(n_events, np.nan, np.float32)
        parts = [self._call(name, function, block, len(block.energy)) for block in blocks]
        return np.concatenate([np.empty(0, np.float32), *parts])

    def rehearse(self, further: Mapping[str, Feature], beam: float = _USUAL) -> None:
        """Compute the features for made-up beam electrons, before any event is read.

        Functions of cells are not called.

        Parameters
        ----------
        further : mapping of str to Feature
            What periods and layouts have besides the packaged features.
        beam : float
            Energy of the beam, GeV.

        Raises
        ------
        PluginError
            A function fails, or returns something else than one number an event; names it and the line.
        """
        features = {**FEATURES, **further}
        known_values = {**dict.fromkeys(_BEAM, _LEFT * beam), **_NOTHING}
        typical = (known_values.get(known.name, _BY_UNIT[known.unit]) for known in features.values())
        values = [np.full(_N_REHEARSED, value, np.float32) for value in typical]
        with redirect_stdout(io.StringIO()):  # what is printed would be of no event
            self.compute(values, tuple(features))

    def _call(self, name: str, function: Function, given: Any, n_events: int) -> NDArray[np.float32]:
        where = f"plug-in {self.name}, feature {name}"
        failure = ""
        try:
            with np.errstate(all="ignore"):
                column = np.asarray(function(given))
                if column.shape == (n_events,) and column.dtype.kind in "biuf":
                    return column.astype(np.float32)
        except (Exception, SystemExit) as error:
            failure = f"{_kind(error)}{_missing(error, self.source)} in line {_line(error, self.name)}"
        # Raised out here, so that no exception of user code, whose text may hold event values, is attached.
        if failure:
            raise PluginError(f"{where}: {failure}")
        length = " of another length" if column.ndim == 1 and column.size != n_events else ""
        found = f"{column.dtype} {column.ndim}-d{length}"
        raise PluginError(f"{where}: returned {found}, expected one number an event")


def load_plugin(path: Path) -> Plugin:
    """Read and compile a plug-in.

    Raises
    ------
    PluginError
        It is no text, cannot be compiled, or defines no feature or one twice.
    """
    try:
        text = path.read_bytes().decode("utf-8")
    except UnicodeDecodeError as error:
        raise PluginError(f"plug-in {path.name}: {error}") from None
    imported: Imported = ()
    with suppress(SyntaxError, ValueError):  # told of when it is compiled
        imported = imported_modules(text)
    plugin = Plugin(path.name, text, imported)
    if not plugin.features:
        raise PluginError(
            f"plug-in {plugin.name}: no function has @feature(name=..., unit=...) or @cell_feature(...)"
        )
    return plugin


@lru_cache(maxsize=16)
def _compiled(plugin: Plugin) -> tuple[tuple[_Marked, Function], ...]:
    namespace: dict[str, Any] = {"__file__": plugin.name}
    failure = ""
    try:
        namespace["__name__"] = f"na64_plugin_{code_identity(plugin.name, plugin.source)[:12]}"
        _check_imported(plugin)
        exec(compile(plugin.source, plugin.name, "exec"), namespace)  # noqa: S102 - this is what a plug-in is
    except PluginError as error:
        failure = str(error)
    except (Exception, SystemExit) as error:
        text = " ".join(str(error).split())
        failure = f"{type(error).__name__} in line {_line(error, plugin.name)}: {text}"
    if failure:
        raise PluginError(f"plug-in {plugin.name}: {failure}")
    found = [value for value in namespace.values() if isinstance(getattr(value, _MARK, None), _Marked)]
    pairs = tuple((getattr(function, _MARK), function) for function in dict.fromkeys(found))
    names = [marked.feature.name for marked, _ in pairs]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise PluginError(f"plug-in {plugin.name}: feature {twice[0]} is defined twice")
    return pairs


def _check_imported(plugin: Plugin) -> None:
    """Refuse other modules than where the plug-in was read: a worker may have others by the same names."""
    here = imported_modules(plugin.source) if plugin.imported else ()
    if changed := sorted({name for name, _ in {*here} ^ {*plugin.imported}}):
        raise PluginError(f"module {changed[0]} is not what it was where the plug-in was read")


def _kind(error: BaseException) -> str:
    """Name of the class of an error, or of what it is derived from: user code may call a class anything."""
    known = ("builtins", "numpy", "na64", "awkward", "numba", "scipy")
    return next(kind.__name__ for kind in type(error).__mro__ if kind.__module__.partition(".")[0] in known)


def _missing(error: BaseException, source: str) -> str:
    """Key that is not there, if the source has it in quotes: what else an error says may be of an event."""
    key = error.args[0] if isinstance(error, KeyError) and len(error.args) == 1 else None
    is_written = type(key) is str and any(f"{quote}{key}{quote}" in source for quote in "\"'")
    return f' "{key}"' if is_written else ""


def _line(error: BaseException, name: str) -> int | str:
    if isinstance(error, SyntaxError):
        return error.lineno or "?"
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == name]
    return lines[-1] or "?" if lines else "?"


def _read_only(row: NDArray[np.float32]) -> NDArray[np.float32]:
    """Copy a row into memory that nobody can write to, and that holds nothing else."""
    return np.frombuffer(row.tobytes(), np.float32)
