"""Names of what is written for others: the lock of the products, and the files of `na64 limits`."""

from __future__ import annotations

PRODUCTS = "products"
"""Lock under which the products of a result are read and written."""

LIMITS = "limits.json"
TABLE = "limits.csv"
Y_TABLE = "limits_y.csv"
FOLDER = "limits"
"""Folder of figures, workspace, HEPData tables and background tables."""

BACKGROUNDS = "background*.csv"
"""Background tables in that folder."""

CONTOUR, CONTOUR_FACTS = "contour.csv", "contour.json"
"""What `na64 limits --search` adds: excluded couplings of a search, and what they rest on."""

CONTOUR_HEPDATA = "contour_hepdata"
"""Folder of the edges of a contour in the form that HEPData takes."""

SCHEMA = 2
"""Version of `limits.json`."""
