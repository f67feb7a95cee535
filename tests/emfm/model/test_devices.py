"""Trainings and predictions on a device of their own: no tensor of the cpu meets one of the device."""

import subprocess
import sys
from pathlib import Path

import pytest
import torch

import stand_in_device
from small_training import MODELS, write_store

TRAININGS = Path(__file__).parents[2] / "device_trainings.py"


@pytest.fixture(scope="module")
def stores(tmp_path_factory):
    folder = tmp_path_factory.mktemp("stores")
    write_store(folder, "elements")
    return folder


def test_the_stand_in_refuses_what_a_gpu_refuses_and_computes_what_a_gpu_computes():
    device = stand_in_device.device()
    here = torch.randn(3, 4)
    there = here.to(device)
    torch.testing.assert_close((there @ there.mT).exp().cpu(), (here @ here.mT).exp())
    with pytest.raises(RuntimeError, match="Expected all tensors to be on the same device"):
        there + here
    with pytest.raises(RuntimeError, match=r"\.numpy\(\) is not supported"):
        there.numpy()
    there[:, 1:].zero_()
    assert not there.cpu()[:, 1:].any()
    torch.testing.assert_close(there[torch.tensor([2, 0])].cpu()[:, 0], here[[2, 0], 0])


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in MODELS if name != "fourier_neural_operator"])
def test_a_training_on_another_device_ends_as_on_the_cpu(stores, tmp_path, name):
    """From the first sample to the calibration of the best model, and from there on after a resume."""
    command = [sys.executable, str(TRAININGS), name, str(stores), str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert {path.name for path in tmp_path.iterdir()} == {"cpu", stand_in_device.NAME}
