"""Files of which coffea would show other numbers than the package reads are refused."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import awkward as ak
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import uproot
from coffea.nanoevents import NanoEventsFactory

from na64.datasets.reading.layout import Layout, parse_layout
from na64.datasets.reading.read import read
from na64.datasets.reading.schema import NA64Schema
from na64.datasets.reading.stored import BadFileError

LAYOUT = """
name = "other"
trees = ["t"]
[event]
run = { branch = "r" }
spill = { branch = "s" }
event = { branch = "e" }
trigger = { branch = "i" }
[srd]
kind = "cells"
shape = [2]
energy = { branch = "SRD", unit = "GeV" }
[ecal]
kind = "hits"
cell = { branch = "c" }
energy = { branch = "en", unit = "GeV" }
"""
N = 6
HITS = ak.unflatten(np.arange(6), [1] * N)
EVENTS = {
    "r": np.full(N, 8701),
    "s": np.arange(N),
    "e": np.arange(N),
    "i": np.arange(N),
    "c": HITS,
    "en": HITS / 2,
}


@pytest.fixture(scope="module")
def layout() -> Layout:
    return parse_layout(LAYOUT, "other")


@pytest.fixture(scope="module")
def schema(layout: Layout) -> type[NA64Schema]:
    with pytest.warns(UserWarning, match="layout other says what is hidden"):
        return NA64Schema.opened(log_line="0" * 64).using(layout)


def test_arrays_that_were_added_later_are_refused(tmp_path: Path, schema: type[NA64Schema]) -> None:
    """uproot counts events where the file counts elements, and puts zeros before the values."""
    cells = ak.from_numpy(np.arange(1.0, 13.0).reshape(N, 2), regulararray=True)
    events = ak.Array({**EVENTS, "SRD": cells})
    with uproot.recreate(tmp_path / "run.root") as file:
        stored = file.mkrntuple("t", events.layout.form)
        for first in (0, 2, 4):
            stored.extend(events[first : first + 2])
    with uproot.open(tmp_path / "run.root") as file:

        def shown() -> Any:
            made = NanoEventsFactory.from_root(file, treepath="t", schemaclass=schema, entry_start=2)
            return made.events().srd.energy.tolist()

        assert shown() == cells[2:].tolist()
        form = file["t"]["SRD"].to_akform()[0].contents[0].to_json()
        column = int(re.findall(r"column-(\d+)", form)[0])
        file["t"].column_records[
            column
        ].first_element_index = 4  # as ROOT writes what begins after two events
        with pytest.raises(
            BadFileError, match=r'^run.root: branch "SRD" was added later, and coffea shows other'
        ):
            shown()
        assert file["t"]["SRD"].array(entry_start=2)[0].tolist() == [0.0, 0.0]


@pytest.mark.parametrize(
    ("name", "values", "message"),
    [
        ("i", pa.array([1, None, 3, 4, 5, 6]), 'branch "i": 1 values are null'),
        ("en", pa.array([[1.0], None, [3.0], [4.0], [5.0], [6.0]]), 'branch "en": 1 values are null'),
        ("i", pa.array([1, 2, 3, 4, 5, 6]).dictionary_encode(), ""),
        ("en", pa.array([[1.0], [2.0], [3.0], [4.0], [5.0], [6.0]], pa.large_list(pa.float64())), ""),
    ],
)
def test_coffea_and_the_package_read_a_parquet_file_alike_or_refuse_it(
    *, name: str, values: Any, message: str, tmp_path: Path, layout: Layout, schema: type[NA64Schema]
) -> None:
    stored = {key: pa.array(ak.to_list(column)) for key, column in EVENTS.items()}
    stored["SRD"] = pa.array([[1.0, 2.0]] * N)
    pq.write_table(pa.table({**stored, name: values}), tmp_path / "run.parquet")
    if message:
        with pytest.raises(BadFileError, match=message):
            read(tmp_path / "run.parquet", layout, 0, N)
        with pytest.raises(BadFileError, match=message):
            NanoEventsFactory.from_parquet(str(tmp_path / "run.parquet"), schemaclass=schema).events()
        return
    events = NanoEventsFactory.from_parquet(str(tmp_path / "run.parquet"), schemaclass=schema).events()
    found = read(tmp_path / "run.parquet", layout, 0, N)
    assert events.trigger.tolist() == found.event["trigger"].tolist()
    assert ak.flatten(events.ecal.energy).tolist() == found.detectors["ecal"].energy.tolist()  # type: ignore[union-attr]


def test_types_that_may_lack_a_value_are_refused_by_name(tmp_path: Path, layout: Layout) -> None:
    cells = ak.from_numpy(np.ones((N, 2)), regulararray=True)
    events = ak.Array({**EVENTS, "SRD": cells, "i": ak.Array([1, None, 3, 4, 5, 6])})
    with uproot.recreate(tmp_path / "run.root") as file:
        file.mkrntuple("t", events.layout.form).extend(events)
    with pytest.raises(BadFileError, match=r'branch "i" is std::optional<std::int64_t>, expected an integer'):
        read(tmp_path / "run.root", layout, 0, N)
    decimals = pa.array([1, 2, 3, 4, 5, 6]).cast(pa.decimal128(20, 0))
    stored = {key: pa.array(ak.to_list(column)) for key, column in EVENTS.items()}
    pq.write_table(
        pa.table({**stored, "SRD": pa.array([[1.0, 2.0]] * N), "i": decimals}), tmp_path / "a.parquet"
    )
    with pytest.raises(BadFileError, match=r'branch "i" is decimal128\(20, 0\), expected an integer'):
        read(tmp_path / "a.parquet", layout, 0, N)
