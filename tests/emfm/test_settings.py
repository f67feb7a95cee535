"""params.yaml as one typed object."""

import shutil
from difflib import unified_diff
from pathlib import Path

import pytest
import torch
import yaml
from dvc.utils.hydra import apply_overrides

from emfm.core.measurement import Measurement
from emfm.settings import load_params, refuse_impossible, refuse_short_pool
from emfm.training.trial import refuse_impossible_model
from ttt.config import ConfigError, changes, read_yaml
from ttt.parts import MODELS

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


def test_the_defaults_are_the_planes_of_the_contract():
    geometry = load_params(PARAMS).data.geometry()
    assert geometry.frequency == 5e9
    assert (geometry.source.shape, geometry.target.shape) == ((11, 11), (51, 51))
    assert geometry.source.x[[0, -1]].tolist() == pytest.approx([-5e-3, 5e-3])
    assert geometry.target.y[[0, -1]].tolist() == pytest.approx([-25e-3, 25e-3])
    assert (geometry.source.z, geometry.target.z) == pytest.approx((1e-3, 5e-3))


def test_the_committed_training_is_the_promoted_one():
    assert changes(read_yaml(ROOT / "promoted.yaml"), load_params(PARAMS).deciding()) == []


CHANGED_VALUES = {
    "scale": "full",
    "seed": 1,
    "device": "cuda",
    "plugins": ["emfm.plugin", "json"],
    "compute.threads": 1,
    "compute.instruction_set": "native",
    "compute.processes": 2,
    "compute.compile": "default",
    "acquire.seed": 1,
    "acquire.simulate.kind": "aperture",
    "acquire.simulate.mix": {"elements": 1.0, "loops": 1.0},
    "acquire.simulate.num_samples": 10500,
    "acquire.simulate.max_elements": 5,
    "acquire.simulate.half_width_mm": 4.0,
    "acquire.simulate.depth_mm": 1.0,
    "acquire.simulate.segment_mm": 0.4,
    "acquire.simulate.electric_moment": 0.002,
    "acquire.simulate.magnetic_moment_ratio": 0.4,
    "acquire.simulate.family_size": 3,
    "acquire.simulate.position_jitter_mm": 0.05,
    "acquire.simulate.moment_jitter": 0.05,
    "acquire.simulate.duplicate_share": 0.005,
    "dedupe.rules": ["id", "content"],
    "dedupe.content_rtol": 1e-5,
    "split.seed": 1,
    "split.train_pool": 9900,
    "split.val_fixed": 90,
    "split.test_final": 170,
    "split.draw_from_first": 10000,
    "stages.sizes": [100, 1000, 2000, 4000, 9800],
    "stages.init": "scratch",
    "data.frequency_hz": 6e9,
    "data.source_plane.z_mm": 1.5,
    "data.source_plane.x_mm": [-4.0, 5.0],
    "data.source_plane.y_mm": [-4.0, 5.0],
    "data.source_plane.pitch_mm": 0.5,
    "data.target_plane.z_mm": 6.0,
    "data.target_plane.x_mm": [-20.0, 25.0],
    "data.target_plane.y_mm": [-20.0, 25.0],
    "data.target_plane.pitch_mm": 2.0,
    "data.scale_by_source": False,
    "data.measurement.snr_db": [20.0, 40.0],
    "data.measurement.probe_mm": [0.0, 2.0],
    "data.measurement.position_mm": 0.0,
    "data.measurement.height_mm": 0.1,
    "data.measurement.gain_db": 0.0,
    "data.measurement.phase_deg": 2.0,
    "data.measurement.redraw": False,
    "train.epochs": 4,
    "train.batch_size": 64,
    "train.eval_batch_size": 32,
    "train.grad_clip": 2.0,
    "train.accumulate": 2,
    "train.ema_decay": 0.999,
    "train.early_stop": 2,
    "optim.lr": 0.002,
    "optim.decay_norms_and_biases": False,
    "scheduler.name": "cosine",
    "scheduler.warmup_epochs": 1.0,
    "amp.enabled": True,
    "loss.h_weight": 3.0,
    "loss.norm_eps": 1e-5,
    "ckpt.monitor": "train_loss",
    "ckpt.mode": "max",
}
"""Keys that decide the promoted models or what they are judged on, with another value each."""
DECIDE_NOTHING = {
    "acquire.shard_samples": 512,
    "acquire.workers": 1,
    "acquire.simulate.kinds_samples": 5,
    "acquire.import.roots": ["cases"],  # the source is a simulation
    "acquire.import.reader": "npz_cases",
    "acquire.import.position_tolerance_mm": 0.01,
    "acquire.import.accept_unphysical": True,
    "data.data_root": "elsewhere",
    "data.train_ids": "elsewhere.txt",
    "data.num_train": 100,
    "data.val_ids": "elsewhere.txt",
    "data.norm_stats": None,
    "metrics.names": [],
    "train.num_workers": 2,
    "train.on_device": False,
    "train.log_every": 5,
    "train.loggers": ["tensorboard"],
    "ckpt.run_dir": "runs/mine",
    "ckpt.every_steps": 0,
    "eval.batch_size": 32,
    "eval.num_pictures": 2,
    "eval.ridge": 0.01,
    "eval.noise_snr_db": [30.0],
    "eval.equivalent_dipoles.depths": [1.0],
    "eval.equivalent_dipoles.margins": [0.0],
    "eval.equivalent_dipoles.tikhonov": [0.1],
    "eval.sparse_sources.depth_mm": [1.0, 3.0],
    "eval.sparse_sources.margin_mm": 0.0,
    "eval.sparse_sources.cell_mm": 1.0,
    "eval.sparse_sources.layers": 2,
    "eval.sparse_sources.rank": 100,
    "eval.sparse_sources.iterations": 4,
    "eval.sparse_sources.modes": 100,
    "eval.reference": {"ours": "cases"},
    "milestone.stages": [5],
}


