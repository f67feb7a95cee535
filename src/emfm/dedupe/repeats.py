"""Find repeated samples: the same ID, the same parameters and fields, or the same fields alone.

Fields are the same up to one complex factor of the whole sample: the same solve at another drive level or phase is no
new sample, as models divide by the scan's size, and it would leak from one set into another.
"""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from emfm.core.channels import E_CHANNELS, H_CHANNELS, Components, Real, to_components
from emfm.core.errors import DataError
from emfm.core.store import Store
from emfm.dedupe.params import Rule

Rows = NDArray[np.int64]
SameContent = Callable[[Rows, Rows], NDArray[np.bool_]]
COLUMNS: Final = ("row", "id", "repeats_row", "repeats_id", "rule", "same_content")
_PAIRS_AT_ONCE: Final = 64
_SCANS_AT_ONCE: Final = 4096
_IRRATIONALS: Final = (0.618_033_988_749_894_9, 0.414_213_562_373_095_1, 0.732_050_807_568_877_2)
_STEP: Final = 0.01  # of a tolerance, to which signatures are rounded to find copies: far above the noise of float32
_ROWS_AT_ONCE: Final = 65536
_SLACK: Final = 1.02  # `_close` measures by the larger of two norms, which differ by 1 % at most
_ROUNDING: Final = 1e-12


@dataclass(frozen=True, eq=False)
class Repeats:
    """Which samples repeat which."""

    dropped: pd.DataFrame
    """A row for each sample to drop, with the columns `COLUMNS`: which kept sample it repeats, and by which rule."""
    alike: pd.DataFrame
    """Columns ``id`` and ``other_id``: samples that are kept though an earlier one, kept too, has the same parameters,
    as their fields differ."""


