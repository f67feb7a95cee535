"""What the built-in optimizers make of their parameters."""

import pytest
import torch

from ttt.engine.checkpoint import load_checkpoint


@pytest.mark.parametrize("name", ["adamw", "adam", "sgd"])
def test_norms_and_biases_decay_only_where_they_are_to(tmp_path, train, name):
    overrides = {"optim.name": name, "optim.weight_decay": 0.1, "train.epochs": 1}
    train(tmp_path / "some", overrides | {"optim.decay_norms_and_biases": False})
    groups = load_checkpoint(tmp_path / "some/last.pth").optimizer["param_groups"]
    assert [(group["weight_decay"], len(group["params"])) for group in groups] == [(0.1, 2), (0.0, 2)]
    train(tmp_path / "all", overrides)
    (group,) = load_checkpoint(tmp_path / "all/last.pth").optimizer["param_groups"]
    assert (group["weight_decay"], len(group["params"])) == (0.1, 4)


def test_a_bias_that_does_not_decay_keeps_its_length(tmp_path, train):
    overrides = {"optim.name": "adamw", "optim.lr": 1e-3, "optim.weight_decay": 100.0, "train.epochs": 1}
    overrides |= {"optim.adamw.betas": [0.0, 0.0], "optim.adamw.eps": 1e9}  # no step but the decay
    train(tmp_path / "all", overrides)
    train(tmp_path / "some", overrides | {"optim.decay_norms_and_biases": False})
    first, some = (load_checkpoint(tmp_path / name).model for name in ("all/last.pth", "some/last.pth"))
    assert torch.equal(first["0.weight"], some["0.weight"])
    torch.testing.assert_close(first["0.bias"], some["0.bias"] * 0.9**6)