def is_promoted(path):
    return changes(read_yaml(ROOT / "promoted.yaml"), load_params(path).deciding()) == []


@pytest.mark.parametrize("key", CHANGED_VALUES)
def test_what_decides_a_model_or_its_test_set_closes_test_final(changed, key):
    assert not is_promoted(changed({key: CHANGED_VALUES[key]}))


@pytest.mark.parametrize("key", DECIDE_NOTHING)
def test_what_decides_neither_leaves_test_final_open(changed, key):
    assert is_promoted(changed({key: DECIDE_NOTHING[key]}))


def test_keys_of_a_scene_kind_that_is_not_drawn_decide_nothing(changed):
    without = {"acquire.simulate.mix.loops": 0.0}
    one, other = (
        load_params(changed(without | more)).deciding() for more in ({}, {"acquire.simulate.scenes.loops.max_loops": 2})
    )
    assert changes(one, other) == []
    assert not is_promoted(changed({"acquire.simulate.scenes.loops.max_loops": 2}))


def changed_by_dvc(folder, *changes):
    """Lines of params.yaml that `dvc exp run -S` takes out and puts in."""
    changed_file = folder / "params.yaml"
    shutil.copy(PARAMS, changed_file)
    apply_overrides(changed_file, list(changes))
    before, after = (path.read_text().splitlines() for path in (PARAMS, changed_file))
    lines = list(unified_diff(before, after, n=0, lineterm=""))[2:]
    return [[line[1:] for line in lines if line[0] == sign] for sign in "-+"]


@pytest.mark.parametrize(
    ("change", "before", "after"),
    [
        ("loss.h_weight=3.0", "  h_weight: 1.0", "  h_weight: 3.0"),
        ("train.epochs.demo=8", "    demo: 16", "    demo: 8"),
        ("optim.lr=1e-4", "  lr: 0.001", "  lr: 0.0001"),
        ("train.ema_decay=0.999", "  ema_decay:", "  ema_decay: 0.999"),
        ("model.name=linear_operator", "  name: pod_net", "  name: linear_operator"),
        ("data.source_plane.x_mm=[-6.0,5.0]", "    - -5.0", "    - -6.0"),
    ],
)
def test_dvc_changes_one_line_of_params_yaml(tmp_path, change, before, after):
    assert changed_by_dvc(tmp_path, change) == [[before], [after]]


def test_dvc_leaves_a_value_that_is_the_same_as_it_is_written(tmp_path):
    assert changed_by_dvc(tmp_path, "optim.lr=1e-3", "loss.h_weight=1.0", "ckpt.run_dir=null") == [[], []]


