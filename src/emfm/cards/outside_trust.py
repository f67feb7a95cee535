"""The figures of reports/benchmarks/trust_outside.md: how a model's trust fares outside of its training."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

from emfm.core.errors import DataError

TRUST_OUTSIDE: Final = Path("reports/benchmarks/trust_outside.md")
_REMEDY: Final = "make it anew with `python benchmarks/trust_outside.py`"
_CELLS: Final = 9


@dataclass(frozen=True)
class KindOfScans:
    """A row of the table, as it is written there."""

    kind: str
    scans: str
    true: str
    expected: str
    warned: str
    refused: str
    over: str
    """The share neither warned of nor refused whose true error is above three times the expected one."""
    honest: str
    enough: str

    @property
    def is_honest(self) -> bool:
        """Whether enough of the scans are warned of, refused, or predicted with an error near the expected one."""
        return self.enough.startswith("yes")

    @property
    def is_refused(self) -> bool:
        """Whether no such scan is predicted from."""
        return self.refused == "100 %"


@dataclass(frozen=True)
class OutsideTrust:
    """The table."""

    model: str
    """The first digits of the checkpoint's SHA-256."""
    kinds: tuple[KindOfScans, ...]

    @classmethod
    def read(cls, path: Path) -> Self:
        """The table of a file that the benchmark wrote; raises DataError where it is none."""
        try:
            text = path.read_text(encoding="utf-8")
        except OSError as error:
            raise DataError(f"{path}: cannot be read ({error}); {_REMEDY}") from error
        model = re.search(r"model `([0-9a-f]+)`", text)
        rows = [[cell.strip() for cell in line[1:-1].split("|")] for line in text.splitlines() if line.startswith("|")]
        kinds = tuple(KindOfScans(*row) for row in rows[2:] if len(row) == _CELLS)
        if model is None or not kinds or len(kinds) != len(rows) - 2:
            raise DataError(f"{path}: names no model, or its table has not {_CELLS} columns; {_REMEDY}")
        return cls(model[1], kinds)

    def starting_with(self, *beginnings: str) -> list[KindOfScans]:
        """The rows of kinds whose names begin so; raises DataError for a beginning that no row has."""
        for beginning in beginnings:
            if not any(row.kind.startswith(beginning) for row in self.kinds):
                raise DataError(f"{TRUST_OUTSIDE}: has no kind of scans that begins with '{beginning}'; {_REMEDY}")
        return [row for row in self.kinds if row.kind.startswith(beginnings)]
