"""Choose whole families so that sets get their exact sizes: subset sums over the distinct family sizes."""

import math
from typing import Final

import numpy as np
from numpy.typing import NDArray

Counts = NDArray[np.int64]
_MOST_STEPS: Final = 200_000_000


def choose_families(counts: Counts, wanted: int) -> Counts:
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
    members = {int(kind): np.flatnonzero(counts == kind) for kind in kinds}
    fair = np.cumsum(counts) <= wanted
    reach = _reachable([(kind, len(places)) for kind, places in members.items()], 2 * wanted)
    left = _nearest_bit(reach[0], wanted)
    chosen: list[Counts] = []
    for (kind, places), rest in zip(members.items(), reach[1:], strict=True):
        start = int(np.count_nonzero(fair[places]))
        numbers = np.arange(min(len(places), left // kind) + 1)
        nearest_first = numbers[np.argsort(np.abs(numbers - start), kind="stable")].tolist()
        take = next(number for number in nearest_first if rest >> (left - number * kind) & 1)
        chosen.append(places[:take])
        left -= take * kind
    return np.sort(np.concatenate(chosen))


def rearranged(counts: Counts, drawn: Counts, wanted: Counts) -> Counts | None:
    """The sets ``drawn``, with some families exchanged so that each has exactly ``wanted`` samples.

    It exchanges few families of each size before many, so the sets stay near to the draw.

    Args:
        counts: ``(families,)``, their sizes in the order of the draw.
        drawn: ``(families,)``, the number of the set that each is in.
        wanted: ``(sets,)``, sizes that add up to all samples.

    Returns:
        The number of the set that each family is in now: of families of one size the first in set 0, and so
        on. None where no choice has these sizes, or where it would take too long to search them all.
    """
    if (wanted < 0).any():
        return None
    kinds, kind_of = np.unique(counts, return_inverse=True)
    numbers = np.zeros((len(kinds), len(wanted)), np.int64)
    np.add.at(numbers, (kind_of, drawn), 1)
    if np.array_equal(kinds @ numbers, wanted):
        return drawn
    for most in (2, 8, 32, int(numbers.max())):
        found = _exchanged(kinds, numbers, wanted, most)
        if found is not None:
            sets = np.empty_like(drawn)
            for kind, shares in enumerate(found):
                sets[kind_of == kind] = np.repeat(np.arange(len(wanted)), shares)
            return sets
    return None


def _exchanged(kinds: Counts, numbers: Counts, wanted: Counts, most: int) -> Counts | None:
    """``numbers`` of families by size and set, with up to ``most`` of each entry placed anew.

    Tables say which sizes of the sets are reachable with the first kinds of families; the set that lacks the
    most samples is left out of them, as it gets what the others leave.
    """
    moved = np.minimum(numbers, most)
    lacking = wanted - kinds @ (numbers - moved)
    copies = moved.sum(axis=1)
    last = int(np.argmax(lacking))
    others = np.delete(np.arange(len(wanted)), last)
    place = lacking[others]
    if (lacking < 0).any() or math.prod([*(place + 1).tolist(), int(copies.sum())]) > _MOST_STEPS:
        return None
    tables = [np.zeros(place + 1, bool)]
    tables[0].flat[0] = True
    for kind, number in zip(kinds, copies, strict=True):
        tables.append(_with_families(tables[-1], int(kind), int(number)))
    if not tables[-1][tuple(place)]:
        return None
    placed = np.zeros_like(numbers)
    for row in reversed(range(len(kinds))):
        share = _nearest_share(tables[row], int(kinds[row]), int(copies[row]), place, moved[row, others])
        placed[row, others] = share
        place = place - kinds[row] * share
    placed[:, last] = copies - placed.sum(axis=1)
    return numbers - moved + placed


def _with_families(table: NDArray[np.bool_], size: int, number: int) -> NDArray[np.bool_]:
    """What is reachable from ``table`` with up to ``number`` more families of one size."""
    for _ in range(number):
        grown = table.copy()
        for axis in range(table.ndim):
            np.moveaxis(grown, axis, 0)[size:] |= np.moveaxis(table, axis, 0)[:-size]
        if np.array_equal(grown, table):
            break
        table = grown
    return table


def _nearest_share(before: NDArray[np.bool_], size: int, number: int, place: Counts, wish: Counts) -> Counts:
    """How many of ``number`` families of one size go to each set so that the rest stays reachable."""
    shares = np.indices((np.minimum(place // size, number) + 1).tolist()).reshape(len(place), -1).T
    shares = shares[shares.sum(axis=1) <= number]
    possible: Counts = shares[before[tuple((place - size * shares).T)]]
    nearest: Counts = possible[np.argmin(np.square(possible - wish).sum(axis=1))]
    return nearest


def _reachable(kinds: list[tuple[int, int]], limit: int) -> list[int]:
    """For each suffix of (family size, families): the set of reachable sums up to ``limit``, as bits."""
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
    """The set bit nearest to ``wanted``; of two the lower, unless that is 0."""
    lower = (bits & ((1 << (wanted + 1)) - 1)).bit_length() - 1
    above = bits >> wanted
    if not above:
        return lower
    higher = wanted + (above & -above).bit_length() - 1
    return higher if (higher - wanted, lower) < (wanted - lower, 1) else lower
