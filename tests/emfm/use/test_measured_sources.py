"""Sources and fields from a table of points, without a model."""

from functools import cache

import numpy as np
import pytest
import torch

import emfm
from element_scenes import GEOMETRY, draw_scene
from emfm.core.channels import TARGET_COMPONENTS, to_channels
from emfm.core.errors import DataError
from emfm.core.grid import Grid
from emfm.plates.dressed_cells import DressedCells
from emfm.plates.plate_search import plate_search
from emfm.sources.far_field import radiated_power
from emfm.sources.found import CurrentElements
from emfm.sources.views import ScanView
from measured_scans import GRID_POINTS, measured, scattered

SCENE = draw_scene(np.random.default_rng(9), 2)


def true_elements():
    magnetic = SCENE.magnetic[:, None]
    return CurrentElements(
        SCENE.positions,
        np.where(magnetic, 0, SCENE.moments),
        np.where(magnetic, SCENE.moments, 0),
        GEOMETRY.frequency,
    )


def table(scan, parts=("re", "im"), lines=slice(None), gap=""):
    """A scan as CSV; values that were not measured are ``gap``."""
    first, second = (
        (scan.values.real, scan.values.imag)
        if parts == ("re", "im")
        else (np.abs(scan.values), np.degrees(np.angle(scan.values)))
    )
    numbers = np.stack([first, second], 1).reshape(-1, len(scan.points)).T
    header = ["x", "y", "z", *(f"{name}_{part}" for name in scan.components for part in parts)]
    rows = [
        [*(repr(float(1e3 * number)) for number in point), *(gap if np.isnan(n) else repr(float(n)) for n in row)]
        for point, row in zip(scan.points, numbers, strict=True)
    ]
    return "".join(",".join(row) + "\n" for row in [header, *rows[lines]])


@pytest.mark.parametrize("parts", [("re", "im"), ("abs", "phase")])
@pytest.mark.parametrize("gap", ["", "nan", "N/A", "--"])
def test_a_table_is_read_with_what_was_not_measured(tmp_path, parts, gap):
    scan = measured(SCENE, scattered(np.random.default_rng(0), 40), ("Ez", "Hx"))
    scan.values[0, 3] = scan.values[1, 7] = scan.values[1, 39] = np.nan
    path = tmp_path / "scan.csv"
    path.write_text(table(scan, parts, gap=gap))
    found = emfm.read_measured(path, GEOMETRY.frequency)
    assert found.components == ("Ez", "Hx")
    np.testing.assert_allclose(found.points, scan.points, rtol=1e-12)
    np.testing.assert_allclose(found.values, scan.values, rtol=1e-9)


def test_all_fields_follow_from_what_was_found():
    found = emfm.find_sources(measured(SCENE, components=("Hx", "Hz")))
    truth = true_elements()
    x, y = np.linspace(-8e-3, 8e-3, 4), np.linspace(-6e-3, 6e-3, 3)
    e_field, h_field = found.plane(6e-3, x, y)
    assert e_field.shape == h_field.shape == (3, 3, 4)
    place = [[x[1], y[2], 6e-3]]
    for made, true in zip(found.field(place), truth.fields(np.array(place)), strict=True):
        np.testing.assert_allclose(made, true.T, rtol=1e-4)
    np.testing.assert_allclose(found.field(place).E[:, 0], e_field[:, 2, 1], rtol=1e-12)
    np.testing.assert_allclose(found.line(place[0], [0, 0, 1.0], 2).H[:, 0], h_field[:, 2, 1], rtol=1e-12)
    assert found.radiated_power() == pytest.approx(radiated_power(truth), rel=1e-4)
    assert np.abs(found.far_field(np.pi / 3, 0.0)).max() > 0
    channels = found.channels(GEOMETRY.target)
    assert channels.dtype == np.float32
    true = np.concatenate([part.T for part in truth.fields(GEOMETRY.target.points())])
    np.testing.assert_allclose(channels[2].ravel(), true[1].real, atol=1e-4 * np.abs(true).max())
    assert found.unseen is None
    with pytest.raises(DataError, match="the topmost source lies at"):
        found.field([[0, 0, -5e-3]])


