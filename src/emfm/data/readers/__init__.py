"""Readers of solved cases: one module a format, registered by name."""

from emfm.data.readers import csv_cases, feko, hfss_fld, npz_cases, solver_ascii
from emfm.data.readers.base import READERS, CaseReader, Fields, find_reader

__all__ = [
    "READERS",
    "CaseReader",
    "Fields",
    "csv_cases",
    "feko",
    "find_reader",
    "hfss_fld",
    "npz_cases",
    "solver_ascii",
]