def test_dvc_keeps_every_comment_where_lists_and_blocks_are_replaced(tmp_path):
    """Where a comment followed one of them, DVC would lose it."""
    lists = [f"{key}=[1,2]" for key, value in leaves_of(read_yaml(PARAMS)) if isinstance(value, list)]
    assert len(lists) > 20
    taken_out, _ = changed_by_dvc(tmp_path, *lists)
    assert [line for line in taken_out if "#" in line] == []
    taken_out, put_in = changed_by_dvc(tmp_path, "data.measurement=null")
    assert put_in == []
    assert [line.strip() for line in taken_out if "#" in line] == ["# another draw in each epoch"]


def leaves_of(values, path=""):
    """Dotted keys and values, lists whole."""
    for key, value in values.items():
        if isinstance(value, dict):
            yield from leaves_of(value, f"{path}{key}.")
        else:
            yield f"{path}{key}", value


def keys_of(values, path=""):
    for key, value in values.items():
        full = f"{path}.{key}" if path else key
        if isinstance(value, dict) and set(value) != {"demo", "full"} and full not in CHANGED_VALUES | DECIDE_NOTHING:
            yield from keys_of(value, full)
        else:
            yield full


def test_every_key_of_params_yaml_is_known_to_decide_or_not():
    """Of the parts by name the chosen ones' keys decide, and no other's."""
    values = read_yaml(PARAMS)
    known = set(CHANGED_VALUES) | set(DECIDE_NOTHING)
    compared = {real_path(key, values) for key in keys_of(read_yaml(ROOT / "promoted.yaml"))}
    for key in keys_of(values):
        is_scene = key.startswith("acquire.simulate.scenes.")
        is_other = key.split(".")[0] in PARTS and key.split(".")[1] in blocks_beside_the_chosen(
            key.split(".")[0], values
        )
        assert key in known | compared or is_scene or is_other or key in ("acquire.source", "data.name"), key
    assert not compared & set(DECIDE_NOTHING)


PARTS = ("model", "loss", "optim", "scheduler")


def blocks_beside_the_chosen(section, values):
    """Names of the parts that the section does not choose."""
    blocks = {name for name, value in values[section].items() if isinstance(value, dict)}
    return blocks - {values[section]["name"]}


def real_path(key, values):
    """Where a key of the resolved parameters stands in params.yaml: perhaps in the block of the chosen part."""
    section, _, rest = key.partition(".")
    if section in PARTS and rest.partition(".")[0] not in values[section]:
        return f"{section}.{values[section]['name']}.{rest}"
    return key


@pytest.mark.parametrize("section", PARTS)
def test_what_stands_in_a_block_that_is_not_chosen_decides_nothing(changed, section):
    values = yaml.safe_load(PARAMS.read_text())
    for name in blocks_beside_the_chosen(section, values):
        raw = values[section][name]
        numbers = [key for key, value in raw.items() if isinstance(value, int | float)]
        for key in numbers:
            assert is_promoted(changed({f"{section}.{name}.{key}": raw[key] * 0.5 if raw[key] < 1 else raw[key] + 2}))


@pytest.mark.parametrize("section", PARTS)
def test_another_name_is_all_that_another_part_needs(changed, section):
    for name in blocks_beside_the_chosen(section, yaml.safe_load(PARAMS.read_text())):
        assert getattr(load_params(changed({f"{section}.name": name})).training, section).name == name


def test_an_import_is_decided_by_its_folders_and_not_by_the_simulation(changed):
    imported = {"acquire.source": "import", "acquire.import.roots": ["cases"]}
    here = load_params(changed(imported)).deciding()
    other = load_params(changed({**imported, "acquire.import.roots": ["others"]})).deciding()
    assert changes(here, other) == [("acquire.import.roots", ["cases"], ["others"])]
    more = load_params(changed({**imported, "acquire.simulate.num_samples": 20000, "acquire.seed": 3})).deciding()
    assert changes(here, more) == []


