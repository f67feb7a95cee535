"""What a stranger reads before using the models and the data: cards, and metadata for machines."""
