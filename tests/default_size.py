"""How much of the work at the default size the tests do: the first stages, or with ``EMFM_DEFAULT_SIZE=1`` all."""

import os

IS_WANTED = bool(os.environ.get("EMFM_DEFAULT_SIZE"))
LAST_STAGE = None if IS_WANTED else 2
"""Of the training stages that are run at the default size."""
SMALLER = {
    "compute.threads": 1,  # tests run in two processes
    "acquire.simulate.num_samples": 300,
    "acquire.simulate.kinds_samples": 3,
    "acquire.shard_samples": 32,
    "split.train_pool": 200,
    "split.val_fixed": 20,
    "split.test_final": 20,
    "stages.sizes": [20, 40, 80, 120, 200],
    "model.pod_net.modes": 40,
    "model.pod_net.sources.cell_mm": 1.5,
    "model.pod_net.sources.layers": 2,
    "model.pod_net.sources.rank": 60,
    "model.pod_net.sources.iterations": 3,
    "model.pod_net.width": 64,
    "eval.noise_snr_db": [20.0],
    "eval.equivalent_dipoles": {"depths": [1.5], "margins": [1.0, 2.0], "tikhonov": [0.0003, 0.003]},
    "eval.sparse_sources.cell_mm": 1.5,
    "eval.sparse_sources.layers": 2,
    "eval.sparse_sources.rank": 60,
    "eval.sparse_sources.iterations": 3,
    "eval.sparse_sources.modes": 40,
    "train.batch_size": 16,
}
"""Of params.yaml, with which every command of README.md works as at the default size, in a small part of the time."""