def test_magnitudes_are_refused_with_the_reason_and_the_remedy(tmp_path):
    scan = measured(SCENE)
    path = tmp_path / "scan.csv"
    path.write_text(table(scan, ("abs", "phase")).replace("Hx_phase", "a").replace("Hy_phase", "b"))
    sentence = "gives Hx, Hy without phase .*: measure against a reference .*amplitude and phase, of each component"
    with pytest.raises(DataError, match=sentence):
        emfm.read_measured(path, GEOMETRY.frequency)
    magnitudes = emfm.MeasuredField(scan.points, scan.components, np.abs(scan.values) + 0j, scan.frequency)
    with pytest.raises(DataError, match="magnitudes without phase: every imaginary part of Hx and Hy is zero"):
        emfm.find_sources(magnitudes)
    turned = emfm.MeasuredField(scan.points, scan.components, np.abs(scan.values) * (1 + 1j), scan.frequency)
    with pytest.raises(DataError, match="no phase: that of Hx and Hy is the same at every point"):
        emfm.find_sources(turned)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("x,y,Hx_re,Hx_im\n1,2,3,4\n", "line 1: lacks the column 'z'"),
        ("x,y,z,a\n1,2,3,4\n", "line 1: names no component of the field; found x, y, z, a"),
        ("x,y,z,Hx_re,Hx_im\n1,2,nan,4,5\n", "line 2, column z: 'nan' is not finite"),
        ("x,y,z,Hx_re,Hx_im\n1,2,3,4,five\n", "line 2, column Hx_im: 'five' is not a number"),
        ("x,y,z,Hx_re,Hx_im\n1,2,3,,\n", "was not measured at any point"),
        (
            "# freq = 1 GHz\nx,y,z,Hx_re,Hx_im\n1,2,3,4,5\n",
            "has no field at 5e[+]?0?9 Hz|has no field at 5000000000 Hz",
        ),
        ("x,y,z,Hx_re,Hx_im\n1,2,3,4e-300,5e-300\n", "check its unit"),
    ],
)
def test_a_table_that_cannot_be_used_is_refused_with_the_place(tmp_path, text, sentence):
    path = tmp_path / "scan.csv"
    path.write_text(text)
    with pytest.raises(DataError, match=f"scan.csv: .*({sentence})"):
        emfm.read_measured(path, GEOMETRY.frequency)


def test_a_component_that_is_not_whole_is_said_not_to_be_used(tmp_path, caplog):
    path = tmp_path / "scan.csv"
    path.write_text(table(measured(SCENE, GRID_POINTS[:30]), ("abs", "phase")).replace("Hy_phase", "other"))
    assert emfm.read_measured(path, GEOMETRY.frequency).components == ("Hx",)
    assert "not used, here and in files like it: 'Hy_abs', 'other'" in caplog.text


BOARD = emfm.Board((-6.0, 6.0), (-6.0, 6.0), -0.8, copper_z_mm=0.0)
ABOVE = Grid(-8e-3, -8e-3, 2e-3, 2e-3, 9, 9, 5e-3)


@cache
def over_board():
    """The elements of a current of 3 mm along x on the copper of `BOARD`, and of what it induces in the plate."""
    view = ScanView.of_grid(GEOMETRY.source, GEOMETRY.frequency, torch.device("cpu"))
    cells = DressedCells(BOARD, view, ABOVE)
    x, y = 1e3 * cells.middles.T
    currents = np.zeros(len(cells.middles), complex)
    currents[: len(currents) // 3] = ((np.abs(x) < 1.6) & (np.abs(y - 0.4) < 0.5))[: len(currents) // 3]
    return cells.elements(currents)


@pytest.mark.parametrize("components", [("Hx", "Hy"), ("Hx", "Hz"), ("Ex", "Ey", "Hz")])
def test_over_a_known_board_any_components_at_any_points_give_its_currents_and_their_field(components):
    points = scattered(np.random.default_rng(1), 100, (2e-3, 3e-3))
    field = dict(zip(TARGET_COMPONENTS, np.concatenate([part.T for part in over_board().fields(points)]), strict=True))
    values = np.stack([field[name] for name in components])
    values[0, ::9] = np.nan
    scan = emfm.MeasuredField(points, components, values, GEOMETRY.frequency)
    currents = emfm.find_currents(scan, BOARD, ABOVE)
    found, true = currents.plane(ABOVE.z, ABOVE.x, ABOVE.y), over_board().fields(ABOVE.points())
    for part, expected, bound in zip(found, true, currents.found.bound_rel_l2, strict=True):
        error = np.linalg.norm(part.reshape(3, -1).T - expected) / np.linalg.norm(expected)
        assert error < max(0.1, bound)
    assert currents.found.misfit < 0.03
    assert currents.radiated_power() == pytest.approx(radiated_power(over_board()), rel=0.1)


def test_on_a_models_grid_they_are_the_models_own():
    points = GEOMETRY.source.points()
    h_field = over_board().fields(points)[1].T
    scan = emfm.MeasuredField(points, ("Hx", "Hy"), h_field[:2], GEOMETRY.frequency)
    channels = to_channels(h_field[:2].reshape(2, *GEOMETRY.source.shape))
    found, expected = (
        emfm.find_currents(scan, BOARD, GEOMETRY.target).found,
        plate_search(BOARD, GEOMETRY).find(channels),
    )
    np.testing.assert_allclose(
        found.copper.sizes, expected.copper.sizes, rtol=1e-6, atol=1e-9 * expected.copper.sizes[0]
    )
    assert found.expected_rel_l2 == pytest.approx(expected.expected_rel_l2, rel=1e-5)


def test_a_scan_beside_the_board_is_refused_with_the_way_out():
    scan = measured(SCENE)
    with pytest.raises(DataError, match="lies below no point of the scan, x -5 to 5, y -5 to 5 mm; give its corners"):
        emfm.find_currents(scan, emfm.Board((20.0, 30.0), (-6.0, 6.0), -0.8))
    scan = emfm.MeasuredField(scan.points[:8], scan.components, scan.values[:, :8], scan.frequency)
    with pytest.raises(DataError, match="complex values; a search for sources needs"):
        emfm.find_currents(scan, BOARD)
