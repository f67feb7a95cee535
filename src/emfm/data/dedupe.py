"""Find repeated samples: the same ID, the same parameters, or the same fields."""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from emfm.data.sample import DataError
from emfm.data.store import Store
from emfm.params.dedupe import Rule
from emfm.physics.channels import E_CHANNELS, H_CHANNELS

Floats = NDArray[np.float64]
Rows = NDArray[np.int64]
SameContent = Callable[[Rows, Rows], NDArray[np.bool_]]
COLUMNS: Final = ("row", "id", "repeats_row", "repeats_id", "rule", "same_content")
_PAIRS_AT_ONCE: Final = 64
_ROWS_AT_ONCE: Final = 65536
_SLACK: Final = 1.02  # `_close` measures by the larger of two norms, which differ by 1 % at most
_ROUNDING: Final = 1e-12


def find_repeats(
    table: pd.DataFrame,
    parameters: Floats,
    fingerprints: Floats,
    rules: Sequence[Rule],
    content_rtol: float,
    same_content: SameContent,
) -> pd.DataFrame:
    """The samples to drop, a row each: which kept sample it repeats, by which rule, and if the fields agree.

    A sample is dropped where it repeats an earlier one, so what is added later never changes what was kept.
    Rules are tried in the order id, parameters, content, and a sample that one rule drops is not looked at
    by the next. A repeat of a repeat names the sample that is kept in the end.

    Args:
        table: columns ``id`` and ``family``, the index being the row in the store.
        parameters: ``(n, p)``, NaN where a sample has no such value; a sample without any value has no
            parameters that another could share.
        fingerprints: ``(n, 4)``, see `emfm.data.store.fingerprint`.
        rules: which rules apply.
        content_rtol: relative L2 difference below which fields are the same.
        same_content: compares the fields of pairs of rows, see `contents_equal`.

    Raises:
        DataError: the same ID stands for different fields, or is left on two samples by ``rules``; names
            both rows.
    """
    ids = table["id"].to_numpy()
    every = np.arange(len(ids))
    same_id = _equal_keys(every, ids)
    _refuse_conflicts(ids, *same_id, same_content)
    pairs_of: dict[Rule, Callable[[Rows], tuple[Rows, Rows]]] = {
        "id": lambda _: same_id,
        "parameters": lambda rows: _equal_parameters(rows, parameters),
        "content": lambda rows: _equal_fields(rows, fingerprints, content_rtol, same_content),
    }
    original, rule_of = every.copy(), np.full(len(ids), "", dtype=object)
    for rule, find in pairs_of.items():
        if rule in rules:
            repeats, earlier = find(np.flatnonzero(original == every))
            original[repeats], rule_of[repeats] = earlier, rule
    while (original[original] != original).any():
        original = original[original]
    dropped, kept = np.flatnonzero(original != every), np.flatnonzero(original == every)
    _refuse_repeated_ids(ids, *_equal_keys(kept, ids[kept]))
    columns = (
        dropped,
        ids[dropped],
        original[dropped],
        ids[original[dropped]],
        rule_of[dropped],
        same_content(dropped, original[dropped]),
    )
    return pd.DataFrame(dict(zip(COLUMNS, columns, strict=True)))


def contents_equal(store: Store, rows: Rows, others: Rows, rtol: float) -> NDArray[np.bool_]:
    """Whether fields of pairs of rows differ by at most ``rtol``, relative L2; source H, E and H apart.

    Targets may differ by as much as the store rounds them, if that is more.
    """
    same = np.empty(len(rows), bool)
    of_target = max(rtol, store.target_rounding)
    for start in range(0, len(rows), _PAIRS_AT_ONCE):
        chosen = slice(start, start + _PAIRS_AT_ONCE)
        one, two = store.target(rows[chosen]), store.target(others[chosen])
        same[chosen] = _close(store.source_h(rows[chosen]), store.source_h(others[chosen]), rtol)
        for channels in (E_CHANNELS, H_CHANNELS):
            same[chosen] &= _close(one[:, channels], two[:, channels], of_target)
    return same


def _close(values: NDArray[Any], others: NDArray[Any], rtol: float) -> NDArray[np.bool_]:
    first = values.reshape(len(values), -1).astype(np.float64)
    second = others.reshape(len(others), -1).astype(np.float64)
    size = np.maximum(np.linalg.norm(first, axis=1), np.linalg.norm(second, axis=1))
    close: NDArray[np.bool_] = np.linalg.norm(first - second, axis=1) <= rtol * size
    return close


def _refuse_conflicts(ids: NDArray[Any], repeats: Rows, earlier: Rows, same_content: SameContent) -> None:
    same = same_content(repeats, earlier)
    if not same.all():
        row, other = int(repeats[~same][0]), int(earlier[~same][0])
        raise DataError(
            f"rows {other} and {row} of the store have the same ID {ids[row]!r} but different fields; "
            "give one of the cases another ID, or remove it"
        )


def _refuse_repeated_ids(ids: NDArray[Any], repeats: Rows, earlier: Rows) -> None:
    if len(repeats):
        raise DataError(
            f"rows {earlier[0]} and {repeats[0]} of the store would both be kept under the ID "
            f"{ids[repeats[0]]!r}; add id to dedupe.rules"
        )


