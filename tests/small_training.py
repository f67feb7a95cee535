"""Trainings of a second or two on the small planes, for tests that need a real checkpoint."""

from emfm.acquire.simulate import SimulatedSource
from scene_params import scene_params
from small_fields import PLANES, POD_NET, small_geometry
from small_store import packed
from ttt.engine.assemble import assemble
from ttt.engine.loop import fit
from ttt.engine.start import NewRun
from ttt.settings import parse_config

TRAIN, VAL = 150, 24
LINEAR = {"name": "linear_operator", "ridge": None}
OPERATOR = {"name": "fourier_neural_operator", "width": 6, "modes": 4, "layers": 2}
LOSS = {
    "name": "weighted_mse",
    "normalize_y": True,
    "norm_max_batches": None,
    "norm_eps": 1e-6,
    "balance_eh_loss": True,
    "e_weight": 1.0,
    "h_weight": 1.0,
    "auto_channel_weight": False,
    "auto_weight_max_batches": None,
    "e_weight_multiplier": 1.0,
    "h_weight_multiplier": 1.0,
}
UNET = {"name": "forward_unet_lite", "width": 4, "levels": 2}
MODELS = {model["name"]: model for model in (POD_NET, LINEAR, UNET, OPERATOR)}
"""Every registered model, small."""


def write_store(folder, kind):
    """A store of samples that radiate as ``kind`` says, and its lists of IDs, in ``folder``."""
    params = scene_params(kind=kind, num_samples=TRAIN + VAL, duplicate_share=0.0, half_width_mm=4.0)
    store = packed(SimulatedSource(small_geometry(), params, 0), folder / kind)
    ids = list(store.table["id"])
    for name, chosen in (("train", ids[:TRAIN]), ("val", ids[TRAIN:])):
        (folder / f"{kind}_{name}.txt").write_text("".join(f"{identifier}\n" for identifier in chosen))


def small_config(stores, model=POD_NET, kind="elements", epochs=3, measurement=None, compute=None, amp=None):
    """The configuration of a training on what `write_store` made in ``stores``."""
    data = PLANES | {
        "name": "em_forward",
        "data_root": str(stores / kind),
        "train_ids": str(stores / f"{kind}_train.txt"),
        "num_train": None,
        "val_ids": str(stores / f"{kind}_val.txt"),
        "norm_stats": None,
        "scale_by_source": True,
        "measurement": measurement,
    }
    raw = {
        "seed": 3,
        "device": "cpu",
        "plugins": ["emfm.plugin"],
        "compute": {"threads": 1, "instruction_set": "native"} | (compute or {}),
        "amp": amp or {},
        "data": data,
        "model": model,
        "loss": LOSS,
        "metrics": {"names": ["field_errors"]},
        "train": {"epochs": epochs, "batch_size": 32, "eval_batch_size": 10, "log_every": 2},
        "optim": {"name": "adamw", "lr": 1e-3},
        "scheduler": {"name": "none"},
    }
    return parse_config(raw, "small.yaml")


def small_checkpoint(stores, folder, model=POD_NET):
    """The best checkpoint of an epoch's training on the elements in ``stores``."""
    config = small_config(stores, model, epochs=1)
    return fit(assemble(config), config, folder, NewRun()).best
