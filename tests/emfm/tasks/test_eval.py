"""`emfm.tasks.forward.eval`: a model is judged on samples of its own kind, and on no others."""

import json

import pytest
import yaml

from emfm.acquire.simulate import SimulatedSource
from emfm.core.errors import DataError
from emfm.core.grid import Geometry, Grid
from emfm.tasks.forward import eval as command
from emfm.training.dataset import open_em_forward
from measurements import ALL
from scene_params import scene_params
from small_fields import small_geometry
from small_store import packed
from small_training import LINEAR, VAL, small_checkpoint, small_config, write_store

OWN = small_geometry()
OTHERS = {
    "frequency": Geometry(10e9, OWN.source, OWN.target),
    "source plane": Geometry(5e9, Grid(-6.4e-3, -6.4e-3, 3.2e-3, 3.2e-3, 5, 5, 1e-3), OWN.target),
    "target plane": Geometry(5e9, OWN.source, Grid(-8e-3, -6e-3, 2e-3, 2e-3, 9, 7, 6e-3)),
}
"""Stores whose arrays have the shapes that the model takes, and other fields in them."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A store, a model that was trained on it, and its configuration, with which the model is judged."""
    folder = tmp_path_factory.mktemp("eval")
    write_store(folder, "elements")
    small_checkpoint(folder, folder / "run", LINEAR)
    return folder


@pytest.fixture
def run(folder, capsys, monkeypatch):
    """Judge the model with changed keys of the section data; exit status, standard output, standard error."""
    for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        monkeypatch.setenv(name, "1")
    monkeypatch.setenv("GOMP_SPINCOUNT", "5000")

    def evaluate(**data):
        raw = yaml.safe_load((folder / "run/config.resolved.yaml").read_text())
        (folder / "judged.yaml").write_text(yaml.safe_dump(raw | {"data": raw["data"] | data}))
        status = command.main(["--config", str(folder / "judged.yaml"), "--ckpt", str(folder / "run/best.pth")])
        return status, *capsys.readouterr()

    return evaluate


def test_a_model_is_judged_on_a_store_of_its_own_kind(run):
    status, printed, _ = run()
    assert (status, json.loads(printed)["samples"]) == (0, VAL)


def test_a_model_is_judged_on_scans_as_the_configuration_measures_them(run):
    clean, measured = (json.loads(run(measurement=errors)[1]) for errors in (None, ALL | {"gain_db": 10.0}))
    assert clean["scans"] == "as stored, without errors of measurement"
    assert measured["scans"].startswith("as measured: noise 30 to 60 dB")
    assert measured["rel_l2_h"] > 1.1 * clean["rel_l2_h"]


@pytest.mark.parametrize("different", OTHERS)
def test_a_model_of_another_frequency_or_plane_is_refused_with_both(run, folder, different):
    params = scene_params(kind="elements", num_samples=4, duplicate_share=0.0, half_width_mm=4.0)
    store = packed(SimulatedSource(OTHERS[different], params, 0), folder / different.replace(" ", "_"))
    ids = folder / "four.txt"
    ids.write_text("".join(f"{identifier}\n" for identifier in store.table["id"]))
    status, printed, error = run(data_root=str(store.folder), val_ids=str(ids))
    assert (status, printed) == (2, "")
    assert (
        f"{folder / 'run/best.pth'}: its model was made for another {different} than the samples in {store.folder}"
        in error
    )
    assert f"The model: {OWN.described()}; the samples: {OTHERS[different].described()}" in error


def test_a_training_whose_sets_share_samples_is_refused(folder):
    config = small_config(folder, LINEAR)
    train, val = (folder / f"elements_{name}.txt" for name in ("train", "val"))
    mixed = folder / "mixed.txt"
    mixed.write_text(val.read_text() + "".join(train.read_text().splitlines(keepends=True)[3:5]))
    data = config.data.model_copy(update={"val_ids": str(mixed)})
    with pytest.raises(
        DataError, match=r"mixed.txt: lists 2 of the training samples of .*elements_train.txt, the first"
    ):
        open_em_forward(data, config=config)
    few = data.model_copy(update={"num_train": 3})
    assert len(open_em_forward(few, config=config).val) == VAL + 2