def _equal_keys(rows: Rows, keys: NDArray[Any]) -> tuple[Rows, Rows]:
    """Rows whose key an earlier row has, and the first row that has it."""
    codes, _ = pd.factorize(keys)
    first = np.full(codes.max(initial=-1) + 1, len(rows))
    np.minimum.at(first, codes, np.arange(len(rows)))
    repeats = np.flatnonzero(first[codes] != np.arange(len(rows)))
    return rows[repeats], rows[first[codes[repeats]]]


def _equal_parameters(rows: Rows, parameters: Floats) -> tuple[Rows, Rows]:
    empty = np.all(np.isnan(parameters), axis=1, keepdims=True)[:, 0]  # so is a row of no columns
    rows = rows[~empty[rows]]
    return _equal_keys(rows, _hashes(parameters, rows))


def _hashes(values: Floats, rows: Rows) -> NDArray[Any]:
    """A hash of the values of each row, bit for bit, where NaN equals NaN and -0 equals 0."""
    hashes: list[bytes] = []
    for start in range(0, len(rows), _ROWS_AT_ONCE):
        block = values[rows[start : start + _ROWS_AT_ONCE]] + 0.0
        block[np.isnan(block)] = np.nan
        hashes += [hashlib.blake2b(row, digest_size=16).digest() for row in np.ascontiguousarray(block)]
    return np.array(hashes, dtype=object)


def _equal_fields(rows: Rows, fingerprints: Floats, rtol: float, same_content: SameContent) -> tuple[Rows, Rows]:
    """Rows whose fields an earlier row has, and the first such row.

    Fields are compared only where the fingerprints are near. Of samples with one and the same fingerprint
    (copies, or zero everywhere) each is compared with the first alone, so that many of them cost no more.
    """
    earliest = np.arange(len(fingerprints))
    copies, first = _equal_keys(rows, _hashes(fingerprints, rows))
    same = same_content(copies, first)
    earliest[copies[same]] = first[same]
    single = rows[earliest[rows] == rows]
    for one, two in _near_pairs(_in_tolerances(fingerprints[single], rtol)):
        low, high = single[np.minimum(one, two)], single[np.maximum(one, two)]
        better = low < earliest[high]
        low, high = low[better], high[better]
        same = same_content(high, low)
        np.minimum.at(earliest, high[same], low[same])
    repeats = rows[earliest[rows] != rows]
    return repeats, earliest[repeats]


def _in_tolerances(fingerprints: Floats, rtol: float) -> Floats:
    """Four numbers per sample, which differ by at most 1 where the fields are the same.

    With ||a - b|| <= r ||a||: the logarithms of the norms differ by at most r, and the projections on a unit
    vector, each divided by its norm, by at most 2 r.
    """
    columns = []
    for norms, projections in fingerprints.reshape(-1, 2, 2).transpose(1, 2, 0):
        size = np.where(norms > 0, norms, 1.0)
        logs = np.log(size)
        logs[norms == 0] = logs.min(initial=0.0) - 1.0  # a zero field is like no other
        tolerance = _SLACK * rtol + _ROUNDING
        columns += [logs / tolerance, projections / size / (2 * tolerance)]
    return np.stack(columns, axis=1)


def _near_pairs(keys: Floats) -> Iterator[tuple[Rows, Rows]]:
    """All pairs of rows of ``keys`` that differ by at most 1 in every column, some at a time."""
    places, cluster = _clusters(keys)
    lead = int(np.argmin([_neighbours(column) for column in keys[places].T])) if len(places) else 0
    order = np.lexsort((keys[places, lead], cluster))
    places, cluster = places[order], cluster[order]
    keys = keys[places]
    near, shift = np.arange(len(places)), 1
    while len(near):
        near = near[near + shift < len(places)]
        after = near + shift
        near = near[(cluster[after] == cluster[near]) & (keys[after, lead] - keys[near, lead] <= 1)]
        found = near[(np.abs(keys[near + shift] - keys[near]) <= 1).all(axis=1)]
        if len(found):
            yield places[found], places[found + shift]
        shift += 1


def _clusters(keys: Floats) -> tuple[Rows, Rows]:
    """Rows of ``keys`` that may have a partner, and the number of the cluster that holds their partners.

    The rows are cut wherever a sorted column has a gap above 1, column by column, until no cut is left.
    """
    places = np.arange(len(keys))
    cluster = np.zeros(len(keys), np.int64)
    state = (-1, -1)
    while state != (state := (len(places), len(np.unique(cluster)))):
        for column in keys.T:
            order = np.lexsort((column[places], cluster))
            places, cluster = places[order], cluster[order]
            cuts = (np.diff(column[places]) > 1) | (np.diff(cluster) > 0)
            cluster = np.cumsum(np.append(False, cuts))[: len(places)]
            shared = np.bincount(cluster)[cluster] > 1
            places, cluster = places[shared], cluster[shared]
    return places, cluster


def _neighbours(column: Floats) -> int:
    """The number of pairs of values that differ by at most 1."""
    column = np.sort(column)
    return int((np.searchsorted(column, column + 1, side="right") - np.arange(len(column)) - 1).sum())
