"""The Geant4 shower library as data files; see README.md."""
