"""``--set KEY=VALUE`` on the commands that read a configuration."""

import argparse
import copy

import pytest
import yaml

from ttt.config import ConfigError, UserError
from ttt.set_flag import add_set_flag, overrides_of
from ttt.settings import load_config


@pytest.fixture
def loaded(tmp_path, raw_config):
    """Load the tiny configuration, in which epochs are given per scale and mlp has a block, with values set."""
    raw = copy.deepcopy(raw_config({"train.epochs": {"demo": 3, "full": 9}, "model": {"name": "mlp"}}))
    raw["model"]["mlp"] = {"hidden": [8]}
    path = tmp_path / "c.yaml"
    path.write_text(yaml.safe_dump(raw))

    def load(*texts, flags=None):
        parser = argparse.ArgumentParser()
        add_set_flag(parser)
        args = parser.parse_args([word for text in texts for word in ("--set", text)])
        return load_config(path, overrides_of(args, flags))

    return load


def test_a_value_set_is_as_if_it_stood_in_the_file(loaded):
    config = loaded("optim.lr=1e-3", "model.mlp.hidden=[4, 5]", "train.grad_clip=2.5", "scheduler.cosine.t_max=null")
    assert (config.learning_rate, config.model.hidden, config.train.grad_clip) == (0.001, [4, 5], 2.5)
    config = loaded("scheduler.name=cosine", "train.epochs.demo=7", "device=cpu", flags={"seed": 5})
    assert (config.scheduler.name, config.train.epochs, config.seed) == ("cosine", 7, 5)
    assert loaded("train.epochs.demo=7", "scale=full").train.epochs == 9


@pytest.mark.parametrize(
    ("texts", "sentence"),
    [
        (["optim.lrr=1"], "optim.lrr: unknown; did you mean 'lr'"),
        (["train.epochs.many=1"], "train.epochs: found {'many': 1}"),
        (["trian.epochs=1"], "trian: unknown; did you mean 'train'"),
        (["train.epochs=few"], "train.epochs: found 'few'"),
        (["train.epochs=0"], "train.epochs: found 0"),
        (["model.hidden=[4]"], "model.mlp.hidden: given as model.hidden, too; give it once"),
        (["scheduler.name=cosin"], "scheduler.name 'cosin': unknown; did you mean 'cosine'"),
        (
            ["scheduler.warmup_epochs=3"],
            "scheduler.warmup_epochs: found 3; allowed: less than train.epochs, which is 3",
        ),
        (["train.epochs=[1"], "--set train.epochs: 1 problem\n  cannot be read as YAML"),
    ],
)
def test_a_value_that_cannot_be_is_refused_with_its_path(loaded, texts, sentence):
    with pytest.raises(ConfigError) as caught:
        loaded(*texts)
    assert sentence in str(caught.value)


@pytest.mark.parametrize("text", ["optim.lr", "=3", "optim..lr=3", ".lr=3"])
def test_what_is_no_key_and_value_is_refused(loaded, text):
    with pytest.raises(UserError, match="give KEY=VALUE, such as train.batch_size=64"):
        loaded(text)


def test_a_key_that_is_given_twice_is_refused(loaded):
    with pytest.raises(UserError, match="--set: optim.lr is given twice"):
        loaded("optim.lr=1", "optim.lr=2")
    with pytest.raises(UserError, match="--set: optim.lr is given twice"):
        loaded("optim.lr=1", flags={"optim.lr": 0.1})
