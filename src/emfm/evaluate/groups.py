"""The samples of a set in groups: by the size of their family, the depth of their sources, the number of elements."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from emfm.core.sample_lists import SampleList
from emfm.results.definitions import Grouping

_MOST_SINGLE_VALUES: Final = 8


@dataclass(frozen=True)
class Group:
    """Samples with neighbouring values."""

    low: float | None
    """The least value in the group; None where the values are not known."""
    high: float | None
    """The largest."""
    places: NDArray[np.int64]
    """``(n,)``: which samples of the list."""


def sample_groups(samples: SampleList) -> dict[Grouping, list[Group]]:
    """The groups of each of `emfm.results.definitions.GROUPINGS` for which the store has the number.

    Each grouping holds all samples once.
    """
    store, rows = samples.store, samples.rows
    family = store.table["family"]
    values: dict[Grouping, NDArray[np.float64]] = {
        "family_size": np.asarray(family.map(family.value_counts()), np.float64)[rows]
    }
    names = store.header.parameter_names
    parameters = np.asarray(store.parameters[rows], np.float64)
    heights = [place for place, name in enumerate(names) if name.endswith("_z")]
    if heights:
        highest = np.fmax.reduce(parameters[:, heights], axis=1)
        values["depth"] = np.asarray(store.geometry.source.z - highest, np.float64)
    if "elements" in names:
        values["elements"] = parameters[:, names.index("elements")]
    return {name: group_by(numbers) for name, numbers in values.items() if not np.isnan(numbers).all()}


def group_by(values: NDArray[np.float64]) -> list[Group]:
    """Groups of samples by their ``values``, ``(n,)``, ascending; NaN, where there is any, is a group at the end.

    Up to 8 different whole numbers are a group each; other values are cut at their quartiles.
    """
    known = values[~np.isnan(values)]
    single = np.unique(known)
    if len(single) > _MOST_SINGLE_VALUES or (single % 1).any():
        starts = np.unique(np.quantile(known, (0, 0.25, 0.5, 0.75)))
    else:
        starts = single
    numbers = np.where(np.isnan(values), len(starts), np.searchsorted(starts, values, side="right") - 1)
    groups = []
    for number in range(len(starts) + 1):
        places = np.flatnonzero(numbers == number)
        if len(places):
            unknown = number == len(starts)
            low, high = (None, None) if unknown else (float(values[places].min()), float(values[places].max()))
            groups.append(Group(low, high, places))
    return groups
