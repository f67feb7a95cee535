"""The script that compares trust with truth outside the training: its scans, its verdicts and its table."""

import importlib
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from emfm.acquire.scenes import Planes
from emfm.core.channels import to_components
from emfm.core.grid import Grid
from emfm.model.trained import TrainedModel
from emfm.use.forward_model import ForwardModel
from scene_params import scene_params
from small_fields import small_geometry
from small_training import small_checkpoint, write_store

FOLDER = Path(__file__).parents[1] / "benchmarks"
SCANS = 3
MM = 1e-3
INSTRUMENT = {"snr_db": [40.0, 40.0], "probe_mm": [0.0, 0.0], "position_mm": 0.0, "height_mm": 0.0, "gain_db": 0.0}


@pytest.fixture(scope="module")
def modules():
    names = ("outside_world", "outside_scans", "outside_trust", "trust_outside")
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(FOLDER))
        return SimpleNamespace(**{name: importlib.import_module(name) for name in names})


@pytest.fixture(scope="module")
def world(modules):
    return a_world(modules)


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    folder = tmp_path_factory.mktemp("trust")
    write_store(folder, "elements")
    return small_checkpoint(folder, folder / "run")


@pytest.fixture(scope="module")
def model(checkpoint):
    return ForwardModel(TrainedModel(checkpoint, torch.device("cpu")))


def a_world(modules, seed=5):
    params = scene_params(half_width_mm=4.0, mix={"elements": 1.0, "traces": 1.0})
    measurement = modules.outside_scans.MeasurementParams(**INSTRUMENT, phase_deg=0.0, redraw=False)
    return modules.outside_world.World(small_geometry(), params, measurement, SCANS, seed)


def relative(found, expected):
    """Of each scan."""
    wrong = (found - expected).reshape(len(found), -1)
    return np.linalg.norm(wrong, axis=1) / np.linalg.norm(expected.reshape(len(found), -1), axis=1)


def asked(modules, model, scans):
    return modules.outside_trust.ask(model, scans, small_geometry().source, model.frequency)


def verdicts(modules, true, expected, warned=False, refused=False):
    marks = (np.array([mark]) for mark in (warned, refused))
    return modules.outside_trust.Verdicts(np.array([true]), np.array([expected]), *marks)


@pytest.mark.parametrize(
    ("true", "expected", "honest"),
    [
        ((0.29, 0.29), (0.1, 0.1), True),
        ((0.31, 0.1), (0.1, 0.1), False),
        ((0.1, 0.31), (0.1, 0.1), False),
        ((0.1, 0.1), (np.nan, np.nan), False),
    ],
)
def test_a_number_is_honest_if_e_and_h_are_wrong_by_no_more_than_three_times_of_it(modules, true, expected, honest):
    assert verdicts(modules, true, expected).honest.tolist() == [honest]


def test_a_scan_that_is_warned_of_or_refused_is_treated_honestly_whatever_its_error(modules):
    nothing = (np.nan, np.nan)
    assert verdicts(modules, (9.0, 9.0), nothing, warned=True).honest.all()
    assert verdicts(modules, nothing, nothing, refused=True).honest.all()


def test_no_expected_error_stands_beside_a_warning_and_the_true_one_is_known(modules, world):
    warned, expected = np.array([False, True, True]), np.array([0.1, 0.2, np.nan])
    target = to_components(world.base.clean.target)
    trust = SimpleNamespace(unlike_training=warned, expected_rel_l2_e=expected, expected_rel_l2_h=expected)
    answer = SimpleNamespace(E=1.5 * target[:, :3], H=target[:, 3:], trust=trust)
    said = asked(modules, SimpleNamespace(predict=lambda _: answer, frequency=5e9), world.base.clean)
    assert said.warned.tolist() == warned.tolist()
    np.testing.assert_array_equal(said.expected, [[0.1, 0.1], [np.nan] * 2, [np.nan] * 2])
    np.testing.assert_allclose(said.true, [[0.5, 0.0]] * SCANS, rtol=1e-6)
    assert said.honest.tolist() == [False, True, True]


def test_the_true_error_is_that_of_the_model(modules, model, world):
    clean = world.base.clean
    e_field, h_field = model.predict(clean.source_h)
    true = to_components(clean.target)
    said = asked(modules, model, clean)
    np.testing.assert_allclose(said.true[:, 0], relative(e_field, true[:, :3]), rtol=1e-5)
    np.testing.assert_allclose(said.true[:, 1], relative(h_field, true[:, 3:]), rtol=1e-5)


def test_a_scan_without_phase_is_refused_and_those_beside_it_are_not(modules, model, world):
    scans = world.base.clean.source_h.copy()
    scans[1, 1::2] = 0
    said = asked(modules, model, replace(world.base.clean, source_h=scans))
    assert said.refused.tolist() == [False, True, False]
    assert np.isnan(said.true[1]).all()
    assert np.isfinite(said.true[[0, 2]]).all()


