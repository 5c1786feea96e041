"""The benchmark of Region I: muon pairs expected per electron on target, against those that are seen."""
