"""Split samples into three disjoint sets by whole scene families.

val_fixed and test_final are drawn from a base population: the families that begin within the first
``draw_from_first`` samples. What is added to the store later comes after it, so their membership stays.
Within the base population the draw follows a keyed hash of the family's name, not the order of samples.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from emfm.data.sample import DataError

Positions = NDArray[np.int64]
SETS = ("train_pool", "val_fixed", "test_final")


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
    summary's notes say. Raises DataError where a set would be empty.
    """
    codes, names = pd.factorize(families)
    counts = np.bincount(codes)
    first = np.full(len(names), len(codes))
    np.minimum.at(first, codes, np.arange(len(codes)))
    base_samples = _base_samples(len(codes), sizes, draw_from_first)
    in_base = first < base_samples
    base_counts = np.bincount(codes[:base_samples], minlength=len(names))
    hashes = _hashes(names, seed)
    order = np.lexsort((hashes, ~in_base))

    notes: list[str] = []
    if draw_from_first is None and base_samples == len(codes):
        notes.append(
            f"val_fixed and test_final were drawn from all {len(codes)} samples; before you add samples, set "
            f"split.draw_from_first: {len(codes)}, so that they stay as they are"
        )
    owner = np.full(len(names), "", dtype=object)
    for name, wanted in (("val_fixed", sizes.val_fixed), ("test_final", sizes.test_final)):
        free = order[in_base[order] & (owner[order] == "")]
        owner[free[choose_families(base_counts[free], wanted)]] = name
    free = order[owner[order] == ""]
    wanted_train = int(counts[free].sum()) if sizes.train_pool is None else sizes.train_pool
    owner[free[choose_families(counts[free], wanted_train)]] = "train_pool"

    late = (np.arange(len(codes)) >= base_samples) & np.isin(owner[codes], ["val_fixed", "test_final"])
    if late.any():
        notes.append(f"{int(late.sum())} samples came later to families of val_fixed or test_final; they are in no set")
    rank = np.empty(len(names), np.int64)
    rank[order] = np.arange(len(names))
    by_rank = np.argsort(rank[codes], kind="stable")
    drawn = {name: by_rank[(owner[codes[by_rank]] == name) & ~late[by_rank]] for name in SETS}
    asked = {"train_pool": sizes.train_pool, "val_fixed": sizes.val_fixed, "test_final": sizes.test_final}
    for name, positions in drawn.items():
        if len(positions) == 0:
            raise DataError(f"{name} would be empty: {len(codes)} samples are too few for the sizes under split")
        if asked[name] not in (None, len(positions)):
            notes.append(f"{name} has {len(positions)} samples, the nearest to {asked[name]} that whole families allow")
    unused = len(codes) - sum(len(positions) for positions in drawn.values())
    summary = {
        name: {"asked": asked[name], "samples": len(positions), "families": int(np.sum(owner == name))}
        for name, positions in drawn.items()
    }
    return Split(**drawn, summary=summary | {"unused_samples": unused, "notes": notes})


def choose_families(counts: Positions, wanted: int) -> Positions:
    """Which families, given by their sizes in the order of the draw, together have ``wanted`` samples.

    The exact sum where any choice has it, else the nearest; as close as possible to simply taking the first
    families, and of families of one size always the first.

    Returns:
        Indices into ``counts``.
    """
    total = int(counts.sum())
    if wanted >= total:
        return np.arange(len(counts))
    kinds = np.unique(counts)[::-1]
    available = {int(kind): np.flatnonzero(counts == kind) for kind in kinds}
    fair = np.cumsum(counts) <= wanted
    reach = _reachable([(int(kind), len(available[int(kind)])) for kind in kinds], 2 * wanted)
    target = _nearest_bit(reach[0], wanted)
    chosen: list[Positions] = []
    left = target
    for place, kind in enumerate(map(int, kinds)):
        members = available[kind]
        start = int(np.count_nonzero(fair[members]))
        take = next(
            number
            for number in sorted(range(len(members) + 1), key=lambda number: abs(number - start))
            if left - number * kind >= 0 and reach[place + 1] >> (left - number * kind) & 1
        )
        chosen.append(members[:take])
        left -= take * kind
    return np.sort(np.concatenate(chosen))


def check_disjoint(split: Split, families: NDArray[np.object_]) -> None:
    """Raise DataError where two sets share a sample or a family."""
    seen: dict[str, set[Any]] = {}
    for name, positions in split.sets():
        members = set(positions.tolist()), set(families[positions])
        for other, (samples, groups) in seen.items():
            if samples & members[0] or groups & members[1]:
                raise DataError(f"{name} and {other} share samples or families; this is a defect of the split")
        seen[name] = members  # type: ignore[assignment]


def _base_samples(available: int, sizes: SplitSizes, draw_from_first: int | None) -> int:
    if draw_from_first is not None:
        return min(draw_from_first, available)
    if sizes.train_pool is None:
        return available
    return min(sizes.train_pool + sizes.val_fixed + sizes.test_final, available)


def _hashes(names: NDArray[np.object_], seed: int) -> NDArray[np.uint64]:
    key = str(seed).encode()
    digests = b"".join(hashlib.blake2b(str(name).encode(), digest_size=8, key=key).digest() for name in names)
    return np.frombuffer(digests, ">u8").astype(np.uint64)


def _reachable(kinds: list[tuple[int, int]], limit: int) -> list[int]:
    """For each suffix of (family size, number of families): the set of reachable sums up to ``limit``, as bits."""
    mask = (1 << (limit + 1)) - 1
    sets = [1]
    for size, number in reversed(kinds):
        bits, step = sets[0], 1
        while number > 0:
            take = min(step, number)
            bits |= (bits << (take * size)) & mask
            number -= take
            step *= 2
        sets.insert(0, bits)
    return sets


def _nearest_bit(bits: int, wanted: int) -> int:
    """The set bit nearest to ``wanted``, the lower of two."""
    for distance in range(wanted + 1):
        for candidate in (wanted - distance, wanted + distance):
            if bits >> candidate & 1:
                return candidate
    return 0
