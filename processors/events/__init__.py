"""Segments of files to visible events, and the store of their features."""
