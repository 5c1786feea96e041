from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from na64.datasets.conditions.bad_spills import BadEntry, BadList
from na64.datasets.conditions.conditions import (
    Conditions,
    Quality,
    RunFacts,
    RunType,
    SpillFacts,
    check_period_tables,
    join_run_facts,
    join_spill_facts,
    read_conditions,
)

RUNS = "run,type,particle,energy,eot_delivered,eot_live\n"
SPILLS = "run,spill,eot_delivered,eot_live,quality\n"
BAD = "run,spill,start,stop\n"

RUN_FACTS = st.builds(
    RunFacts,
    run=st.just(8701),
    type=st.sampled_from(RunType),
    particle=st.sampled_from([None, "e-", "e+"]),
    energy=st.sampled_from([None, 70.0, 100.0]),
    eot_delivered=st.sampled_from([None, 5e9]),
    eot_live=st.sampled_from([None, 4e9]),
)


def read(folder: Path, **tables: str) -> Conditions:
    for name, text in tables.items():
        (folder / f"{name}.csv").write_text(text)
    return read_conditions(folder)


def test_a_folder_without_tables_knows_nothing(tmp_path: Path) -> None:
    assert read_conditions(tmp_path) == Conditions({}, {}, BadList())


def test_the_three_tables_are_read(tmp_path: Path) -> None:
    known = read(
        tmp_path,
        runs="# made for this test\n" + RUNS + "8701,physics,e-,100,5e9,4.5e9\n\n8702,calibration,,,,\n",
        spills=SPILLS + "8701,1,1e8,9e7,good\n8701,2,1e8,,bad\n8701,3,,,\n",
        bad=BAD + "8702,,,\n8701,5,,\n8701,6,10,20\n",
    )
    assert known.run_facts == {
        8701: RunFacts(8701, RunType.PHYSICS, "e-", 100.0, 5e9, 4.5e9),
        8702: RunFacts(8702, RunType.CALIBRATION),
    }
    assert known.spills == {
        (8701, 1): SpillFacts(8701, 1, 1e8, 9e7),
        (8701, 2): SpillFacts(8701, 2, 1e8, None, Quality.BAD),
        (8701, 3): SpillFacts(8701, 3),
    }
    listed = (BadEntry(8701, 2), BadEntry(8701, 5), BadEntry(8701, 6, 10, 20), BadEntry(8702))
    assert known.bad == BadList(listed)


def test_columns_may_be_left_out_and_reordered(tmp_path: Path) -> None:
    assert read(tmp_path, runs=" eot_live ,run\n 4e9 , 8701 \n").run_facts == {
        8701: RunFacts(8701, eot_live=4e9)
    }