def find_repeats(
    table: pd.DataFrame,
    parameters: Real,
    signatures: Real,
    rules: Sequence[Rule],
    content_rtol: float,
    same_content: SameContent,
) -> Repeats:
    """The samples to drop: those that repeat an earlier one, so what is added later never changes what was kept.

    Rules are tried in the order id, parameters, content, and a sample that one rule drops is not looked at
    by the next. A repeat of a repeat names the sample that is kept in the end. No rule drops a sample whose fields are
    not those of an earlier one.

    Args:
        table: columns ``id`` and ``family``, the index being the row in the store.
        parameters: ``(n, p)``, NaN where a sample has no such value; a sample without any value has no
            parameters that another could share.
        signatures: ``(n, k)``, see `field_signatures`.
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
    keys = _in_tolerances(signatures, content_rtol)
    groups = _equal_parameters(parameters)
    pairs_of: dict[Rule, Callable[[Rows], tuple[Rows, Rows]]] = {
        "id": lambda _: same_id,
        "parameters": lambda rows: _equal_fields(rows[groups[rows] >= 0], groups, keys, same_content),
        "content": lambda rows: _equal_fields(rows, np.zeros_like(groups), keys, same_content),
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
    kept = kept[groups[kept] >= 0] if "parameters" in rules else kept[:0]
    later, first = _equal_keys(kept, groups[kept])
    return Repeats(
        pd.DataFrame(dict(zip(COLUMNS, columns, strict=True))),
        pd.DataFrame({"id": ids[later], "other_id": ids[first]}),
    )


def field_signatures(store: Store) -> Real:
    """What tells the fields of samples apart and is the same for fields that differ by a complex factor, ``(n, 4)``.

    The logarithm of the norm of target over that of source H, and the sizes of three projections of source H, divided
    by its norm. Two samples with the same fields have the same signature up to rounding, and two different ones, in
    practice, never: the unit vectors are made from irrational rotations, which no symmetry of fields shares.
    """
    parts = []
    for start in range(0, len(store), _SCANS_AT_ONCE):
        rows = np.arange(start, min(start + _SCANS_AT_ONCE, len(store)))
        parts.append(signatures_of(store.source_h(rows), store.fingerprints[rows, 2]))
    return np.concatenate(parts)


def signatures_of(source_h: NDArray[Any], target_norms: Real) -> Real:
    """The signatures of samples with these scans ``(n, 4, ny, nx)`` and norms of their targets ``(n,)``."""
    scans = to_components(source_h.astype(np.float64)).reshape(len(source_h), -1)
    norms = np.linalg.norm(scans, axis=1)
    weights = np.outer(np.arange(1, scans.shape[1] + 1), _IRRATIONALS) % 1.0 - 0.5
    projections = np.abs(scans @ (weights / np.linalg.norm(weights, axis=0)))
    # A zero field is like no other: its logarithm is one that no field has.
    logs = _log_or(target_norms, -1e3) - _log_or(norms, -2e3)
    return np.column_stack([logs, projections / np.where(norms > 0, norms, 1.0)[:, None]])


def _log_or(norms: Real, zero: float) -> Real:
    return np.where(norms > 0, np.log(np.where(norms > 0, norms, 1.0)), zero)


def contents_equal(store: Store, rows: Rows, others: Rows, rtol: float) -> NDArray[np.bool_]:
    """Whether fields of pairs of rows differ by at most ``rtol``, relative L2; source H, E and H apart.

    They may differ by a complex factor besides, which is that of source H. Targets may differ by as much as the store
    rounds them, if that is more.
    """
    same = np.empty(len(rows), bool)
    rtols = (rtol, *2 * (max(rtol, store.target_rounding),))
    for start in range(0, len(rows), _PAIRS_AT_ONCE):
        chosen = slice(start, start + _PAIRS_AT_ONCE)
        ones, twos = (_parts_of(store, some[chosen]) for some in (rows, others))
        equal = _all_close(ones, twos, rtols)
        rest = np.flatnonzero(~equal)
        if len(rest):
            ones, twos = ([part[rest] for part in parts] for parts in (ones, twos))
            factors = _factors(ones[0], twos[0])[:, None, None, None]
            equal[rest] = _all_close(ones, [factors * part for part in twos], rtols)
        same[chosen] = equal
    return same


def _parts_of(store: Store, rows: Rows) -> list[Components]:
    """Source H, E and H of samples as complex components, ``(n, c, ny, nx)`` each."""
    target = store.target(rows)
    return [
        to_components(fields.astype(np.float64))
        for fields in (store.source_h(rows), target[:, E_CHANNELS], target[:, H_CHANNELS])
    ]


def _factors(scans: Components, others: Components) -> NDArray[np.complex128]:
    """By what each of ``others`` is to be multiplied to be nearest to its scan; 1 where it is zero."""
    products = np.einsum("ncyx,ncyx->n", others.conj(), scans)
    squares = np.einsum("ncyx,ncyx->n", others.conj(), others).real
    factors: NDArray[np.complex128] = np.divide(products, squares, out=np.ones_like(products), where=squares > 0)
    return factors


def _all_close(ones: Sequence[Components], twos: Sequence[Components], rtols: Sequence[float]) -> NDArray[np.bool_]:
    each = [_close(one, two, rtol) for one, two, rtol in zip(ones, twos, rtols, strict=True)]
    close: NDArray[np.bool_] = np.logical_and.reduce(each)
    return close


def _close(values: Components, others: Components, rtol: float) -> NDArray[np.bool_]:
    first, second = (fields.reshape(len(fields), -1) for fields in (values, others))
    size = np.maximum(np.linalg.norm(first, axis=1), np.linalg.norm(second, axis=1))
    close: NDArray[np.bool_] = np.linalg.norm(first - second, axis=1) <= (rtol + _ROUNDING) * size
    return close


def _refuse_conflicts(ids: NDArray[Any], repeats: Rows, earlier: Rows, same_content: SameContent) -> None:
    same = same_content(repeats, earlier)
    if not same.all():
        row, other = int(repeats[~same][0]), int(earlier[~same][0])
        raise DataError(
            f"rows {other} and {row} of the store have the same ID {ids[row]!r} but different fields; "
            "give one of the cases another ID, or remove it, and run `dvc repro -f acquire`"
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


def _equal_parameters(parameters: Real) -> Rows:
    """A number for each row, ``(n,)``: the same where the parameters are the same, -1 where there are none."""
    groups = np.full(len(parameters), -1)
    rows = np.flatnonzero(~np.all(np.isnan(parameters), axis=1, keepdims=True)[:, 0])  # a row of no columns has none
    groups[rows] = pd.factorize(_hashes(parameters, rows))[0]
    return groups


def _hashes(values: Real, rows: Rows) -> NDArray[Any]:
    """A hash of the values of each row, bit for bit, where NaN equals NaN and -0 equals 0."""
    hashes: list[bytes] = []
    for start in range(0, len(rows), _ROWS_AT_ONCE):
        block = values[rows[start : start + _ROWS_AT_ONCE]] + 0.0
        block[np.isnan(block)] = np.nan
        hashes += [hashlib.blake2b(row, digest_size=16).digest() for row in np.ascontiguousarray(block)]
    return np.array(hashes, dtype=object)


def _equal_fields(rows: Rows, groups: Rows, keys: Real, same_content: SameContent) -> tuple[Rows, Rows]:
    """Rows whose fields an earlier row of the same group has, and the first such row.

    Fields are compared only where the ``keys`` are near, see `_in_tolerances`. Of samples with one and the same key
    (copies, twins at another drive level, or zero everywhere) each is compared with the first alone, so that many of
    them cost no more.
    """
    earliest = np.arange(len(keys))
    rounded = np.column_stack([np.rint(keys / _STEP), groups])
    copies, first = _equal_keys(rows, _hashes(rounded, rows))
    same = same_content(copies, first)
    earliest[copies[same]] = first[same]
    single = rows[earliest[rows] == rows]
    for one, two in _near_pairs(keys[single]):
        low, high = single[np.minimum(one, two)], single[np.maximum(one, two)]
        better = (low < earliest[high]) & (groups[low] == groups[high])
        low, high = low[better], high[better]
        same = same_content(high, low)
        np.minimum.at(earliest, high[same], low[same])
    repeats = rows[earliest[rows] != rows]
    return repeats, earliest[repeats]


def _in_tolerances(signatures: Real, rtol: float) -> Real:
    """The signatures in units by which they differ by at most 1 where the fields are the same.

    With ||a - b|| <= r ||a||: the logarithms of the norms differ by at most r, and the projections on a unit
    vector, each divided by its norm, by at most 2 r.
    """
    return signatures / (2 * (_SLACK * rtol + _ROUNDING))


def _near_pairs(keys: Real) -> Iterator[tuple[Rows, Rows]]:
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


def _clusters(keys: Real) -> tuple[Rows, Rows]:
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


def _neighbours(column: Real) -> int:
    """The number of pairs of values that differ by at most 1."""
    column = np.sort(column)
    return int((np.searchsorted(column, column + 1, side="right") - np.arange(len(column)) - 1).sum())