def test_a_key_that_decides_nothing_is_said_to_in_the_documentation_and_is_in_no_checkpoint(changed):
    page = (ROOT / "docs/parameters.md").read_text()
    for key in ("train.log_every", "train.num_workers", "train.on_device", "acquire.workers", "ckpt.run_dir"):
        (line,) = (line for line in page.splitlines() if line.startswith(f"| `{key}` |"))
        assert line.endswith("; changes no model |")
    one = load_params(PARAMS).training.portable_mapping()
    other = load_params(changed({"train.log_every": 3, "ckpt.every_steps": 7})).training.portable_mapping()
    assert one == other


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
        (
            {"data.source_plane.pitch_mm": [1.0, 0.7]},
            "data.source_plane: y_mm must span one or more whole steps of pitch_mm",
        ),
        *(
            (
                {"data.source_plane.pitch_mm": pitch},
                f"data.source_plane.pitch_mm: found {pitch!r} ({type(pitch).__name__}); allowed: a number above 0, or "
                "a list of two of them: along x and along y",
            )
            for pitch in (0, -1.0, "fine", [1.0], [1.0, 0.0], [1.0, 1.0, 1.0], True, None)
        ),
        ({"data.target_plane.pitch_mm": [1.0, 100.0]}, "data.target_plane: y_mm must span one or more whole steps"),
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
        ({"eval.num_pictures": 13}, "eval.num_pictures: found 13 (int); allowed: less than or equal to 12"),
        (
            {"eval.noise_snr_db": [20.0, 40.0, 20.0]},
            "eval.noise_snr_db: found [20.0, 40.0, 20.0] (list); allowed: each value must stand once",
        ),
        (
            {"eval.noise_snr_db": [20.0, 1e4]},
            "eval.noise_snr_db.1: found 10000.0 (float); allowed: less than or equal to 200",
        ),
        ({"data.measurement.snr_db": [60.0, 30.0]}, "allowed: least and greatest value, in that order"),
        ({"data.measurement.probe_mm": [0.0]}, "data.measurement.probe_mm: found [0.0] (list)"),
        ({"data.measurement.gain_dB": 0.2}, "data.measurement.gain_dB: unknown; did you mean 'gain_db'"),
        (
            {"data.measurement.position_mm": 0.3},
            "data: measurement.position_mm is 0.3; allowed: up to 0.25 for a source_plane.pitch_mm of 1",
        ),
        ({"data.measurement.height_mm": 0.2}, "data: measurement.height_mm is 0.2; allowed: up to 0.1 for"),
        ({"milestone.stages": [3, 3]}, "milestone.stages: found [3, 3] (list); allowed: each value must stand once"),
        ({"milestone.stages": [0]}, "milestone.stages: there is no stage 0"),
        ({"split.val_fixed.demo": 0}, "split.val_fixed: found 0"),
        ({"scale": "fulll"}, "scale: found 'fulll' (str); allowed: 'demo' or 'full'"),
        (
            {"train.epochs": {"demo": 5}},
            "train.epochs: found {'demo': 5} (dict); a value per scale has the keys demo and full, both of them",
        ),
        (
            {"stages.sizes": {"demo": [1], "ful": [2]}},
            "stages.sizes: found {'demo': [1], 'ful': [2]} (dict); a value",
        ),
        ({"optim.lr": float("nan")}, "optim.lr: found nan (float)"),
        ({"data.source_plane.z_mm": float("inf")}, "data.source_plane.z_mm: found inf"),
        ({"data.target_plane.x_mm": [-25.0, float("nan")]}, "data.target_plane.x_mm.1: found nan"),
        ({"acquire.simulate.mix.loops": float("inf")}, "acquire.simulate.mix.loops: found inf"),
        ({"acquire.simulate.scenes.traces.effective_permittivity": float("nan")}, "effective_permittivity: found nan"),
        ({"train.grad_clip": -1.0}, "train.grad_clip: found -1.0"),
        ({"data.frequency_hz": 5}, "data.frequency_hz: found 5 (int); allowed: greater than or equal to 1000"),
        ({"data.frequency_hz": 5e12}, "data.frequency_hz: found 5000000000000.0 (float); allowed: less than or equal"),
        ({"data.frequency_hz": 5e11}, "source_plane.pitch_mm is 1, more than the wavelength of 0.6 mm"),
        ({"data.source_plane.x_mm": [0.0, 0.0]}, "data.source_plane: x_mm must span one or more whole steps"),
        ({"data.source_plane.x_mm": [0.0, 2.0]}, "data.source_plane: too few points along x or y"),
        ({"data.source_plane.z_mm": 6.0}, "data: the target plane (z = 0.005 m) must lie above the source plane"),
        (
            {"data.source_plane.z_mm": -2.0},
            "data.source_plane.z_mm: found -2; simulated sources lie up to z = 0 and are moved by",
        ),
        ({"model.name": "forward_unet"}, "did you mean 'forward_unet_lite'"),
        ({"acquire.simulate.kind": "aperturee"}, "did you mean 'aperture'"),
        ({"acquire.simulate.mix.patch": 1.0}, "acquire.simulate.mix.patch: unknown; did you mean 'patches'"),
        ({"acquire.simulate.mix.loops": -0.5}, "acquire.simulate.mix.loops: found -0.5"),
        ({"eval.reference": {"my boards": "cases"}}, "eval.reference: 'my boards' is no name of a set"),
        ({"eval.equivalent_dipoles.depths": []}, "eval.equivalent_dipoles.depths: found []"),
        (
            {"eval.equivalent_dipoles.tikhonov": [0.1, 0.1]},
            "found [0.1, 0.1] (list); allowed: each value must stand once",
        ),
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


