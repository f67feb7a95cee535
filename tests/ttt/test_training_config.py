"""The typed configuration of a training."""

import pytest
import yaml

from ttt.config import ConfigError, Section
from ttt.parts import SECTIONS, register_section
from ttt.settings import load_config, parse_config


def problems_of(raw):
    with pytest.raises(ConfigError) as caught:
        parse_config(raw, "c.yaml")
    return caught.value.problems


def test_all_mistakes_of_all_sections_are_named_at_once(raw_config):
    raw = raw_config({"optim.lr": 0.0, "model.hiden": [3], "trian": {}, "loss.name": "mae", "seed": "one"})
    del raw["compute"]
    assert problems_of(raw) == [
        "seed: found 'one' (str); allowed: a valid integer",
        "trian: unknown; did you mean 'train'? known: " + problems_of(raw)[1].partition("known: ")[2],
        "compute: missing; it has the keys threads, instruction_set, processes, compile",
        "model.hiden: unknown; did you mean 'hidden'? known: name, hidden, dropout",
        "loss.name 'mae': unknown; did you mean 'mse'? known: " + problems_of(raw)[4].partition("known: ")[2],
        "optim.lr: found 0.0 (float); allowed: greater than 0",
    ]


def test_an_unknown_metric_is_named(raw_config):
    assert problems_of(raw_config({"metrics.names": ["msee"]}))[0].startswith(
        "metrics.names 'msee': unknown; did you mean 'mse'?"
    )


def test_a_mistake_at_the_other_scale_is_found_now_and_not_on_the_day_of_the_full_run(raw_config):
    raw = raw_config({"train.epochs": {"demo": 2, "full": 0}})
    assert problems_of(raw) == ["train.epochs: found 0 (int); allowed: greater than or equal to 1 (at scale full)"]


def test_the_scale_picks_values(raw_config):
    raw = raw_config({"train.epochs": {"demo": 2, "full": 50}, "scale": "full"})
    assert parse_config(raw, "c.yaml").train.epochs == 50


def test_the_command_line_wins_over_the_file_at_every_scale(tmp_path, raw_config):
    raw = raw_config({})
    raw["train"] = {"demo": raw["train"], "full": raw["train"] | {"epochs": 50}}
    path = tmp_path / "c.yaml"
    path.write_text(yaml.safe_dump(raw))
    config = load_config(path, {"train.epochs": 7, "amp.enabled": True, "optim.lr": 0.5})
    assert (config.train.epochs, config.amp.enabled, config.learning_rate) == (7, True, 0.5)


def test_the_mapping_of_a_configuration_gives_the_same_configuration(raw_config):
    config = parse_config(raw_config({}), "c.yaml")
    assert parse_config(config.to_mapping(), "c.yaml") == config


def test_what_belongs_to_a_machine_is_not_in_the_portable_mapping(raw_config):
    one = parse_config(raw_config({"ckpt.run_dir": "/a", "train.num_workers": 2}), "c.yaml")
    other = parse_config(raw_config({"alerts.command": ["true"]}), "d.yaml")
    assert one.portable_mapping() == other.portable_mapping()


def test_a_section_of_a_plugin_is_checked_and_kept(raw_config):
    @register_section("scan")
    class ScanParams(Section):
        pitch: float

    try:
        config = parse_config(raw_config({"scan.pitch": 1.0}), "c.yaml")
        assert config.sections == {"scan": ScanParams(pitch=1.0)}
        assert problems_of(raw_config({"scan.pitch": "1"})) == ["scan.pitch: found '1' (str); allowed: a valid number"]
        with pytest.raises(ValueError, match="section 'scan' is registered twice"):
            register_section("scan")(Section)
    finally:
        del SECTIONS["scan"]


def test_every_plain_key_but_the_scale_may_differ_by_scale(raw_config):
    values = {"seed": {"demo": 1, "full": 2}, "device": {"demo": "cpu", "full": "auto"}}
    values |= {"compute.threads": {"demo": 1, "full": 16}, "plugins": {"demo": [], "full": ["able_models"]}}
    demo = parse_config(raw_config(values), "c.yaml")
    full = parse_config(raw_config(values | {"scale": "full"}), "c.yaml")
    assert (demo.seed, demo.device, demo.compute.threads, demo.plugins) == (1, "cpu", 1, [])
    assert (full.seed, full.device, full.compute.threads, full.plugins) == (2, "auto", 16, ["able_models"])
    assert problems_of(raw_config({"seed": {"demo": 1, "full": -2}})) == [
        "seed: found -2 (int); allowed: greater than or equal to 0 (at scale full)"
    ]
    assert problems_of(raw_config({"scale": {"demo": "demo", "full": "full"}}))[0].startswith("scale: found {'demo'")
