"""Random layouts of one content: other names, units, types, containers and forms give the same features."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from na64.datasets.conditions.periods import packaged_periods
from na64.datasets.reading.layout import parse_layout
from na64.datasets.reading.read import read
from na64.datasets.synthetic.branches import JaggedBranch
from na64.datasets.synthetic.writers import RunFileFormat, open_writer
from na64.processors.calibration.samples import bare
from na64.processors.features.compute import compute

N = 40
SETUP = bare(packaged_periods()["2023A"].setup)
SHAPES = {"srd": (3,), "veto": (3, 2), "vhcal": (4, 4), "hcal": (4, 3, 3), "ecal": (2, 5, 6)}
UNITS = {"GeV": 1.0, "MeV": 1e3, "keV": 1e6}
HEAD = """
name = "mine"
trees = ["t"]
[event]
run = { branch = "R" }
spill = { value = 0 }
event = { entry = true }
straw3_x = { branch = "S" }
"""
HALF_WIDTH = 16.5
"""ns, of the window of the HCAL."""


@dataclass(frozen=True)
class Content:
    """What happened: energies (n_events, n_cells) in GeV, times of the HCAL less the expected ones in ns."""

    energy: Mapping[str, Any]
    delay: Any
    momentum: Any
    hits: Any

    def features(self, there: frozenset[str], *, has_time: bool) -> dict[str, Any]:
        """Ten lines of NumPy; nan where a detector is not there."""
        none = np.full(N, np.nan)
        energy = {name: self.energy[name].astype(np.float64) if name in there else None for name in SHAPES}
        hcal, srd, veto, vhcal, ecal = (energy[name] for name in ("hcal", "srd", "veto", "vhcal", "ecal"))
        late = (np.abs(self.delay) >= HALF_WIDTH) & has_time
        modules = none if hcal is None else np.where(late, 0, hcal).reshape(N, 4, 9).sum(axis=2).T
        found = {f"hcal_{n}": none if hcal is None else modules[n] for n in range(4)}
        found |= {f"srd_{n}": none if srd is None else srd[:, n] for n in range(3)}
        found |= {
            f"veto_{n}": none if veto is None else veto[:, 2 * n] + veto[:, 2 * n + 1] for n in range(3)
        }
        found["vhcal_total"] = none if vhcal is None else vhcal.sum(axis=1)
        found["hcal_3_total"] = none if hcal is None else hcal[:, 27:].sum(axis=1)
        found["preshower"] = none if ecal is None else ecal[:, :30].sum(axis=1)
        found["ecal_max_cell"] = none if ecal is None else ecal[:, 30:].argmax(axis=1)
        found["track_momentum"] = self.momentum if "track" in there else none
        return found | {"straw3_x": self.hits}


def content(seed: int) -> Content:
    random = np.random.default_rng(seed)
    steps = {name: random.integers(0, 30_000, (N, int(np.prod(shape)))) for name, shape in SHAPES.items()}
    is_hit = {name: random.random(one.shape) < 0.6 for name, one in steps.items()}
    energy = {name: np.where(is_hit[name], one, 0) / 1e3 for name, one in steps.items()}
    delay = np.where(random.random((N, 36)) < 0.7, random.uniform(-15, 15, (N, 36)), 40.0)
    return Content(energy, delay, random.integers(0, 150, N).astype(np.float64), random.integers(0, 100, N))


def jagged(values: Any, mask: Any) -> JaggedBranch:
    offsets = np.concatenate([[0], np.cumsum(mask.sum(axis=1))]).astype(np.int64)
    return JaggedBranch(offsets, np.ascontiguousarray(values[mask]))


@st.composite
def stored_detectors(draw: st.DrawFn, name: str) -> dict[str, Any]:
    """How a file keeps a detector."""
    return {
        "form": draw(st.sampled_from(["flat", "dimensions", "vector", "hits", "absent"])),
        "unit": draw(st.sampled_from([*UNITS])),
        "dtype": draw(st.sampled_from(["float32", "float64"])),
        "branch": draw(st.sampled_from(["E", "cells_energy", "ev_ene"])) + f"_{name}",
        "x_fastest": draw(st.booleans()) if name in ("hcal", "vhcal", "ecal") else False,
        "first": draw(st.integers(0, 1)),
        "has_time": draw(st.booleans()) if name == "hcal" else False,
    }


def ordered(cells: Any, shape: tuple[int, ...]) -> Any:
    """Cells with x counted first."""
    return cells.reshape(N, -1, *shape[-2:]).swapaxes(2, 3).reshape(N, -1)


def put(name: str, how: Mapping[str, Any], of: Content, branches: dict[str, Any]) -> str:
    """Store a detector; give its table of the layout."""
    shape, label = SHAPES[name], how["branch"]
    columns = {"energy": of.energy[name] * UNITS[how["unit"]]}
    lines = [
        f"[{name}]",
        f'kind = "{"hits" if how["form"] == "hits" else "cells"}"',
        f"shape = {list(shape)}",
    ]
    lines += ['cell_order = "x_fastest"'] if how["x_fastest"] else []
    lines += [f'energy = {{ branch = "{label}", unit = "{how["unit"]}", required = false }}']
    if how["has_time"]:
        columns |= {"time": (of.delay + 100) / 1e3, "expected_time": np.full((N, 36), 0.1)}
        lines += [f'{key} = {{ branch = "{label}_{key}", unit = "us" }}' for key in ("time", "expected_time")]
    numbers = np.broadcast_to(np.arange(columns["energy"].shape[1]), columns["energy"].shape)
    stored = {key: ordered(one, shape) if how["x_fastest"] else one for key, one in columns.items()}
    if how["form"] == "hits":
        lines += [f'cell = {{ branch = "{label}_cell" }}', f"first_cell = {how['first']}"]
        branches[f"{label}_cell"] = jagged((numbers + how["first"]).astype(np.uint8), stored["energy"] > 0)
    for key, values in stored.items():
        one = values.astype(how["dtype"])
        if how["form"] == "hits":
            one = jagged(one, stored["energy"] > 0)
        elif how["form"] == "vector":
            one = jagged(one, np.ones(one.shape, bool))
        elif how["form"] == "dimensions":
            one = one.reshape(N, *(shape if not how["x_fastest"] else (*shape[:-2], shape[-1], shape[-2])))
        branches[label if key == "energy" else f"{label}_{key}"] = one
    return "\n".join(lines)


LAYOUTS: dict[str, Any] = {
    "seed": st.integers(0, 1000),
    "container": st.sampled_from([*RunFileFormat]),
    "detectors": st.fixed_dictionaries({name: stored_detectors(name) for name in SHAPES}),
    "momentum": st.sampled_from(
        [("GeV", "float32"), ("MeV", "float64"), ("MeV", "absent"), ("keV", "float64")]
    ),
    "integers": st.sampled_from(["int8", "uint8", "int16", "int32", "int64", "uint64"]),
}


def check_features(
    *,
    seed: int,
    container: RunFileFormat,
    detectors: dict[str, dict[str, Any]],
    momentum: tuple[str, str],
    integers: str,
) -> None:
    of, (unit, dtype) = content(seed), momentum
    branches: dict[str, Any] = {"R": np.full(N, 8701, np.int16), "S": of.hits.astype(integers)}
    if dtype != "absent":
        branches["P"] = (of.momentum * UNITS[unit]).astype(dtype)
    text = f'{HEAD}track_momentum = {{ branch = "P", unit = "{unit}", required = false }}\n'
    there = {name: how for name, how in detectors.items() if how["form"] != "absent"}
    text += "\n".join(put(name, how, of, branches) for name, how in there.items())
    for name in detectors.keys() - there.keys():
        text += f'\n[{name}]\nkind = "cells"\nshape = {list(SHAPES[name])}\n'
        text += f'energy = {{ branch = "none_{name}", unit = "GeV", required = false }}\n'
    with TemporaryDirectory() as folder:
        path = Path(folder) / f"run{container.suffix}"
        with open_writer(path, container, "t") as file:
            file.extend(branches)
        events = read(path, parse_layout(text, "mine"), 0, N)
    found = compute(events, SETUP, bad=np.zeros(N, bool))
    has = frozenset(there) | (frozenset() if dtype == "absent" else {"track"})
    expected = of.features(has, has_time=bool(there.get("hcal", {}).get("has_time")))
    assert not found.skip.any()
    for name, values in expected.items():
        np.testing.assert_allclose(found[name], values, rtol=3e-7, atol=1e-9, err_msg=name)


@settings(max_examples=5, derandomize=True, phases=[Phase.generate])
@given(**LAYOUTS)
def test_features_are_those_of_the_content(**drawn: Any) -> None:
    check_features(**drawn)


@pytest.mark.soak
@settings(max_examples=150, derandomize=True, phases=[Phase.generate])
@given(**LAYOUTS)
def test_features_are_those_of_the_content_whatever_the_layout(**drawn: Any) -> None:
    check_features(**drawn)
