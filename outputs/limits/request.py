"""What is asked of `na64 limits`: which files it takes, whether they are of the results, and the limits."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from na64.datasets.basics.identity import bytes_digest
from na64.outputs.background.table import BACKGROUND
from na64.outputs.limits.analysis import LimitsAnalysis, analyse, search_of
from na64.outputs.limits.assumptions import assumptions_of
from na64.outputs.limits.dark_matter import Resonant
from na64.outputs.limits.efficiency import (
    EFFICIENCY,
    MAKES,
    efficiency_by,
    efficiency_fits,
    origin_found,
    tables_of,
)
from na64.outputs.limits.exposure import LimitInput, check_apart, read_exposure
from na64.outputs.limits.inputs import Background, background_of, check_box, is_file, not_found
from na64.outputs.limits.products import write_limits
from na64.outputs.limits.search import Search, masses
from na64.outputs.result.origin import Origin, check, origin_said
from na64.outputs.result.request import log_use
from na64.outputs.signal.annihilation import Matter
from na64.outputs.signal.curves import Curve
from na64.outputs.signal.efficiency.efficiency import load_efficiencies
from na64.outputs.statistics.cls import Toys

MAKES_BACKGROUND = "na64 background makes one"


@dataclass(frozen=True, slots=True)
class LimitsRequest:
    """What can be chosen; as `na64 limits` has it by default.

    Attributes
    ----------
    background : tuple of str
        As `na64.outputs.limits.inputs.background_of` takes them: once for all results, or once each; none:
        the table in the folder of each.
    efficiency : str or None
        As `na64.outputs.limits.efficiency.efficiency_by` takes it.
    levels : tuple of float
    delivered, limits_at_face_value : bool
    toys : int or None
    signal_error : float
    threshold : float or None, GeV
        None: where the box of each period begins.
    points : int
        Masses.
    resonant : str or None
    alpha_d : float
    reason : str
        Why files are right that do not say that they are of these results.
    """

    background: tuple[str, ...] = ()
    efficiency: str | None = None
    levels: tuple[float, ...] = (0.9, 0.95)
    delivered: bool = False
    limits_at_face_value: bool = False
    toys: int | None = None
    signal_error: float = 0.1
    threshold: float | None = None
    points: int = 37
    resonant: str | None = None
    alpha_d: float = 0.1
    reason: str = ""

    @property
    def matter(self) -> Resonant | None:
        """Dark matter of `--resonant`."""
        if self.resonant is None:
            return None
        return Resonant(Matter(self.resonant), self.alpha_d)

    @property
    def masses(self) -> list[float]:
        """Masses in GeV, closer to each other where positrons are at the resonance."""
        peak = masses(0.14, 0.34, 21) if self.resonant else ()
        return sorted({*masses(n=self.points), *peak})


@dataclass(frozen=True, slots=True)
class UsedFile:
    """A file that limits were made of.

    Attributes
    ----------
    path : str
        Relative to the folder of the limits.
    sha256 : str
    stated : str
        Why it is right, if it does not say so itself.
    """

    path: str
    sha256: str
    stated: str = ""


def checked_levels(levels: Iterable[float]) -> tuple[float, ...]:
    """Confidence levels, each of which can be one and is there once.

    Raises
    ------
    ValueError
    """
    found = tuple(levels)
    for level in found:
        if not 0 < level < 1:
            raise ValueError(f"--level {level:g}: expected a confidence level between 0 and 1, as 0.9")
        if found.count(level) > 1:
            raise ValueError(f"--level {level:g}: is there twice")
    return found


def make_limits(
    folders: Sequence[Path],
    request: LimitsRequest,
    to: Path,
    *,
    check_search: Callable[[Search], None] | None = None,
    curves: Sequence[Curve] = (),
) -> LimitsAnalysis:
    """Set limits with stored results and write them into a folder.

    Parameters
    ----------
    folders : sequence of Path
    request : LimitsRequest
    to : Path
    check_search : callable, optional
        Refuses what limits would be of, before anything is written.
    curves : sequence of Curve
        Drawn beside the published ones.

    Raises
    ------
    ValueError
        An input is missing, or is not of these results and no reason is stated.
    """
    exposures = [read_exposure(folder, delivered=request.delivered) for folder in folders]
    check_apart(exposures)
    used = tuple(_check_files(exposures, request, to))
    backgrounds = backgrounds_of(folders, request)
    search = search_of(
        exposures,
        backgrounds,
        efficiency_by(request.efficiency, threshold=request.threshold, delivered=request.delivered),
        signal_error=request.signal_error,
        threshold=request.threshold,
        toys=Toys(request.toys) if request.toys else None,
        resonant=request.matter,
    )
    if check_search is not None:
        check_search(search)
    known = [mass for mass in request.masses if search.known(mass)]
    if not known:
        asked = f"{request.masses[0]:g} to {request.masses[-1]:g} GeV"
        raise ValueError(
            f"none of the {len(request.masses)} masses of {asked} is one that the efficiency of every period "
            "is known at: more --points, or an efficiency of more masses"
        )
    analysis = analyse(
        search,
        exposures,
        backgrounds,
        masses=known,
        levels=request.levels,
        assumptions=assumptions_of(search, backgrounds, exposures=exposures, delivered=request.delivered),
    )
    log_stated(exposures, used)
    origin = exposures[0].origin if len(exposures) == 1 else Origin()
    record = {"request": asdict(_moved(request, to)), "files": [asdict(file) for file in used]}
    write_limits(to, analysis, origin=origin, record=record, curves=curves)
    return analysis


def backgrounds_of(folders: Sequence[Path], request: LimitsRequest) -> list[Background]:
    """Backgrounds of results: those that are asked for, or the table in the folder of each."""
    texts = request.background or tuple(str(folder) for folder in folders)
    return [background_of(text, limits_at_face_value=request.limits_at_face_value) for text in texts]


def _check_files(exposures: Sequence[LimitInput], request: LimitsRequest, to: Path) -> Iterator[UsedFile]:
    """Check that every file is of the results it is used for; yield them."""
    yield from background_files(exposures, request, to)
    if request.efficiency is None or is_file(request.efficiency):
        for exposure in exposures:
            yield from _check_efficiency(exposure, request, to)


def background_files(exposures: Sequence[LimitInput], request: LimitsRequest, to: Path) -> Iterator[UsedFile]:
    """Check that every table of background is of the results it is used for; yield them."""
    texts = request.background or tuple(str(exposure.folder) for exposure in exposures)
    for index, text in enumerate(texts):
        for exposure in exposures if len(texts) != len(exposures) else exposures[index : index + 1]:
            check_box(text, exposure.search, str(exposure.folder))
        if not is_file(text):
            continue
        path = Path(text) / BACKGROUND if Path(text).is_dir() else Path(text)
        if request.background and not Path(text).exists():
            raise FileNotFoundError(not_found(text))
        if not path.exists():
            raise ValueError(f"{path.parent}: there is no {BACKGROUND}; {MAKES_BACKGROUND}, or state one")
        # One table for several results is of none of them alone.
        own = exposures[index] if len(texts) == len(exposures) else None
        wanted = own.origin if own else Origin("0" * 64)
        name = str(own.folder) if own else "all results together"
        found = origin_said(path)
        yield used_file(
            path, to, check(str(path), found, wanted, of=name, makes=MAKES_BACKGROUND, reason=request.reason)
        )


def _check_efficiency(exposure: LimitInput, request: LimitsRequest, to: Path) -> Iterator[UsedFile]:
    path = exposure.folder / EFFICIENCY if request.efficiency is None else Path(request.efficiency)
    stated = ""
    for period in exposure.periods:
        stated = stated or efficiency_fits(path, period.period, exposure, reason=request.reason)
    yield from (used_file(one, to, stated) for one in tables_of(path) if one.is_file())


def used_file(path: Path, to: Path, stated: str = "") -> UsedFile:
    """Name a file, with its content, as the folder of the limits sees it."""
    place = os.path.relpath(path.resolve(), to.resolve())
    return UsedFile(place, bytes_digest(path.read_bytes()), stated)


def _moved(request: LimitsRequest, to: Path) -> LimitsRequest:
    """Write paths relative to the folder of the limits."""
    return _placed(request, lambda path: os.path.relpath(path.resolve(), to.resolve()))


def found_again(plain: Mapping[str, Any], folder: Path) -> LimitsRequest:
    """Request that the `limits.json` in a folder keeps, with paths as they are from here."""
    values: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value for name, value in plain.items()
    }
    return _placed(LimitsRequest(**values), lambda path: os.path.normpath(folder / path))


def _placed(request: LimitsRequest, place: Callable[[Path], str]) -> LimitsRequest:
    def moved(text: str) -> str:
        return place(Path(text)) if is_file(text) else text

    efficiency = None if request.efficiency is None else moved(request.efficiency)
    return replace(request, background=tuple(map(moved, request.background)), efficiency=efficiency)


def check_projection(background: str, efficiency: str, period: str, *, reason: str = "") -> list[str]:
    """Check that background and efficiency of a projection are of the same cuts and period.

    Returns
    -------
    list of str
        Why what does not say so is taken, one line each.
    """
    stated, wanted = [], Origin()
    if is_file(efficiency):
        path = Path(efficiency)
        found = origin_found(path, load_efficiencies(path)[period], period)
        stated.append(check(str(path), found, wanted, of="", makes=MAKES, reason=reason))
        wanted = replace(found.origin, result="") if found.origin else wanted
    if is_file(background):
        path = Path(background) / BACKGROUND if Path(background).is_dir() else Path(background)
        found = origin_said(path)
        said = {"of": efficiency, "makes": MAKES_BACKGROUND, "reason": reason}
        stated.append(check(str(path), found, wanted, **said))
    return [line for line in stated if line]


def log_stated(exposures: Sequence[LimitInput], used: Sequence[UsedFile]) -> None:
    """Log which files were taken although nothing in them says that they are of the data."""
    stated = [asdict(file) for file in used if file.stated]
    for exposure in exposures if stated else ():
        if exposure.is_data:
            log_use(exposure.folder, "stated", {"command": "limits", "files": stated})
