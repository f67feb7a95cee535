"""`emfm.load_model`: predictions from Python are those of the evaluations, whatever form the scan has."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch

import emfm
from emfm.core.channels import to_components
from emfm.core.errors import DataError
from emfm.core.store import Store
from emfm.model.trained import TrainedModel
from emfm.use import forward_model
from small_fields import POD_NET, small_geometry
from small_training import LINEAR, TRAIN, UNET, small_checkpoint, write_store
from ttt.config import ConfigError
from ttt.engine.errors import CheckpointError
from ttt.files import sha256_file


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("forward_model")
    write_store(folder, "elements")
    return folder


@pytest.fixture(scope="module")
def checkpoint(folder):
    return small_checkpoint(folder, folder / "run")


@pytest.fixture(scope="module")
def model(checkpoint):
    return emfm.load_model(str(checkpoint), device="cpu")


@pytest.fixture(scope="module")
def scans(folder):
    return Store(folder / "elements").source_h(np.arange(TRAIN))


def test_the_package_and_its_names_load_no_torch_before_they_are_asked_for():
    code = "import sys, emfm; dir(emfm); print({'numpy', 'torch', 'pydantic'} & set(sys.modules)); emfm.load_model"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
    with pytest.raises(AttributeError, match="no attribute 'train'"):
        _ = emfm.train


@pytest.mark.parametrize("kind", [POD_NET, LINEAR, UNET], ids=lambda kind: kind["name"])
def test_a_batch_is_what_the_evaluations_predict_bit_for_bit(folder, scans, kind):
    checkpoint = small_checkpoint(folder, folder / f"run_{kind['name']}", kind)
    evaluated = TrainedModel(checkpoint, torch.device("cpu"))
    E, H = emfm.load_model(checkpoint, device="cpu").predict(scans)
    batches = [to_components(evaluated(scans[start : start + 64])) for start in range(0, len(scans), 64)]
    expected = np.concatenate(batches)
    assert E.dtype == H.dtype == np.complex64
    np.testing.assert_array_equal(np.concatenate([E, H], axis=1), expected)


def test_a_prediction_is_near_the_truth(folder, model, scans):
    target = to_components(Store(folder / "elements").target(np.arange(TRAIN)))
    E, _ = model.predict(scans)
    errors = np.linalg.norm((E - target[:, :3]).reshape(TRAIN, -1), axis=1)
    assert np.median(errors / np.linalg.norm(target[:, :3].reshape(TRAIN, -1), axis=1)) < 0.5


def test_one_scan_is_one_of_a_batch(model, scans):
    one, batch = model.predict(scans[3]), model.predict(scans[3:5])
    assert one.E.shape == (3, *small_geometry().target.shape)
    np.testing.assert_allclose(one.E, batch.E[0], rtol=0, atol=1e-4 * np.abs(one.E).max())
    np.testing.assert_allclose(one.H, batch.H[0], rtol=0, atol=1e-4 * np.abs(one.H).max())
    assert float(one.trust.distance) == pytest.approx(float(batch.trust.distance[0]), rel=1e-3)


def test_complex_scans_and_scans_in_another_order_give_the_same_field(model, scans):
    x, y = model.source_axes
    expected = model.predict(scans[:3])
    for given in (
        model.predict(to_components(scans[:3])),
        model.predict(scans[:3, :, ::-1, ::-1], axes=(x[::-1], y[::-1])),
    ):
        np.testing.assert_array_equal(given.E, expected.E)
        np.testing.assert_array_equal(given.H, expected.H)


def test_a_larger_plane_is_cut_down_and_another_height_is_refused(model, scans, caplog):
    x, y = model.source_axes
    step = x[1] - x[0]
    wide = np.concatenate([x[:1] - step, x, x[-1:] + step])
    larger = np.pad(scans[:3], ((0, 0), (0, 0), (0, 0), (1, 1)), constant_values=7.0)
    expected = model.predict(scans[:3])
    for axes in ((wide, y), (wide, y, model.source_z)):
        np.testing.assert_array_equal(model.predict(larger, axes).E, expected.E)
        np.testing.assert_array_equal(model.trust(larger, axes).distance, model.trust(scans[:3]).distance)
    assert "25 of its 35 points are the model's plane" in caplog.text
    for ask in (model.predict, model.trust):
        with pytest.raises(DataError, match="axes: .*: it lies at z = 1.1 mm, 0.1 mm above z = 1 mm"):
            ask(scans[:3], (x, y, model.source_z + 1e-4))
        ask(scans[:3], (x, y, model.source_z + 1e-4), tolerance=0.2e-3)


def test_memory_does_not_grow_with_the_batch(model, scans, monkeypatch):
    sizes = []
    judged = TrainedModel.predict_with_trust
    monkeypatch.setattr(
        TrainedModel, "predict_with_trust", lambda self, part: sizes.append(len(part)) or judged(self, part)
    )
    model.predict(np.concatenate([scans, scans]))
    assert sum(sizes) == 2 * len(scans)
    assert max(sizes) == forward_model.CHUNK


def test_an_empty_batch_has_an_empty_field(model, scans):
    E, H = model.predict(scans[:0])
    assert E.shape == H.shape == (0, 3, *small_geometry().target.shape)
    assert model.trust(scans[:0]).distance.shape == (0,)


def test_trust_comes_with_the_prediction_and_alone(model, scans):
    spike = np.zeros_like(scans[0])
    spike[:2, 2, 2] = 1, 0.5
    mixed = np.stack([scans[0], spike])
    said, alone = model.predict(mixed).trust, model.trust(mixed)
    for name in ("expected_rel_l2_e", "expected_rel_l2_h", "bound_rel_l2_e", "bound_rel_l2_h", "distance"):
        np.testing.assert_allclose(getattr(alone, name), getattr(said, name), rtol=1e-5)
    assert said.unlike_training.tolist() == [False, True]
    for name in ("e", "h"):
        expected, bound = getattr(said, f"expected_rel_l2_{name}"), getattr(said, f"bound_rel_l2_{name}")
        assert 0 < expected[0] < bound[0]
        assert np.isnan([expected[1], bound[1]]).all()  # no number stands beside the warning
    assert not model.trust(scans[0]).unlike_training
    with pytest.raises(DataError, match="source_H"):
        model.trust(scans[0, :2])


def test_a_checkpoint_that_was_not_calibrated_says_nothing_of_its_errors(checkpoint, scans):
    model = emfm.load_model(checkpoint.with_name("last.pth"), device="cpu")
    assert not model.facts.calibrated
    said = model.predict(scans[:2]).trust
    assert np.isnan([said.expected_rel_l2_e, said.expected_rel_l2_h, said.distance]).all()
    assert np.isnan([said.bound_rel_l2_e, said.bound_rel_l2_h]).all()
    assert not said.unlike_training.any()


def test_a_model_says_what_it_was_made_for(model, checkpoint):
    geometry = small_geometry()
    assert model.frequency == geometry.frequency
    for axes, z, grid in (
        (model.source_axes, model.source_z, geometry.source),
        (model.target_axes, model.target_z, geometry.target),
    ):
        np.testing.assert_array_equal(axes[0], grid.x)
        np.testing.assert_array_equal(axes[1], grid.y)
        assert z == grid.z
    assert (model.facts.model, model.facts.monitor, model.facts.calibrated) == ("pod_net", "val_loss", True)
    assert (model.facts.path, model.facts.sha256) == (checkpoint, sha256_file(checkpoint))
    assert model.facts.epoch in (0, 1)
    assert "pod_net, 5e+09 Hz, 5 x 5 points at z = 1 mm -> 9 x 7 points at z = 5 mm, cpu" in repr(model)


def test_the_file_is_read_once(folder, checkpoint, scans):
    copy = folder / "copy.pth"
    copy.write_bytes(checkpoint.read_bytes())
    model = emfm.load_model(copy, device="cpu")
    expected = model.predict(scans[:2]).E
    copy.unlink()
    np.testing.assert_array_equal(model.predict(scans[:2]).E, expected)


def test_threads_may_share_a_model(checkpoint, scans):
    expected = emfm.load_model(checkpoint, device="cpu")
    shared = emfm.load_model(checkpoint, device="cpu")  # whose first calls are those of the threads
    parts = [scans[start : start + 10] for start in range(0, 80, 10)]
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda part: shared.predict(part).E, parts))
    for part, field in zip(parts, found, strict=True):
        reference = expected.predict(part).E
        np.testing.assert_allclose(field, reference, rtol=0, atol=1e-4 * np.abs(reference).max())


def test_a_prediction_needs_no_gradients_and_leaves_none_behind(model, scans):
    with torch.enable_grad():
        model.predict(scans[:1])
    assert torch.is_grad_enabled()
    assert not torch.is_inference_mode_enabled()


@pytest.mark.parametrize("content", [b"", b"no checkpoint", None])
def test_a_file_that_is_no_checkpoint_is_refused(tmp_path, content):
    path = tmp_path / "best.pth"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(CheckpointError, match=r"best\.pth"):
        emfm.load_model(path)


def test_a_device_that_is_not_there_is_refused(checkpoint):
    with pytest.raises(ConfigError, match="cuda:77"):
        emfm.load_model(checkpoint, device="cuda:77")
    with pytest.raises(ConfigError, match="abacus"):
        emfm.load_model(checkpoint, device="abacus")
