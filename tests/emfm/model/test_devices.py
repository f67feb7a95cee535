"""Trainings and predictions on a device of their own: no tensor of the cpu meets one of the device."""

import pytest
import torch

import stand_in_device
from small_training import MODELS, small_config, write_store
from ttt.engine import loop
from ttt.engine.assemble import assemble
from ttt.engine.checkpoint import load_model
from ttt.engine.loop import fit
from ttt.engine.start import NewRun, Resume


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


def trained(stores, folder, model, monkeypatch, device, epochs=2, start=None):
    monkeypatch.setattr(loop, "resolve_device", lambda _: device)
    config = small_config(stores, model, epochs=epochs)
    return fit(assemble(config), config, folder, start or NewRun())


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in MODELS if name != "fourier_neural_operator"])
def test_a_training_on_another_device_ends_as_on_the_cpu(stores, tmp_path, monkeypatch, name):
    """From the first sample to the calibration of the best model, and from there on after a resume."""
    bests = []
    for device in (torch.device("cpu"), stand_in_device.device()):
        folder = tmp_path / device.type
        trained(stores, folder, MODELS[name], monkeypatch, device)
        bests.append(trained(stores, folder, MODELS[name], monkeypatch, device, 3, Resume()).best)
    here, there = (load_model(path)[0].state_dict() for path in bests)
    for key in here:
        torch.testing.assert_close(there[key], here[key], rtol=1e-3, atol=1e-4, equal_nan=True)
