from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from na64.datasets.basics.atomic_file import write_bytes
from na64.outputs.report.write import is_finished, write_report
from na64.outputs.result.cutflow import cutflow_table, regions_table
from na64.outputs.result.histograms import to_hists
from na64.outputs.result.products import Products
from na64.outputs.result.store import read_result, write_numbers
from na64.outputs.result.yields import yields_table

CANONICAL = (
    "yields.csv",
    "yields.parquet",
    "cutflow.csv",
    "cutflow.parquet",
    "regions.csv",
    "histograms.uhi.zip",
    "histograms.root",
)

NAMES = ("region_I", "region_II", "region_III")
CANARY = "canary-5ee1"


MADE_BY = {"version": "1", "command": "na64 process cat.json", "packages": {"numpy": "2", "hist": "3"}}


def write(case: Any, folder: Path) -> Products:
    write_numbers(folder, facts=case.facts, tallies=case.tallies, booking=case.booking, made_by=MADE_BY)
    return read_result(folder)


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory, make_case: Any) -> Path:
    patch = pytest.MonkeyPatch()
    patch.setenv("USER", CANARY)
    patch.setenv("X509_USER_PROXY", f"/{CANARY}/proxy")
    folder = tmp_path_factory.mktemp(CANARY) / "result"
    case = make_case(tmp_path_factory.mktemp("selection"))
    write_report(folder, write(case, folder))
    patch.undo()
    return folder


def test_every_product_is_there(written: Path) -> None:
    names = {str(path.relative_to(written)) for path in written.rglob("*") if path.is_file()}
    assert {*CANONICAL, "result.json", "provenance.json", "report.html"} <= names
    assert {"plots/plane_after_visible.png", "plots/plane_after_visible.pdf", "plots/cutflow.png"} <= names
    assert not [name for name in names if Path(name).name.startswith(".")]


def test_parquet_and_csv_say_the_same(written: Path) -> None:
    products = read_result(written)
    assert pq.read_table(written / "yields.parquet").to_pylist() == products.yields.records()
    assert pq.read_table(written / "cutflow.parquet").to_pylist() == products.cutflow.records()


def test_read_back_is_what_was_written(case: Any, tmp_path: Path) -> None:
    back = write(case, tmp_path)
    assert replace(back.summary, products={}) == case.facts
    assert set(back.summary.products) == {*CANONICAL, "spills.csv"}
    assert back.yields == yields_table(case.facts.runs, case.tallies, stage=2, is_data=True, regions=NAMES)
    assert back.cutflow == cutflow_table(case.tallies, case.booking.cuts)
    assert back.regions == regions_table(case.tallies, case.booking.cuts, regions=NAMES)
    bins = case.tallies[8700].histograms + case.tallies[8701].histograms
    assert back.histograms == to_hists(case.booking, bins)
    assert back.provenance == MADE_BY


def test_writing_again_gives_the_same_bytes(case: Any, written: Path, tmp_path: Path) -> None:
    shuffled = replace(case, tallies=dict(reversed(case.tallies.items())))
    write(shuffled, tmp_path)
    for name in (*CANONICAL, "result.json", "provenance.json"):
        assert (written / name).read_bytes() == (tmp_path / name).read_bytes(), name


def test_report_is_rebuilt_from_the_stored_products_alone(written: Path) -> None:
    before = {path: path.read_bytes() for path in written.rglob("*") if path.is_file()}
    for path in (written / "plots").iterdir():
        path.unlink()
    (written / "report.html").unlink()
    write_bytes(written / "plots" / "of_an_earlier_result.png", b"")
    write_report(written, read_result(written))
    assert {path: path.read_bytes() for path in written.rglob("*") if path.is_file()} == before


def test_nothing_says_who_and_where(written: Path) -> None:
    for path in written.rglob("*"):
        if path.is_file():
            assert CANARY.encode() not in path.read_bytes(), path.name


