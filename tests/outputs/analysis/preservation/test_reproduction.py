"""A result is made again from its bundle and the run files alone, and every difference is named."""

from __future__ import annotations

import json
import os
import shutil
import zipfile
from collections.abc import Callable
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from na64.outputs.analysis.preservation.archive import write_archive
from na64.outputs.analysis.preservation.bundling import plugin_lines
from na64.outputs.analysis.preservation.crate import METADATA, Described, Statement, metadata
from na64.outputs.result.store import read_result
from na64.processors.features.plugin import load_plugin
from na64.run import main

PLUGIN = """
from na64 import feature

@feature(name="twice_ecal", unit="GeV")
def twice_ecal(event):
    return 2 * event["ecal"]
"""
SELECTION = """
base = "invisible_2023"
name = "own"

[[append]]
name = "own_cut"
twice_ecal = { above = 20, unit = "GeV" }
source = "test"
"""


class Kept:
    """A campaign with periods, layout, selection and plug-in of the user, its result, and the bundle."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.result, self.bundle = folder, folder / "out", folder / "out.zip"
        self.catalogue, self.data = folder / "private" / "catalogue.json", folder / "data"

    def process(self) -> None:
        own = self.catalogue.parent
        line = ["process", str(self.catalogue), "--selection", str(own / "own.toml")]
        line += [
            "--plugin",
            str(own / "own.py"),
            "--set",
            "momentum.track_momentum.above=99",
            "--runs",
            "8701,8703",
        ]
        assert main([*line, "--to", str(self.result), "--limit", "700", "--no-report"]) == 1

    def write(self, to: Path) -> int:
        return main(["bundle", str(self.result), "--to", str(to)])


@pytest.fixture(scope="module")
def kept(
    tmp_path_factory: pytest.TempPathFactory, simulate: Callable[..., Path], edited: Callable[..., Path]
) -> Kept:
    found = Kept(tmp_path_factory.mktemp("kept"))
    simulate(found.folder, "small", 3000)
    own = found.catalogue.parent
    own.mkdir()
    edited("period", "2023A", own / "periods", to="2023A")
    layout = edited("layout", "tout2023", own, to="mine")
    (own / "own.toml").write_text(SELECTION)
    (own / "own.py").write_text(PLUGIN)
    line = ["catalogue", str(found.data), "--to", str(found.catalogue), "--layout", str(layout)]
    assert main([*line, "--periods", str(own / "periods")]) == 0
    found.process()
    (found.result / "notes.txt").write_text("mine")
    assert found.write(found.bundle) == 0
    return found


@pytest.fixture(scope="module")
def elsewhere(kept: Kept, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The run files of the result under other names, among other files."""
    folder = tmp_path_factory.mktemp("elsewhere")
    for number, path in enumerate(sorted(kept.data.rglob("*.root"), reverse=True)):
        (folder / str(number)).mkdir()
        shutil.copy(path, folder / str(number) / f"x{number}.dat")
    (folder / "more.root").write_bytes(b"something else")
    return folder


def _reproduce(bundle: Path, data: Path, *options: str) -> int:
    return main(["reproduce", str(bundle), "--data", str(data), "--here", *options])


