"""Published exclusion curves and thermal targets: short tables of our own, each with its paper."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from na64.datasets.basics.named import named

Floats = NDArray[np.float64]

_FOLDER = files(__package__) / "published"


def curves_in(folder: Traversable) -> tuple[str, ...]:
    """Names of the tables of curves in a folder."""
    names = [entry.name for entry in folder.iterdir() if entry.name.endswith(".csv")]
    return tuple(sorted(name.removesuffix(".csv") for name in names))


CURVES: tuple[str, ...] = curves_in(_FOLDER)
"""Names of the curves that there are."""


class ParameterPlane(Enum):
    """What a curve is drawn in; the value is the header of its table."""

    MIXING = "mass_GeV,eps"
    """Mixing eps against the mass of the dark photon."""
    RELIC = "m_chi_GeV,y"
    """y = eps^2 alpha_D (m_chi / m_A')^4 against the mass of dark matter."""
    PHOTONS = "mass_GeV,g_per_GeV"
    """Coupling to photons against the mass of an axion-like particle."""
    CHARGE = "mass_GeV,charge"
    """Charge Q against the mass of a millicharged particle."""
    BRANCHING = "mass_GeV,branching_ratio"
    """Branching ratio against the mass of a meson."""


@dataclass(frozen=True, slots=True)
class Curve:
    """A published curve.

    Attributes
    ----------
    name : str
    label : str
        For a legend.
    paper : str
        What is cited.
    source : str
        Who digitised it, and where.
    note : str
    plane : ParameterPlane
    mass : (n,) float64, GeV
        Rising.
    value : (n,) float64
        Upper limits on eps at 90 % CL, or y of the right relic density.
    """

    name: str
    label: str
    paper: str
    source: str
    note: str
    plane: ParameterPlane
    mass: Floats
    value: Floats

    def __post_init__(self) -> None:
        if not (len(self.mass) and np.all(np.diff(self.mass) > 0) and self.mass[0] > 0):
            raise ValueError(f"curve {self.name}: the masses do not rise")
        if len(self.value) != len(self.mass) or not np.all(self.value > 0):
            raise ValueError(f"curve {self.name}: values are missing or not above 0")

    def at(self, mass: ArrayLike) -> Floats:
        """Interpolate in the logarithms; nan outside the curve."""
        wanted = np.log(np.asarray(mass, dtype=np.float64))
        found = np.interp(wanted, np.log(self.mass), np.log(self.value), left=np.nan, right=np.nan)
        result: Floats = np.exp(found)
        return result


def load_curve(name: str) -> Curve:
    """Load a curve by name.

    Raises
    ------
    KeyError
        There is none of that name.
    """
    if name not in CURVES:
        raise KeyError(f"no published curve {name}: expected {', '.join(CURVES)}")
    return read_curve(_FOLDER / f"{name}.csv")


def read_curve(path: Traversable) -> Curve:
    """Read the table of a curve: facts as comments, a header, and two columns."""
    lines = path.read_text(encoding="utf-8").splitlines()
    comments = [line[1:] for line in lines if line.startswith("#")]
    facts = {key.strip(): text.strip() for key, _, text in (line.partition("=") for line in comments)}
    header, *rows = lines[len(comments) :]
    mass, value = np.array([[float(text) for text in row.split(",")] for row in rows]).T
    return Curve(
        path.name.removesuffix(".csv"),
        facts["label"],
        facts["paper"],
        facts["source"],
        facts["note"],
        ParameterPlane(header),
        mass,
        value,
    )


def read_own_curve(path: Path, planes: Sequence[ParameterPlane]) -> Curve:
    """Read the table of a curve of one's own; of its facts only ``label`` has to be there.

    Parameters
    ----------
    path : Path
    planes : sequence of ParameterPlane
        Those that it may be drawn in.

    Raises
    ------
    FileNotFoundError
    ValueError
        Names the file, and the line that is not as expected.
    """
    lines = [line.strip() for line in path.read_text(encoding="utf-8").splitlines()]
    facts = {k.strip("# "): text.strip() for k, sign, text in map(_fact, lines) if sign}
    table = [(number, line) for number, line in enumerate(lines, 1) if line and not line.startswith("#")]
    headers = [plane.value for plane in planes]
    header = table[0][1].replace(" ", "") if table else ""
    if header not in headers:
        known = " or ".join(headers)
        raise ValueError(f'{path.name}: header "{header}", expected {known}')
    if not table[1:]:
        raise ValueError(f"{path.name}: a header and no point")
    if not facts.get("label"):
        raise ValueError(f'{path.name}: no line "# label = ..." that says what a legend calls it')
    mass, value = np.array([_numbers(path.name, number, line) for number, line in table[1:]]).T
    paper, source, note = (facts.get(name, "") for name in ("paper", "source", "note"))
    plane = ParameterPlane(header)
    with named(path.name):
        return Curve(path.stem, facts["label"], paper, source, note, plane, mass, value)


def _fact(line: str) -> tuple[str, str, str]:
    return line.partition("=") if line.startswith("#") else ("", "", "")


def _numbers(name: str, number: int, line: str) -> list[float]:
    try:
        found = [float(text) for text in line.split(",")]
    except ValueError:
        found = []
    if len(found) != 2 or not all(map(math.isfinite, found)):
        raise ValueError(f'{name}: line {number}: "{line}" is not a mass and a value')
    return found


def load_curves(plane: ParameterPlane) -> tuple[Curve, ...]:
    """Load all curves of a plane."""
    curves = (load_curve(name) for name in CURVES)
    return tuple(curve for curve in curves if curve.plane is plane)