@pytest.mark.parametrize("sizes", [[200, 1000, 2000, 9800], [200, 1000, 2000, 4000, 9000, 9800]])
def test_fewer_or_more_sizes_than_training_stages_are_refused_by_the_key(changed, sizes):
    path = changed({"stages.sizes": sizes})
    sentence = f"stages.sizes: found {len(sizes)} sizes; allowed: 5, one for each training stage of dvc.yaml"
    with pytest.raises(ConfigError, match="1 problem") as caught:
        load_params(path, 5)
    assert sentence in str(caught.value)


def test_noise_need_not_be_judged(changed):
    assert load_params(changed({"eval.noise_snr_db": []})).eval.noise_snr_db == []


def test_scans_are_read_as_stored_with_null_or_with_errors_of_zero(changed):
    nothing = {"snr_db": None, "probe_mm": [0.0, 0.0], "redraw": True}
    nothing |= dict.fromkeys(("position_mm", "height_mm", "gain_db", "phase_deg"), 0.0)
    for value in (None, nothing):
        data = load_params(changed({"data.measurement": value})).data
        assert Measurement.of(data.measurement, data.geometry()) is None


def test_all_mistakes_are_named_at_once(changed):
    with pytest.raises(ConfigError, match="3 problems"):
        load_params(changed({"loss.h_weigth": 3.0, "optim.lr": "fast", "split.seed": -1}))


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (
            {"split.train_pool": None, "stages.sizes": [200, 1000, 2000, 4000, 20000]},
            "acquire.simulate.num_samples: gives 10476 different samples, but the last of stages.sizes (20000), "
            "split.val_fixed (200) and split.test_final (260) need 20460; lower these, or add samples",
        ),
        ({"acquire.simulate.num_samples": 5000}, "acquire.simulate.num_samples: gives 4850 different samples"),
    ],
)
def test_what_no_run_can_end_with_is_refused_before_it_begins(changed, change, sentence):
    params = load_params(changed(change))
    with pytest.raises(ConfigError) as caught:
        refuse_impossible(params)
    assert sentence in str(caught.value)


def test_a_model_of_other_data_is_refused_before_it_is_trained(changed):
    params = load_params(changed({"model": {"name": "mlp", "hidden": [4]}}))
    with pytest.raises(ConfigError, match="model: mlp cannot be made for the planes under data"):
        refuse_impossible_model(params)


def test_any_model_that_refuses_the_planes_is_refused_by_the_section_model(monkeypatch):
    def refuse(*arguments, **context):
        raise ValueError("sources do not lie below the scan")

    monkeypatch.setattr(MODELS, "build", refuse)
    with pytest.raises(ConfigError, match=r"params.yaml: 1 problem\s+model: pod_net cannot be made .*below the scan"):
        refuse_impossible_model(load_params(PARAMS))


@pytest.mark.parametrize("scale", ["demo", "full"])
def test_the_committed_parameters_are_possible_at_both_scales_and_trying_them_draws_no_number(changed, scale):
    before = torch.get_rng_state()
    params = load_params(changed({"scale": scale}))
    refuse_impossible(params)
    refuse_impossible_model(params)
    assert torch.equal(torch.get_rng_state(), before)


def test_a_train_pool_that_came_out_too_small_is_refused_by_the_key():
    refuse_short_pool(100, 100)
    with pytest.raises(
        ConfigError, match=r"stages.sizes: the last stage trains on 101 samples, but train_pool has 100 "
    ):
        refuse_short_pool(100, 101)
