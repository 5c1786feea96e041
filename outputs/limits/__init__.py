"""Limits on the dark photon from stored results: exposure, inputs, computation, tables and figures."""