def test_scans_are_the_same_for_a_seed_and_others_for_another(modules, world):
    worlds = world, a_world(modules), a_world(modules, 6)
    for row in (*modules.outside_scans.scene_rows()[:3], *modules.outside_scans.instrument_rows()):
        scans, again, other = (row.make(one, one.random(row.name)).source_h for one in worlds)
        np.testing.assert_array_equal(scans, again, row.name)
        assert (relative(scans, other) > 0.1).all(), row.name


def test_each_row_has_another_kind_of_scans(modules, world):
    rows = modules.outside_scans.all_rows({}, world.geometry)
    assert len({row.name for row in rows}) == len(rows)
    scans = [row.make(world, world.random(row.name)).source_h for row in rows]
    assert {one.shape for one in scans} == {world.base.clean.source_h.shape}
    for number, one in enumerate(scans):
        for place, other in enumerate(scans[:number]):
            assert (relative(one, other) > 1e-5).all(), (rows[number].name, rows[place].name)


def test_elements_outside_lie_outside_of_the_searched_box_by_what_the_row_says(modules, world):
    kinds, half_width = modules.outside_scans, world.simulate.half_width_mm
    for seed in range(20):
        rng = np.random.default_rng(seed)
        farthest = np.abs(kinds.beside_box(world, rng, (5.0, 15.0)).positions[:, :2]).max(1) / MM
        assert ((farthest >= half_width + 5.4) & (farthest <= half_width + 15.4)).all()
        farthest = np.abs(kinds.one_beside_box(world, rng, (0.4, 1.0)).positions[:, :2]).max(1) / MM
        assert (farthest[:3] <= half_width).all()
        assert half_width + 0.8 <= farthest[3] <= half_width + 1.4


def test_over_an_infinite_ground_plane_no_electric_field_lies_in_the_plane(modules, world):
    scene = modules.outside_scans.over_ground(world, np.random.default_rng(0), ground_mm=-1.6)
    assert (scene.positions[:3, 2] > -1.6 * MM).all()
    plane = Grid(-5 * MM, -5 * MM, MM, MM, 11, 11, -1.6 * MM)
    along_x, along_y, across = np.abs(scene.fields(Planes((plane,), 5e9))[0]).max((1, 2))
    assert max(along_x, along_y) < 1e-9 * across


def test_a_scan_read_at_another_height_or_over_a_window_is_the_field_that_is_there(modules, world):
    grid, scene = world.geometry.source, modules.outside_scans.free_elements(world, np.random.default_rng(1))
    make = modules.outside_world
    readings = {"same": make.lifted(grid, 0.0), "window": make.averaged(grid, MM, 3), "high": make.lifted(grid, MM / 2)}
    planes = Planes(tuple(one for reading in readings.values() for one in reading.grids), 5e9)
    found = make.scans_by(readings, scene, planes)

    def field(**changes):
        return scene.fields(Planes((replace(grid, **changes),), 5e9))[1, :2].reshape(4, *grid.shape)

    shifts = (np.arange(10) - 4.5) / 10 * MM
    window = [field(x_first=grid.x_first + dx, y_first=grid.y_first + dy) for dx in shifts for dy in shifts]
    np.testing.assert_allclose(found["same"], field(), rtol=1e-12)
    np.testing.assert_allclose(found["high"], field(z=grid.z + MM / 2), rtol=1e-12)
    effect = np.linalg.norm(found["window"] - field())
    assert np.linalg.norm(found["window"] - np.mean(window, axis=0)) < 0.05 * effect


def test_at_another_frequency_the_scenes_are_the_same_and_the_fields_are_not(modules, world):
    near, far = (
        modules.outside_scans.at_frequency(world, np.random.default_rng(), frequency) for frequency in (5.01e9, 24e9)
    )
    assert (relative(near.target, world.base.clean.target) < 0.02).all()
    assert (relative(far.target, world.base.clean.target) > 0.2).all()


@pytest.mark.slow
def test_the_script_writes_a_table_of_every_kind_and_its_summary(modules, checkpoint, tmp_path):
    out = tmp_path / "trust.md"
    command = [sys.executable, FOLDER / "trust_outside.py", "--ckpt", checkpoint, "--scans", "2", "--out", out]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    page = out.read_text()
    assert done.stdout == page
    rows = modules.outside_scans.all_rows({}, small_geometry())
    assert [line.split(" | ")[0][2:] for line in page.splitlines()[-len(rows) :]] == [row.name for row in rows]
    told = [line for line in page.splitlines() if line.endswith((" yes |", " no |"))]
    reached = sum(line.endswith(" yes |") for line in told)
    assert re.search(rf"\*\*{reached} of {len(told)} kinds that a scan can show", page)
    assert sum("asked for" in line for line in page.splitlines()) == len(rows) - len(told)


def test_fewer_than_one_scan_is_refused(tmp_path):
    command = [sys.executable, FOLDER / "trust_outside.py", "--scans", "0", "--out", tmp_path / "trust.md"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "--scans: found 0; give 1 or more" in done.stderr
