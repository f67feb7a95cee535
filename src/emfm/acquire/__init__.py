"""Stage ``acquire``: simulated scenes or imported cases into the packed store."""
