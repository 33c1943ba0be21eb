"""The map family: `map`, `starmap` and `map_reduce`."""
