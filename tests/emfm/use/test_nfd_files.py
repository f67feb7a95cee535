"""Near-field sources of HFSS: a box of points, of which the upper face holds the field bit for bit."""

import re

import numpy as np
import pytest

from emfm.core.errors import DataError
from emfm.use.nfd_files import nfd_files, write_nfd
from small_fields import small_geometry

GEOMETRY = small_geometry()
PLANE = GEOMETRY.target
FIELD = np.random.default_rng(0).normal(size=(12, *PLANE.shape)).astype(np.float32) * np.float32(1e-3)


@pytest.fixture
def written(tmp_path):
    """The rows of the table, its first lines, and the header."""
    write_nfd(tmp_path / "scan", FIELD, GEOMETRY)
    table, header = nfd_files(tmp_path / "scan")
    lines = table.read_text().splitlines()
    rows = np.array([[float(cell) for cell in line.split(",")] for line in lines[3:]])
    return rows, lines[:3], header.read_text()


def lengths(header, name):
    """Three of them, m."""
    found = re.search(f"{name}='(.*)'", header)[1].split(",")
    return 1e-3 * np.array([float(length.removesuffix("mm")) for length in found])


def test_the_upper_face_holds_the_field_to_the_bit_and_all_other_points_none(written):
    rows, _, _ = written
    upper, others = rows[-PLANE.nx * PLANE.ny :], rows[: -PLANE.nx * PLANE.ny]
    np.testing.assert_allclose(upper[:, 1:4], PLANE.points(), rtol=1e-8)
    np.testing.assert_array_equal(upper[:, 4:].astype(np.float32).T.reshape(FIELD.shape), FIELD)
    assert not others[:, 4:].any()


def test_points_are_numbered_from_one_and_lie_on_the_faces_of_the_box_that_the_header_names(written):
    rows, _, header = written
    assert rows[:, 0].tolist() == list(range(1, len(rows) + 1))
    center, size = (lengths(header, name) for name in ("center", "size"))
    places, low, high = rows[:, 1:4], center - size / 2, center + size / 2
    np.testing.assert_allclose([places.min(0), places.max(0)], [low, high], atol=1e-9)
    np.testing.assert_allclose([low[2], high[2]], [GEOMETRY.source.z, PLANE.z], atol=1e-9)
    on_a_face = np.isclose(places, low, atol=1e-9) | np.isclose(places, high, atol=1e-9)
    assert on_a_face.any(1).all()
    for axis in range(3):
        assert np.isclose(places[:, axis], low[axis], atol=1e-9).sum() >= 4


def test_table_and_header_name_the_frequency_and_the_header_the_table(written):
    _, head, header = written
    frequency = f"{GEOMETRY.frequency / 1e9:g}GHz"
    assert head[0].startswith("#Index, X, Y, Z, Ex(real, imag)")
    assert head[1:] == ["Frequencies 1", f"Frequency {frequency}"]
    assert f"fsweep='{frequency}'" in header
    assert f'FreqData("{frequency}","target.nfd")' in header


@pytest.mark.parametrize(
    ("field", "sentence"),
    [(FIELD[:, 1:], "must have the shape"), (np.where(np.arange(PLANE.nx), FIELD, np.nan), "holds NaN or Inf")],
)
def test_what_is_no_field_of_the_plane_leaves_nothing_behind(tmp_path, field, sentence):
    with pytest.raises(DataError, match=sentence):
        write_nfd(tmp_path / "scan", field, GEOMETRY)
    assert list(tmp_path.iterdir()) == []
