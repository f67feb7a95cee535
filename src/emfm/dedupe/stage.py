"""Stage ``dedupe``: drop repeated samples and say why."""

from functools import partial
from typing import Final

import numpy as np
import pandas as pd

from emfm.core.store import Store
from emfm.dedupe.repeats import contents_equal, field_signatures, find_repeats
from emfm.settings import Params
from emfm.workflow.paths import DROPPED, KEPT, STORE
from ttt.files import write_text

_SHOWN: Final = 3


def run(params: Params) -> None:
    """Write the table of kept samples and the table of dropped ones."""
    store = Store(STORE)
    found = find_repeats(
        store.table,
        np.asarray(store.parameters),
        field_signatures(store),
        params.dedupe.rules,
        params.dedupe.content_rtol,
        partial(contents_equal, store, rtol=params.dedupe.content_rtol),
    )
    kept = store.table.drop(index=found.dropped["row"].to_list()).rename_axis("row").reset_index()
    write_text(KEPT, kept.to_csv(index=False, lineterminator="\n"))
    write_text(DROPPED, found.dropped.to_csv(index=False, lineterminator="\n"))
    by_rule = ", ".join(f"{rule} {count}" for rule, count in found.dropped["rule"].value_counts().items())
    print(f"dedupe: {len(kept)} of {len(store)} samples kept; dropped by rule: {by_rule or 'none'}")
    if len(found.alike):
        print(_said_of_alike(found.alike))


def _said_of_alike(alike: pd.DataFrame) -> str:
    """What is said of kept samples that share their parameters with another."""
    pairs = [f"{identifier} as {other}" for identifier, other in alike.head(_SHOWN).itertuples(index=False)]
    shown = ", ".join(pairs) + (f" and {len(alike) - _SHOWN} more" if len(alike) > _SHOWN else "")
    return (
        f"dedupe: {len(alike)} samples have the parameters of an earlier one but other fields, and are kept ({shown}): "
        "the parameters do not tell these cases apart; add to samples.csv what differs, or take parameters out of "
        "dedupe.rules"
    )
