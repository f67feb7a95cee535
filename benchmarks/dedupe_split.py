"""How long repeats and sets of many samples take, and how much memory.

    python benchmarks/dedupe_split.py 500000

makes the tables of so many samples with the parameters of the default scenes, of which 3 in 100 repeat another one,
each by another rule; fields are compared by their signatures alone, so that no store is needed.
"""

from typing import Any

from machine import AnonymousPeak, run_part, seconds

REPEATED = 100
FAMILY = 4
COLUMNS = 61


def measure(samples: int) -> dict[str, Any]:
    """Seconds of dedupe and of group_split, and the memory beyond the tables, MB."""
    import numpy as np
    import pandas as pd

    from emfm.dedupe.repeats import find_repeats
    from emfm.group_split.split import SplitSizes, split_by_family

    rng = np.random.default_rng(0)
    rows = np.arange(samples)
    first = rows - rows % FAMILY
    parameters, prints = rng.normal(size=(samples, COLUMNS)), rng.normal(size=(samples, 4))
    prints[:, 1:] *= 0.05
    ids = np.array([f"s{row:08d}" for row in rows], dtype=object)
    for rule in range(3):
        again = np.flatnonzero(rows % REPEATED == REPEATED // 2 + rule)
        prints[again] = prints[again - 10] * (1 if rule < 2 else 1 + 1e-7)
        if rule < 2:
            parameters[again] = parameters[again - 10]
        if rule < 1:
            ids[again] = ids[again - 10]
    table = pd.DataFrame({"id": ids, "family": np.array([f"f{row:08d}" for row in first], dtype=object)})

    def same(some: Any, others: Any) -> Any:
        return np.abs(prints[some] - prints[others]).max(axis=1, initial=0.0) < 1e-6

    found = {}

    def dedupe() -> None:
        rules = ["id", "parameters", "content"]
        found["dropped"] = find_repeats(table, parameters, prints, rules, 1e-6, same).dropped

    def split() -> None:
        kept = table["family"].drop(index=found["dropped"]["row"]).to_numpy()
        held_out = samples // 500
        found["split"] = split_by_family(kept, SplitSizes(None, held_out, 9 * held_out), 0, None)

    with AnonymousPeak() as before:
        pass
    with AnonymousPeak() as peak:
        of_dedupe, of_split = seconds(dedupe), seconds(split)
    return {
        "samples": samples,
        "dropped": len(found["dropped"]),
        "dedupe_seconds": of_dedupe,
        "split_seconds": of_split,
        "memory_mb": peak.megabytes - before.megabytes,
    }


if __name__ == "__main__":
    run_part(measure)
