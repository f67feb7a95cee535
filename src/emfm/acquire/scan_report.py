"""What is said of the scans of an import that are too small or too coarse for what they hold."""

from typing import Final

import numpy as np

from emfm.core.scan_checks import ScanChecks, check_scans, scan_warnings
from emfm.core.store import Store
from ttt.log import LOG

_AT_ONCE: Final = 4096


def warn_of_scans(store: Store) -> None:
    """Warn of the scans of all samples, once for each fault, whatever their number."""
    starts = range(0, len(store), _AT_ONCE)
    rows = [np.arange(start, min(start + _AT_ONCE, len(store))) for start in starts]
    checks = ScanChecks.joined([check_scans(store.source_h(part)) for part in rows])
    for warning in scan_warnings(store.table["id"].tolist(), checks):
        LOG.warning("%s", warning)
