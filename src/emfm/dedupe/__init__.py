"""Stage ``dedupe``: repeated samples."""
