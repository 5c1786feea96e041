"""A freeze commits the numbers of its own result: whatever is of another one is refused by name."""

from __future__ import annotations

import errno
import json
import re
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from na64.outputs.result.audit_log import entries
from na64.outputs.result.origin import origin_of, seal_csv, seal_facts, unseal_csv
from na64.processors.execution.ledger import decode, encode
from na64.run import main

pytestmark = pytest.mark.usefixtures("undrawn", "uncompared")

TABLE = b"source,n,error,upper_limit,correlated,method,tag\nbeam line,0.4,0.1,no,no,m,t\n"


@pytest.fixture(scope="module")
def limits(campaign: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A result with a background table and the limits made of it."""
    folder = tmp_path_factory.mktemp("limits")
    shutil.copytree(campaign / "out", folder / "out")
    _background(folder / "out")
    line = ["limits", str(folder / "out"), "--efficiency", "0.5", "--points", "3", "--level", "0.9"]
    assert main(line) == 0
    return folder / "out"


@pytest.fixture
def limited(analysis: Any, limits: Path) -> Any:
    """An analysis with these limits."""
    shutil.copytree(limits, analysis.result, dirs_exist_ok=True)
    return analysis


def _background(folder: Path) -> None:
    """A table as na64 background writes it of the result in a folder."""
    (folder / "background.csv").write_bytes(seal_csv(TABLE, origin_of(folder)))


def _of_other_cuts(a: Any) -> None:
    """Process with other cuts into the same folder; the table of before comes back from a copy."""
    kept = (a.result / "background.csv").read_bytes()
    a.select("below = 1.5", "below = 15")
    a.process("--replace")
    assert not (a.result / "background.csv").exists()
    (a.result / "background.csv").write_bytes(kept)


def _of_other_runs(a: Any) -> None:
    a.process("--runs", "8721")


def _edited(a: Any) -> None:
    path = a.result / "background.csv"
    path.write_bytes(path.read_bytes().replace(b"0.4,0.1", b"0.2,0.1"))


def _row_removed(a: Any) -> None:
    path = a.result / "background.csv"
    path.write_bytes(seal_csv(TABLE + b"kaons,9,1,no,no,m,t\n", origin_of(a.result)))
    path.write_bytes(b"".join(line + b"\n" for line in path.read_bytes().splitlines()[:-1]))


def _by_hand(a: Any) -> None:
    (a.result / "background.csv").write_bytes(TABLE)


def _of_another_folder(a: Any) -> None:
    result, a.result = a.result, a.folder / "other"
    a.process("--runs", "8722")
    _background(a.result)
    shutil.copy(a.result / "background.csv", result)
    a.result = result


OTHERS: dict[str, tuple[Callable[[Any], None], str]] = {
    "other cuts": (_of_other_cuts, r"it is of the result \w{12}, not of \w{12} in"),
    "other runs": (_of_other_runs, r"it is of the result \w{12}, not of \w{12} in"),
    "another folder": (_of_another_folder, r"it is of the result \w{12}, not of \w{12} in"),
    "edited": (_edited, "it was edited after it was written"),
    "row removed": (_row_removed, "it was edited after it was written"),
    "by hand": (_by_hand, "it does not say which result and which cuts it is of"),
}


@pytest.mark.parametrize("name", OTHERS)
def test_a_background_of_something_else_is_refused_or_declared(
    analysis: Any, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    change, message = OTHERS[name]
    _background(analysis.result)
    change(analysis)
    capsys.readouterr()
    for given in ((), ("--background", str(analysis.result / "background.csv"))):
        analysis.limits(*given, code=2)
        (line,) = capsys.readouterr().err.splitlines()
        assert re.search(rf"na64: .*background\.csv: {message}.*--reason TEXT", line)
    assert not (analysis.result / "limits.json").exists()


def test_a_declared_background_is_in_the_limits_and_in_the_log(analysis: Any) -> None:
    _by_hand(analysis)
    analysis.limits("--reason", "agreed on 3 May")
    (file,) = json.loads((analysis.result / "limits.json").read_text())["files"]
    assert file["stated"].endswith("; stated: agreed on 3 May")
    assert analysis.events()[-1] == "stated"
    analysis.freeze("--expected-limit", "mine")


def test_one_table_is_not_of_several_results(analysis: Any, capsys: pytest.CaptureFixture[str]) -> None:
    out, analysis.result = analysis.result, analysis.folder / "other"
    analysis.process("--runs", "8722,8723")
    _background(analysis.result)
    analysis.result = out
    analysis.process("--runs", "8721")
    _background(analysis.result)
    table = ["--background", str(analysis.result / "background.csv"), "--to", str(analysis.folder / "both")]
    _limits_of_both(analysis, *table, code=2)
    assert "background.csv: it is of the result" in capsys.readouterr().err
    _limits_of_both(analysis, "--to", str(analysis.folder / "both"))
    shutil.copy(analysis.folder / "both" / "limits.json", analysis.result)
    assert main(["freeze", str(analysis.result)]) == 1
    assert "limits.json: it is of the result (not stated)" in capsys.readouterr().err


def test_a_table_goes_with_a_copy_of_its_result(analysis: Any) -> None:
    _background(analysis.result)
    copy = analysis.folder / "copy"
    shutil.copytree(analysis.result, copy)
    analysis.limits("--background", str(copy / "background.csv"))


def _edit_limits(a: Any) -> None:
    path = a.result / "limits.json"
    path.write_text(path.read_text().replace('"n": 0.4', '"n": 0.1'))


def _limits_of_both(a: Any, *options: str, code: int = 0) -> None:
    folders = [str(a.result), str(a.folder / "other")]
    line = ["limits", *folders, "--efficiency", "0.5", "--points", "3", "--level", "0.9"]
    assert main([*line, *options]) == code


def _limits_without_inputs(a: Any) -> None:
    path = a.result / "limits.json"
    plain = json.loads(path.read_text())
    del plain["origin"], plain["seal"]
    path.write_text(json.dumps(seal_facts(plain | {"inputs": []})))


def _copied_limits(a: Any) -> None:
    result, a.result = a.result, a.folder / "other"
    a.process("--runs", "8722")
    for name in ("limits.json", "background.csv"):
        shutil.copy(result / name, a.result)


def _new_background(a: Any) -> None:
    path = a.result / "background.csv"
    path.write_bytes(seal_csv(TABLE.replace(b"0.4", b"0.3"), origin_of(a.result)))


LIMITS: dict[str, tuple[Callable[[Any], None], str]] = {
    "edited": (_edit_limits, "limits.json: it was edited"),
    "of nothing": (_limits_without_inputs, "limits.json: it does not say which result"),
    "copied": (_copied_limits, "limits.json: it is of the result "),
    "result made again": (_of_other_runs, "limits.json: it is of the result "),
    "another background since": (
        _new_background,
        "limits.json was made of another background.csv than there",
    ),
    "no background": (
        lambda a: (a.result / "background.csv").unlink(),
        "limits.json was made of background.csv, which is gone",
    ),
    "no limits": (lambda a: (a.result / "limits.json").write_text("{}"), "no background and expected limit"),
}


@pytest.mark.parametrize("name", LIMITS)
def test_a_freeze_takes_no_limits_of_something_else(
    limited: Any, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    change, message = LIMITS[name]
    change(limited)
    capsys.readouterr()
    assert main(["freeze", str(limited.result)]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert message in line
    assert not (limited.result / "freeze.json").exists()


def test_what_the_estimate_was_made_of_is_part_of_the_freeze(
    limited: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    digest = limited.freeze()
    _new_background(limited)
    assert limited.unblind(digest) == 1
    assert "the estimate was made of another background.csv than there is" in capsys.readouterr().err


def test_rates_say_of_which_cuts_they_are(analysis: Any, capsys: pytest.CaptureFixture[str]) -> None:
    cuts = origin_of(analysis.result).cuts
    rates = analysis.folder / "rates.toml"
    line = ["background", str(analysis.result), "--rates", str(rates), "--end", "90"]
    for text, message in (
        ("", f'rates.toml: it does not say .*; a line cuts = "{cuts}" in it says that it is'),
        ('cuts = "decaf"\n', f"rates.toml: it is of the cuts decaf, not of {cuts}"),
    ):
        rates.write_text(text + "source = []\n")
        assert main(line) == 2
        assert re.search(message, capsys.readouterr().err)
    assert main([*line, "--reason", "the same beam"]) == 0
    assert analysis.events()[-1] == "stated"
    rates.write_text(f'cuts = "{cuts}"\nsource = []\n')
    assert main(line) == 0
    _, found = unseal_csv((analysis.result / "background.csv").read_bytes())
    assert found.origin == origin_of(analysis.result)


def test_a_projection_takes_background_and_efficiency_of_the_same_cuts(
    analysis: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    _background(analysis.result)
    table = analysis.result / "background.csv"
    line = ["project", "--eot", "1e12", "--points", "3", "--background", str(table)]
    assert main([*line, "--efficiency", "0.5"]) == 0
    efficiency, origin = analysis.folder / "efficiency.csv", origin_of(analysis.result)
    head = (
        b"mass,period,efficiency,n_generated,n_selected,n_in_box,n_simulated,threshold,selection,cuts,setup\n"
    )
    of = ["--efficiency", str(efficiency), "--period", "2023A"]
    for cuts, setup, message in (
        ("decaf", origin.setups[0][1], f"it is of the cuts {origin.cuts}, not of decaf"),
        (origin.cuts, "decaf", "it is of another period 2023A"),
        (origin.cuts, origin.setups[0][1], ""),
    ):
        rows = b"".join(
            f"{mass},2023A,0.5,100,50,80,100,40,mine,{cuts},{setup}\n".encode() for mass in (0.001, 1)
        )
        efficiency.write_bytes(seal_csv(head + rows))
        assert main([*line, *of]) == (2 if message else 0)
        assert message in capsys.readouterr().err
    _edited(analysis)
    assert main([*line, *of]) == 2
    assert "background.csv: it was edited" in capsys.readouterr().err
    assert main([*line, *of, "--reason", "as agreed"]) == 0
    assert "stated: as agreed" in capsys.readouterr().out


def test_another_result_in_the_folder_is_refused_and_replaced_whole(
    campaign: Path, limited: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    analysis = limited
    fresh = {str(path.relative_to(campaign / "out")) for path in (campaign / "out").rglob("*")}
    assert main(["events", str(analysis.result), "--limit", "2"]) == 0
    digest = analysis.freeze("--expected-limit", "mine")
    assert analysis.unblind(digest) == 0
    names = ("report.html", "plots/plane.png", "dimuon.json", "dimuon/ratios.png", "efficiency.csv")
    of_searches = ("contour.csv", "contour.json", "contour.pdf", "contour_hepdata/submission.yaml")
    tables = (
        "efficiency_energies.csv",
        "efficiency_alp.csv",
        "efficiency_alp_losses.csv",
        "efficiency_alp.png",
    )
    for name in (*names, *of_searches, *tables):
        (analysis.result / name).parent.mkdir(exist_ok=True)
        (analysis.result / name).write_text("made by a command")
    before = {path: path.read_bytes() for path in analysis.result.rglob("*") if path.is_file()}
    analysis.select("below = 1.5", "below = 15")
    capsys.readouterr()
    analysis.process(code=2)
    (line,) = capsys.readouterr().err.splitlines()
    assert re.search(r"out: holds a result of another selection \(mine, cuts \w{12}, not mine", line)
    assert before == {path: path.read_bytes() for path in analysis.result.rglob("*") if path.is_file()}

    stored = analysis.result / "result.json"
    stored.write_bytes(before[stored].replace(b'"source": "', b'"source": "not ', 1))
    analysis.process(code=2)
    (line,) = capsys.readouterr().err.splitlines()
    assert "out: holds a result of another selection" in line  # edited or not, it is not to be lost
    stored.write_bytes(before[stored])

    analysis.process("--replace")
    assert "kept: " in capsys.readouterr().out
    left = {str(path.relative_to(analysis.result)) for path in analysis.result.rglob("*")}
    beside = {name for name in left - fresh if not name.startswith(("replaced", "partials"))}
    assert beside == set()
    (kept,) = (analysis.result / "replaced").iterdir()
    assert (kept / "unblinded.json").exists()
    assert (kept / "opened" / "candidates.csv").exists()
    replaced: Any = next(line for line in entries(analysis.log) if line["event"] == "replace")["details"]
    assert replaced["freeze"] == digest
    assert main(["audit", str(analysis.result)]) == 0


def test_every_product_has_to_be_the_one_of_the_result(
    analysis: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    digest, folder = analysis.freeze(), str(analysis.result)
    lines = (
        ["freeze", folder, "--background", "0.5 +- 0.2"],
        ["unblind", folder, "--freeze", digest, "--reason", "r", "--approved-by", "A", "--approved-by", "B"],
        ["bundle", folder, "--to", str(analysis.folder / "out.zip")],
        ["audit", folder],
    )
    assert main(lines[-1]) == 0
    products = json.loads((analysis.result / "result.json").read_text())["products"]
    assert {"yields.parquet", "cutflow.parquet", "histograms.root", "spills.csv"} < products.keys()
    for name in products:
        path = analysis.result / name
        kept = path.read_bytes()
        path.write_bytes(bytes([*kept[:-1], kept[-1] ^ 1]))
        for line in lines if name == "histograms.root" else lines[-1:]:
            capsys.readouterr()
            assert main(line) != 0, (name, line[0])
            said = "".join(capsys.readouterr())
            assert f"{name} is not the one that result.json was written with" in said, line[0]
        path.unlink()
        assert main(lines[-1]) == 1
        assert f"{name} is gone" in capsys.readouterr().out
        path.write_bytes(kept)
    assert main(lines[-1]) == 0


def test_a_damaged_result_is_written_anew_only_if_it_is_the_one_asked_for(
    analysis: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    stored, provenance = analysis.result / "result.json", analysis.result / "provenance.json"
    whole, origin = stored.read_bytes(), provenance.read_bytes()
    edited = whole.replace(json.loads(whole)["identities"]["selection"].encode(), b"0" * 64)
    for damaged in (whole[:-100], b"", b'{"schema": 99}', edited):
        stored.write_bytes(damaged)
        analysis.process()
        assert stored.read_bytes() == whole
    analysis.select("below = 1.5", "below = 15")
    for damaged, beside, message in (
        (whole[:-100], origin, "of another selection (mine, not mine as it is now)"),
        (whole[:-100], b"{}", "(result.json was damaged, and provenance.json names no selection)"),
        (b"", b"", "(provenance.json: not JSON"),
        (b"", None, "(provenance.json is gone)"),
    ):
        stored.write_bytes(damaged)
        provenance.unlink() if beside is None else provenance.write_bytes(beside)
        capsys.readouterr()
        analysis.process(code=2)
        assert message in capsys.readouterr().err
        assert stored.read_bytes() == damaged
    analysis.process("--replace")
    assert json.loads(stored.read_bytes())["verdict"] == "COMPLETE"


@pytest.mark.parametrize("what", ["simulation", "catalogue"])
def test_simulation_or_another_catalogue_does_not_take_the_place_of_data(
    analysis: Any, campaign: Path, capsys: pytest.CaptureFixture[str], what: str
) -> None:
    catalogue = analysis.folder / "catalogue.json"
    files = str(campaign / "data")
    if what == "simulation":
        assert main(["catalogue", files, "--to", str(catalogue), "--simulation"]) == 0
    else:
        assert main(["catalogue", f"{files}/run_8722.root", "--to", str(catalogue)]) == 0
    analysis.process(code=2)
    words = {"simulation": "of data, not of simulation", "catalogue": "run_8721.root is not in this one"}
    assert words[what] in capsys.readouterr().err
    analysis.process("--replace")


def test_more_files_of_the_same_catalogue_are_no_other_result(analysis: Any, campaign: Path) -> None:
    catalogue, result = analysis.folder / "few.json", analysis.folder / "few"
    line = ["process", str(catalogue), "--selection", str(analysis.selection), "--to", str(result)]
    line += ["--executor", "iterative", "--no-report"]
    for name, update in (("run_8721.root", []), ("run_8722.root", ["--update"])):
        assert main(["catalogue", str(campaign / "data" / name), *update, "--to", str(catalogue)]) == 0
        assert main(line) == 0


@pytest.mark.parametrize("change", [{"hidden": -1}, {"processed": 5}])
def test_a_partial_result_that_does_not_add_up_is_counted_again(
    analysis: Any, change: dict[str, int], caplog: pytest.LogCaptureFixture
) -> None:
    before = {name: (analysis.result / name).read_bytes() for name in ("yields.csv", "cutflow.csv")}
    path = sorted((analysis.result / "partials").rglob("*.partial"))[0]
    partial = decode(path.stem, path.read_bytes())
    ((run, header),) = partial.header["runs"].items()
    counts = {name: count + change.get(name, 0) for name, count in header["accounting"].items()}
    altered = replace(partial, header={"runs": {run: header | {"accounting": counts}}})
    path.write_bytes(encode(path.stem, altered))
    analysis.process()
    assert f"run {run}: " in caplog.text
    assert "events were processed" in caplog.text
    assert path.with_suffix(".damaged").exists()
    assert before == {name: (analysis.result / name).read_bytes() for name in before}


def test_a_freeze_that_the_log_has_no_room_for_leaves_the_one_of_before(
    analysis: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    digest, before = analysis.freeze(), (analysis.result / "freeze.json").read_bytes()
    with monkeypatch.context() as patched:

        def fail(*_given: object, **_options: object) -> None:
            raise OSError(errno.ENOSPC, "No space left on device", "audit.jsonl")

        patched.setattr("na64.outputs.result.audit_log._write", fail)
        assert main(["freeze", str(analysis.result), "--background", "9 +- 1"]) == 2
    assert "No space left on device" in capsys.readouterr().err
    assert (analysis.result / "freeze.json").read_bytes() == before
    assert main(["audit", str(analysis.result)]) == 0
    assert analysis.unblind(digest) == 0
