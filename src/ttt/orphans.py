"""No process outlives the one that it works for."""

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1


def end_with_parent(parent: int, by: signal.Signals) -> bool:
    """Have the kernel (Linux) send ``by`` to this process when its ``parent`` ends; False where that has ended."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, by)
    return os.getppid() == parent
