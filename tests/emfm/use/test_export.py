"""Exported graphs: the model's own numbers for any number of scans, or a refusal."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from emfm.model.search.sparse_sources import SparseSources
from emfm.model.trained import TrainedModel
from emfm.tasks.forward.export import main
from emfm.use import export
from emfm.use.export import FACTS, OUTPUTS, export_model, simulated_scans
from programs import need_module
from small_fields import POD_NET, REGION, region, small_geometry
from small_training import LINEAR, MODELS, OPERATOR, UNET, small_checkpoint, write_store
from ttt.config import UserError

SUFFIXES = (".pt2", ".onnx")
PAGE = Path(__file__).parents[3] / "docs/export.md"
SEARCH = POD_NET | {"sources": REGION | {"iterations": 2}}  # the steps are alike, and each takes the exporter seconds
SEARCH_OF_ONE_STEP = POD_NET | {"sources": REGION | {"iterations": 1}}
WRITTEN = [
    (SEARCH, ".pt2"),
    (POD_NET | {"prior": "none"}, ".pt2"),
    (LINEAR, ".pt2"),
    (UNET, ".pt2"),
    (LINEAR, ".onnx"),
    (UNET, ".onnx"),
]
pytestmark = pytest.mark.filterwarnings("ignore")  # torch's exporters warn of their own code


@pytest.fixture(scope="module")
def checkpoint_of(tmp_path_factory):
    """The checkpoint of a small model, trained once."""
    folder = tmp_path_factory.mktemp("export")
    write_store(folder, "elements")
    known = {}

    def make(model):
        name = json.dumps(model)
        if name not in known:
            known[name] = small_checkpoint(folder, folder / f"run{len(known)}", model)
        return known[name]

    return make


@pytest.fixture
def trained_of(checkpoint_of):
    return lambda model: TrainedModel(checkpoint_of(model), torch.device("cpu"))


@pytest.fixture(scope="module")
def exported_of(checkpoint_of, tmp_path_factory):
    """The file of a small model's graph, written once, and how far its numbers are from the model's."""
    known = {}

    def make(model, suffix):
        name = json.dumps(model) + suffix
        if name not in known:
            if suffix == ".onnx":
                need_module("onnxscript", "onnx")
            path = tmp_path_factory.mktemp("graph") / f"model{suffix}"
            known[name] = path, export_model(TrainedModel(checkpoint_of(model), torch.device("cpu")), path)
        return known[name]

    return make


def run(path, scans):
    """The outputs and the facts of an exported graph."""
    if path.suffix == ".onnx":
        session = need_module("onnxruntime", "onnx").InferenceSession(path)
        return session.run(list(OUTPUTS), {"source_h": scans}), session.get_modelmeta().custom_metadata_map[FACTS]
    stored = {FACTS: ""}
    program = torch.export.load(path, extra_files=stored)
    with torch.inference_mode():
        return [output.numpy() for output in program.module()(torch.from_numpy(scans))], stored[FACTS]


@pytest.mark.parametrize(("model", "suffix"), WRITTEN, ids=lambda value: value if isinstance(value, str) else None)
def test_a_graph_gives_the_models_numbers_for_any_number_of_scans(trained_of, exported_of, model, suffix):
    trained, (path, difference) = trained_of(model), exported_of(model, suffix)
    assert difference < 1e-5
    for count in (1, 2, 3, 65):
        scans = 0.3 * simulated_scans(trained.geometry, count)[::-1]
        found, facts = run(path, np.ascontiguousarray(scans))
        for output, expected in zip(found, trained.predict_with_trust(np.ascontiguousarray(scans)), strict=True):
            np.testing.assert_allclose(output, expected, rtol=1e-4, atol=1e-5 * np.nanmax(np.abs(expected), initial=0))
    assert json.loads(facts) == export.facts(trained)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_in_a_graph_no_number_stands_beside_a_warning(trained_of, exported_of, suffix):
    trained, (path, _) = trained_of(LINEAR), exported_of(LINEAR, suffix)
    spike = np.zeros((1, 4, *trained.geometry.source.shape), np.float32)
    spike[0, :2, 2, 2] = 1, 0.5
    (_, expected, bound, distance), _ = run(path, np.concatenate([simulated_scans(trained.geometry, 40), spike]))
    assert distance[-1] > 1
    assert (distance <= 1).sum() > 3
    for numbers in (expected, bound):
        np.testing.assert_array_equal(np.isfinite(numbers).all(1), distance <= 1)
        np.testing.assert_array_equal(np.isnan(numbers).all(1), distance > 1)


def test_the_facts_say_what_goes_in_and_comes_out(trained_of):
    trained = trained_of(LINEAR)
    facts, geometry = json.loads(json.dumps(export.facts(trained))), small_geometry()
    assert (facts["model"], facts["frequency_hz"], facts["calibrated"]) == ("linear_operator", 5e9, True)
    assert facts["checkpoint_sha256"] == trained.facts.sha256
    for name, grid, first in (("source_h", geometry.source, "Hx_re"), ("target", geometry.target, "Ex_re")):
        assert facts[name]["channels"][0] == first
        assert facts[name]["x_m"] == pytest.approx(grid.x.tolist())
        assert facts[name]["y_m"] == pytest.approx(grid.y.tolist())
        assert facts[name]["z_m"] == grid.z
    assert facts["target"]["units"] == ["V/m"] * 6 + ["A/m"] * 6


def test_a_search_for_sources_is_refused_as_onnx(trained_of, tmp_path):
    need_module("onnxscript", "onnx")
    with pytest.raises(UserError, match=r"ONNX has no place for some operation of 'pod_net'; write a \.pt2"):
        export_model(trained_of(SEARCH_OF_ONE_STEP), tmp_path / "model.onnx")
    assert list(tmp_path.iterdir()) == []


def test_the_neural_operator_is_refused(trained_of, tmp_path):
    need_module("neuralop.models", "neuraloperator")
    with pytest.raises(UserError, match="'fourier_neural_operator' cannot be written as a graph"):
        export_model(trained_of(OPERATOR), tmp_path / "model.pt2")


def test_the_page_tells_of_every_registered_model_what_the_tests_find():
    rows = re.findall(r"^\| `(\w+)` \| (yes|no)[^|]*\| (yes|no)", PAGE.read_text(), flags=re.MULTILINE)
    assert {name for name, *_ in rows} == set(MODELS)
    told = {
        (name, suffix) for name, *kinds in rows for suffix, said in zip(SUFFIXES, kinds, strict=True) if said == "yes"
    }
    assert told == {(model["name"], suffix) for model, suffix in WRITTEN}


def test_a_graph_that_differs_is_refused_and_an_earlier_file_stays(trained_of, tmp_path, monkeypatch):
    trained, path = trained_of(LINEAR), tmp_path / "model.pt2"
    path.write_bytes(b"earlier")
    judged = TrainedModel.learned_with_trust

    def slightly_off(self, scans):
        target, *trust = judged(self, scans)
        return 1.01 * target, *trust

    monkeypatch.setattr(TrainedModel, "learned_with_trust", slightly_off)
    with pytest.raises(UserError, match=r"differs from the model by 0\.0099, more than 0\.0001"):
        export_model(trained, path)
    assert path.read_bytes() == b"earlier"


def test_a_checkpoint_that_was_not_calibrated_says_so_and_its_trust_is_nan(checkpoint_of, tmp_path):
    trained = TrainedModel(checkpoint_of(LINEAR).with_name("last.pth"), torch.device("cpu"))
    export_model(trained, tmp_path / "model.pt2")
    (_, expected, bound, _), facts = run(tmp_path / "model.pt2", simulated_scans(trained.geometry, 2))
    assert np.isnan([expected, bound]).all()
    assert not json.loads(facts)["calibrated"]


@pytest.mark.parametrize("package", ["onnx", "onnxscript", "onnxruntime"])
def test_a_missing_package_is_named_with_the_command_that_installs_it(trained_of, tmp_path, monkeypatch, package):
    for earlier in export._ONNX_PACKAGES:
        monkeypatch.setitem(sys.modules, earlier, torch)
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(UserError, match=rf"needs the package {package} .*-e '\.\[onnx\]'"):
        export_model(trained_of(LINEAR), tmp_path / "model.onnx")


def test_the_command_writes_the_file_and_says_how_near_it_is(checkpoint_of, tmp_path, capsys):
    assert main(["--ckpt", str(checkpoint_of(LINEAR)), "--out", str(tmp_path / "model.pt2")]) == 0
    assert re.search(r"model\.pt2: largest relative difference from the model: \S+\n", capsys.readouterr().out)
    assert main(["--ckpt", str(checkpoint_of(LINEAR)), "--out", str(tmp_path / "model.bin")]) == 2
    assert "the suffix says the kind of file: .pt2 or .onnx" in capsys.readouterr().err


def test_a_stored_search_mends_matrices_that_rounding_made_indefinite_as_the_model_does():
    sources = SparseSources(region(), small_geometry(), modes=4)
    rank = sources.scans.shape[1]

    class Factor(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.sources = sources

        def forward(self, packed, noise, level):
            return self.sources._factor(packed, noise, level)

    matrices = torch.eye(rank, dtype=torch.complex128).repeat(3, 1, 1)
    matrices[1, 2, 2] = -1e-4
    matrices[2, 0, 0] = -1e-2
    levels = torch.tensor([[0.0], [1.0]], dtype=torch.float64).repeat(1, 3)
    arguments = (sources._lower(matrices).flatten(1), *levels)
    count = torch.export.Dim("n")
    dynamic = {name: {0: count} for name in ("packed", "noise", "level")}
    program = torch.export.export(Factor(), arguments, dynamic_shapes=dynamic, strict=True)
    expected = sources._factor(*arguments)
    assert expected.isfinite().all()
    assert torch.equal(program.module()(*arguments), expected)
    assert not torch.equal(expected[1], expected[0])
    sound = tuple(argument[:1] for argument in arguments)
    assert torch.equal(program.module()(*sound), sources._factor(*sound))


def test_the_programs_of_the_page_run_without_this_package(trained_of, exported_of, tmp_path):
    trained = trained_of(LINEAR)
    for suffix in SUFFIXES:
        shutil.copy(exported_of(LINEAR, suffix)[0], tmp_path)
    scans = simulated_scans(trained.geometry, 3)
    np.save(tmp_path / "scans.npy", scans)
    programs = re.findall(r"^```python\n(.*?)^```$", PAGE.read_text(), flags=re.DOTALL | re.MULTILINE)
    assert len(programs) == 2
    check = "\nimport sys; assert not {'emfm', 'ttt'} & set(sys.modules)\nnp.save('target.npy', np.asarray(target))"
    expected = trained(scans)
    for program in programs:
        command = [sys.executable, "-c", program + check]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        found = np.load(tmp_path / "target.npy")
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-5 * np.abs(expected).max())
