"""What every bound of an error promises."""

from typing import Final

COVERED_PERCENT: Final = 90
"""Share of unseen errors that are at most the bound, %."""
