"""What users run by hand, outside of the pipeline."""