def test_a_prefix_selects_a_periods_own_tables(tmp_path: Path) -> None:
    (tmp_path / "2022.runs.csv").write_text(RUNS + "7000,,,,1e9,\n")
    assert read_conditions(tmp_path).run_facts == {}
    assert read_conditions(tmp_path, "2022.").run_facts == {7000: RunFacts(7000, eot_delivered=1e9)}


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("runs", "", "runs.csv: no header, expected run,type,"),
        ("runs", "type\nphysics\n", 'runs.csv: no column "run"'),
        ("runs", "run,typ\n1,physics\n", 'runs.csv: unknown column "typ", nearest known is "type"'),
        ("runs", "run,type,run\n1,physics,1\n", 'runs.csv: column "run" twice'),
        ("runs", "# c\n" + RUNS + "1,,,,,\n2,,,\n", "runs.csv line 4: 4 fields for 6 columns"),
        ("runs", RUNS + ",,,,,\n", "runs.csv line 2: run is empty"),
        ("runs", RUNS + "-1,,,,,\n", 'runs.csv line 2: run "-1" is not a whole number'),
        ("runs", RUNS + "8_7,,,,,\n", 'runs.csv line 2: run "8_7" is not a whole number'),
        (
            "runs",
            RUNS + 19 * "1" + ",,,,,\n",
            'runs.csv line 2: run "1111111111111111111" is not a whole number',
        ),
        ("runs", RUNS + "1,Physics,,,,\n", 'line 2: unknown type "Physics", nearest known is "physics"'),
        ("runs", RUNS + "1,,electron,,,\n", 'line 2: run 1: unknown particle "electron"'),
        ("runs", RUNS + "1,,,0,,\n", "line 2: run 1: energy 0.0 GeV is not positive"),
        ("runs", RUNS + "1,,,inf,,\n", "line 2: run 1: energy inf GeV is not positive"),
        ("runs", RUNS + "1,,,,many,\n", 'runs.csv line 2: eot_delivered "many" is not a number'),
        ("runs", RUNS + "1,,,,1_0,\n", 'runs.csv line 2: eot_delivered "1_0" is not a number'),
        ("runs", RUNS + "1,,,,nan,\n", "line 2: run 1: eot_delivered nan is not a count"),
        ("runs", RUNS + "1,,,,inf,\n", "line 2: run 1: eot_delivered inf is not a count"),
        ("runs", RUNS + "1,,,,,-1\n", "line 2: run 1: eot_live -1.0 is not a count"),
        ("runs", RUNS + "1,,,,1,2\n", "line 2: run 1: eot_live 2.0 is above eot_delivered 1.0"),
        ("runs", RUNS + '1,"a,,,,\n', "runs.csv: "),
        ("spills", SPILLS + "1,,,,\n", "spills.csv line 2: spill is empty"),
        ("spills", SPILLS + "1,2,,,ok\n", 'spills.csv line 2: unknown quality "ok"'),
        ("spills", SPILLS + "1,2,1,2,\n", "line 2: run 1 spill 2: eot_live 2.0 is above"),
        ("bad", BAD + "1,2,3,\n", "bad.csv line 2: bad list, run 1: start 3 and stop None"),
        ("bad", BAD + "1,2.0,,\n", 'bad.csv line 2: spill "2.0" is not a whole number'),
    ],
)
def test_a_bad_table_names_file_line_and_value(tmp_path: Path, name: str, text: str, said: str) -> None:
    with pytest.raises(ValueError, match=re.escape(said)):
        read(tmp_path, **{name: text})


def test_runs_without_beam_and_without_dead_time_are_possible() -> None:
    assert RunFacts(1, eot_delivered=0.0, eot_live=0.0).eot_live == 0.0
    assert SpillFacts(1, 1, 5.0, 5.0).eot_live == 5.0


def test_runs_and_spills_come_sorted(tmp_path: Path) -> None:
    known = read(tmp_path, runs="run\n5\n3\n", spills="run,spill\n5,2\n5,1\n3,9\n")
    assert list(known.run_facts) == [3, 5]
    assert list(known.spills) == [(3, 9), (5, 1), (5, 2)]


def test_a_table_that_is_not_text_is_named(tmp_path: Path) -> None:
    (tmp_path / "bad.csv").write_bytes(b"run\n\xff\n")
    with pytest.raises(ValueError, match=r"bad\.csv: .*utf-8"):
        read_conditions(tmp_path)


def test_a_byte_order_mark_is_no_part_of_the_header(tmp_path: Path) -> None:
    (tmp_path / "bad.csv").write_bytes("﻿run\n5\n".encode())
    assert read_conditions(tmp_path).bad == BadList((BadEntry(5),))


@given(RUN_FACTS, RUN_FACTS)
def test_facts_join_both_ways_alike_or_not_at_all(first: RunFacts, second: RunFacts) -> None:
    names = ("particle", "energy", "eot_delivered", "eot_live")
    pairs = [(getattr(first, name), getattr(second, name)) for name in names]
    pairs.append((first.type, second.type))
    apart = [(a, b) for a, b in pairs if a != b and not {a, b} & {None, RunType.UNKNOWN}]
    if apart:
        with pytest.raises(ValueError, match=r"run 8701: .* in one place and .* in another"):
            join_run_facts(first, second)
    else:
        joined = join_run_facts(first, second)
        assert joined == join_run_facts(second, first)
        assert all(
            getattr(joined, n) == (a if a is not None else b) for n, (a, b) in zip(names, pairs, strict=False)
        )
        assert joined.type == (second.type if first.type is RunType.UNKNOWN else first.type)