def test_messages_name_files_without_their_folders(case: Any, tmp_path: Path) -> None:
    line = f"/home/{CANARY}/run.root, events 0 to 5: OSError"
    files = replace(case.facts.files, not_read=((f"/data/{CANARY}/a.root", line),))
    facts = replace(case.facts, reasons=(line,), warnings=(line,), failures=(line,), files=files)
    back = write(replace(case, facts=facts), tmp_path).summary
    assert CANARY not in (tmp_path / "result.json").read_text()
    assert back.failures == ("run.root, events 0 to 5: OSError",)
    assert back.files.not_read == (("a.root", "run.root, events 0 to 5: OSError"),)


@pytest.mark.parametrize("name", ["yields.csv", "cutflow.csv", "regions.csv", "histograms.uhi.zip"])
def test_a_product_of_another_result_is_refused(case: Any, tmp_path: Path, name: str) -> None:
    write(case, tmp_path)
    (tmp_path / name).write_bytes((tmp_path / name).read_bytes() + b"\n")
    with pytest.raises(ValueError, match=f"{name} is not the one"):
        read_result(tmp_path)


def test_weighted_simulation_reads_back(weighted_case: Any, tmp_path: Path) -> None:
    case = weighted_case
    expected = yields_table(case.facts.runs, case.tallies, stage=2, is_data=False, regions=NAMES)
    assert write(case, tmp_path).yields == expected
    assert "selected_sumw" in expected.columns


def test_a_run_that_was_not_read_is_in_every_table(case: Any, tmp_path: Path) -> None:
    del case.tallies[8701]
    products = write(case, tmp_path)
    assert products.yields.column("run") == [8700, 8701]
    assert {row.passed for row in products.cutflow.rows if row.run == "8701"} == {0}


def test_a_report_of_the_same_numbers_stays_and_one_of_others_goes(
    written: Path, tmp_path: Path, case: Any
) -> None:
    def write(made_by: Mapping[str, object]) -> None:
        write_numbers(folder, facts=case.facts, tallies=case.tallies, booking=case.booking, made_by=made_by)

    folder = shutil.copytree(written, tmp_path / "result")
    report = folder / "report.html"
    before = (report.stat().st_mtime_ns, report.read_bytes())
    write(MADE_BY)
    assert (report.stat().st_mtime_ns, report.read_bytes()) == before
    write({**MADE_BY, "code": "another"})
    assert not report.exists()


def test_a_figure_that_fails_is_named_and_takes_nothing_else_with_it(
    *,
    case: Any,
    written: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    undrawing: Callable[[], AbstractContextManager[None]],
) -> None:
    shutil.copytree(written, tmp_path, dirs_exist_ok=True)
    (tmp_path / "drawn.json").unlink()

    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("failed to process string with tex\n...")

    with undrawing(), monkeypatch.context() as patch:
        patch.setattr("na64.outputs.report.plots.cutflow", fail)
        write_report(tmp_path, read_result(tmp_path))
    assert caplog.messages == ["figure cutflow is not drawn: failed to process string with tex ..."]
    assert {"cutflow.png", "regions.png"} & {path.name for path in (tmp_path / "plots").iterdir()} == {
        "regions.png"
    }
    page = (tmp_path / "report.html").read_text()
    assert "<strong>Not drawn:</strong> cutflow." in page
    assert page.count("<img") == 9
    assert not is_finished(tmp_path)
    products = write(case, tmp_path)
    assert not (tmp_path / "report.html").exists()  # not finished, so that the next pass draws it again
    with undrawing():
        write_report(tmp_path, products)
    assert is_finished(tmp_path)
    assert "Not drawn" not in (tmp_path / "report.html").read_text()


def test_nothing_that_draws_is_imported_before_something_is_drawn() -> None:
    drawing = "{'matplotlib', 'mplhep', 'jinja2'}"
    code = f"import sys\nimport na64.outputs.result.store\nprint({drawing} & {{*sys.modules}})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"
