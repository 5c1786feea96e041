"""Which events: cuts, regions and the signal box, as data."""
