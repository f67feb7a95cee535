"""Stage ``compute_norm_stats``: mean and standard deviation of each channel, from train_pool alone."""

from tqdm import tqdm

from emfm.compute_norm_stats.moments import compute_norm_stats
from emfm.core.sample_lists import AT_ONCE, open_samples
from emfm.core.store import Store
from emfm.settings import Params
from emfm.workflow.paths import NORM_STATS, STORE, ids_file
from ttt.files import write_text


def run(params: Params) -> None:
    """Write ``data/y_norm_stats.json``."""
    train_pool = open_samples(Store(STORE), ids_file("train_pool"))
    batch_size, most = params.training.train.batch_size, params.loss.norm_max_batches
    measured = train_pool.first(None if most is None else most * batch_size).in_store_order()
    batches = tqdm(
        measured.batches(),
        desc="compute_norm_stats",
        total=-(-len(measured) // AT_ONCE),
        unit="batch",
        mininterval=1.0,
    )
    stats = compute_norm_stats(batches, params.data.scale_by_source, params.loss.norm_eps)
    write_text(NORM_STATS, stats.to_json())
