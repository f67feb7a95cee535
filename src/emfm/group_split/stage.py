"""Stage ``group_split``: whole scene families into train_pool, val_fixed and test_final."""

import pandas as pd

from emfm.core.errors import DataError
from emfm.group_split.split import SplitSizes, check_disjoint, split_by_family
from emfm.settings import Params, refuse_short_pool
from emfm.workflow.paths import KEPT, SPLITS, ids_file
from ttt.files import write_json, write_text


def run(params: Params) -> None:
    """Write the three lists of IDs and a summary."""
    try:
        kept = pd.read_csv(KEPT, dtype={"id": str, "family": str}, keep_default_na=False)
    except (OSError, ValueError) as error:
        raise DataError(f"{KEPT}: cannot be read ({error}); make it with `dvc repro dedupe`") from error
    wanted = params.split
    families = kept["family"].to_numpy()
    split = split_by_family(
        families,
        SplitSizes(train_pool=wanted.train_pool, val_fixed=wanted.val_fixed, test_final=wanted.test_final),
        wanted.seed,
        wanted.draw_from_first,
    )
    check_disjoint(split, families)
    refuse_short_pool(len(split.train_pool), params.stages.sizes[-1])
    ids = kept["id"].to_numpy()
    for name, positions in split.sets():
        write_text(ids_file(name), "".join(f"{identifier}\n" for identifier in ids[positions]))
    write_json(SPLITS / "summary.json", split.summary)
