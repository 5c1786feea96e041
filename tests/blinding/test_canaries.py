"""Magic numbers of hidden events are searched in everything that a job leaves, decompressed."""

from __future__ import annotations

import base64
import io
import re
import struct
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
import uproot

from na64.run import main

ENERGY, TIME, SPILL, EVENT = 31.41592653, 98.7654321, 271_828_182, 1_123_581_321
OTHER_ENERGY = 83.14159265
"""In the box of another search."""

NEEDLES = {
    **{
        f"{form} {value}": struct.pack(form, value)
        for value in (ENERGY, OTHER_ENERGY, TIME)
        for form in ("<f", ">f", "<d", ">d")
    },
    **{
        f"{form} {value}": struct.pack(form, value)
        for value in (SPILL, EVENT)
        for form in ("<I", ">I", "<q", ">q", "<d", "<f")
    },
    **{f"text {text}": text.encode() for text in ("31.4159", "83.1415", "98.7654", str(SPILL), str(EVENT))},
}
FEW = """
base = "invisible_2023"
name = "few"
label = "few cuts"
description = "two cuts and a histogram"
yields_after = "vhcal"

[[cut]]
name = "trigger"
source = "test"
trigger_physics = { min = 1, max = 1 }

[[cut]]
name = "vhcal"
source = "test"
vhcal_total = { below = 15, unit = "GeV" }

[[histogram]]
name = "ecal"
label = "ECAL"
after = "trigger"
axes = [{ feature = "ecal", bins = 15, low = 0, high = 150, unit = "GeV" }]
"""
_ZLIB = re.compile(rb"\x78[\x01\x5e\x9c\xda]")
_BASE64 = re.compile(rb"base64,([A-Za-z0-9+/=]{16,})")


def layers(name: str, data: bytes) -> Iterator[bytes]:
    """The bytes of an artefact, then of whatever is packed in it."""
    yield data
    for found in _ZLIB.finditer(data):
        try:
            yield zlib.decompressobj().decompress(memoryview(data)[found.start() :])
        except zlib.error:
            continue
    for found in _BASE64.finditer(data):
        yield from layers("", base64.b64decode(found.group(1)))
    if name.endswith(".zip"):
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            for member in archive.namelist():
                yield from layers(member, archive.read(member))
    if name.endswith(".parquet"):
        table = pq.read_table(io.BytesIO(data))
        yield str(table.to_pydict()).encode()
    if name.endswith(".root"):
        with uproot.open(io.BytesIO(data)) as file:
            hists = file.keys(cycle=False, filter_classname="TH*")
            yield from (file[key].values(flow=True).tobytes() for key in hists)


def found_in(paths: list[Path]) -> list[str]:
    return [
        f"{needle} in {path.name}"
        for path in paths
        for layer in layers(path.name, path.read_bytes())
        for needle, pattern in NEEDLES.items()
        if pattern in layer
    ]


def artefacts(*folders: Path) -> list[Path]:
    return [path for folder in folders for path in sorted(folder.rglob("*")) if path.is_file()]


