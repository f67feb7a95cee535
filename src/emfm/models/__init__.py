"""Field models: from source H to target E/H, in physical units outside and normalised inside."""
