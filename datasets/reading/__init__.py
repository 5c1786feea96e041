"""Branches of a file to columns of an event: layouts and the three file formats."""
