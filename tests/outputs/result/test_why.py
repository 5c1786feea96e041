"""What has changed since a result: named part by part, with both values."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from na64.outputs.result.request import Request, begin, read_request, set_up
from na64.outputs.result.store import read_result
from na64.outputs.result.why import _around_the_change, why
from na64.run import main
from na64.selections import selection


@pytest.fixture(scope="module")
def done(
    simulate: Callable[..., Path], process: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """A folder with data, catalogue, a selection of its own and the result in `products`."""
    folder = tmp_path_factory.mktemp("why")
    text = Path(selection.__file__).with_name("invisible_2023.toml").read_text()
    (folder / "mine.toml").write_text(text.replace('name = "invisible_2023"', 'name = "mine"', 1))
    files = simulate(folder, "small", 200, layout="hits", format="parquet")
    process(files, str(folder / "mine.toml"))
    return folder


@pytest.fixture
def result(done: Path, tmp_path: Path) -> Path:
    shutil.copytree(done, tmp_path / "copy")
    catalogue = tmp_path / "copy" / "data.json"
    catalogue.write_text(catalogue.read_text().replace(str(done), str(tmp_path / "copy")))
    return tmp_path / "copy" / "products"


def test_nothing_has_changed_at_first(result: Path) -> None:
    assert list(why(result, 8701))[1:] == ["run 8701: nothing has changed since"]


def test_without_a_run_all_are_told_and_those_alike_together(
    result: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    runs = sorted(facts.run for facts in read_result(result).summary.runs)
    named = f"runs {runs[0]}-{runs[-1]}"
    assert list(why(result)) == [
        f"{named}: 200 of 200 recorded events were read",
        f"{named}: nothing has changed since",
    ]
    changed = next((result.parent / "data").glob("run_8702*.parquet"))
    changed.write_bytes(changed.read_bytes() + b"more")
    assert main(["why", str(result)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.partition(":")[0] for line in lines] == [
        "runs 8701,8703",
        "runs 8701,8703",
        "run 8702",
        f"file {changed.name}",
    ]


def test_a_changed_cut_is_told_with_both_values(result: Path) -> None:
    mine = result.parent / "mine.toml"
    mine.write_text(mine.read_text().replace("min = 86.5", "min = 88"))
    _, line, detail = why(result, 8701)
    assert line.startswith("selection: ")
    assert (
        detail == "  cut master_time: 86.5 <= master_time <= 113.5 ns then, 88 <= master_time <= 113.5 ns now"
    )


@pytest.mark.parametrize(
    ("old", "new", "detail"),
    [
        ('"shower_chi2"', '"srd"', "selection yields_after: shower_chi2 then, srd now"),
        (
            "label = ",
            'label = "my own" # ',
            "selection label: invisible 2023, assembled",
        ),
        (
            "bins = 100, low = 75",
            "bins = 50, low = 75",
            "histogram master_time_before: 100 bins of master_time from 75 to 125 after bad_spill then, 50",
        ),
        (
            'name = "master_time_before"',
            'name = "master_time_before"\nweight = "ecal"',
            (
                "histogram master_time_before: 100 bins of master_time from 75 to 125 after bad_spill then, "
                "100 bins of master_time from 75 to 125 after bad_spill, weighted with ecal [GeV] now"
            ),
        ),
    ],
)
def test_a_changed_selection_is_told_in_detail(old: str, new: str, detail: str, result: Path) -> None:
    mine = result.parent / "mine.toml"
    mine.write_text(mine.read_text().replace(old, new, 1))
    (line,) = list(why(result, 8701))[2:]
    assert line.startswith(f"  {detail}")


def test_a_long_value_is_told_around_what_differs(result: Path) -> None:
    """A label of any length is a line that can be read."""
    mine = result.parent / "mine.toml"
    mine.write_text(mine.read_text().replace("label = ", f'label = "{"y" * 3000}short" # ', 1))
    _, _, detail = why(result, 8701)
    assert " then, yyyy" in detail
    assert detail.endswith("yyyshort now")
    assert len(detail) < 620


def test_values_that_differ_late_are_told_from_there() -> None:
    one, other = _around_the_change("x" * 5000 + "old", "x" * 5000 + "new" + "z" * 5000)
    assert one == f"... {'x' * 40}old"
    assert other.startswith(f"... {'x' * 40}newzzz")
    assert len(other) < 260


def test_cuts_in_another_order_are_told(result: Path) -> None:
    mine = result.parent / "mine.toml"
    head, first, second, *others = mine.read_text().split("[[cut]]")
    mine.write_text("[[cut]]".join((head, second, first, *others)))
    (line,) = list(why(result, 8701))[2:]
    assert line.startswith("  selection order of cuts: trigger, ")
    mine.write_text("[[cut]]".join((head, second, *others)))
    (line,) = list(why(result, 8701))[2:]
    assert line.startswith("  cut trigger: ")
    assert line.endswith(" then, not there now")


def test_a_changed_file_is_told_for_its_run_only(result: Path) -> None:
    path = result.parent / "data" / "run_8701.parquet"
    data = bytearray(path.read_bytes())
    data[100] ^= 1
    path.write_bytes(data)
    changed = "file run_8701.parquet: changed since it was registered: another content of the same size"
    assert list(why(result, 8701))[1:] == [changed]
    assert list(why(result, 8702))[1:] == ["run 8702: nothing has changed since"]
    path.unlink()
    assert list(why(result, 8701))[1:] == ["file run_8701.parquet: cannot be read: No such file or directory"]


def test_what_failed_is_told_for_its_run_only(done: Path, tmp_path: Path) -> None:
    shutil.copytree(done, tmp_path / "copy")
    data, listed, out = (tmp_path / "copy" / name for name in ("data", "data.json", "damaged"))
    listed.write_text(listed.read_text().replace(str(done), str(tmp_path / "copy")))
    damaged = data / "run_8701.parquet"
    damaged.write_bytes(damaged.read_bytes()[::-1])
    (data / "run_8703.parquet").unlink()
    line = ["process", str(listed), "--selection", "dimuon_2023", "--to", str(out), "--no-report"]
    assert main([*line, "--executor", "iterative", "--fresh"]) == 1
    first, second, third = (list(why(out, run)) for run in (8701, 8702, 8703))
    failure = "  run_8701.parquet, events 0 to 84: run_8701.parquet: another content"
    assert first[1].startswith(failure)
    assert second == ["run 8702: 83 of 83 recorded events were read", "run 8702: nothing has changed since"]
    assert third[1] == "  run_8703.parquet: cannot be read: No such file or directory"
    assert (len(first), len(third)) == (3, 3)
    reasons = ("not read: 117 recorded events of 2 runs", "failed: 2 pieces of work")
    assert read_result(out).summary.reasons == reasons


def test_new_conditions_are_told(result: Path) -> None:
    data = result.parent / "data"
    with (data / "conditions" / "bad.csv").open("a") as table:
        table.write("8702,2,,\n")
    listed = result.parent / "data.json"
    assert main(["catalogue", str(data), "--to", str(listed)]) == 0
    assert [line.partition(":")[0] for line in list(why(result, 8702))[1:]] == ["bad list"]
    assert list(why(result, 8701))[1:] == ["run 8701: nothing has changed since"]


def test_what_was_asked_through_a_link_is_found_from_everywhere(result: Path, tmp_path: Path) -> None:
    catalogue, job = set_up(result, read_request(result))
    real, link = tmp_path / "far" / "away" / "real", tmp_path / "link"
    (real / "out").mkdir(parents=True)
    link.symlink_to(real)
    listed, mine = result.parent / "data.json", str(result.parent / "mine.toml")
    request = begin(link / "out", Request(str(listed), str(mine)), job, catalogue)
    (tmp_path / "nearer").symlink_to(real / "out")
    for folder in (link / "out", real / "out", tmp_path / "nearer"):
        assert set_up(folder, request) == (catalogue, job)
        assert request.log(folder).samefile(result.parent / "audit.jsonl")


def test_an_unknown_run_is_refused(result: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["why", str(result), "8999"]) == 2
    assert "run 8999 is not in the result of products" in capsys.readouterr().err
    assert main(["why", str(result), "8702"]) == 0


def test_spills_are_listed_with_what_is_lost(result: Path) -> None:
    lines = (result / "spills.csv").read_text().splitlines()
    assert lines[0] == "run,spill,eot_delivered,eot_live,prescale,good_fraction,quality,read"
    fields = [line.split(",") for line in lines[1:]]
    assert {(f[0], f[1]) for f in fields if f[6] == "bad"} == {("8701", "2")}
    assert {f[7] for f in fields} == {"yes"}
    counted = sum(float(f[2]) for f in fields if f[0] == "8701" and f[6] == "good")
    row = (result / "yields.csv").read_text().splitlines()[1].split(",")
    assert float(row[2]) == pytest.approx(counted)