def test_a_contradiction_names_the_run_and_both_values(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"run 5: eot_live is 1\.0 in one place and 2\.0 in another"):
        read(tmp_path, runs=RUNS + "5,,,,,1\n5,,,,,2\n")
    with pytest.raises(ValueError, match="run 5: type is physics in one place and beam in another"):
        read(tmp_path, runs=RUNS + "5,physics,,,,\n5,beam,,,,\n")
    with pytest.raises(
        ValueError, match=r"run 5 spill 6: eot_delivered is 1\.0 in one place and 2\.0 in another"
    ):
        read(tmp_path, runs=RUNS, spills=SPILLS + "5,6,1,,\n5,6,2,,\n")


def test_an_eot_that_only_the_join_makes_impossible_is_refused() -> None:
    with pytest.raises(ValueError, match=r"run 5: eot_live 2.0 is above eot_delivered 1.0"):
        join_run_facts(RunFacts(5, eot_delivered=1.0), RunFacts(5, eot_live=2.0))


def test_a_spill_that_one_source_calls_bad_is_bad() -> None:
    good, bad = SpillFacts(1, 2, 5.0), SpillFacts(1, 2, None, 4.0, Quality.BAD)
    assert (
        join_spill_facts(good, bad) == join_spill_facts(bad, good) == SpillFacts(1, 2, 5.0, 4.0, Quality.BAD)
    )


def test_facts_of_different_runs_or_spills_do_not_join() -> None:
    with pytest.raises(ValueError, match="run 1 is not run 2"):
        join_run_facts(RunFacts(1), RunFacts(2))
    with pytest.raises(ValueError, match="run 1 spill 2 is not run 1 spill 3"):
        join_spill_facts(SpillFacts(1, 2), SpillFacts(1, 3))


def test_conditions_add_and_the_empty_one_changes_nothing(tmp_path: Path) -> None:
    one = read(tmp_path, runs=RUNS + "2,,,,5,\n", spills=SPILLS + "2,1,,,bad\n", bad=BAD + "3,,,\n")
    other = Conditions(
        {1: RunFacts(1), 2: RunFacts(2, eot_live=4.0)},
        {(2, 1): SpillFacts(2, 1, 3.0)},
        BadList(),
    )
    added = one + other
    assert list(added.run_facts.values()) == [
        RunFacts(1),
        RunFacts(2, eot_delivered=5.0, eot_live=4.0),
    ]
    assert added.spills == {(2, 1): SpillFacts(2, 1, 3.0, None, Quality.BAD)}
    assert added.bad == BadList((BadEntry(2, 1), BadEntry(3)))
    assert one + Conditions() == Conditions() + one == one


def test_triggers_are_read_and_must_agree(tmp_path: Path) -> None:
    facts = read(tmp_path, runs="run,triggers\n8701,1000\n").run_facts
    assert facts == {8701: RunFacts(8701, triggers=1000)}
    joined = join_run_facts(facts[8701], RunFacts(8701, eot_live=4e9))
    assert joined == RunFacts(8701, eot_live=4e9, triggers=1000)
    with pytest.raises(ValueError, match="run 8701: triggers is 1000 in one place and 999 in another"):
        join_run_facts(facts[8701], RunFacts(8701, triggers=999))


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("mine.bads.csv", r'periods: unknown table "mine\.bads\.csv", nearest known is "mine\.bad\.csv"'),
        ("min.bad.csv", r'unknown table "min\.bad\.csv", nearest known is "mine\.bad\.csv"'),
        ("mine.Bad.csv", r'unknown table "mine\.Bad\.csv"'),
        ("runs.csv", r'unknown table "runs\.csv"'),
    ],
)
def test_a_table_of_no_period_is_refused(name: str, message: str, tmp_path: Path) -> None:
    folder = tmp_path / "periods"
    folder.mkdir()
    for known in ("mine.toml", "mine.bad.csv", "notes.txt"):
        (folder / known).touch()
    check_period_tables(folder)
    (folder / name).touch()
    with pytest.raises(ValueError, match=message):
        check_period_tables(folder)


def test_a_table_that_is_no_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "mine.bad.csv").mkdir()
    with pytest.raises(ValueError, match=r"/mine\.bad\.csv: is not a file"):
        read_conditions(tmp_path, "mine.")
    (tmp_path / "other.bad.csv").symlink_to(tmp_path / "nowhere")
    with pytest.raises(ValueError, match=r"/other\.bad\.csv: is a link to nowhere"):
        read_conditions(tmp_path, "other.")
