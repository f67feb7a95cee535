"""Find repeated samples: the same ID, the same parameters, or the same fields."""

import hashlib
from collections.abc import Callable, Sequence
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from emfm.data.sample import DataError
from emfm.data.store import Store
from emfm.params.dedupe import Rule
from emfm.physics.channels import E_CHANNELS, H_CHANNELS

Rows = NDArray[np.int64]
SameContent = Callable[[Rows, Rows], NDArray[np.bool_]]
COLUMNS: Final = ("row", "id", "repeats_row", "repeats_id", "rule", "same_content")
_PAIRS_AT_ONCE: Final = 64
_SLACK: Final = 2.0


def find_repeats(
    table: pd.DataFrame,
    parameters: NDArray[np.float64],
    fingerprints: NDArray[np.float64],
    rules: Sequence[Rule],
    content_rtol: float,
    same_content: SameContent,
) -> pd.DataFrame:
    """The samples to drop, a row each: which sample it repeats, by which rule, and whether the fields are the same.

    The first of a group of repeats is kept. Rules are tried in the order id, parameters, content, and a
    sample that one rule drops is not looked at by the next.

    Args:
        table: columns ``id`` and ``family``, the index being the row in the store.
        parameters: ``(n, p)``, NaN where a sample has no such value; a sample without any value has no
            parameters that another could share.
        fingerprints: ``(n, 4)``, see `emfm.data.store.fingerprint`.
        rules: which rules apply.
        content_rtol: relative L2 difference below which fields are the same.
        same_content: compares the fields of pairs of rows, see `contents_equal`.

    Raises:
        DataError: the same ID stands for different fields; names both rows.
    """
    keys: dict[Rule, Callable[[Rows], tuple[Rows, Rows]]] = {
        "id": lambda rows: _equal_keys(rows, table["id"].to_numpy()[rows]),
        "parameters": lambda rows: _equal_parameters(rows, parameters),
        "content": lambda rows: _near_fingerprints(rows, fingerprints, content_rtol, same_content),
    }
    ids = table["id"].to_numpy()
    alive = np.arange(len(table))
    found = []
    for rule, pairs_of in keys.items():
        if rule not in rules:
            continue
        repeats, originals = pairs_of(alive)
        same = same_content(repeats, originals)
        if rule == "id" and not same.all():
            row, other = int(repeats[~same][0]), int(originals[~same][0])
            raise DataError(
                f"rows {other} and {row} of the store have the same ID {ids[row]!r} but different fields; give one "
                "of the cases another ID, or remove it"
            )
        found.append(
            pd.DataFrame(
                {
                    "row": repeats,
                    "id": ids[repeats],
                    "repeats_row": originals,
                    "repeats_id": ids[originals],
                    "rule": rule,
                    "same_content": same,
                },
                columns=list(COLUMNS),
            )
        )
        alive = np.setdiff1d(alive, repeats)
    kept = found or [pd.DataFrame(columns=list(COLUMNS))]
    return pd.concat(kept, ignore_index=True).sort_values("row", ignore_index=True)


def contents_equal(store: Store, rows: Rows, others: Rows, rtol: float) -> NDArray[np.bool_]:
    """Whether the fields of each pair of rows differ by at most ``rtol``, relative L2, source H, E and H apart."""
    same = np.empty(len(rows), bool)
    for start in range(0, len(rows), _PAIRS_AT_ONCE):
        chosen = slice(start, start + _PAIRS_AT_ONCE)
        one, two = store.target(rows[chosen]), store.target(others[chosen])
        same[chosen] = _close(store.source_h(rows[chosen]), store.source_h(others[chosen]), rtol)
        for channels in (E_CHANNELS, H_CHANNELS):
            same[chosen] &= _close(one[:, channels], two[:, channels], rtol)
    return same


def _close(values: NDArray[Any], others: NDArray[Any], rtol: float) -> NDArray[np.bool_]:
    first = values.reshape(len(values), -1).astype(np.float64)
    second = others.reshape(len(others), -1).astype(np.float64)
    size = np.maximum(np.linalg.norm(first, axis=1), np.linalg.norm(second, axis=1))
    close: NDArray[np.bool_] = np.linalg.norm(first - second, axis=1) <= rtol * size
    return close


def _equal_keys(rows: Rows, keys: NDArray[Any]) -> tuple[Rows, Rows]:
    """Rows whose key an earlier row has, and the first row that has it."""
    codes, _ = pd.factorize(keys)
    first = np.full(codes.max(initial=-1) + 1, len(rows))
    np.minimum.at(first, codes, np.arange(len(rows)))
    repeats = np.flatnonzero(first[codes] != np.arange(len(rows)))
    return rows[repeats], rows[first[codes[repeats]]]


def _equal_parameters(rows: Rows, parameters: NDArray[np.float64]) -> tuple[Rows, Rows]:
    values = np.ascontiguousarray(parameters[rows])
    has_any = ~np.isnan(values).all(axis=1) if values.shape[1] else np.zeros(len(rows), bool)
    values = np.where(np.isnan(values), np.nan, values + 0.0)[has_any]
    hashes = np.array([hashlib.blake2b(row.tobytes(), digest_size=16).digest() for row in values], dtype=object)
    return _equal_keys(rows[has_any], hashes)


def _near_fingerprints(
    rows: Rows, fingerprints: NDArray[np.float64], rtol: float, same_content: SameContent
) -> tuple[Rows, Rows]:
    """Rows whose fields an earlier row has, found among neighbours in the sorted projections."""
    prints = np.asarray(fingerprints)[rows]
    # Norms and projections on a unit vector differ by at most the norm of the difference of the fields.
    slack = _SLACK * rtol * prints[:, [0, 0, 2, 2]]
    order = np.argsort(prints[:, 3], kind="stable")
    original = np.arange(len(rows))
    shift = 1
    while shift < len(rows):
        near, after = order[:-shift], order[shift:]
        close = np.abs(prints[after, 3] - prints[near, 3]) <= slack[near, 3]
        if not close.any():
            break
        candidates = close & (np.abs(prints[after] - prints[near]) <= slack[near]).all(axis=1)
        a, b = near[candidates], after[candidates]
        same = same_content(rows[a], rows[b])
        for first, second in zip(a[same], b[same], strict=True):
            low, high = sorted((_root(original, int(first)), _root(original, int(second))))
            original[high] = low
        shift += 1
    roots = np.array([_root(original, place) for place in range(len(rows))], np.int64)
    repeats = np.flatnonzero(roots != np.arange(len(rows)))
    return rows[repeats], rows[roots[repeats]]


def _root(original: NDArray[np.int64], place: int) -> int:
    while original[place] != place:
        place = int(original[place])
    return place
