"""A scan above a ground plane of known outline: sources are looked for with the currents that they induce in it."""
