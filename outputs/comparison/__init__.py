"""Results beside each other: two of them, data and simulation, and one against time."""
