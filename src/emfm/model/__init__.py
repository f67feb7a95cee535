"""What every field model is, does and says of itself, whatever its name."""
