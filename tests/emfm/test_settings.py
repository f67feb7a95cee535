"""params.yaml as one typed object."""

from pathlib import Path

import pytest
import yaml

from emfm.settings import load_params
from ttt.config import ConfigError

ROOT = Path(__file__).parents[2]
PARAMS = ROOT / "params.yaml"


@pytest.fixture
def changed(tmp_path):
    """Write params.yaml with dotted keys replaced; the path."""

    def write(changes):
        raw = yaml.safe_load(PARAMS.read_text())
        for key, value in changes.items():
            *outer, last = key.split(".")
            section = raw
            for name in outer:
                section = section[name]
            if value is KeyError:
                del section[last]
            else:
                section[last] = value
        path = tmp_path / "params.yaml"
        path.write_text(yaml.safe_dump(raw))
        return path

    return write


def test_one_word_selects_the_full_recipe(changed):
    params = load_params(changed({"scale": "full"}))
    assert (params.split.train_pool, params.split.val_fixed, params.split.test_final) == (
        490_000,
        1_000,
        9_000,
    )
    assert params.stages.sizes == [10_000, 50_000, 100_000, 200_000, 490_000]
    unique = params.acquire.simulate.num_samples * (1 - 3 * params.acquire.simulate.duplicate_share)
    assert unique >= 500_000


def test_the_demo_keeps_the_proportions_of_the_ladder(changed):
    demo, full = load_params(PARAMS), load_params(changed({"scale": "full"}))
    assert [50 * size for size in demo.stages.sizes] == full.stages.sizes
    assert 50 * demo.split.train_pool == full.split.train_pool
    assert 50 * demo.split.test_final == full.split.test_final


def test_the_defaults_are_the_planes_of_the_contract():
    geometry = load_params(PARAMS).data.geometry()
    assert geometry.frequency == 5e9
    assert (geometry.source.shape, geometry.target.shape) == ((11, 11), (51, 51))
    assert geometry.source.x[[0, -1]].tolist() == pytest.approx([-5e-3, 5e-3])
    assert geometry.target.y[[0, -1]].tolist() == pytest.approx([-25e-3, 25e-3])
    assert (geometry.source.z, geometry.target.z) == pytest.approx((1e-3, 5e-3))


@pytest.mark.parametrize("scale", ["demo", "full"])
def test_the_committed_training_is_the_promoted_one(changed, scale):
    params = load_params(changed({"scale": scale}))
    assert params.training_parameters() == params.milestone.training


@pytest.mark.parametrize(
    "change",
    [
        {"loss.h_weight": 3.0},
        {"optim.lr": 0.1},
        {"seed": 1},
        {"stages.init": "scratch"},
        {"data.scale_by_source": False},
        {"train.epochs.demo": 1},
        {"model.width": 8},
    ],
)
def test_a_change_of_the_training_is_noticed(changed, change):
    params = load_params(changed(change))
    assert params.training_parameters() != params.milestone.training


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"loss.h_weigth": 3.0}, "loss.h_weigth: unknown; did you mean 'h_weight'"),
        (
            {"acquire.simulate.famly_size": 3},
            "acquire.simulate.famly_size: unknown; did you mean 'family_size'",
        ),
        ({"modle": {}}, "modle: unknown; did you mean 'model'"),
        ({"optim.lr": "fast"}, "optim.lr: found 'fast'"),
        ({"train.epochs.full": 0}, "train.epochs: found 0"),
        ({"split.val_fixed": 1.5}, "split.val_fixed: found 1.5"),
        (
            {"data.target_plane.pitch_mm": 0.7},
            "data.target_plane: x_mm must span one or more whole steps of pitch_mm",
        ),
        ({"data.target_plane.z_mm": 0.5}, "must lie above the source plane"),
        ({"acquire.source": "import"}, "source is import, but import.roots names no folder"),
        ({"stages.sizes.demo": [5, 4, 3, 2, 1]}, "stages.sizes: found"),
        (
            {"stages.sizes.demo": [100, 500, 1000, 2000, 19800]},
            "the last stage trains on 19800 samples, but split.train_pool",
        ),
        ({"milestone.stages": [6]}, "milestone.stages: there is no stage 6"),
        ({"dedupe": KeyError}, "dedupe: missing"),
        ({"loss.norm_eps": KeyError}, "loss.norm_eps: missing"),
        ({"eval.num_pictures": 4000}, "eval.num_pictures: more than split.val_fixed"),
        (
            {"eval.noise_snr_db": [20.0, 40.0, 20.0]},
            "eval.noise_snr_db: found [20.0, 40.0, 20.0] (list); allowed: each value must stand once",
        ),
        (
            {"eval.noise_snr_db": [20.0, 1e4]},
            "eval.noise_snr_db.1: found 10000.0 (float); allowed: less than or equal to 200",
        ),
        ({"model.name": "forward_unet"}, "did you mean 'forward_unet_lite'"),
        ({"acquire.simulate.kind": "aperturee"}, "did you mean 'aperture'"),
        ({"acquire.simulate.mix.patch": 1.0}, "acquire.simulate.mix.patch: unknown; did you mean 'patches'"),
        ({"acquire.simulate.mix.loops": -0.5}, "acquire.simulate.mix.loops: found -0.5"),
        ({"acquire.simulate.mix": {"loops": 0.0}}, "acquire.simulate.mix: no kind has a weight above 0"),
        (
            {"acquire.simulate.scenes.traces.max_leg": 2},
            "acquire.simulate.scenes.traces.max_leg: unknown; did you mean 'max_legs'",
        ),
        ({"acquire.simulate.scenes.loops": KeyError}, "acquire.simulate.scenes.loops.max_loops: missing"),
    ],
)
def test_a_mistake_is_named_with_its_path_what_was_found_and_what_is_allowed(changed, change, sentence):
    with pytest.raises(ConfigError) as caught:
        load_params(changed(change))
    assert sentence in str(caught.value)


def test_noise_need_not_be_judged(changed):
    assert load_params(changed({"eval.noise_snr_db": []})).eval.noise_snr_db == []


def test_all_mistakes_are_named_at_once(changed):
    with pytest.raises(ConfigError, match="3 problems"):
        load_params(changed({"loss.h_weigth": 3.0, "optim.lr": "fast", "split.seed": -1}))
