"""What every stage knows: planes, channels, fields of current elements, samples and the packed store."""
