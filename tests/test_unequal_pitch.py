"""The whole way from samples to a prediction, on planes whose pitch along x is not that along y."""

import numpy as np
import pytest

from emfm.core.planes import PlaneParams
from emfm.core.store import Store
from emfm.use.forward_model import load_model
from tiny_project import make_project

SOURCE = {"z_mm": 1.0, "x_mm": [-5.0, 5.0], "y_mm": [-4.0, 4.0], "pitch_mm": [1.0, 2.0]}
TARGET = {"z_mm": 5.0, "x_mm": [-10.0, 10.0], "y_mm": [-9.0, 9.0], "pitch_mm": [4.0, 3.0]}
INFER = ["python", "-m", "emfm.tasks.forward.infer", "--ckpt", "models/stage1/best.pth", "--input", "scan.npy"]


@pytest.mark.slow
def test_samples_are_made_a_model_is_trained_and_predicts(tmp_path):
    project = make_project(tmp_path / "project", {"data.source_plane": SOURCE, "data.target_plane": TARGET})
    project.run("dvc", "repro", "train_stage1")
    store = Store(project.folder / "data/store")
    assert store.geometry.source == PlaneParams(**SOURCE).to_grid()
    assert store.geometry.source.shape == (5, 11)
    scan = store.source_h([0])[0]
    np.save(project.folder / "scan.npy", scan)
    project.run(*INFER, *["--out", "field", "--out_format", "nf_target_csv", "--sources", "--page", "a.html"])
    written = np.loadtxt(project.folder / "field/target_H.csv", delimiter=",", skiprows=1)
    np.testing.assert_allclose(written[:7, :2], [[x, -9] for x in range(-10, 11, 4)] + [[-10, -6]])
    model = load_model(project.folder / "models/stage1/best.pth", "cpu")
    assert model.predict(scan).H.shape == (3, 7, 6)
    np.testing.assert_allclose(np.diff(model.target_axes[0]), 4e-3)
    np.testing.assert_allclose(np.diff(model.target_axes[1]), 3e-3)
