"""The dark photon's signal: cross-sections, yields in a thick target, efficiencies, comparisons."""