def test_a_result_is_the_same_from_the_bundle_and_run_files_alone(
    kept: Kept,
    elsewhere: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Own period, layout, selection, plug-in, a value that was set, some runs, some events of each."""
    monkeypatch.setenv("NA64_PERIODS", str(tmp_path))
    away = kept.catalogue.parent.rename(kept.folder / "gone")
    try:
        assert _reproduce(kept.bundle, elsewhere, "--to", str(tmp_path / "again")) == 0
    finally:
        away.rename(kept.catalogue.parent)
    assert os.environ["NA64_PERIODS"] == str(tmp_path)
    told = capsys.readouterr()
    assert "same: all 8 products are byte for byte those of the bundle" in told.out
    assert "INCOMPLETE" in told.out
    again = tmp_path / "again" / "reproduced"
    for name in ("yields.csv", "cutflow.csv", "histograms.uhi.zip"):
        assert (again / name).read_bytes() == (kept.result / name).read_bytes()
    assert json.loads((again / "result.json").read_text())["totals"]["visible"] > 0


def test_a_bundle_is_the_same_byte_for_byte(kept: Kept, tmp_path: Path) -> None:
    assert kept.write(tmp_path / "again.zip") == 0
    assert (tmp_path / "again.zip").read_bytes() == kept.bundle.read_bytes()


def test_another_comment_of_the_plug_in_is_bundled_and_said_not_to_be_the_text_that_ran(
    kept: Kept, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path, texts = kept.catalogue.parent / "own.py", (PLUGIN, f"{PLUGIN}# a remark\r\n")
    path.write_bytes(texts[1].encode())
    try:
        assert kept.write(tmp_path / "again.zip") == 0
    finally:
        path.write_text(PLUGIN)
    ran, bundled = (sha256(text.encode()).hexdigest()[:12] for text in texts)
    said = f"plug-in own.py: {bundled} is in the bundle; events were counted with {ran}, which differs in"
    assert said in capsys.readouterr().out
    with zipfile.ZipFile(tmp_path / "again.zip") as archive:
        assert archive.read("plugin/own.py").decode() == texts[1]


def test_a_plug_in_with_a_module_beside_it_is_not_bundled(
    kept: Kept,
) -> None:
    products = read_result(kept.result)
    plugin = replace(load_plugin(kept.catalogue.parent / "own.py"), imported=(("beside", "0" * 64),))
    with pytest.raises(ValueError, match=r"own\.py: imports beside, which would not be in the bundle"):
        list(plugin_lines(products, plugin))
    plugin = replace(plugin, imported=(("pluggy", "pluggy 1.0"),))
    assert list(plugin_lines(products, plugin)) == ["plug-in own.py: pluggy 1.0 is not in the bundle"]


def test_a_bundle_has_all_that_the_result_was_made_of_and_nothing_else(
    kept: Kept, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with zipfile.ZipFile(kept.bundle) as archive:
        names = {*archive.namelist()}
        texts = {name: archive.read(name) for name in names if not name.endswith(".whl")}
    assert {
        "audit.jsonl",
        "catalogue.json",
        "selection/own.toml",
        "plugin/own.py",
        "layouts/mine.toml",
    } <= names
    assert {"periods/2023A.toml", "code/requirements.lock", "result/provenance.json"} <= names
    assert {
        "packaged/selections/invisible_2023.toml",
        "packaged/datasets/conditions/periods/2023A.toml",
    } <= names
    assert not [name for name in names if "partials" in name or "features/" in name or "metrics" in name]
    assert not [name for name, data in texts.items() if str(kept.folder).encode() in data]
    assert b'"../' not in texts["catalogue.json"]
    kept.write(tmp_path / "x.zip")
    assert "not in the bundle: notes.txt" in capsys.readouterr().out


def _rewritten(kept: Kept, path: Path, **changed: bytes) -> Path:
    """A bundle like that of `kept`, well formed, whose files were changed before it was written."""
    with zipfile.ZipFile(kept.bundle) as archive:
        files = {name: archive.read(name) for name in archive.namelist() if name != METADATA}
    files |= {name.replace("__", "/"): data for name, data in changed.items()}
    listed = [Described(name, data, "x") for name, data in files.items()]
    stated = Statement("x", "x", "2026-11-30", "x", "", "x", "1", listed[0].name, (), ())
    write_archive(path, {METADATA: metadata(listed, stated), **files})
    return path


def _result_with(kept: Kept, name: str, data: bytes) -> dict[str, bytes]:
    """A product, and a result that it belongs to."""
    result = json.loads((kept.result / "result.json").read_text())
    result["products"][name] = sha256(data).hexdigest()
    del result["seal"]
    return {f"result__{name}": data, "result__result.json": json.dumps(result).encode()}


def test_a_product_that_is_not_made_again_is_named(
    kept: Kept, elsewhere: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    yields = (kept.result / "yields.csv").read_bytes().replace(b"8701,", b"8799,")
    path = _rewritten(kept, tmp_path / "other.zip", **_result_with(kept, "yields.csv", yields))
    assert _reproduce(path, elsewhere) == 1
    told = [line for line in capsys.readouterr().out.splitlines() if line.startswith(("different", "same"))]
    assert told == ["different: yields.csv: differs"]


def test_a_product_that_is_not_of_the_result_is_damage(
    kept: Kept, elsewhere: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert (
        _reproduce(_rewritten(kept, tmp_path / "x.zip", **{"result__yields.csv": b"run\n"}), elsewhere) == 2
    )
    assert "result/yields.csv: is not the one that result.json was written with" in capsys.readouterr().err


@pytest.mark.parametrize("place", ["/tmp/na64-canary", "../outside/run.root"])  # noqa: S108
def test_a_catalogue_that_names_files_outside_the_bundle_is_refused(
    kept: Kept, elsewhere: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], place: str
) -> None:
    with zipfile.ZipFile(kept.bundle) as archive:
        plain = json.loads(archive.read("catalogue.json"))
    for file in plain["files"]:
        file["path"] = place
    plain["seal"] = "0" * 64
    data = (json.dumps(plain, indent=1, sort_keys=True) + "\n").encode()
    data = data.replace(b"0" * 64, sha256(data).hexdigest().encode(), 1)
    path = _rewritten(kept, tmp_path / "x.zip", **{"catalogue.json": data})
    assert _reproduce(path, elsewhere, "--to", str(tmp_path / "out")) == 2
    assert "is outside the bundle" in capsys.readouterr().err
    assert not Path(place).exists()
    assert not (tmp_path / "outside").exists()


def test_a_changed_byte_and_a_cut_bundle_are_damage(
    kept: Kept, elsewhere: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = bytearray(kept.bundle.read_bytes())
    at = data.index(b"twice_ecal = {")
    data[at] ^= 1
    (tmp_path / "x.zip").write_bytes(data)
    assert _reproduce(tmp_path / "x.zip", elsewhere) == 2
    assert "selection/own.toml: Bad CRC" in capsys.readouterr().err
    (tmp_path / "x.zip").write_bytes(data[: len(data) // 2])
    assert _reproduce(tmp_path / "x.zip", elsewhere) == 2
    assert "is not a zip file that is whole" in capsys.readouterr().err


def test_run_files_that_are_missing_or_others_are_named(
    kept: Kept, elsewhere: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _reproduce(kept.bundle, tmp_path) == 2
    assert "run_8701.root (sha256 " in capsys.readouterr().err
    shutil.copytree(kept.data, tmp_path / "data")
    path = next((tmp_path / "data").rglob("run_8703.root"))
    changed = bytearray(path.read_bytes())
    changed[len(changed) // 2] ^= 1
    path.write_bytes(changed)
    assert _reproduce(kept.bundle, tmp_path / "data") == 2
    assert "run_8703.root of the result: its content is another one" in capsys.readouterr().err


def test_a_folder_with_something_in_it_is_left_alone(
    kept: Kept, elsewhere: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "mine").touch()
    assert _reproduce(kept.bundle, elsewhere, "--to", str(tmp_path)) == 2
    assert "is not empty" in capsys.readouterr().err
    assert os.listdir(tmp_path) == ["mine"]  # noqa: PTH208


@pytest.mark.parametrize("changed", ["own.toml", "own.py", "periods/2023A.toml", "out/provenance.json"])
def test_what_would_not_make_the_result_any_more_is_not_bundled(
    kept: Kept, tmp_path: Path, capsys: pytest.CaptureFixture[str], changed: str
) -> None:
    path = (kept.folder if changed.startswith("out") else kept.catalogue.parent) / changed
    before = path.read_text()
    edits = {"own.toml": ("above = 20", "above = 21"), "own.py": ("2 *", "3 *")}
    old, new = edits.get(
        changed, ('"code": "', '"code": "0') if path.suffix == ".json" else ("\n", "\n# x\n")
    )
    assert old in before
    try:
        path.write_text(before.replace(old, new, 1))
        assert kept.write(tmp_path / "x.zip") == 2
    finally:
        path.write_text(before)
    told = capsys.readouterr().err
    assert "is not the one that made the result" in told or "has changed since the catalogue was made" in told
    assert not (tmp_path / "x.zip").exists()


def test_an_altered_or_missing_log_is_not_bundled(
    kept: Kept, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log = kept.catalogue.with_name("audit.jsonl")
    before = log.read_bytes()
    try:
        log.write_bytes(before.replace(b"8701", b"8702", 1))
        assert kept.write(tmp_path / "x.zip") == 2
        assert "an altered log is not bundled" in capsys.readouterr().err
        log.unlink()
        assert kept.write(tmp_path / "x.zip") == 2
        assert "log of the passes" in capsys.readouterr().err
    finally:
        log.write_bytes(before)


@pytest.mark.parametrize("name", ["unblinded-0123.json", "opened", "opened-0123"])
def test_what_an_earlier_opening_left_is_not_bundled_unnoticed(
    kept: Kept, tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    left = kept.result / name
    left.mkdir()
    try:
        assert kept.write(tmp_path / "x.zip") == 2
        assert f"{name} tells what was in a box" in capsys.readouterr().err
    finally:
        left.rmdir()


def test_files_outside_the_folder_that_limits_were_made_of_are_in_the_bundle(
    kept: Kept, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table, limits = kept.folder / "background.csv", kept.result / "limits.json"
    table.write_text("a\n")
    digest = sha256(b"a\n").hexdigest()
    limits.write_text(json.dumps({"files": [{"path": "../background.csv", "sha256": digest, "stated": ""}]}))
    try:
        assert kept.write(tmp_path / "x.zip") == 0
        with zipfile.ZipFile(tmp_path / "x.zip") as archive:
            assert archive.read(f"inputs/{digest[:12]}-background.csv") == b"a\n"
        table.write_text("b\n")
        assert kept.write(tmp_path / "x.zip") == 0
        assert (
            "background.csv, of which limits.json was made, is not there as it was" in capsys.readouterr().out
        )
    finally:
        limits.unlink()


def test_other_versions_here_are_named(
    kept: Kept, elsewhere: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    provenance: dict[str, Any] = json.loads((kept.result / "provenance.json").read_text())
    provenance |= {"code": "f" * 64, "python": "3.99.1"}
    path = _rewritten(
        kept,
        tmp_path / "x.zip",
        **{
            "result__provenance.json": json.dumps(provenance).encode(),
            "code__requirements.lock": b"numpy==1.0\n",
        },
    )
    assert _reproduce(path, elsewhere) == 0
    told = capsys.readouterr().err
    assert "reproduce: na64: the program here is " in told
    assert ", that of the bundle ffffffffffff" in told
    assert "here, 3.99.1 in the bundle" in told
    assert "here, 1.0 in the bundle" in told


@pytest.mark.soak
def test_a_fresh_environment_makes_the_same_result(
    kept: Kept, elsewhere: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    code = main(["reproduce", str(kept.bundle), "--data", str(elsewhere), "--to", str(tmp_path / "again")])
    told = capfd.readouterr()
    if "no network" in told.err:
        pytest.skip("the index of packages cannot be reached")
    assert code == 0, told.err
    assert "same: all 8 products" in told.out
    assert (tmp_path / "again/environment/bin/na64").exists()
