"""Scans of bounds: what a selection keeps, and what it could exclude, for other values of its cuts."""
