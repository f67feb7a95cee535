"""``python device_trainings.py MODEL STORES FOLDER``: a training on the cpu and the same on the stand-in device.

In a process of its own: torch counts its devices once, at the first gradients of a process, and none may come later.
"""

import sys
from pathlib import Path
from unittest.mock import patch

import torch

import stand_in_device
from small_training import MODELS, small_config
from ttt.engine import loop
from ttt.engine.assemble import assemble
from ttt.engine.checkpoint import load_model
from ttt.engine.loop import Outcome, fit
from ttt.engine.start import NewRun, Resume, Start


def trained(stores: Path, folder: Path, name: str, epochs: int, start: Start) -> Outcome:
    """A training of so many epochs in all, on the device that the loop is made to take."""
    config = small_config(stores, MODELS[name], epochs=epochs)
    return fit(assemble(config), config, folder, start)


def main(name: str, stores: Path, folder: Path) -> None:
    """Train, resume, and compare all that the best models hold; raises AssertionError where they differ."""
    torch.set_num_threads(1)
    there, bests = stand_in_device.device(), []
    for device in (torch.device("cpu"), there):
        with patch.object(loop, "resolve_device", return_value=device):
            trained(stores, folder / device.type, name, 2, NewRun())
            bests.append(trained(stores, folder / device.type, name, 3, Resume()).best)
    on_cpu, on_device = (load_model(path)[0].state_dict() for path in bests)
    for key in on_cpu:
        torch.testing.assert_close(on_device[key], on_cpu[key], rtol=1e-3, atol=1e-4, equal_nan=True)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]))
