"""Currents induced in flat conductors of any outline, by the moment method, and the field of grids of currents."""