@pytest.mark.parametrize("layout", ["hits", "tout2023"])
def test_no_canary_is_in_any_artefact(worlds: Any, layout: str, tmp_path: Path, capfd: Any) -> None:
    world = worlds(layout)[3]
    store, out = tmp_path / "store", tmp_path / "out"
    plugin = tmp_path / "my.py"
    plugin.write_text(
        "from na64 import cell_feature, feature\n\n"
        '@cell_feature(name="largest", unit="GeV", detector="ecal")\n'
        "def largest(cells):\n"
        "    print(*(array.tolist() for array in cells))\n"
        "    return cells.energy.max(axis=(1, 2, 3))\n\n\n"
        '@feature(name="third", unit="GeV")\n'
        "def third(event):\n"
        "    print(event['ecal'].tolist(), event['master_time'].tolist())\n"
        "    return event['ecal'] / 3\n"
    )
    line = [
        "process",
        str(world.catalogue),
        "--executor",
        "iterative",
        "--store",
        str(store),
        "--plugin",
        str(plugin),
    ]
    assert main([*line, "--selection", "dimuon_2023", "--to", str(out), "--no-report"]) == 0
    assert main(["bundle", str(out), "--to", str(tmp_path / "b.zip")]) == 0
    with zipfile.ZipFile(tmp_path / "b.zip") as bundle:
        made = [name for name in bundle.namelist() if not name.endswith(".whl")]
        bundle.extractall(tmp_path / "bundle", made)
    # It passes where plug-ins are tried on three made-up events.
    plugin.write_text(
        plugin.read_text().replace("return", "assert len(event['ecal']) == 3, str(event['ecal'])\n    return")
    )
    assert (
        main(
            [*line, "--selection", "dimuon_2023", "--to", str(tmp_path / "failed"), "--debug", "--no-report"]
        )
        == 1
    )
    captured = capfd.readouterr()
    (tmp_path / "out" / "messages.txt").write_text(captured.out + captured.err)
    paths = [*artefacts(out, tmp_path / "failed", store), world.catalogue, world.folder / "audit.jsonl"]
    paths += artefacts(tmp_path / "bundle")
    assert {path.suffix for path in paths} > {".csv", ".zip", ".root", ".parquet", ".partial", ".json"}
    # As with runs, a catalogue has the numbers of the spills: one that was not read could not be named.
    in_catalogue = {f"text {SPILL} in catalogue.json"}
    assert [line for line in found_in(paths) if line not in in_catalogue] == []


def test_no_canary_in_the_box_of_another_search_is_in_any_artefact(
    new_worlds: Any, look: Any, tmp_path: Path, two_searches: Path
) -> None:
    (world,) = new_worlds("hits", names=("canary_band",), periods=two_searches, n_events=600)
    data = found_in(artefacts(world.folder / "data"))
    assert any(str(OTHER_ENERGY) in line for line in data)
    seen = look(world, "--selection", "invisible_2023", "--store", str(tmp_path / "store"))
    (tmp_path / "out" / "messages.txt").write_text(seen.out + seen.err)
    paths = [*artefacts(tmp_path / "out", tmp_path / "store"), world.catalogue, world.folder / "audit.jsonl"]
    in_catalogue = {f"text {SPILL} in catalogue.json"}
    assert [line for line in found_in(paths) if line not in in_catalogue] == []


def test_the_search_finds_canaries_where_they_are(worlds: Any, tmp_path: Path) -> None:
    world = worlds("hits")[3]
    data = found_in(artefacts(world.folder / "data"))
    for what in (ENERGY, TIME, SPILL, EVENT):
        assert any(str(what) in line for line in data)
    catalogue, store, out = tmp_path / "catalogue.json", tmp_path / "store", tmp_path / "out"
    assert main(["catalogue", str(world.folder / "data"), "--to", str(catalogue), "--simulation"]) == 0
    line = ["process", str(catalogue), "--selection", "dimuon_2023", "--to", str(out), "--store", str(store)]
    assert main([*line, "--executor", "iterative", "--no-report"]) == 0
    assert any(line.startswith(f"<f {ENERGY}") for line in found_in(artefacts(store)))


def test_the_search_looks_into_what_is_packed(tmp_path: Path) -> None:
    needle = NEEDLES[f"<d {TIME}"]
    (tmp_path / "a.partial").write_bytes(b"head" + zlib.compress(b"--" + needle, 1))
    (tmp_path / "b.html").write_bytes(
        b'src="data:base64,' + base64.b64encode(zlib.compress(bytes(40) + needle)) + b'"'
    )
    with zipfile.ZipFile(tmp_path / "c.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("member", needle)
    for path in artefacts(tmp_path):
        assert found_in([path]) == [f"<d {TIME} in {path.name}"]


def test_no_canary_is_in_the_report_and_its_pictures(worlds: Any, look: Any, tmp_path: Path) -> None:
    # Drawn from the stored products alone, which are the same in every world: one of each kind will do.
    few = tmp_path / "few.toml"
    few.write_text(FEW)
    seen = look(worlds("hits")[3], "--selection", str(few), report=True)
    assert {"cutflow", "n_minus_one", "plane_after_visible", "spectra", "yields"} <= {
        Path(name).stem for name in seen.products
    }
    assert {Path(name).suffix for name in seen.products} >= {".html", ".png", ".pdf", ".root", ".zip"}
    assert found_in(artefacts(tmp_path / "out")) == []
