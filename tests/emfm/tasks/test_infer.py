"""`emfm.tasks.forward.infer` on scans as users have them: good ones, bad ones, and folders of both."""

import logging
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import emfm
from case_files import SOURCE, solver_text
from emfm.acquire.simulate import SimulatedSource
from emfm.core.channels import to_channels
from emfm.core.elements import element_fields
from emfm.core.grid import Geometry, Grid
from emfm.core.planes import PlaneParams
from emfm.core.store import Store
from emfm.model.trained import TrainedModel
from emfm.plates.known_board import FieldOverBoard
from emfm.plot.style import with_prefix
from emfm.tasks.forward import infer
from emfm.use import result_formats
from emfm.use.result_formats import TENSOR
from scene_params import scene_params
from small_report import board_field
from small_store import packed
from small_training import LINEAR, small_config
from ttt.engine.assemble import assemble
from ttt.engine.loop import fit
from ttt.engine.start import NewRun
from ttt.settings import TrainingConfig

CASES = Path(__file__).parents[2] / "data/cases"
PLANES = {
    "source_plane": PlaneParams(z_mm=1.0, x_mm=[-5.0, 5.0], y_mm=[-5.0, 5.0], pitch_mm=1.0),
    "target_plane": PlaneParams(z_mm=5.0, x_mm=[-6.0, 6.0], y_mm=[-4.0, 4.0], pitch_mm=2.0),
}
GEOMETRY = Geometry(5e9, *(plane.to_grid() for plane in PLANES.values()))
GRID = GEOMETRY.source
TRAIN, VAL = 60, 12
ERRORS = ["expected_rel_l2_e", "expected_rel_l2_h", "bound_rel_l2_e", "bound_rel_l2_h"]
COLUMNS = [*ERRORS, "unlike_training", "distance"]
SCAN_COLUMNS = [
    *("rim_share", "rim_peak", "pitch_limit_share", "scan_too_small", "scan_too_coarse"),
    *("ground_plane_given", "is_of_board"),
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A store of scans on the plane of the cases, and a model that was trained on it, in ``run``."""
    folder = tmp_path_factory.mktemp("infer")
    params = scene_params(kind="elements", num_samples=TRAIN + VAL, duplicate_share=0.0, half_width_mm=4.0)
    ids = list(packed(SimulatedSource(GEOMETRY, params, 0), folder / "elements").table["id"])
    for name, chosen in (("train", ids[:TRAIN]), ("val", ids[TRAIN:])):
        (folder / f"elements_{name}.txt").write_text("".join(f"{identifier}\n" for identifier in chosen))
    config = small_config(folder, LINEAR, epochs=1)
    config = TrainingConfig(**{**config.__dict__, "data": config.data.model_copy(update=PLANES)})
    fit(assemble(config), config, folder / "run", NewRun())
    return folder


@pytest.fixture(scope="module")
def ckpt(folder):
    return folder / "run/best.pth"


@pytest.fixture(scope="module")
def scans(folder):
    return Store(folder / "elements").source_h(np.arange(TRAIN))


@pytest.fixture
def run(ckpt, capsys):
    """Run the command; its exit status, and what it wrote to standard output and standard error."""

    def infer_with(source, out, *more, checkpoint=ckpt):
        status = infer.main(["--ckpt", str(checkpoint), "--input", str(source), "--out", str(out), *more])
        logging.getLogger("ttt").handlers.clear()  # the next call gets a handler of its own
        return status, *capsys.readouterr()

    return infer_with


def folder_of(path, named):
    """A folder of npy files."""
    path.mkdir()
    for name, scan in named.items():
        np.save(path / f"{name}.npy", scan)
    return path


def trust(out):
    return pd.read_csv(out / "trust.csv").set_index("input")


def names(out):
    return sorted(path.name for path in out.iterdir())


def scan_csv(path, scan, points_mm):
    rows = np.column_stack([points_mm, scan.reshape(4, -1).T])
    np.savetxt(path, rows, delimiter=",", header="x,y,z,Hx_re,Hx_im,Hy_re,Hy_im", comments="", fmt="%.9g")
    return path


IN_EITHER = pytest.mark.parametrize("out_format", [TENSOR, "nf_target_csv"])


@IN_EITHER
@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda scan: 1e-25 * scan, "beyond single precision (1e-12 to 1e+15); check its unit"),
        (lambda scan: 1e20 * scan, "beyond single precision"),
        (lambda scan: 0 * scan, "is zero everywhere, so there is nothing to predict from; remove it"),
        (
            lambda scan: np.abs(scan) * np.array([1, 0, 1, 0])[:, None, None],
            "every imaginary part of Hx and Hy is zero",
        ),
        (lambda scan: scan * np.array([1, 1, 0, 1])[:, None, None], "every real part of Hy is zero"),
    ],
)
def test_a_scan_that_cannot_be_predicted_from_is_refused_by_its_path(run, scans, tmp_path, make, sentence, out_format):
    np.save(tmp_path / "scan.npy", make(scans[0].astype(np.float64)).astype(np.float32))
    out = tmp_path / ("o.npy" if out_format == TENSOR else "o")
    status, printed, error = run(tmp_path / "scan.npy", out, "--out_format", out_format)
    assert (status, printed) == (2, "")
    assert f"error: {tmp_path / 'scan.npy'}: " in error
    assert sentence in error
    assert names(tmp_path) == ["scan.npy"]


@pytest.mark.parametrize("model", ["predict", "trust"])
def test_python_refuses_the_same_scans(ckpt, scans, model):
    ask = getattr(emfm.load_model(ckpt, "cpu"), model)
    for bad, sentence in (
        (1e-25 * scans[0], "beyond single precision"),
        (0 * scans[0], "is zero everywhere"),
        (np.abs(scans[0]) * np.array([1, 0, 1, 0])[:, None, None], "every imaginary part of Hx and Hy is zero"),
    ):
        with pytest.raises(ValueError, match=f"source_H.*{sentence}"):
            ask(bad.astype(np.float64))


def test_the_cases_of_users_are_answered(run, tmp_path):
    for name, status, sentence in (
        ("infer_phaseless/with_phase.npy", 0, ""),
        ("infer_phaseless/magnitude_only.npy", 2, "every imaginary part"),
        ("infer_nan_output/tiny.npy", 2, "beyond single precision"),
    ):
        found, _, error = run(CASES / name, tmp_path / "o.npy")
        assert (found, sentence in error) == (status, True), error


@IN_EITHER
def test_in_a_folder_the_refused_are_named_at_the_end_and_the_trust_of_the_others_is_kept(
    run, scans, tmp_path, out_format
):
    bad = {"b_tiny": 1e-25 * scans[1].astype(np.float64), "d_zero": 0 * scans[1], "f_shape": scans[1, :, :3]}
    source = folder_of(tmp_path / "scans", bad | {"a": scans[0], "c": scans[1], "e": scans[2]})
    (source / "g_text.csv").write_text("x,y,z\n1,2,3\n")
    (source / "h_folder.npy").mkdir()
    status, _, error = run(source, tmp_path / "out", "--out_format", out_format)
    assert status == 2
    assert "error: 4 of 7 inputs were refused; the others are predicted:\n" in error
    for name in ("b_tiny.npy", "d_zero.npy", "f_shape.npy", "g_text.csv"):
        assert f"\n  {source / name}: " in error
    assert "A file that is no scan was taken for one because it ends with .csv or .txt: move it away." in error
    table = trust(tmp_path / "out")
    assert list(table.index) == ["a.npy", "c.npy", "e.npy"]
    assert table[COLUMNS].notna().all(axis=None)
    results = ["a_pred.npy", "c_pred.npy", "e_pred.npy"] if out_format == TENSOR else ["a", "c", "e"]
    assert names(tmp_path / "out") == [*results, "trust.csv"]
    alone = folder_of(tmp_path / "good", {"a": scans[0], "c": scans[1], "e": scans[2]})
    run(alone, tmp_path / "alone", "--out_format", out_format)
    pd.testing.assert_frame_equal(table, trust(tmp_path / "alone"))


def element(x, depth):
    """The scan of a horizontal electric element at this x, m, so far below the scan."""
    position, moment = [[x, 0.2e-3, GRID.z - depth]], [[1e-3, 0.5e-3j, 0]]
    _, h_field = element_fields(GRID.points(), position, moment, [[0, 0, 0]], GEOMETRY.frequency)
    return to_channels(h_field[None, :, :2].transpose(0, 2, 1).reshape(1, 2, *GRID.shape))[0].astype(np.float32)


def test_beside_a_warning_no_number_stands_in_the_table(run, scans, tmp_path):
    noise = np.random.default_rng(0).standard_normal(scans[0].shape).astype(np.float32)
    status, _, error = run(folder_of(tmp_path / "scans", {"like": scans[0], "noise": noise}), tmp_path / "out")
    assert (status, "so that nothing is known of the error: noise.npy" in error) == (0, True)
    head, like, unlike = (line.split(",") for line in (tmp_path / "out/trust.csv").read_text().splitlines())
    assert head[:6] == ["input", *ERRORS, "unlike_training"]
    assert (like[0], like[5]) == ("like.npy", "False")
    assert 0 < float(like[1]) < float(like[3])
    assert 0 < float(like[2]) < float(like[4])
    assert unlike[:6] == ["noise.npy", "", "", "", "", "True"]


def test_scans_too_small_or_too_coarse_are_named_in_a_line_each_and_trust_csv_has_the_figures(run, tmp_path):
    good, beyond, near = element(0.3e-3, 1.5e-3), element(8e-3, 1.5e-3), element(0.3e-3, 0.4e-3)
    source = folder_of(tmp_path / "scans", {"a_good": good, "b_beyond": beyond, "c_near": near, "d_beyond": 2 * beyond})
    status, _, error = run(source, tmp_path / "out")
    assert status == 0
    assert error.count("2 of 4 scans look too small (b_beyond.npy, d_beyond.npy): ") == 1
    assert error.count("1 of 4 scans look too coarse (c_near.npy): ") == 1
    assert error.count("scans look") == 2
    table = trust(tmp_path / "out")
    assert list(table) == [*COLUMNS, *SCAN_COLUMNS]
    assert list(table["scan_too_small"]) == [False, True, False, True]
    assert list(table["scan_too_coarse"]) == [False, False, True, False]
    assert table.loc["b_beyond.npy", "rim_peak"] == pytest.approx(1)
    assert table.loc["c_near.npy", "pitch_limit_share"] > 0.5 > table.loc["a_good.npy", "pitch_limit_share"]


@pytest.mark.parametrize(("x", "warns"), [(0.3e-3, False), (8e-3, True)])
def test_of_a_single_scan_the_same_is_said(run, tmp_path, x, warns):
    np.save(tmp_path / "scan.npy", element(x, 1.5e-3))
    status, _, error = run(tmp_path / "scan.npy", tmp_path / "o.npy")
    assert (status, "1 of 1 scans look too small (scan.npy): " in error) == (0, warns)


def test_python_says_the_same_of_one_scan_and_of_a_batch(ckpt):
    model = emfm.load_model(ckpt, "cpu")
    batch = np.stack([element(0.3e-3, 1.5e-3), element(8e-3, 1.5e-3), element(0.3e-3, 0.4e-3)])
    for ask in (model.trust, lambda scans: model.predict(scans).trust):
        scan = ask(batch).scan
        assert scan.too_small.tolist() == [False, True, False]
        assert scan.too_coarse.tolist() == [False, False, True]
        assert bool(ask(batch[1]).scan.too_small) is True
        assert float(ask(batch[2]).scan.pitch_limit_share) == pytest.approx(float(scan.pitch_limit_share[2]))


def test_a_zero_scan_far_into_a_folder_is_named(run, scans, tmp_path):
    named = {f"s{number}": scans[number % TRAIN] for number in range(1, 301)}
    named["s300"] = 0 * scans[0]
    source = folder_of(tmp_path / "scans", named)
    status, _, error = run(source, tmp_path / "out")
    assert status == 2
    assert f"{source / 's300.npy'}: is zero everywhere, so there is nothing to predict from; remove it" in error
    assert len(trust(tmp_path / "out")) == 299
    case = CASES / "infer_zero_scan/scans"
    status, _, error = run(case, tmp_path / "case")
    assert (status, f"{case / 's2.npy'}: is zero everywhere" in error) == (2, True)
    assert list(trust(tmp_path / "case").index) == ["s1.npy", "s3.npy"]


def test_where_every_input_is_refused_nothing_is_written_and_what_was_there_stays(run, scans, tmp_path):
    good = folder_of(tmp_path / "good", {"a": scans[0]})
    run(good, tmp_path / "out")
    before = (tmp_path / "out/trust.csv").read_bytes()
    bad = folder_of(tmp_path / "bad", {"a": 0 * scans[0], "b": 0 * scans[0]})
    status, _, error = run(bad, tmp_path / "out")
    assert (status, "error: 2 of 2 inputs were refused:\n" in error) == (2, True)
    assert (tmp_path / "out/trust.csv").read_bytes() == before


@IN_EITHER
def test_a_prediction_that_is_no_number_is_refused_by_file(run, scans, tmp_path, monkeypatch, out_format):
    source = folder_of(tmp_path / "scans", {"a": scans[0], "b": scans[1], "c": scans[2]})
    judged = TrainedModel.predict_with_trust

    def second_lost(self, batch):
        prediction, expected, bound, distance = judged(self, batch)
        prediction[1, 3, 0, 0], expected[1], bound[1], distance[1] = np.inf, np.nan, np.nan, np.nan
        return prediction, expected, bound, distance

    monkeypatch.setattr(TrainedModel, "predict_with_trust", second_lost)
    status, _, error = run(source, tmp_path / "out", "--out_format", out_format)
    assert status == 2
    assert f"{source / 'b.npy'}: what the model predicts from it holds NaN or Inf and is not written" in error
    assert "not calibrated" not in error
    assert list(trust(tmp_path / "out").index) == ["a.npy", "c.npy"]
    assert trust(tmp_path / "out")[COLUMNS].notna().all(axis=None)


def test_text_files_that_are_no_scans_are_left_out_with_a_warning(run, scans, tmp_path):
    case = CASES / "infer_folder_with_text_file/scans"
    status, _, error = run(case, tmp_path / "case")
    assert status == 0
    assert "left out, as no line there names coordinates x and y or holds numbers alone: index.txt" in error
    assert names(tmp_path / "case") == ["sample_00000_pred.npy", "trust.csv"]
    source = folder_of(tmp_path / "scans", {"a": scans[0]})
    (source / "a.txt").write_text("notes on the scan of the same name\n")  # no second input of this name
    run(source, tmp_path / "first")
    shutil.copy(tmp_path / "first/trust.csv", source)
    (source / "samples.csv").write_text("id,family,width_mm\nboard,a,1.5\n")
    (source / "readme.txt").write_text("Scan of board 3, 5 GHz\n", encoding="utf-16")
    status, _, error = run(source, tmp_path / "second")
    assert (status, "a.txt, readme.txt, samples.csv, trust.csv" in error) == (0, True)
    assert list(trust(tmp_path / "second").index) == ["a.npy"]


def test_a_folder_of_notes_alone_has_no_inputs(run, tmp_path):
    (tmp_path / "index.txt").write_text("nothing\n")
    status, _, error = run(tmp_path, tmp_path / "out")
    assert (status, "no inputs there" in error) == (2, True)


def test_an_empty_table_is_a_lost_scan_and_no_note(run, scans, tmp_path):
    source = folder_of(tmp_path / "scans", {"a": scans[0]})
    (source / "b.csv").touch()
    status, _, error = run(source, tmp_path / "out")
    assert (status, f"{source / 'b.csv'}: is empty; export it again" in error) == (2, True)


def turned(points, degrees):
    angle = np.radians(degrees)
    return points @ np.array([[np.cos(angle), np.sin(angle), 0], [-np.sin(angle), np.cos(angle), 0], [0, 0, 1]])


@pytest.mark.parametrize(
    ("points", "sentence"),
    [
        (lambda p: p / 1e3, "the coordinates are in another unit, m where mm are read"),
        (lambda p: p / 25.4, "the coordinates are in another unit, inches where mm are read"),
        (lambda p: p + [0, 0, 0.5], "it lies at z = 1.5 mm, 0.5 mm above z = 1 mm"),
        (lambda p: p + [0, 0, -1], "it lies at z = 0 mm, 1 mm below z = 1 mm"),
        (lambda p: p + [0.3, 0, 0], "x is shifted by 0.3 mm"),
        (lambda p: p + [5, 5, 0], "x is shifted by 5 mm, and y is shifted by 5 mm"),
        (lambda p: turned(p, 45), "the plane is rotated by 45 degrees"),
        (lambda p: turned(p, 5), "the plane is rotated by 5 degrees"),
        (lambda p: p * [0.4, 0.4, 1], "x is finer, by 0.4 instead of 1 mm without a point at -5 mm"),
        (lambda p: p * [2, 2, 1], "x is coarser, by 2 instead of 1 mm without a point at -5 mm"),
        (lambda p: p + 0.01 * p[:, :1] * [0, 0, 1], "z runs from 0.95 to 1.05 mm, it must be 1 mm"),
    ],
)
def test_a_scan_of_another_plane_is_refused_with_the_mistake(run, scans, tmp_path, points, sentence):
    path = scan_csv(tmp_path / "scan.csv", scans[0], points(1e3 * GRID.points()))
    status, _, error = run(path, tmp_path / "o.npy")
    assert status == 2
    assert f"error: {path}: line " in error
    assert ": the point x = " in error
    assert sentence in error
    assert "the expected plane, x -5 to 5 mm by 1 mm, y -5 to 5 mm by 1 mm, z = 1 mm: " in error


def on(grid, scan, rng):
    """A field on a larger or finer grid: ``scan`` at its own points, anything elsewhere."""
    field = rng.normal(size=(4, *grid.shape))
    steps = [
        np.rint((axis - first) / pitch).astype(int)
        for axis, first, pitch in ((GRID.y, grid.y_first, grid.pitch_y), (GRID.x, grid.x_first, grid.pitch_x))
    ]
    field[:, steps[0][:, None], steps[1]] = scan
    return field


HEADERS = {
    "hfe": lambda grid: (
        "##File Type: Magnetic near field\n#Request Name: source\n#Frequency: 5E9\n#Coordinate System: Cartesian\n"
        f"#No. of X Samples: {grid.nx}\n#No. of Y Samples: {grid.ny}\n#No. of Z Samples: 1\n"
        "#Result Type: Magnetic Field Values\n#No. of Header Lines: 1\n"
        '#  "X"  "Y"  "Z"  "Re(Hx)"  "Im(Hx)"  "Re(Hy)"  "Im(Hy)"  "Re(Hz)"  "Im(Hz)"'
    ),
    "fld": lambda grid: (
        f"Grid Output Min: [{1e3 * grid.x[0]:g}mm {1e3 * grid.y[0]:g}mm 1mm] Max: [{1e3 * grid.x[-1]:g}mm "
        f"{1e3 * grid.y[-1]:g}mm 1mm] Grid Size: [{1e3 * grid.pitch_x:g}mm {1e3 * grid.pitch_y:g}mm 0mm]\n"
        'X, Y, Z, Complex Vector data "<Hx,Hy,Hz>"'
    ),
}
LARGER = Grid(-8e-3, -7e-3, 1e-3, 1e-3, 15, 16, 1e-3)
FINER = Grid(-6e-3, -5e-3, 0.5e-3, 0.25e-3, 23, 41, 1e-3)


@pytest.mark.parametrize("grid", [LARGER, FINER], ids=["larger", "finer"])
@pytest.mark.parametrize("suffix", ["csv", "txt", "hfe", "fld"])
def test_a_larger_or_finer_plane_is_cut_down_to_the_points_of_the_model(run, scans, tmp_path, grid, suffix):
    field = on(grid, scans[0], np.random.default_rng(0))
    path = tmp_path / f"scan.{suffix}"
    if suffix == "csv":
        scan_csv(path, field, 1e3 * grid.points())
    elif suffix == "txt":
        path.write_text(solver_text(SOURCE, field, grid))
    else:
        rows = np.column_stack([grid.points(), field.reshape(4, -1).T, np.zeros((grid.nx * grid.ny, 2))])
        np.savetxt(path, rows, header=HEADERS[suffix](grid), comments="", fmt="%.9g")
    np.save(tmp_path / "own.npy", scans[0])
    status, _, error = run(path, tmp_path / "o.npy")
    assert status == 0
    assert f"{path}: 121 of its {grid.nx * grid.ny} points are the expected plane, the others are not used" in error
    run(tmp_path / "own.npy", tmp_path / "own_out.npy")
    found, expected = np.load(tmp_path / "o.npy"), np.load(tmp_path / "own_out.npy")
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-5 * np.abs(expected).max())


def test_a_scanners_positions_are_taken_within_a_tolerance_that_can_be_given(run, scans, tmp_path):
    jitter = np.random.default_rng(1).uniform(-1, 1, (121, 3))
    near = scan_csv(tmp_path / "near.csv", scans[0], 1e3 * GRID.points() + 0.015 * jitter)
    far = scan_csv(tmp_path / "far.csv", scans[0], 1e3 * GRID.points() + 0.1 * jitter)
    assert run(near, tmp_path / "o.npy")[0] == 0
    assert run(far, tmp_path / "o.npy")[0] == 2
    assert run(far, tmp_path / "o.npy", "--position_tolerance_mm", "0.1")[0] == 0
    assert run(near, tmp_path / "o.npy", "--position_tolerance_mm", "0.005")[0] == 2
    for wrong in ("0", "-1", "0.5", "nan", "inf"):
        status, _, error = run(near, tmp_path / "never.npy", "--position_tolerance_mm", wrong)
        assert (status, "position_tolerance_mm: " in error) == (2, True)
    assert not (tmp_path / "never.npy").exists()


def test_ctrl_c_in_a_folder_leaves_what_is_finished_and_a_table_of_it(run, scans, tmp_path, monkeypatch):
    source = folder_of(tmp_path / "scans", {f"{number}": scans[number % TRAIN] for number in range(70)})
    written = []

    def interrupted(path, array):
        if len(written) == 66:
            raise KeyboardInterrupt
        written.append(path)
        np.save(path, array)

    (tmp_path / "out").mkdir()
    (tmp_path / "out/trust.csv").write_text("an earlier call's\n")
    monkeypatch.setattr(result_formats, "write_npy", interrupted)
    status, _, error = run(source, tmp_path / "out")
    assert status == 130
    assert "stopped: 66 of 70 inputs are predicted" in error
    assert list(trust(tmp_path / "out").index) == [f"{number}.npy" for number in range(66)]
    assert len(names(tmp_path / "out")) == 67


def test_a_full_disk_in_a_folder_leaves_what_is_finished_and_a_table_of_it(run, scans, tmp_path, monkeypatch):
    source = folder_of(tmp_path / "scans", {"a": scans[0], "b": scans[1]})
    write = result_formats.write_npy

    def full(path, array):
        if path.name == "b_pred.npy":
            raise OSError(28, "No space left on device", str(path))
        write(path, array)

    monkeypatch.setattr(result_formats, "write_npy", full)
    status, _, error = run(source, tmp_path / "out")
    assert (status, "No space left on device" in error) == (1, True)
    assert list(trust(tmp_path / "out").index) == ["a.npy"]
    assert names(tmp_path / "out") == ["a_pred.npy", "trust.csv"]


@IN_EITHER
def test_results_never_go_among_the_inputs(run, scans, tmp_path, out_format):
    source = folder_of(tmp_path / "scans", {"a": scans[0]})
    status, _, error = run(source, tmp_path / "scans/../scans", "--out_format", out_format)
    assert (status, "the folder of the inputs, where the next call would take the results for inputs" in error) == (
        2,
        True,
    )
    assert names(source) == ["a.npy"]


def test_a_result_never_replaces_its_input(run, scans, tmp_path):
    np.save(tmp_path / "a.npy", scans[0])
    table = scan_csv(tmp_path / "target_H.csv", scans[0], 1e3 * GRID.points())
    before = table.read_bytes()
    for source, out, *more in (
        (tmp_path / "a.npy", tmp_path / "a.npy"),
        (table, tmp_path, "--out_format", "nf_target_csv"),
    ):
        status, _, error = run(source, out, *more)
        assert (status, "would replace the input" in error) == (2, True)
    assert table.read_bytes() == before
    assert names(tmp_path) == ["a.npy", "target_H.csv"]


def test_an_output_of_the_wrong_kind_is_refused_before_the_model_is_loaded(run, scans, tmp_path):
    np.save(tmp_path / "a.npy", scans[0])
    source = folder_of(tmp_path / "scans", {"a": scans[0]})
    (tmp_path / "file").touch()
    (tmp_path / "folder.npy").mkdir()
    in_folders = "--out_format", "nf_target_csv"
    for given, out, more, sentence in (
        (source, "file", (), "a file; the results of a folder go to a folder"),
        (tmp_path / "a.npy", "file", in_folders, "a file; the tables of one file go to a folder"),
        (tmp_path / "a.npy", "field", (), "the tensor of one file goes to a .npy file"),
        (tmp_path / "a.npy", "folder.npy", (), "is a folder; a result goes to a file"),
    ):
        status, _, error = run(given, tmp_path / out, *more, checkpoint=tmp_path / "none.pth")
        assert (status, sentence in error) == (2, True), error


def test_two_inputs_of_one_name_are_refused_before_any_is_predicted(run, scans, tmp_path):
    source = folder_of(tmp_path / "scans", {"a": scans[0]})
    scan_csv(source / "a.csv", scans[0], 1e3 * GRID.points())
    status, _, error = run(source, tmp_path / "out")
    assert (status, "has the same name as a.csv, and so would their results; rename one" in error) == (2, True)
    assert not (tmp_path / "out").exists()


def test_a_checkpoint_that_was_not_calibrated_leaves_every_number_of_the_table_empty(run, ckpt, scans, tmp_path):
    source = folder_of(tmp_path / "scans", {"a": scans[0]})
    status, _, error = run(source, tmp_path / "out", checkpoint=ckpt.with_name("last.pth"))
    assert (status, "was not calibrated" in error) == (0, True)
    assert trust(tmp_path / "out")[COLUMNS].isna().all(axis=None)


BOARD = ("--ground_plane_mm", "-6", "-6", "6", "6", "--ground_plane_z_mm", "-0.8")


def test_with_a_ground_plane_the_field_is_that_of_currents_over_it(ckpt, folder, tmp_path, capsys):
    scan = Store(folder / "elements").source_h(np.arange(1))[0]
    np.save(tmp_path / "scan.npy", scan)
    arguments = ["--ckpt", str(ckpt), "--input", str(tmp_path / "scan.npy"), "--out", str(tmp_path / "field.npy")]
    assert infer.main([*arguments, *BOARD]) == 0
    said = capsys.readouterr().out
    prediction = emfm.load_model(ckpt, device="cpu").predict(scan, board=emfm.Board((-6.0, 6.0), (-6.0, 6.0), -0.8))
    field = to_channels(np.concatenate([prediction.E, prediction.H]))
    assert np.allclose(np.load(tmp_path / "field.npy"), field, rtol=1e-5)
    whose = "currents on the board given, not of the model" if prediction.is_of_board else "the model, as currents"
    assert said.startswith(f"field of {whose}")
    assert 0 < prediction.trust.expected_rel_l2_e < prediction.trust.bound_rel_l2_e


def test_over_a_ground_plane_the_page_has_the_levels_of_the_currents_on_the_board(ckpt, scans, tmp_path):
    np.save(tmp_path / "scan.npy", scans[0])
    page = tmp_path / "scan.html"
    arguments = ["--ckpt", str(ckpt), "--input", str(tmp_path / "scan.npy"), "--out", str(tmp_path / "field.npy")]
    assert infer.main([*arguments, "--page", str(page), *BOARD]) == 0
    model = emfm.load_model(ckpt, device="cpu")
    found = model.on_board(scans[0], emfm.Board((-6.0, 6.0), (-6.0, 6.0), -0.8))
    factor, unit = with_prefix(model.radiated_power(found), "W")
    power = f"{factor * model.radiated_power(found):.3g} {unit}"
    assert f"The currents on the board and in its ground plane radiate {power} in free space" in page.read_text()
    assert f"on the predicted plane makes, {found.bound_rel_l2[0]:.2g}" in page.read_text()


@pytest.mark.parametrize("is_of_board", [True, False])
def test_that_a_scan_is_too_small_is_said_of_the_models_field_alone(ckpt, tmp_path, monkeypatch, capsys, is_of_board):
    def found(model, search, scans):
        errors, channels = np.array([0.02, 0.02]), np.zeros((12, *GEOMETRY.target.shape), np.float32)
        return [FieldOverBoard(channels, board_field(), is_of_board, errors, 2 * errors, 0.0) for _ in scans]

    monkeypatch.setattr(infer, "fields_over_board", found)
    wave = np.exp(100j * GRID.points()[:, 0]).reshape(GRID.shape)
    np.save(tmp_path / "scan.npy", to_channels(np.stack([wave, 1j * wave])).astype(np.float32))
    arguments = ["--ckpt", str(ckpt), "--input", str(tmp_path / "scan.npy"), "--out", str(tmp_path / "field.npy")]
    assert infer.main([*arguments, "--page", str(tmp_path / "page.html"), *BOARD]) == 0
    said = "look too small (scan.npy)"
    assert (said in capsys.readouterr().err, said in (tmp_path / "page.html").read_text()) == (not is_of_board,) * 2


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (BOARD[:5], "--ground_plane_mm and --ground_plane_z_mm: give both, the corners of the plate and its height"),
        (("--copper_z_mm", "0"), "--ground_plane_mm and --ground_plane_z_mm: give both"),
        ((*BOARD[:6], "2"), "the ground plane lies at z = 2 mm, the scan at z = 1 mm; give the height of the plate"),
        (("--ground_plane_mm", "3", "-6", "3", "6", *BOARD[5:]), "x_mm goes from 3 to 3 mm; give the lower end first"),
    ],
)
def test_a_board_that_is_none_is_refused_before_anything_is_written(ckpt, folder, tmp_path, capsys, options, told):
    np.save(tmp_path / "scan.npy", Store(folder / "elements").source_h(np.arange(1))[0])
    arguments = ["--ckpt", str(ckpt), "--input", str(tmp_path / "scan.npy"), "--out", str(tmp_path / "field.npy")]
    assert infer.main([*arguments, *options]) != 0
    assert told in capsys.readouterr().err
    assert not (tmp_path / "field.npy").exists()
