"""The commands of the forward map, as users type them."""

import json
import re

import numpy as np
import pandas as pd
import pytest
import torch
import yaml

from emfm.acquire.readers.csv_cases import CsvCases
from emfm.core.norm_stats import read_norm_stats
from emfm.core.store import Store
from emfm.use.field_files import read_source_h
from tiny_project import make_project

TRAIN = ("python", "-m", "emfm.tasks.forward.train")
EVAL = ("python", "-m", "emfm.tasks.forward.eval")
ERRORS = ["expected_rel_l2_e", "expected_rel_l2_h", "bound_rel_l2_e", "bound_rel_l2_h"]
INFER = ("python", "-m", "emfm.tasks.forward.infer")


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    apart = {"acquire.simulate.family_size": 1, "acquire.simulate.scenes.boards.samples_a_board": 1}
    project = make_project(tmp_path_factory.mktemp("forward") / "project", apart)  # families enough for a bound
    project.run("dvc", "repro", "compute_norm_stats")
    return project


@pytest.fixture(scope="module")
def trained(project):
    """A model trained by hand: the path of its best checkpoint."""
    project.run(
        *TRAIN, "--run_dir", "runs/first", "--eh_loss_h_weight", "2.0", "--epochs", "3", "--set", "train.log_every=7"
    )
    return project.folder / "runs/first/best.pth"


def resolved(project, run):
    return yaml.safe_load(project.read(f"{run}/config.resolved.yaml"))


def records(project, run, kind):
    lines = [json.loads(line) for line in project.read(f"{run}/metrics.jsonl").splitlines()]
    return [line for line in lines if line["kind"] == kind]


def test_a_run_folder_holds_what_the_contract_names(project, trained):
    files = {path.name for path in trained.parent.iterdir()}
    assert {"config.resolved.yaml", "metrics.jsonl", "last.pth", "best.pth", "artifacts"} <= files
    assert read_norm_stats(trained.parent / "artifacts/y_norm_stats.json").scale_by_source
    assert [record["epoch"] for record in records(project, "runs/first", "epoch")] == [0, 1, 2, 3]


def test_the_command_line_wins_over_the_file(project, trained):
    config = resolved(project, "runs/first")
    assert config["loss"]["h_weight"] == 2.0
    assert config["train"]["epochs"] == 3
    assert config["train"]["log_every"] == 7
    assert config["loss"]["e_weight"] == 1.0


@pytest.mark.parametrize("model", ["pod_net", "forward_unet_lite"])
def test_a_trial_goes_through_everything_and_keeps_nothing(project, model):
    runs = project.folder / "runs"
    before = sorted(runs.rglob("*"))
    flags = [f"model.name={model}", "train.ema_decay=0.9", "train.accumulate=2"]
    done = project.run(*TRAIN, "--fast_dev_run", *(word for flag in flags for word in ("--set", flag)))
    assert "This was no training: no run was made, and nothing is kept" in done.stderr
    assert sorted(runs.rglob("*")) == before


def test_the_older_channel_weights_replace_normalisation_and_balance(project):
    flags = ("--auto_channel_weight", "--h_weight_multiplier", "3.0", "--epochs", "1")
    project.run(*TRAIN, "--run_dir", "runs/auto", *flags)
    loss = resolved(project, "runs/auto")["loss"]
    assert (loss["auto_channel_weight"], loss["normalize_y"], loss["balance_eh_loss"]) == (True, False, False)
    assert loss["h_weight_multiplier"] == 3.0
    assert loss["name"] == "weighted_mse"  # the default loss weighs no channels


def test_resuming_from_the_best_at_a_new_rate_keeps_the_moments(project, trained):
    run = project.folder / "runs/again"
    project.run("cp", "-r", str(trained.parent), str(run))
    before = torch.load(run / "best.pth", weights_only=True)
    project.run(
        *TRAIN, "--run_dir", "runs/again", "--resume", "--resume_best", "--resume_reset_scheduler", "--lr", "1e-4",
        "--epochs", "4", "--eh_loss_h_weight", "2.0",
    )  # fmt: skip
    steps = records(project, "runs/again", "step")
    first = next(step for step in steps if step["step"] > before["place"]["step"])
    assert first["lr"] <= 1e-4


def test_resuming_where_nothing_is_says_so(project):
    done = project.run(*TRAIN, "--run_dir", "runs/nothing", "--resume", check=False)
    assert done.returncode == 2
    assert "there is no runs/nothing/last.pth" in done.stderr
    assert "Traceback" not in done.stderr


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.rglob("*") if path.is_file() and path.name != ".lock"}


@pytest.mark.parametrize(
    ("flags", "sentence"),
    [
        (("--norm_eps", "0.5", "--epochs", "3"), "holds a training already"),
        (("--norm_eps", "0.5", "--resume", "--epochs", "5"), "loss.norm_eps"),
        (("--norm_max_batches", "1", "--resume_best", "--eh_loss_h_weight", "7.0"), "loss.h_weight"),
    ],
)
def test_a_refused_training_leaves_every_file_of_the_run_as_it_was(project, trained, flags, sentence):
    before = contents(trained.parent)
    done = project.run(*TRAIN, "--run_dir", "runs/first", *flags, check=False)
    assert done.returncode == 2
    assert sentence in done.stderr
    assert contents(trained.parent) == before


