"""The stages of ``dvc.yaml``: small scripts that read, call and write. Run as ``python -m emfm.stages NAME``."""
