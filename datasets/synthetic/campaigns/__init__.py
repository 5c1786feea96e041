"""Campaigns as data files."""
