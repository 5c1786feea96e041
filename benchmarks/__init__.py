"""What the speed figures of the README come from: one sample, every program, interleaved."""
