"""What the training template needs to know to train field models: data, losses and figures by name."""
