"""The data model and the protocols: types only, no numerics, nothing heavy imported."""
