"""What every origin of a scan can say of itself."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Final, Literal

from emfm.plot.text import Table
from emfm.sources.found import CurrentElements, PointSources

MOST_ROWS: Final = 10
"""Sources, or places on a board, that a table lists."""


@dataclass(frozen=True)
class Mark:
    """A source, or the current in a cell of a board, as the map shows it from above."""

    x: float
    y: float
    """mm."""
    sign: Literal["electric", "magnetic", "upright", "none"]
    """Of a source its kind; of a current whether it flows up from the ground plane: a level one has no sign."""
    across: tuple[float, float]
    """From its middle to one end of the line along which it swings most, mm."""
    size: float
    """0 to 1: how large its sign is."""
    spread: tuple[float, float]
    """Two standard deviations of x and y, mm; 0 where they are not known."""
    label: str
    """The number of its row in the table; empty where it has none."""
    told: str
    """When pointed at."""


class Origin(ABC):
    """What radiates, in words, as a table, and as marks on a map."""

    title: str
    """Of the map: what is drawn on the scan."""
    legend: str
    """What the marks are, in a sentence."""
    table_notes: str
    """What the columns of the table are."""

    @property
    @abstractmethod
    def elements(self) -> CurrentElements:
        """All that radiates."""

    @property
    @abstractmethod
    def doubted(self) -> PointSources | CurrentElements:
        """The same with what is known of its doubt, for levels far away."""

    @property
    @abstractmethod
    def doubt(self) -> float:
        """The relative error of the field that is reckoned with far away."""

    @property
    @abstractmethod
    def remarks(self) -> tuple[str, ...]:
        """What it has to do with the predicted field, in sentences."""

    @property
    @abstractmethod
    def about(self) -> str:
        """What was found, in sentences."""

    @property
    @abstractmethod
    def radiator(self) -> str:
        """Who radiates: the subject of a sentence, and ``radiate``."""

    @property
    @abstractmethod
    def interval(self) -> str:
        """What the interval of a level far away is, after ``the interval``."""

    @abstractmethod
    def table(self) -> Table:
        """A row for each of the strongest, at most `MOST_ROWS`."""

    @property
    @abstractmethod
    def marks(self) -> tuple[Mark, ...]:
        """Strongest first."""

    @property
    @abstractmethod
    def outline_mm(self) -> tuple[float, float, float, float] | None:
        """Of a ground plane that is known: x and y of its lower left corner, then of its upper right one."""
