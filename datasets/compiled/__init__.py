"""Compiled functions: the decorator of all kernels, and where their machine code is kept."""
