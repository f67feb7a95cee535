"""emfm: the electromagnetic forward map from a near-field scan to the field on a larger plane."""