def test_a_training_that_is_refused_leaves_no_run_folder(project):
    config = yaml.safe_load(project.read("params.yaml"))
    config["ckpt"]["monitor"] = "val_nothing"
    (project.folder / "monitor.yaml").write_text(yaml.safe_dump(config))
    (project.folder / "cases").mkdir()
    (project.folder / "cases" / "a.npz").write_bytes(b"no array")
    for flags, sentence in (
        (("--config", "monitor.yaml"), "ckpt.monitor: unknown"),
        (("--config", "monitor.yaml", "--run_dir", "runs/mine"), "ckpt.monitor: unknown"),
        (("--train_ids", "nowhere.txt"), "nowhere.txt"),
        (("--data_root", "cases"), "a.npz"),
    ):
        runs = sorted((project.folder / "runs").rglob("*"))
        done = project.run(*TRAIN, *flags, check=False)
        assert done.returncode == 2
        assert sentence in done.stderr
        assert [path for path in sorted((project.folder / "runs").rglob("*")) if path not in runs] in (
            [],
            [project.folder / "runs/forward"],
        )


def test_the_figures_name_set_samples_model_and_hash(project, trained):
    done = project.run(*EVAL, "--config", "params.yaml", "--ckpt", str(trained), "--out_json", "figures.json")
    figures = json.loads(project.read("figures.json"))
    assert json.loads(done.stdout) == figures
    assert (figures["set"], figures["samples"], figures["model"]) == ("val_fixed", 12, "pod_net")
    assert len(figures["checkpoint_sha256"]) == 64
    assert len(figures["rmse_per_channel"]) == 12
    epoch = torch.load(trained, weights_only=True)["place"]["epoch"]
    (best,) = [record for record in records(project, "runs/first", "epoch") if record["epoch"] == epoch]
    assert figures["rel_l2_e"] == pytest.approx(best["val_rel_l2_e"], rel=1e-5)


def scan(project, row):
    return Store(project.folder / "data/store").source_h([row])[0]


def write_scan_csv(path, source_h, grid):
    mm = 1e3 * grid.points()
    rows = np.concatenate([mm, source_h.reshape(4, -1).T], axis=1)
    np.savetxt(path, rows[::-1], delimiter=",", header="x,y,z,Hx_re,Hx_im,Hy_re,Hy_im", comments="", fmt="%.9g")


def test_one_file_of_any_kind_gives_the_same_prediction(project, trained):
    geometry = Store(project.folder / "data/store").geometry
    grid = geometry.source
    source_h = scan(project, 3)
    inputs = project.folder / "inputs"
    inputs.mkdir()
    np.save(inputs / "a.npy", source_h)
    np.savez(inputs / "b.npz", x=source_h)
    write_scan_csv(inputs / "c.csv", source_h, grid)
    np.testing.assert_array_equal(read_source_h(inputs / "c.csv", grid, geometry.frequency), source_h)
    predictions = []
    for name in ("a.npy", "b.npz", "c.csv"):
        out = f"out/{name}.npy"
        project.run(*INFER, "--ckpt", str(trained), "--input", f"inputs/{name}", "--out", out)
        predictions.append(np.load(project.folder / out))
    assert predictions[0].shape == (12, *Store(project.folder / "data/store").geometry.target.shape)
    for prediction in predictions[1:]:
        np.testing.assert_array_equal(prediction, predictions[0])


def test_a_folder_gives_one_result_an_input_in_both_formats(project, trained):
    folder = project.folder / "scans"
    folder.mkdir()
    for row in range(5):
        np.save(folder / f"scan_{row}.npy", scan(project, row))
    ckpt = ("--ckpt", str(trained), "--input", "scans")
    project.run(*INFER, *ckpt, "--out", "tensors", "--out_format", "tensor")
    project.run(*INFER, *ckpt, "--out", "tables", "--out_format", "nf_target_csv")
    assert sorted(path.name for path in (project.folder / "tensors").iterdir()) == [
        *(f"scan_{row}_pred.npy" for row in range(5)),
        "trust.csv",
    ]
    geometry = Store(project.folder / "data/store").geometry
    for row in range(5):
        tensor = np.load(project.folder / f"tensors/scan_{row}_pred.npy")
        table = project.folder / f"tables/scan_{row}"
        write_scan_csv(table / "source_H.csv", scan(project, row), geometry.source)
        np.testing.assert_array_equal(CsvCases().read(project.folder / "tables", f"scan_{row}", geometry)[1], tensor)


