"""The sections of ``params.yaml`` that belong to the field model, one module a section."""
