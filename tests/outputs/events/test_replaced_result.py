"""What was made of a result does not come into the folder of another one that took its place meanwhile."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

import na64
from na64.outputs.result.unreplaced import ReplacedError

pytestmark = pytest.mark.usefixtures("undrawn")

Meanwhile = Callable[..., None]
COMMANDS: dict[str, Callable[[Path, Meanwhile], object]] = {
    "events": lambda folder, act: na64.events(folder, limit=5, progress=act),
    "show": lambda folder, act: na64.show(folder, limit=1, tell=act),
    "scan": lambda folder, act: na64.scan(folder, {"vhcal.vhcal_total.below": (1, 3)}, steps=2, tell=act),
    "compare": lambda folder, act: na64.compare(folder, folder, same_events=False, tell=act),
}


def listing(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("is_removed", [True, False])
def test_nothing_is_written_beside_another_result(
    result: Path, simulated: Path, tmp_path: Path, command: str, is_removed: bool
) -> None:
    folder = shutil.copytree(result, result.parent / tmp_path.name)  # beside its catalogue
    before = listing(folder)

    def replace(*_: object) -> None:
        (folder / "result.json").unlink(missing_ok=True)
        if not is_removed:
            shutil.copyfile(simulated / "result.json", folder / "result.json")

    with pytest.raises(ReplacedError, match=f"replaced or removed while na64 {command} read it"):
        COMMANDS[command](folder, replace)
    assert listing(folder) | {"result.json"} == before
