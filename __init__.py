"""na64: columnar event processing for the NA64 missing-energy search at CERN."""

__version__ = "0.1.0"
