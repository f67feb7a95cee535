"""Ctrl-C and SIGTERM as requests that the training loop answers where it can save its state."""

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType


class StopRequested(Exception):  # noqa: N818 - a request, not an error
    """Leaves a validation that is under way."""


@dataclass
class StopRequest:
    """Whether someone asked the training to stop."""

    signal: int | None = None
    """The number of the signal that asked."""

    def leave_if_asked(self, _: int = 0) -> None:
        """Raise StopRequested where someone asked."""
        if self.signal is not None:
            raise StopRequested


@contextmanager
def stop_signals() -> Iterator[StopRequest]:
    """Inside the block SIGINT and SIGTERM fill the request; a second one ends the process at once.

    Outside of the main thread, where Python takes no signals, nothing is changed.
    """
    request = StopRequest()
    if threading.current_thread() is not threading.main_thread():
        yield request
        return

    def ask(number: int, _: FrameType | None) -> None:
        if request.signal is not None:
            signal.signal(number, signal.SIG_DFL)
            os.kill(os.getpid(), number)
        request.signal = number

    before = {number: signal.signal(number, ask) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield request
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
