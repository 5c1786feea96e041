"""The features cuts act on: name, unit and meaning of each, in the order they are stored."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Feature:
    """One float32 number an event."""

    name: str
    unit: str
    meaning: str


_LISTED = [
    Feature("trigger_physics", "1", "1 if the physics trigger fired"),
    Feature("bad_spill", "1", "1 if the run, spill or event is in a bad list"),
    Feature("master_time", "ns", "time of the trigger in the sampling window"),
    Feature("srd_0", "GeV", "in-time energy of synchrotron-radiation counter 0"),
    Feature("srd_1", "GeV", "in-time energy of synchrotron-radiation counter 1"),
    Feature("srd_2", "GeV", "in-time energy of synchrotron-radiation counter 2"),
    Feature("srd_sum", "GeV", "in-time energy of all synchrotron-radiation counters"),
    Feature("track_momentum", "GeV", "momentum of the incoming track"),
    Feature("track_pvalue", "1", "p-value of the incoming track's fit"),
    Feature("track_angle", "rad", "angle of the incoming track to the beam axis"),
    Feature("straw3_x", "1", "hits in straw station 3, x"),
    Feature("straw3_y", "1", "hits in straw station 3, y"),
    Feature("straw4_x", "1", "hits in straw station 4, x"),
    Feature("straw4_y", "1", "hits in straw station 4, y"),
    Feature("vhcal", "GeV", "in-time energy of the veto HCAL"),
    Feature("vhcal_total", "GeV", "energy of the veto HCAL, any time"),
    Feature("ecal", "GeV", "in-time energy, preshower + main"),
    Feature("ecal_total", "GeV", "energy at any time, preshower + main"),
    Feature("ecal_out_of_time", "GeV", "ecal_total - ecal"),
    Feature("preshower", "GeV", "in-time preshower energy"),
    Feature("preshower_total", "GeV", "preshower energy at any time"),
    Feature("ecal_max_cell", "1", "cell, ix * n_y + iy, of the largest in-time main-plane energy"),
    Feature("ecal_max_in_beam_cell", "1", "1 if that cell is the period's beam cell"),
    Feature("ecal_3x3", "GeV", "in-time energy, both planes, within one cell of the beam cell"),
    Feature("ecal_5x5", "GeV", "in-time energy, both planes, within two cells of the beam cell"),
    Feature("ecal_ratio", "1", "(ecal - ecal_3x3) / ecal; +inf if ecal <= 0"),
    Feature("ecal_x", "mm", "in-time energy-weighted mean x from the centre, both planes; nan if ecal <= 0"),
    Feature("ecal_y", "mm", "the same in y"),
    Feature("ecal_width_x", "mm", "in-time energy-weighted standard deviation in x; nan if ecal <= 0"),
    Feature("ecal_width_y", "mm", "the same in y"),
    Feature("shower_chi2", "1", "shower-profile chi2: the tree's own where it has one, else ecal_chi2"),
    Feature("ecal_chi2", "1", "shower-profile chi2 per degree of freedom against the period's template"),
    Feature("hcal", "GeV", "in-time energy of the period's HCAL modules"),
    Feature("hcal_total", "GeV", "energy of the period's HCAL modules at any time"),
    Feature("hcal_0", "GeV", "in-time energy of HCAL module 0"),
    Feature("hcal_1", "GeV", "in-time energy of HCAL module 1"),
    Feature("hcal_2", "GeV", "in-time energy of HCAL module 2"),
    Feature("hcal_3", "GeV", "in-time energy of HCAL module 3 (zero degrees)"),
    Feature("hcal_3_total", "GeV", "energy of HCAL module 3 at any time"),
    Feature("hcal_01", "GeV", "in-time energy of HCAL modules 0 and 1"),
    Feature("hcal_012", "GeV", "in-time energy of HCAL modules 0 to 2"),
    Feature("hcal_012_total", "GeV", "energy of HCAL modules 0 to 2 at any time"),
    Feature(
        "hcal_out_of_time", "GeV", "hcal_012_total less in-time energy of the period's subtracted modules"
    ),
    Feature("hcal_0_centre", "GeV", "in-time energy of the centre cell of HCAL module 0"),
    Feature("hcal_1_centre", "GeV", "in-time energy of the centre cell of HCAL module 1"),
    Feature("hcal_2_centre", "GeV", "in-time energy of the centre cell of HCAL module 2"),
    Feature(
        "hcal_r", "1", "fraction of in-time energy outside the centre cells of modules 0 to 2; nan if none"
    ),
    Feature(
        "hcal_topology_bad", "1", "1 if HCAL module 0 is struck and its centre has half the energy or less"
    ),
    Feature("hcal_muon", "1", "1 if HCAL modules look like a muon"),
    Feature("veto_0", "GeV", "in-time energy of veto paddle 0, sum of both photomultipliers"),
    Feature("veto_1", "GeV", "in-time energy of veto paddle 1, sum of both photomultipliers"),
    Feature("veto_2", "GeV", "in-time energy of veto paddle 2, sum of both photomultipliers"),
    Feature("veto_mip_0", "MIP", "in-time veto paddle 0, geometric mean of the photomultipliers, in MIPs"),
    Feature("veto_mip_1", "MIP", "in-time veto paddle 1, geometric mean of the photomultipliers, in MIPs"),
    Feature("veto_mip_2", "MIP", "in-time veto paddle 2, geometric mean of the photomultipliers, in MIPs"),
    Feature("visible_energy", "GeV", "ecal + hcal_012"),
]

FEATURES: dict[str, Feature] = {feature.name: feature for feature in _LISTED}
"""Every feature by name, in storage order."""

INDEX: dict[str, int] = {name: index for index, name in enumerate(FEATURES)}
"""Row of each feature in a feature table."""
