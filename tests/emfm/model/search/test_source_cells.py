"""Cells of the region in which sources are looked for."""

import numpy as np
import pytest
import torch

from emfm.model.complex_rows import complex_rows
from emfm.model.search.mirrors import IMAGES, image_signs, parity_bases
from emfm.model.search.modes import FieldModes
from emfm.model.search.snapshots import physical_snapshots
from emfm.model.search.source_cells import KEPT, quarter_in_parts, source_cells
from small_fields import PLANES, all_cell_fields, one_sample, region, small_geometry

GEOMETRY = small_geometry()


@pytest.mark.parametrize(
    ("cell_mm", "layers", "counts"), [(2.25, 1, (4, 4, 1)), (2.0, 2, (6, 6, 2)), (99.0, 3, (2, 2, 3))]
)
def test_cells_cover_the_region_and_no_more(cell_mm, layers, counts):
    cells = source_cells(region(cell_mm=cell_mm, layers=layers), GEOMETRY)
    assert len(cells) == np.prod(counts)
    assert cells.groups == 2 * len(cells)
    assert cells.size[:2].max() <= cell_mm * 1e-3 * (1 + 1e-9)
    for axis, (low, high) in enumerate([(-4.5e-3, 4.5e-3), (-4.5e-3, 4.5e-3), (-1.5e-3, 0)]):
        middles = np.unique(cells.middles[:, axis].round(9))
        expected = low + (high - low) * (np.arange(counts[axis]) + 0.5) / counts[axis]
        np.testing.assert_allclose(middles, expected, atol=1e-9)
    assert np.prod(cells.size) * len(cells) == pytest.approx(9e-3 * 9e-3 * 1.5e-3)
    assert len(np.unique(cells.middles.round(9), axis=0)) == len(cells)


@pytest.mark.parametrize("height_mm", [1.0, 21.0, -3.0])
def test_the_region_goes_with_the_scan(height_mm):
    """Boards whose top is not at z = 0 need no other parameters."""
    moved = small_geometry(
        source_plane=PLANES["source_plane"] | {"z_mm": height_mm},
        target_plane=PLANES["target_plane"] | {"z_mm": height_mm + 4},
    )
    middles, usual = (source_cells(region(), geometry).middles for geometry in (moved, GEOMETRY))
    np.testing.assert_allclose(middles - [0, 0, (height_mm - 1.0) * 1e-3], usual, atol=1e-12)


@pytest.mark.parametrize("depth_mm", [[0.0, 1.5], [-0.5, 1.5], [2.5, 1.0], [1.0, 1.0]])
def test_a_region_that_reaches_the_scan_or_is_upside_down_is_refused(depth_mm):
    with pytest.raises(ValueError, match="the least depth must be above 0, and the greatest above the least"):
        region(depth_mm=depth_mm)


@pytest.fixture(scope="module")
def modes():
    modes = FieldModes(60, GEOMETRY)
    modes.find([physical_snapshots(GEOMETRY, region(), 240)])
    return modes


@pytest.mark.parametrize("kind", [0, 1], ids=["electric", "magnetic"])
def test_a_cell_makes_the_field_of_any_element_inside_it_and_better_the_smaller_it_is(modes, kind):
    """Both of its planes at once: the combination that makes the scan makes the field, too."""
    place_mm = [0.61, -1.27, -0.4]
    moment, nothing = np.array([[0.3, -0.5, 0.8]]), np.zeros((1, 3))
    scan, target = one_sample(GEOMETRY, [place_mm], *((moment, nothing) if kind == 0 else (nothing, moment)))
    truth = [complex_rows(scan)[0], modes.project(target)[0]]
    errors = []
    for cell_mm, layers in ((4.5, 1), (2.25, 2), (0.9, 3)):
        cells = source_cells(region(cell_mm=cell_mm, layers=layers), GEOMETRY)
        inside = np.all(np.abs(cells.middles - np.array(place_mm) * 1e-3) <= cells.size / 2, axis=1)
        group = 2 * int(np.flatnonzero(inside)[0]) + kind
        scans, fields = all_cell_fields(cells, GEOMETRY, modes)
        assert scans.shape == (cells.groups, KEPT, 50)
        assert fields.shape == (cells.groups, KEPT, 60)
        made = [part[group].mT / size for part, size in zip((scans, fields), sizes_of(truth), strict=True)]
        wanted = torch.cat([part / size for part, size in zip(truth, sizes_of(truth), strict=True)])
        together = torch.cat(made).to(torch.complex128)
        found = together @ torch.linalg.lstsq(together, wanted.to(torch.complex128)[:, None]).solution
        errors.append(float((found[:, 0] - wanted).norm() / wanted.norm()))
    assert errors[0] > 2 * errors[1] > 4 * errors[2]
    assert errors[2] < 0.02


def sizes_of(parts):
    return [part.abs().square().sum().sqrt() for part in parts]


@pytest.mark.parametrize("image", range(1, IMAGES))
def test_the_scans_of_a_cell_and_of_its_images_differ_by_signs_alone(modes, image):
    cells = source_cells(region(cell_mm=1.5, layers=2), GEOMETRY)
    scans = all_cell_fields(cells, GEOMETRY, modes)[0].unflatten(0, (IMAGES, -1)).to(torch.complex128)
    signs = image_signs()[:, :2]
    for parity, basis in enumerate(parity_bases(GEOMETRY.source)):
        of_parity = scans @ basis.conj()
        turned = np.prod(np.where(signs[parity] < 0, signs[image], 1.0))
        assert of_parity.norm() > 0.1 * scans.norm()
        torch.testing.assert_close(
            of_parity[image], turned * of_parity[0], rtol=1e-4, atol=1e-6 * float(scans.abs().max())
        )


@pytest.mark.parametrize(("cell_mm", "layers"), [(2.25, 1), (1.0, 3)])
def test_the_parts_of_the_quarter_hold_each_of_its_cells_once(cell_mm, layers):
    cells = source_cells(region(cell_mm=cell_mm, layers=layers), GEOMETRY)
    quarter = np.arange(len(cells) // IMAGES)
    np.testing.assert_array_equal(np.concatenate([quarter[part] for part in quarter_in_parts(cells)]), quarter)
