"""Reading npz cases: plain arrays of the right shape and nothing else."""

import io
import pickle
import zipfile

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from case_files import GEOMETRY, random_case, write_npz_case
from emfm.acquire.readers.npz_cases import NpzCases
from emfm.core.errors import DataError

SOURCE_H, TARGET = random_case(0)


def read(root):
    return NpzCases().read(root, "a", GEOMETRY)


def npy_bytes(array):
    buffer = io.BytesIO()
    np.save(buffer, array)
    return buffer.getvalue()


def write_members(path, **members):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(f"{name}.npy", content)


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
@pytest.mark.parametrize("dtype", ["<f4", "<f8", ">f4"])
@pytest.mark.parametrize("order", ["C", "F"])
def test_arrays_are_read_whatever_their_order_and_precision(tmp_path, save, dtype, order):
    arrays = {"x": SOURCE_H, "y": TARGET, "note": np.array("kept by the user")}
    save(tmp_path / "a.npz", **{k: v.astype(v.dtype if k == "note" else dtype, order=order) for k, v in arrays.items()})
    source_h, target = read(tmp_path)
    assert source_h.dtype == target.dtype == np.float32
    np.testing.assert_array_equal(source_h, SOURCE_H)
    np.testing.assert_array_equal(target, TARGET)


def with_value(value, place):
    changed = TARGET.astype(np.float64)
    changed[place] = value
    return changed


@pytest.mark.parametrize(
    ("arrays", "sentence"),
    [
        ({"x": SOURCE_H}, r"has no array 'y' \(it has x\); save it with numpy.savez\(path, x=..., y=...\)"),
        ({"x": SOURCE_H, "y": TARGET[:6]}, r"array y: must have the shape \(12, 4, 5\).*found \(6, 4, 5\)"),
        (
            {"x": np.moveaxis(SOURCE_H, 0, -1), "y": TARGET},
            r"array x: must have the shape \(4, 3, 4\).*found \(3, 4, 4\)",
        ),
        ({"x": SOURCE_H, "y": TARGET * 1j}, "array y: holds complex64; save real channels as float32"),
        ({"x": SOURCE_H, "y": TARGET.astype(int)}, "array y: holds int64"),
        ({"x": SOURCE_H, "y": TARGET.astype(str)}, "array y: holds <U"),
        ({"x": SOURCE_H, "y": TARGET.astype(object)}, "array y: holds a pickle, which is never loaded"),
        ({"x": SOURCE_H, "y": with_value(np.nan, (3, 2, 1))}, r"array y: .*\[channel, y, x\] = \[3, 2, 1\] is NaN"),
        ({"x": SOURCE_H, "y": with_value(1e39, (0, 0, 0))}, r"array y: .* = \[0, 0, 0\] .*too large for float32"),
    ],
)
def test_a_wrong_array_is_refused_by_name(tmp_path, arrays, sentence):
    with np.errstate(all="ignore"):
        np.savez(tmp_path / "a.npz", **arrays)
    with pytest.raises(DataError, match=f"a.npz: {sentence}"):
        read(tmp_path)


class Trap:
    """Unpickling this fails the test."""

    def __reduce__(self):
        return pytest.fail, ("a pickle was loaded",)


@pytest.mark.parametrize("content", [pickle.dumps(Trap()), npy_bytes(SOURCE_H)[:-8], npy_bytes(SOURCE_H) + b"\0", b""])
def test_a_member_that_is_no_whole_array_is_refused(tmp_path, content):
    write_members(tmp_path / "a.npz", x=content, y=npy_bytes(TARGET))
    with pytest.raises(DataError, match=r"a.npz: array x: (is not an array of numbers|holds more or fewer numbers)"):
        read(tmp_path)


def test_a_pickle_in_place_of_the_file_is_refused(tmp_path):
    (tmp_path / "a.npz").write_bytes(pickle.dumps(Trap()))
    with pytest.raises(DataError, match=r"a.npz: is not a npz file, or is damaged"):
        read(tmp_path)


def test_an_array_given_twice_is_refused(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
        archive.writestr("x.npy", npy_bytes(SOURCE_H))
        with pytest.warns(UserWarning, match="Duplicate name"):
            archive.writestr("x.npy", npy_bytes(SOURCE_H))
        archive.writestr("y.npy", npy_bytes(TARGET))
    with pytest.raises(DataError, match=r"a.npz: has 2 arrays 'x'"):
        read(tmp_path)


def test_a_member_that_unpacks_to_gigabytes_is_refused_without_unpacking(tmp_path):
    buffer = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        buffer, {"descr": "<f8", "fortran_order": False, "shape": (12, 20_000, 20_000)}
    )
    bomb = buffer.getvalue() + bytes(50_000_000)
    write_members(tmp_path / "a.npz", x=npy_bytes(SOURCE_H), y=bomb)
    assert (tmp_path / "a.npz").stat().st_size < 200_000
    with pytest.raises(DataError, match=r"array y: must have the shape .*found \(12, 20000, 20000\)"):
        read(tmp_path)


def test_a_header_that_claims_gigabytes_is_refused_without_reading(tmp_path):
    long_header = np.lib.format.magic(2, 0) + (2**32 - 1).to_bytes(4, "little") + bytes(50_000_000)
    write_members(tmp_path / "a.npz", x=npy_bytes(SOURCE_H), y=long_header)
    with pytest.raises(DataError, match=r"array y: is not an array of numbers \(version \(2, 0\)"):
        read(tmp_path)


def test_a_link_that_leads_out_of_the_root_is_refused(tmp_path):
    write_npz_case(tmp_path / "a.npz", SOURCE_H, TARGET)
    (tmp_path / "root").mkdir()
    (tmp_path / "root" / "a.npz").symlink_to(tmp_path / "a.npz")
    with pytest.raises(DataError, match=r"root/a.npz: is a link to a place outside"):
        read(tmp_path / "root")


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(DataError, match=r"a.npz: missing; add the file"):
        read(tmp_path)


@pytest.fixture(scope="module")
def archives(tmp_path_factory):
    root = tmp_path_factory.mktemp("npz")
    contents = []
    for save in (np.savez, np.savez_compressed):
        save(root / "a.npz", x=SOURCE_H, y=TARGET)
        contents.append((root / "a.npz").read_bytes())
    return root, contents


@settings(deadline=None, max_examples=200)
@given(which=st.integers(0, 1), place=st.floats(0, 1, exclude_max=True), junk=st.binary(min_size=1, max_size=4))
def test_a_damaged_archive_is_refused_or_read_as_it_was(archives, which, place, junk):
    root, contents = archives
    content = contents[which]
    start = int(place * len(content))
    (root / "a.npz").write_bytes(content[:start] + junk + content[start + len(junk) :])
    try:
        source_h, target = read(root)
    except DataError:
        return
    np.testing.assert_array_equal(source_h, SOURCE_H)
    np.testing.assert_array_equal(target, TARGET)


@settings(deadline=None, max_examples=50)
@given(which=st.integers(0, 1), share=st.floats(0, 1, exclude_max=True))
def test_an_archive_cut_off_anywhere_is_refused(archives, which, share):
    root, contents = archives
    (root / "a.npz").write_bytes(contents[which][: int(share * len(contents[which]))])
    with pytest.raises(DataError, match=r"a.npz"):
        read(root)
