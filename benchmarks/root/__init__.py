"""RDataFrame programs, and the server that compiles and runs them where ROOT is."""
