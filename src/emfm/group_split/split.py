"""Split samples into three disjoint sets by whole scene families.

val_fixed and test_final are drawn from a base population: the families that begin within the first
``draw_from_first`` samples. What is added to the store later comes after it, so their membership stays.
Within the base population the draw follows a keyed hash of the family's name, not the order of samples.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from emfm.core.errors import DataError
from emfm.group_split.family_sizes import choose_families, rearranged

Positions = NDArray[np.int64]
SETS: Final = ("train_pool", "val_fixed", "test_final")
_VAL, _TEST, _TRAIN, _NONE = range(4)
_NUMBERS: Final = {"train_pool": _TRAIN, "val_fixed": _VAL, "test_final": _TEST}


@dataclass(frozen=True)
class SplitSizes:
    """Samples wanted in each set; ``train_pool=None`` is all that the others leave."""

    train_pool: int | None
    val_fixed: int
    test_final: int


@dataclass(frozen=True)
class Split:
    """Positions of each set's samples; the first N of train_pool are a fair sample of it, for every N."""

    train_pool: Positions
    val_fixed: Positions
    test_final: Positions
    summary: dict[str, Any] = field(default_factory=dict)

    def sets(self) -> Iterator[tuple[str, Positions]]:
        """The name and the positions of each set."""
        for name in SETS:
            yield name, getattr(self, name)


def split_by_family(families: NDArray[np.object_], sizes: SplitSizes, seed: int, draw_from_first: int | None) -> Split:
    """Draw the three sets from samples given by their families, in store order.

    A set gets its exact size where any choice of whole families has it, else the nearest size, which the
    summary's notes say. train_pool takes samples from after the base population only where the base has too
    few, and lists them last, so that adding samples leaves its beginning as it was (but for base families
    that must go for the size to be exact).

    Raises DataError where a set would be empty.
    """
    codes, names = pd.factorize(families)
    late = np.arange(len(codes)) >= _base_samples(len(codes), sizes, draw_from_first)
    later_only = np.bincount(codes[~late], minlength=len(names)) == 0
    order = np.lexsort((_hashes(names, seed), later_only))
    rank = np.empty(len(names), np.int64)
    rank[order] = np.arange(len(names))
    family = rank[codes]
    base = np.bincount(family[~late], minlength=len(names))
    later = np.bincount(family[late], minlength=len(names))
    set_of_base, set_of_later = _draw(base, later, sizes)
    set_of = np.where(late, set_of_later[family], set_of_base[family])
    by_draw = np.lexsort((family, late))
    drawn = {name: by_draw[set_of[by_draw] == number] for name, number in _NUMBERS.items()}
    notes = _notes(len(codes), sizes, draw_from_first)
    held_out = int(later[set_of_base < _TRAIN].sum())
    if held_out:
        notes.append(f"{held_out} samples came later to families of val_fixed or test_final; they are in no set")
    return Split(**drawn, summary=_summary(drawn, family, sizes, notes))


def check_disjoint(split: Split, families: NDArray[np.object_]) -> None:
    """Raise DataError where two sets share a sample or a family."""
    members = pd.concat(
        pd.DataFrame({"set": name, "sample": positions, "family": families[positions]})
        for name, positions in split.sets()
    )
    for what in ("sample", "family"):
        owners = members[["set", what]].drop_duplicates()
        shared = owners[owners.duplicated(what, keep=False)]
        if len(shared):
            first = shared[what].iloc[0]
            names = " and ".join(shared.loc[shared[what] == first, "set"][::-1])
            raise DataError(f"{names} share samples or families: the {what} {first}; this is a defect of the split")


def _draw(base: Positions, later: Positions, sizes: SplitSizes) -> tuple[Positions, Positions]:
    """The set of each family's samples in the base population, and of its later ones.

    Families are in the order of the draw, by the number of samples of either kind that they have.
    """
    set_of_base, set_of_later = np.full(len(base), _NONE), np.full(len(base), _NONE)
    begun = np.flatnonzero(base)
    set_of_base[begun] = _hold_out(base[begun], sizes)
    ours = np.flatnonzero((set_of_base == _NONE) & (base > 0))
    more = np.flatnonzero((set_of_base == _NONE) & (later > 0))
    chosen, added = _choose_train(base[ours], later[more], sizes.train_pool)
    set_of_base[ours[chosen]] = _TRAIN
    set_of_later[more[added]] = _TRAIN
    return set_of_base, set_of_later


