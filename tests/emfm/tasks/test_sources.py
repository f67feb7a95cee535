"""The command that finds sources without a model, as users type it."""

import numpy as np
import pandas as pd
import pytest

from element_scenes import draw_scene
from emfm.acquire.readers.base import WantedPlane
from emfm.acquire.readers.csv_cases import CsvCases
from emfm.core.channels import E_COMPONENTS, channel_names
from emfm.core.planes import PlaneParams
from emfm.tasks.forward.sources import main
from emfm.use.current_table import COLUMNS as CURRENT_COLUMNS
from emfm.use.source_table import COLUMNS
from measured_scans import measured, scattered

SCENE = draw_scene(np.random.default_rng(9), 2)
PLANE = PlaneParams(z_mm=6.0, x_mm=[-8.0, 8.0], y_mm=[-6.0, 6.0], pitch_mm=2.0).to_grid()


@pytest.fixture
def write(tmp_path):
    """A table of the scene's field at scattered points, amplitude and phase, in tmp_path."""

    def written(components=("Hx", "Hz"), count=90, keep=slice(None)):
        scan = measured(SCENE, scattered(np.random.default_rng(3), count, (1e-3, 2e-3)), components)
        frame = pd.DataFrame(1e3 * scan.points, columns=["x_mm", "y_mm", "z_mm"])
        for name, values in zip(components, scan.values, strict=True):
            frame[f"|{name}| [mA/m]"], frame[f"{name}_phase_deg"] = 1e3 * np.abs(values), np.degrees(np.angle(values))
        frame.iloc[::9, 3] = np.nan
        path = tmp_path / "scan.csv"
        frame.iloc[:, keep].to_csv(path, index=False)
        return path

    return written


def run(path, out, *more):
    return main(["--input", str(path), "--frequency_hz", "5e9", "--out", str(out), *more])


def test_a_table_and_the_field_on_a_plane_are_written(write, tmp_path, capsys):
    assert run(write(), tmp_path / "out", *["--plane_mm", "6", "-8", "8", "-6", "6", "2"]) == 0
    table = pd.read_csv(tmp_path / "out/scan_sources.csv")
    assert tuple(table.columns) == COLUMNS
    places = table[["x_mm", "y_mm", "z_mm"]].to_numpy()
    apart = np.linalg.norm(places[:, None] - 1e3 * SCENE.positions, axis=2).min(1)
    assert apart.max() < 1e-3
    assert list((table["kind"] == "magnetic").sort_values()) == sorted(SCENE.magnetic)
    wanted = WantedPlane(channel_names(E_COMPONENTS), PLANE, 5e9)
    written = CsvCases().read_plane(tmp_path / "out/scan/target_E.csv", wanted)
    true = SCENE.fields(PLANE.points())[0].T
    np.testing.assert_allclose(written[0].ravel(), true[0].real, atol=1e-3 * np.abs(true).max())
    assert capsys.readouterr().out.startswith("2 elements explain the scan; expected relative error of their field: E")


def test_what_one_component_does_not_show_is_warned_of(write, tmp_path, caplog):
    assert run(write(("Hz",)), tmp_path / "out") == 0
    assert "Hz alone shows no electric currents along z" in caplog.text
    assert not (tmp_path / "out/scan").exists()


def test_more_points_than_a_search_holds_are_thinned_out_and_that_is_said(write, tmp_path, caplog, monkeypatch):
    monkeypatch.setattr("emfm.sources.measured_search.MOST_VALUES", 100)
    assert run(write(), tmp_path / "out") == 0
    assert "of its 90 points" in caplog.text
    assert "a search holds 100 values" in caplog.text


@pytest.mark.parametrize(
    ("flags", "keep", "sentence"),
    [
        ("", [0, 1, 2, 3, 5], "gives Hx, Hz without phase"),
        ("--plane_mm 6 -8 8 -6 6 5", slice(None), "--plane_mm: x_mm must span one or more whole steps"),
        ("--plane_mm -9 -8 8 -6 6 2", slice(None), "the topmost source lies at"),
        ("--depths_mm 2 1", slice(None), "depths: found 2 to 1 mm"),
        ("--frequency_hz 0", slice(None), "--frequency_hz: found 0; give the frequency"),
    ],
)
def test_what_cannot_be_done_is_refused_and_nothing_is_written(write, tmp_path, caplog, capsys, flags, keep, sentence):
    assert run(write(keep=keep), tmp_path / "out", *flags.split()) == 2
    assert sentence in capsys.readouterr().err + caplog.text
    assert not (tmp_path / "out").exists()


def test_results_replace_no_input(write, tmp_path, capsys):
    path = write()
    path.rename(tmp_path / "out")
    assert run(tmp_path / "out", tmp_path / "out") == 2
    assert "--out: found" in capsys.readouterr().err


BOARD = "--ground_plane_mm", "-6", "-6", "6", "6", "--ground_plane_z_mm", "-0.8"


def test_over_a_known_board_its_currents_and_their_field_are_written(write, tmp_path, capsys):
    plane = "--plane_mm", "6", "-8", "8", "-6", "6", "2"
    assert run(write(), tmp_path / "out", *BOARD, "--copper_z_mm", "-0.2", *plane) == 0
    table = pd.read_csv(tmp_path / "out/scan_currents.csv")
    assert tuple(table.columns) == CURRENT_COLUMNS
    assert (table["z_mm"] == -0.2).all()
    assert (tmp_path / "out/scan/target_E.csv").is_file()
    assert not (tmp_path / "out/scan_sources.csv").exists()
    said = capsys.readouterr().out
    assert said.startswith(f"currents on {len(table)} cells of the board given; expected relative error of their field")


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (BOARD[:5], "give both, the corners of the plate and its height"),
        ((*BOARD, "--depths_mm", "0.5", "2"), "--depths_mm: currents on a board lie on its copper"),
        ((*BOARD[:6], "8"), "the ground plane lies at z = 8 mm, the scan at z = "),
    ],
)
def test_a_board_that_cannot_be_used_is_refused_before_anything_is_written(write, tmp_path, capsys, options, told):
    assert run(write(), tmp_path / "out", *options) == 2
    assert told in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
