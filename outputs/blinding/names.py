"""Names of what an opening writes into the folder of a result."""

from __future__ import annotations

UNBLINDED = "unblinded.json"
OPENED = "opened"
"""Folder of what was in the box: tables and figures."""
