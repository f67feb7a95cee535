"""The neural operator is a baseline that only those who want it install."""

import sys

import pytest
import torch

from emfm.core.grid import Geometry, Grid
from emfm.models.fourier_neural_operator.network import FourierOperator, FourierOperatorParams
from programs import need_module
from ttt.config import ConfigError

PARAMS = FourierOperatorParams(name="fourier_neural_operator", width=6, modes=4, layers=2)
GEOMETRY = Geometry(5e9, Grid(-2e-3, -2e-3, 1e-3, 1e-3, 5, 5, 1e-3), Grid(-4e-3, -3e-3, 1e-3, 1e-3, 9, 7, 5e-3))


def test_a_missing_package_is_named_with_the_command_that_installs_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "neuralop.models", None)
    with pytest.raises(ConfigError, match=r"pip install -c constraints.txt -e '\.\[neuraloperator\]'"):
        FourierOperator(PARAMS, GEOMETRY)


@pytest.mark.filterwarnings("ignore")  # the package's own imports warn
def test_it_paints_the_target_plane_and_its_weights_are_plain_tensors():
    need_module("neuralop.models", "neuraloperator")
    torch.manual_seed(0)
    operator = FourierOperator(PARAMS, GEOMETRY)
    scans = torch.randn(3, 4, 5, 5)
    assert operator(scans).shape == (3, 12, 7, 9)
    weights = operator.state_dict()
    inside = torch.nn.ModuleDict({"network": operator}).state_dict()
    assert set(inside) == {f"network.{name}" for name in weights}
    assert all(isinstance(value, torch.Tensor) for value in weights.values())
    again = FourierOperator(PARAMS, GEOMETRY)
    again.load_state_dict(weights)
    assert torch.equal(again(scans), operator(scans))
