"""Readers of solved cases: one module a format, registered by name."""

import sys

from emfm.acquire.readers.base import READERS, CaseReader, Fields, find_reader
from ttt.registry import load_modules

__all__ = ["READERS", "CaseReader", "Fields", "find_reader"]

load_modules(sys.modules[__name__])
