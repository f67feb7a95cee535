"""Near-field files of FEKO are read back by the reader of FEKO's own files, bit for bit."""

import numpy as np
import pytest

from emfm.acquire.readers.base import WantedPlane
from emfm.acquire.readers.feko import Feko
from emfm.core.channels import E_CHANNELS, H_CHANNELS, TARGET_CHANNELS
from emfm.core.errors import DataError
from emfm.use.feko_files import feko_files, write_feko
from small_fields import small_geometry

GEOMETRY = small_geometry()
PLANE = GEOMETRY.target
FIELD = np.random.default_rng(0).normal(size=(12, *PLANE.shape)).astype(np.float32) * np.float32(1e-3)


def read(path, part, frequency=GEOMETRY.frequency):
    return Feko().read_plane(path, WantedPlane(TARGET_CHANNELS[part], PLANE, frequency, 1e-9))


def test_reading_gives_the_same_bits(tmp_path):
    write_feko(tmp_path / "scan", FIELD, PLANE, GEOMETRY.frequency)
    electric, magnetic = feko_files(tmp_path / "scan")
    np.testing.assert_array_equal(read(electric, E_CHANNELS), FIELD[E_CHANNELS])
    np.testing.assert_array_equal(read(magnetic, H_CHANNELS), FIELD[H_CHANNELS])


def test_the_frequency_and_the_kind_of_field_are_said(tmp_path):
    write_feko(tmp_path / "scan", FIELD, PLANE, GEOMETRY.frequency)
    electric, magnetic = feko_files(tmp_path / "scan")
    with pytest.raises(DataError, match="5e\\+09|5000000000"):
        read(electric, E_CHANNELS, 2 * GEOMETRY.frequency)
    with pytest.raises(DataError):
        read(magnetic, E_CHANNELS)


@pytest.mark.parametrize(
    ("field", "sentence"),
    [(FIELD[:, 1:], "must have the shape"), (np.where(np.arange(PLANE.nx), FIELD, np.nan), "holds NaN or Inf")],
)
def test_what_is_no_field_of_the_plane_leaves_nothing_behind(tmp_path, field, sentence):
    with pytest.raises(DataError, match=sentence):
        write_feko(tmp_path / "scan", field, PLANE, GEOMETRY.frequency)
    assert list(tmp_path.iterdir()) == []
