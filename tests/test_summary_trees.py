"""Trees that hold sums and no cells, read with TOML only: counts as of ten lines of NumPy."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from na64.datasets.synthetic.writers import RunFileFormat, open_writer
from na64.outputs.result.store import read_result
from na64.run import main

N_EVENTS = 3_000
LAYOUT = """
name = "sums"
trees = ["ana/tree"]
[event]
run = { branch = "Run" }
spill = { value = 0 }
event = { branch = "Event" }
n_gem = { branch = "nGEM", unit = "1", meaning = "hits in the GEM chambers" }
rich = { branch = "RICH", unit = "MeV", meaning = "energy in the RICH", nan_is_absent = true }
[feature]
ecal = { branch = "eECAL", unit = "MeV" }
ecal_total = { sum_of = ["ecal"] }
hcal_0 = { branch = "eHCAL[0]", unit = "GeV" }
hcal_1 = { branch = "eHCAL[1]", unit = "GeV" }
hcal_01 = { sum_of = ["hcal_0", "hcal_1"] }
hcal = { branch = "eHCAL[3]", unit = "GeV" }
hcal_total = { branch = "eHCAL[3]", unit = "GeV" }
hcal_012 = { branch = "eHCAL[3]", unit = "GeV" }
hcal_012_total = { branch = "eHCAL[3]", unit = "GeV" }
"""
SELECTION = """
name = "few"
label = "cuts on sums"
yields_after = "gem"
[[cut]]
name = "ecal"
ecal = { above = 40, below = 60, unit = "GeV" }
source = "a test"
[[cut]]
name = "hadrons"
hcal_01 = { min = 10, unit = "GeV" }
source = "a test"
[[cut]]
name = "gem"
n_gem = { max = 4 }
source = "a test"
[[cut]]
name = "rich"
rich = { above = 20, unit = "MeV" }
source = "a test"
[[cut]]
name = "double"
twice = { above = 0.1, unit = "GeV" }
source = "a test"
[[feature]]
name = "twice"
unit = "GeV"
formula = "2 * rich"
[[histogram]]
name = "gem"
after = "ecal"
axes = [{ feature = "n_gem", bins = 10, low = -0.5, high = 9.5 }]
"""
Columns = dict[str, Any]


def made(n_events: int = N_EVENTS) -> Columns:
    random = np.random.default_rng(7)
    sums = random.normal(6, 4, (n_events, 4)).astype(np.float32)
    rich = np.where(random.random(n_events) < 0.2, np.nan, random.exponential(60, n_events))
    return {
        "Run": np.full(n_events, 8701, np.int32),
        "Event": np.arange(n_events, dtype=np.int32),
        "nGEM": random.poisson(4, n_events).astype(np.uint16),
        "RICH": rich,
        "eECAL": random.normal(50e3, 9e3, n_events),
        "eHCAL": sums,
    }


def expected(columns: Columns) -> list[int]:
    """Ten lines of NumPy."""
    ecal = (columns["eECAL"] / 1000).astype(np.float32)
    hcal_01 = (columns["eHCAL"][:, 0].astype(float) + columns["eHCAL"][:, 1]).astype(np.float32)
    rich = (columns["RICH"] / 1000).astype(np.float32)
    cuts = [(ecal > 40) & (ecal < 60), hcal_01 >= 10, columns["nGEM"] <= 4, rich > np.float32(0.02)]
    cuts.append((2 * rich.astype(float)).astype(np.float32) > np.float32(0.1))
    return [int(np.sum(np.all(cuts[: n + 1], axis=0))) for n in range(len(cuts))]


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    """Write layout, selection and a file of sums."""

    def put(
        columns: Columns,
        *,
        layout: str = LAYOUT,
        selection: str = SELECTION,
        container: str = "ttree",
        tree: str = "ana/tree",
    ) -> Path:
        folder = tmp_path / "files"
        folder.mkdir(exist_ok=True)
        (tmp_path / "sums.toml").write_text(layout)
        (tmp_path / "few.toml").write_text(selection)
        kind = RunFileFormat(container)
        with open_writer(folder / f"job{kind.suffix}", kind, tree) as file:
            file.extend(columns)
        return folder

    return put


SIMULATED = ("--simulation", "--reason", "toy")


def run(folder: Path, process: Callable[..., Path], *options: str) -> Path:
    place = folder.parent
    listed = ("--layout", str(place / "sums.toml"), *options)
    return process(folder, str(place / "few.toml"), name="out", catalogue=listed)


@pytest.mark.parametrize("container", ["ttree", "rntuple", "parquet"])
def test_a_tree_of_sums_gives_the_counts_of_ten_lines_of_numpy(
    container: str,
    write: Callable[..., Path],
    process: Callable[..., Path],
    rows: Callable[[Path], list[dict[str, str]]],
) -> None:
    columns = made()
    tree = "tree" if container == "rntuple" else "ana/tree"
    files = write(columns, container=container, layout=LAYOUT.replace("ana/tree", tree), tree=tree)
    out = run(files, process, *SIMULATED)
    passed = [int(row["passed"]) for row in rows(out / "cutflow.csv") if row["run"] == "all"]
    assert passed == [N_EVENTS, *expected(columns)]
    assert 0 < passed[-1] < passed[1] < N_EVENTS
    summary = read_result(out).summary
    assert any("layout sums has no numbers of spills" in line for line in summary.warnings)
    histogram = read_result(out).histograms["gem"].view(flow=False)
    in_ecal = np.abs(columns["eECAL"] / 1000 - 50) < 10
    np.testing.assert_array_equal(histogram, np.bincount(columns["nGEM"][in_ecal], minlength=10)[:10])


BOX_SUMS = ("ecal", "ecal_total", "hcal", "hcal_total", "hcal_01", "hcal_012", "hcal_012_total")
SUMS_LAYOUT = """
name = "sums"
trees = ["tree"]
[event]
run = { branch = "Run" }
spill = { value = 0 }
event = { branch = "Event" }
n_gem = { branch = "nGEM", unit = "1", meaning = "hits in the GEM chambers" }
[feature]
"""
PLAIN = SELECTION[: SELECTION.index('[[cut]]\nname = "hadrons"')].replace('"gem"', '"ecal"')


def of_data(n_events: int = 400, seed: int = 3) -> Columns:
    random = np.random.default_rng(seed)
    numbers = {"Run": np.full(n_events, 8701, np.int32), "Event": np.arange(n_events, dtype=np.int32)}
    sums = {name: random.uniform(0, 120 if name.startswith("ecal") else 4, n_events) for name in BOX_SUMS}
    return {**numbers, "nGEM": random.poisson(4, n_events).astype(np.uint16), **sums}


def sums_layout(*names: str) -> str:
    return SUMS_LAYOUT + "".join(f'{name} = {{ branch = "{name}", unit = "GeV" }}\n' for name in names)


def is_hidden(columns: Columns) -> Any:
    """Whether every sum is finite, and all of the ECAL or all of the HCAL beyond box and guard of 2023A."""
    sums = {name: columns[name].astype(np.float32) for name in BOX_SUMS}
    ecal = np.min([sums[name] for name in BOX_SUMS[:2]], axis=0)
    hcal = np.min([sums[name] for name in BOX_SUMS[2:]], axis=0)
    is_finite = np.all([np.isfinite(sums[name]) for name in BOX_SUMS], axis=0)
    return ~(is_finite & ((ecal >= 65) | (hcal >= 1.5)))


def test_data_show_what_is_provably_outside_by_all_sums(
    write: Callable[..., Path], process: Callable[..., Path], rows: Callable[[Path], list[dict[str, str]]]
) -> None:
    columns = of_data()
    columns["hcal_012"][::17] = np.nan
    out = run(write(columns, layout=sums_layout(*BOX_SUMS), selection=PLAIN, tree="tree"), process)
    hidden = is_hidden(columns)
    (row,) = rows(out / "yields.csv")
    assert int(row["hidden"]) == np.count_nonzero(hidden) > 50
    ecal = columns["ecal"].astype(np.float32)
    passes = ~hidden & (ecal > 40) & (ecal < 60)
    assert int(row["selected"]) == np.count_nonzero(passes) > 5
    assert not any("for lack of them" in line for line in read_result(out).summary.warnings)


@pytest.mark.parametrize("missing", BOX_SUMS)
def test_data_without_a_sum_of_the_box_publish_nothing(
    missing: str,
    write: Callable[..., Path],
    process: Callable[..., Path],
    canonical: Callable[[Path], dict[str, bytes]],
    rows: Callable[[Path], list[dict[str, str]]],
) -> None:
    layout = sums_layout(*(name for name in BOX_SUMS if name != missing))
    found = []
    for seed in (3, 4) if missing in ("ecal_total", "hcal_01") else (3,):
        files = write(of_data(seed=seed), layout=layout, selection=PLAIN, tree="tree")
        out = run(files, process)
        (row,) = rows(out / "yields.csv")
        assert (row["processed"], row["hidden"], row["selected"]) == ("400", "400", "0")
        text = f"layout sums has no {missing}, which the signal box of period 2023A is about"
        assert any(text in line for line in read_result(out).summary.warnings)
        found.append(canonical(out))
        shutil.rmtree(out)
    assert found[0] == found[-1]


def test_a_sum_that_is_said_to_be_another_is_enough_and_told(
    write: Callable[..., Path], process: Callable[..., Path], rows: Callable[[Path], list[dict[str, str]]]
) -> None:
    given = [name for name in BOX_SUMS if name != "ecal_total"]
    layout = sums_layout(*given) + 'ecal_total = { sum_of = ["ecal"] }\n'
    columns = of_data()
    columns["ecal_total"] = columns["ecal"]
    out = run(write(columns, layout=layout, selection=PLAIN, tree="tree"), process)
    (row,) = rows(out / "yields.csv")
    assert int(row["hidden"]) == np.count_nonzero(is_hidden(columns)) < 300
    assert any("ecal_total is taken for ecal" in line for line in read_result(out).summary.warnings)
    log = (out.parent / "audit.jsonl").read_text()
    assert log.count("ecal_total is taken for ecal") >= 2
    assert 'n_gem is \\"nGEM\\"' in log


def test_hidden_events_do_not_show_in_a_column_of_ones_own(
    write: Callable[..., Path], process: Callable[..., Path], canonical: Callable[[Path], dict[str, bytes]]
) -> None:
    selection = PLAIN + '[[histogram]]\nname = "gem"\nafter = "visible"\n'
    selection += 'axes = [{ feature = "n_gem", bins = 100, low = -0.5, high = 99.5 }]\n'
    found = []
    for number in (5, 77):
        columns = of_data()
        columns["nGEM"][is_hidden(columns)] = number
        out = run(write(columns, layout=sums_layout(*BOX_SUMS), selection=selection, tree="tree"), process)
        found.append((canonical(out), read_result(out).histograms["gem"].sum(flow=True)))
        shutil.rmtree(out)
    assert found[0] == found[1]
    assert found[0][1] > 100


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('run = { branch = "Run" }', "run = { value = 8701 }", "run is 8701 in all events"),
        ("[feature]", "trigger = { value = 2 }\n[feature]", "trigger is 2 in all events"),
        ('event = { branch = "Event" }', "event = { entry = true }", "event is the entry in the file"),
        ("spill = { value = 0 }", 'spill = { branch = "nGEM" }', "cannot be spill and n_gem"),
        ('run = { branch = "Run" }', 'run = { branch = "ecal" }', "cannot be run and ecal"),
    ],
)
def test_what_decides_what_is_hidden_is_not_said_by_decree(
    old: str, new: str, said: str, write: Callable[..., Path], capsys: pytest.CaptureFixture[str]
) -> None:
    layout = sums_layout(*BOX_SUMS).replace(old, new)
    folder = write(of_data(), layout=layout, selection=PLAIN, tree="tree")
    place = folder.parent
    options = ["--to", str(place / "c.json"), "--layout", str(place / "sums.toml")]
    assert main(["catalogue", str(folder), *options]) == 2
    assert said in capsys.readouterr().err
    assert not (place / "c.json").exists()


def test_cells_that_files_do_not_have_cannot_be_varied(
    write: Callable[..., Path], capsys: pytest.CaptureFixture[str]
) -> None:
    selection = (
        PLAIN + '[[variation]]\nname = "up"\nlabel = "more"\nscale = { ecal = 1.1 }\nsource = "a test"\n'
    )
    folder = write(of_data(), layout=sums_layout(*BOX_SUMS), selection=selection, tree="tree")
    place = folder.parent
    catalogue = str(place / "c.json")
    assert main(["catalogue", str(folder), "--to", catalogue, "--layout", str(place / "sums.toml")]) == 0
    command = ["process", catalogue, "--selection", str(place / "few.toml"), "--to", str(place / "o")]
    assert main(command) == 2
    assert (
        "variation up of selection few changes cells of ecal, but layout sums has ecal"
        in capsys.readouterr().err
    )


SPILLS = "run,spill,eot_delivered,eot_live\n8701,0,200,180\n8701,3,100,90\n"
RUNS = "run,type,eot_delivered,eot_live\n8701,physics,1000,900\n"


@pytest.mark.parametrize(
    ("bad", "eot"), [("", "1000"), ("8701,0,,\n", ""), ("8701,3,,\n", ""), ("8701,,,\n", "0")]
)
def test_without_numbers_of_spills_no_bad_spill_is_taken_for_another(
    bad: str,
    eot: str,
    write: Callable[..., Path],
    process: Callable[..., Path],
    rows: Callable[[Path], list[dict[str, str]]],
) -> None:
    selection = PLAIN + '[[cut]]\nname = "good"\nbad_spill = { max = 0 }\nsource = "a test"\n'
    files = write(of_data(), layout=sums_layout(*BOX_SUMS), selection=selection, tree="tree")
    (files / "conditions").mkdir()
    (files / "conditions" / "runs.csv").write_text(RUNS)
    (files / "conditions" / "spills.csv").write_text(SPILLS)
    (files / "conditions" / "bad.csv").write_text("run,spill,start,stop\n" + bad)
    out = run(files, process)
    (row,) = rows(out / "yields.csv")
    is_whole_run = bad == "8701,,,\n"
    assert (row["eot"], row["selected"] == "0") == (eot, is_whole_run)
    told = [line for line in read_result(out).summary.warnings if "do not say of which spills" in line]
    assert bool(told) is (eot == "")
    listed = [line for line in read_result(out).summary.warnings if "no numbers of spills" in line]
    assert len(listed) == 1
