"""The beam, the spectrometer and the synchrotron radiation as measurements, from beam triggers."""
