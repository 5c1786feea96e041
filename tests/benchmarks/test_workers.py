from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from na64.benchmarks import workers


def _busy(user: float, steal: float) -> SimpleNamespace:
    return SimpleNamespace(
        user=user, nice=0.0, system=1.0, irq=0.0, softirq=0.0, steal=steal, idle=9.0 * user
    )


def test_other_work_is_what_the_machine_does_besides_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    machine, own, clock = iter([_busy(10.0, 0.0), _busy(13.0, 1.0)]), iter([1.0, 3.0]), iter([5.0, 7.0])
    monkeypatch.setattr(workers, "process_anew", lambda *_, **__: None)
    monkeypatch.setattr(workers, "psutil", SimpleNamespace(cpu_times=lambda: next(machine)))
    monkeypatch.setattr(workers, "family_cpu", lambda: next(own))
    monkeypatch.setattr(workers, "time", SimpleNamespace(monotonic=lambda: next(clock)))
    whole: Any = SimpleNamespace(runs={8701: 4_000, 8702: 1_000})
    turn = workers._take_turn(whole, Path(), 0)
    assert turn == workers.Turn(rate=2_500.0, cpu=400_000.0, others=1.0, stolen=0.5)
