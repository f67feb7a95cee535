"""A sample's way: simulated or imported, packed, freed of repeats, split, measured, fed in batches."""
