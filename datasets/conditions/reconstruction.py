"""How files were made upstream: the pass of the reconstruction, its tags, and what was blinded already.

Stated in a file ``conditions/production.toml`` beside the run files::

    pass = "5"
    reconstruction = "v3.2"
    calibration = "2023A-4"
    led_corrected = true
    upstream_blinding = "none"

Every key may be left out; what is not stated is not known.
"""

from __future__ import annotations

from dataclasses import dataclass

from na64.datasets.basics.toml import Source, TomlTable, load_table
from na64.datasets.conditions.conditions import table_in

NAME = "production.toml"
"""Name of the file in the folder of conditions."""


@dataclass(frozen=True, slots=True)
class ReconstructionTags:
    """How a file was made; None is not stated.

    Attributes
    ----------
    number : str or None
        Of the pass.
    reconstruction, calibration : str or None
        Tags.
    led_corrected : bool or None
        Gains were corrected by LED signals, spill by spill.
    upstream_blinding : str or None
        What was taken out before.
    """

    number: str | None = None
    reconstruction: str | None = None
    calibration: str | None = None
    led_corrected: bool | None = None
    upstream_blinding: str | None = None

    def __str__(self) -> str:
        stated = [f"{key} {value}" for key, value in self.stated().items()]
        return ", ".join(stated) or "not stated"

    def stated(self) -> dict[str, str | bool]:
        """What is stated, by the keys of the file."""
        values = {
            "pass": self.number,
            "reconstruction": self.reconstruction,
            "calibration": self.calibration,
            "led_corrected": self.led_corrected,
            "upstream_blinding": self.upstream_blinding,
        }
        return {key: value for key, value in values.items() if value is not None}


def tags_of(table: TomlTable) -> ReconstructionTags:
    """Read a statement; unknown keys are refused by `TomlTable.done`."""
    return ReconstructionTags(
        number=table.text("pass", None),
        reconstruction=table.text("reconstruction", None),
        calibration=table.text("calibration", None),
        led_corrected=table.flag("led_corrected", None),
        upstream_blinding=table.text("upstream_blinding", None),
    )


def tags_in(folder: Source) -> ReconstructionTags:
    """Read the statement in a folder of conditions; nothing is stated where there is none.

    Raises
    ------
    KeyError, ValueError
        The file is wrong; names it and the key.
    """
    path = table_in(folder, NAME)
    if path is None:
        return ReconstructionTags()
    table = load_table(path)
    found = tags_of(table)
    table.done()
    return found
