from __future__ import annotations

import hashlib
import weakref
from collections.abc import Iterator
from pathlib import Path

from na64.processors.execution.backends import IterativeBackend
from na64.processors.execution.cost import Cost, Meter
from na64.processors.execution.ledger import Partial, decode, encode
from na64.processors.execution.tasks import Done, Task, Work

KEY = hashlib.sha256(b"1").hexdigest()


def test_costs_add_up_and_have_an_empty() -> None:
    one, other = Cost(1, 10, 0, 5, 0.5, 1.5), Cost(2, 20, 20, 7, 0.25, 0.75)
    assert one + other == Cost(3, 30, 20, 12, 0.75, 2.25)
    assert one + Cost() == one == Cost() + one


def test_only_the_making_of_items_counts_as_reading() -> None:
    now = 0.0

    def slow() -> Iterator[int]:
        nonlocal now
        for number in range(3):
            now += 2.0
            yield number

    meter = Meter(lambda: now)
    found = []
    for item in meter.each(slow()):
        now += 5.0
        found.append(item)
    meter.note(123, stored=True)
    assert found == [0, 1, 2]
    assert meter.cost(7) == Cost(1, 7, 7, 123, read=6.0, busy=21.0)


def test_no_item_is_held_while_the_next_is_made() -> None:
    class Item:
        """Something that notices that it is gone."""

    gone: list[bool] = []

    def make() -> Iterator[Item]:
        last: list[weakref.ref[Item]] = []
        for _ in range(3):
            gone.extend(reference() is None for reference in last)
            made = [Item()]
            last = [weakref.ref(made[0])]
            yield made.pop()

    assert list(map(type, Meter().each(make()))) == [Item] * 3
    assert gone == [True, True]


def test_a_cost_is_told_and_not_kept(tmp_path: Path) -> None:
    def count(_task: Task, _context: object) -> Partial:
        return Partial({"a": 1}, cost=Cost(1, 10))

    ((_, report),) = IterativeBackend().map(Work(count), [Task(KEY, "run.root", 0, 10)])
    assert isinstance(report, Done)
    assert report.cost == Cost(1, 10)
    assert report.data == encode(KEY, Partial({"a": 1}))
    assert decode(KEY, report.data).cost is None
    assert report == Done(report.data)
