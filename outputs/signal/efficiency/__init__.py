"""The simulated efficiency of a selection for the signal."""
