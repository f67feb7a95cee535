"""Stage ``dedupe``: drop repeated samples and say why."""

from functools import partial

import numpy as np

from emfm.data.dedupe import contents_equal, find_repeats
from emfm.data.store import Store
from emfm.settings import Params
from emfm.stages.paths import DROPPED, KEPT, STORE
from ttt.files import write_text


def run(params: Params) -> None:
    """Write the table of kept samples and the table of dropped ones."""
    store = Store(STORE)
    dropped = find_repeats(
        store.table,
        np.asarray(store.parameters),
        np.asarray(store.fingerprints),
        params.dedupe.rules,
        params.dedupe.content_rtol,
        partial(contents_equal, store, rtol=params.dedupe.content_rtol),
    )
    kept = store.table.drop(index=dropped["row"].to_list()).rename_axis("row").reset_index()
    write_text(KEPT, kept.to_csv(index=False, lineterminator="\n"))
    write_text(DROPPED, dropped.to_csv(index=False, lineterminator="\n"))
    by_rule = ", ".join(f"{rule} {count}" for rule, count in dropped["rule"].value_counts().items())
    print(f"dedupe: {len(kept)} of {len(store)} samples kept; dropped by rule: {by_rule or 'none'}")
