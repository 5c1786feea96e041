"""The background in the closed box, from sidebands, simulation and rates."""
