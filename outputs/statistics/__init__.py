"""From counts in the box to limits: background estimates, counting statistics, coverage."""
