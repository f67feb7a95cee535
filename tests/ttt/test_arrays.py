"""Arrays in npy and npz files."""

import io
import zipfile

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays, floating_dtypes, integer_dtypes

from ttt.arrays import StoredArray, array_names, is_npy, write_npy, write_npz


def npy_bytes(array):
    """A npy file of ``array``; one of objects holds a pickle, which must be refused."""
    buffer = io.BytesIO()
    np.save(buffer, array, allow_pickle=True)
    return buffer.getvalue()


def header_of(shape):
    buffer = io.BytesIO()
    np.lib.format.write_array_header_1_0(buffer, {"descr": "<f8", "fortran_order": False, "shape": shape})
    return buffer.getvalue()


@given(arrays(floating_dtypes() | integer_dtypes(), array_shapes(min_dims=0, min_side=0)), st.booleans())
def test_what_numpy_saves_is_read_to_the_same_bits(array, fortran):
    array = np.asfortranarray(array) if fortran else array
    stored = StoredArray.open(io.BytesIO(npy_bytes(array)))
    assert (stored.shape, stored.dtype) == (array.shape, array.dtype)
    assert stored.read().tobytes() == array.tobytes()


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (npy_bytes(np.ones(3))[:-1], "holds more or fewer numbers than its header says"),
        (npy_bytes(np.ones(3)) + b"\0", "holds more or fewer numbers than its header says"),
        (header_of((-1,)) + bytes(8), "holds more or fewer numbers than its header says"),
        (npy_bytes(np.array([print], object)), "holds a pickle, which is never loaded"),
    ],
)
def test_what_is_no_array_of_numbers_is_refused_once_it_is_read(content, sentence):
    stored = StoredArray.open(io.BytesIO(content))
    with pytest.raises(ValueError, match=sentence):
        stored.read()


def test_arrays_are_written_with_the_same_bytes_each_time_and_numpy_reads_them(tmp_path):
    content = {"a": np.arange(6.0).reshape(2, 3), "b": np.array("text")}
    for name in ("one.npz", "two.npz"):
        write_npz(tmp_path / name, content)
    assert (tmp_path / "one.npz").read_bytes() == (tmp_path / "two.npz").read_bytes()
    with np.load(tmp_path / "one.npz", allow_pickle=False) as file:
        assert {name: file[name].tolist() for name in file} == {name: array.tolist() for name, array in content.items()}
    with zipfile.ZipFile(tmp_path / "one.npz") as archive:
        assert array_names(archive) == ["a", "b"]
    write_npy(tmp_path / "a.npy", content["a"])
    with (tmp_path / "a.npy").open("rb") as file, (tmp_path / "one.npz").open("rb") as other:
        assert (is_npy(file), is_npy(other)) == (True, False)
        np.testing.assert_array_equal(StoredArray.open(file).read(), content["a"])
