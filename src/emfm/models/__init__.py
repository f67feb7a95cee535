"""Field models, a folder each by its name under ``model.name``: its section, and how it predicts."""