def test_each_prediction_comes_with_the_error_to_expect_and_unlike_scans_are_warned_of(project, trained):
    folder = project.folder / "mixed"
    folder.mkdir()
    np.save(folder / "like.npy", scan(project, 0))
    np.save(folder / "noise.npy", np.random.default_rng(0).normal(size=scan(project, 0).shape).astype(np.float32))
    done = project.run(*INFER, "--ckpt", str(trained), "--input", "mixed", "--out", "judged")
    table = pd.read_csv(project.folder / "judged/trust.csv").set_index("input")
    assert list(table["unlike_training"]) == [False, True]
    assert (table.loc["like.npy", ERRORS] > 0).all()
    assert table.loc["noise.npy", ERRORS].isna().all()
    assert table.loc["noise.npy", "distance"] > 1 > table.loc["like.npy", "distance"]
    (unlike,) = (line for line in done.stderr.splitlines() if "unlike the training samples" in line)
    assert "noise.npy" in unlike
    assert "like.npy" not in unlike.replace("unlike", "")


def test_a_checkpoint_that_was_not_calibrated_says_nothing_of_its_errors(project, trained):
    folder = project.folder / "one"
    folder.mkdir()
    np.save(folder / "a.npy", scan(project, 0))
    command = (*INFER, "--ckpt", str(trained.with_name("last.pth")))
    done = project.run(*command, "--input", "one", "--out", "one_out")
    table = pd.read_csv(project.folder / "one_out/trust.csv").set_index("input")
    assert table.loc["a.npy", [*ERRORS, "distance", "unlike_training"]].isna().all()
    assert 0 < table.loc["a.npy", "rim_share"] < 1  # which the scan shows, whatever the model says
    assert "was not calibrated" in done.stderr
    done = project.run(*command, "--input", "one/a.npy", "--out", "one_out/single.npy")
    assert done.stdout == ""
    assert "was not calibrated" in done.stderr


def test_a_single_prediction_says_what_error_to_expect(project, trained):
    np.save(project.folder / "single.npy", scan(project, 1))
    done = project.run(*INFER, "--ckpt", str(trained), "--input", "single.npy", "--out", "single_out.npy")
    assert re.fullmatch(
        r"expected relative error: E [\d.e+-]+, H [\d.e+-]+; 90 % bound: E [\d.e+-]+, H [\d.e+-]+; "
        r"distance from the training samples: [\d.e+-]+\n",
        done.stdout,
    )
    assert "unlike" not in done.stderr
    np.save(project.folder / "noise.npy", np.random.default_rng(1).normal(size=(4, 11, 11)).astype(np.float32))
    done = project.run(*INFER, "--ckpt", str(trained), "--input", "noise.npy", "--out", "noise_out.npy")
    assert re.fullmatch(
        r"expected relative error: not known, the scan is unlike the training samples; "
        r"distance from the training samples: [\d.e+-]+\n",
        done.stdout,
    )
    assert re.search(r"unlike the training samples.*: noise\.npy\n", done.stderr)


def test_many_unlike_scans_are_warned_of_on_one_line(project, trained):
    folder = project.folder / "noises"
    folder.mkdir()
    rng = np.random.default_rng(2)
    for number in range(8):
        np.save(folder / f"noise_{number}.npy", rng.normal(size=(4, 11, 11)).astype(np.float32))
    done = project.run(*INFER, "--ckpt", str(trained), "--input", "noises", "--out", "noises_out")
    (line,) = (line for line in done.stderr.splitlines() if "unlike" in line)
    assert line.endswith("noise_4.npy and 3 more")


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("bad_shape.npy", np.zeros((4, 3, 3), np.float32), "bad_shape.npy"),
        ("nan.npy", np.full((4, 11, 11), np.nan, np.float32), "nan.npy"),
        (
            "silent.npy",
            np.zeros((4, 11, 11), np.float32),
            "silent.npy: is zero everywhere, so there is nothing to predict from; remove it",
        ),
    ],
)
def test_an_input_that_cannot_be_used_is_refused_and_nothing_is_written(project, trained, name, content, sentence):
    np.save(project.folder / name, content)
    done = project.run(*INFER, "--ckpt", str(trained), "--input", name, "--out", "never.npy", check=False)
    assert done.returncode == 2
    assert sentence in done.stderr
    assert "Traceback" not in done.stderr
    assert not (project.folder / "never.npy").exists()


def test_the_template_trains_judges_and_predicts_from_the_same_file(project):
    project.run("python", "-m", "ttt.train", "--config", "params.yaml", "--exp_name", "demo", "--epochs", "1")
    best = "runs/demo/001/best.pth"
    done = project.run("python", "-m", "ttt.eval", "--config", "params.yaml", "--ckpt", best)
    in_training = records(project, "runs/demo/001", "epoch")[0]["val_loss"]
    assert json.loads(done.stdout)["val_loss"] == pytest.approx(in_training, rel=1e-5)  # of batches of other sizes
    np.save(project.folder / "scan.npy", scan(project, 0))
    command = ("--config", "params.yaml", "--ckpt", best, "--input", "scan.npy", "--out", "field.npy")
    project.run("python", "-m", "ttt.infer", *command)
    project.run(*INFER, "--ckpt", best, "--input", "scan.npy", "--out", "same.npy")
    field, same = np.load(project.folder / "field.npy"), np.load(project.folder / "same.npy")
    np.testing.assert_allclose(field, same, rtol=0, atol=1e-5 * np.abs(same).max())