def _hold_out(base: Positions, sizes: SplitSizes) -> Positions:
    """val_fixed and test_final: the draw of one after the other, changed only where that is not exact."""
    train, val, test = sizes.train_pool, sizes.val_fixed, sizes.test_final
    drawn = np.full(len(base), _NONE)
    for number, wanted in ((_VAL, val), (_TEST, test)):
        _take(drawn, base, number, wanted)
    left = int(base.sum()) - val - test
    goals = [np.array([val, test, 0, left])]
    if train is not None and train < left:
        _take(drawn, base, _TRAIN, train)
        goals.insert(0, np.array([val, test, train, left - train]))
    for goal in goals:
        found = rearranged(base, drawn, goal)
        if found is not None:
            return np.where(found == _TRAIN, _NONE, found)
        drawn = np.where(drawn == _TRAIN, _NONE, drawn)
    return drawn


def _take(drawn: Positions, counts: Positions, number: int, wanted: int) -> None:
    free = np.flatnonzero(drawn == _NONE)
    drawn[free[choose_families(counts[free], wanted)]] = number


def _choose_train(base: Positions, later: Positions, wanted: int | None) -> tuple[Positions, Positions]:
    """Which families' base samples and which families' later samples make up train_pool: the base first."""
    total = int(base.sum())
    everything, nothing = np.arange(len(base)), np.arange(0)
    if wanted is None:
        return everything, np.arange(len(later))
    if total >= wanted:
        chosen = choose_families(base, wanted)
        if int(base[chosen].sum()) == wanted:
            return chosen, nothing
    else:
        added = choose_families(later, wanted - total)
        if int(later[added].sum()) == wanted - total:
            return everything, added
    mixed = choose_families(np.concatenate([base, later]), wanted)
    return mixed[mixed < len(base)], mixed[mixed >= len(base)] - len(base)


def _base_samples(available: int, sizes: SplitSizes, draw_from_first: int | None) -> int:
    if draw_from_first is not None:
        return draw_from_first
    if sizes.train_pool is None:
        return available
    return sizes.train_pool + sizes.val_fixed + sizes.test_final


def _hashes(names: NDArray[np.object_], seed: int) -> NDArray[np.uint64]:
    key = str(seed).encode()
    digests = b"".join(hashlib.blake2b(str(name).encode(), digest_size=8, key=key).digest() for name in names)
    return np.frombuffer(digests, ">u8").astype(np.uint64)


def _notes(available: int, sizes: SplitSizes, draw_from_first: int | None) -> list[str]:
    settled = draw_from_first is not None or sizes.train_pool is not None
    if settled and available >= _base_samples(available, sizes, draw_from_first):
        return []
    return [
        f"val_fixed and test_final were drawn from all {available} samples; before you add samples, set "
        f"split.draw_from_first: {available}, so that they stay as they are"
    ]


def _summary(drawn: dict[str, Positions], family: Positions, sizes: SplitSizes, notes: list[str]) -> dict[str, Any]:
    """What was asked for and what came of it; raises DataError for an empty set."""
    summary: dict[str, Any] = {}
    for name, positions in drawn.items():
        asked, count = getattr(sizes, name), len(positions)
        if count == 0:
            members = np.bincount(family)
            raise DataError(
                f"{name} would be empty: {len(family)} samples are too few, or families of {members.min()} to "
                f"{members.max()} too large, for the sizes under split; change the sizes, or add samples"
            )
        if asked not in (None, count):
            notes.append(f"{name} has {count} samples, the nearest to {asked} that whole families allow")
        summary[name] = {"asked": asked, "samples": count, "families": len(np.unique(family[positions]))}
    unused = len(family) - sum(len(positions) for positions in drawn.values())
    return summary | {"unused_samples": unused, "notes": notes}
