"""Random numbers and the order of samples, so that a training can be repeated and taken up again."""

import random
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray


def seed_everything(seed: int) -> None:
    """Seed the random numbers of python, numpy and torch."""
    random.seed(seed)
    np.random.seed(seed % 2**32)  # noqa: NPY002 - parts may draw from the global generator
    torch.manual_seed(seed)


def seed_apart(seed: int, rank: int, step: int) -> None:
    """Seed the random numbers of a process beside others that train with ``seed``, where it begins at ``step``."""
    seed_everything(int(np.random.SeedSequence((seed, rank, step)).generate_state(1, np.uint64)[0] >> np.uint64(1)))


def epoch_order(seed: int, epoch: int, num_samples: int) -> NDArray[np.int64]:
    """The order of the samples in an epoch: a function of its arguments alone."""
    return np.random.default_rng((seed, epoch)).permutation(num_samples)


def random_states(device: torch.device) -> dict[str, Any]:
    """The state of every generator that a training on ``device`` may draw from: tensors and plain values."""
    version, words, gauss = random.getstate()
    legacy: Any = np.random.get_state(legacy=False)  # noqa: NPY002
    states = {
        "python": {"version": version, "words": torch.tensor(words), "gauss": gauss},
        "numpy": {
            "key": torch.from_numpy(legacy["state"]["key"].astype(np.int64)),
            "pos": int(legacy["state"]["pos"]),
            "has_gauss": int(legacy["has_gauss"]),
            "gauss": float(legacy["gauss"]),
        },
        "torch": torch.get_rng_state(),
    }
    if device.type == "cuda":
        states["cuda"] = torch.cuda.get_rng_state(device)
    return states


def set_random_states(states: dict[str, Any], device: torch.device) -> None:
    """Put back what `random_states` gave; a state of cuda is left out where ``device`` has none."""
    python, legacy = states["python"], states["numpy"]
    random.setstate((python["version"], tuple(python["words"].tolist()), python["gauss"]))
    key = legacy["key"].numpy().astype(np.uint32)
    np.random.set_state(("MT19937", key, legacy["pos"], legacy["has_gauss"], legacy["gauss"]))  # noqa: NPY002
    torch.set_rng_state(states["torch"])
    if device.type == "cuda" and "cuda" in states:
        torch.cuda.set_rng_state(states["cuda"], device)


@contextmanager
def undisturbed(device: torch.device) -> Iterator[None]:
    """Whatever is drawn in the block, the random numbers after it are those that would come without it."""
    states = random_states(device)
    try:
        yield
    finally:
        set_random_states(states, device)


@contextmanager
def repeatable_algorithms() -> Iterator[None]:
    """Inside the block torch takes algorithms whose bits repeat; it warns where an operation has none."""
    was_on = torch.are_deterministic_algorithms_enabled()
    was_warning = torch.is_deterministic_algorithms_warn_only_enabled()
    was_filling = torch.utils.deterministic.fill_uninitialized_memory  # type: ignore[attr-defined]
    was_trying = torch.backends.cudnn.benchmark
    torch.use_deterministic_algorithms(True, warn_only=True)
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]
    torch.backends.cudnn.benchmark = False
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(was_on, warn_only=was_warning)
        torch.utils.deterministic.fill_uninitialized_memory = was_filling  # type: ignore[attr-defined]
        torch.backends.cudnn.benchmark = was_trying
