"""Stage ``plot``: pictures, the report and a page of what was measured."""
