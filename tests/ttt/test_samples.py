"""Inputs and outputs of inference."""

import numpy as np
import pytest

from ttt.command import UserError
from ttt.infer import predicted
from ttt.samples import find_inputs, read_samples

SHAPE = [2, 3]


def stored(folder, name, array):
    path = folder / name
    if name.endswith(".npz"):
        np.savez(path, x=array)
    else:
        np.save(path, array)
    return path


@pytest.mark.parametrize("name", ["a.npy", "a.npz"])
def test_a_file_holds_one_sample_or_several(tmp_path, name):
    one = read_samples(stored(tmp_path, name, np.ones((2, 3))), SHAPE)
    assert (one.x.shape, one.is_single) == ((1, 2, 3), True)
    several = read_samples(stored(tmp_path, name, np.ones((5, 2, 3), np.int64)), SHAPE)
    assert (several.x.shape, several.is_single, several.x.dtype) == ((5, 2, 3), False, np.float32)


@pytest.mark.parametrize("head", ["", "a,b,c,d,e,f\n"])
def test_a_csv_file_holds_a_sample_a_row(tmp_path, head):
    path = tmp_path / "a.csv"
    path.write_text(head + "1,2,3,4,5,6\n7,8,9,10,11,12\n")
    samples = read_samples(path, SHAPE)
    assert samples.x.tolist() == [[[1, 2, 3], [4, 5, 6]], [[7, 8, 9], [10, 11, 12]]]


def bad(folder, name, content):
    path = folder / name
    path.write_bytes(content)
    return path


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("a.npy", b"nonsense", "a.npy: is damaged or no numpy file of plain numbers"),
        ("a.npz", b"PK\x03\x04nonsense", "a.npz: is damaged"),
        ("a.npy", b"", "a.npy: is damaged"),
        ("a.csv", b"1,2\n", "a.csv: row 1: has 2 values; needs 6"),
        ("a.csv", b"1,2,3,4,5,6\n1,2,3,x,5,6\n", "a.csv: row 2: could not convert string to float: 'x'"),
        ("a.csv", b"1,2,3,4,5,nan\n", r"a.csv: holds NaN or Inf, first at index \[0, 1, 2\]"),
        ("a.csv", b"", r"a.csv: has the shape \(0, 2, 3\); needs \(2, 3\) or \(n, 2, 3\)"),
        ("a.csv", b"\xff\xfe", "a.csv: is no CSV text"),
    ],
)
def test_what_is_no_samples_is_refused_by_name(tmp_path, name, content, sentence):
    with pytest.raises(UserError, match=sentence):
        read_samples(bad(tmp_path, name, content), SHAPE)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(UserError, match="none.npy: cannot be read .No such file"):
        read_samples(tmp_path / "none.npy", SHAPE)


def test_a_wrong_shape_or_type_is_refused(tmp_path):
    with pytest.raises(UserError, match=r"has the shape \(3, 2\); needs \(2, 3\) or \(n, 2, 3\)"):
        read_samples(stored(tmp_path, "a.npy", np.ones((3, 2))), SHAPE)
    with pytest.raises(UserError, match="holds values of type complex128; needs real numbers"):
        read_samples(stored(tmp_path, "a.npy", np.ones((2, 3), complex)), SHAPE)


def test_a_pickle_in_a_numpy_file_is_refused(tmp_path):
    np.save(tmp_path / "a.npy", np.array([print], object), allow_pickle=True)
    with pytest.raises(UserError, match="is damaged or no numpy file of plain numbers"):
        read_samples(tmp_path / "a.npy", SHAPE)


def test_an_archive_without_x_says_what_it_has(tmp_path):
    np.savez(tmp_path / "a.npz", y=np.ones(3))
    with pytest.raises(UserError, match="has no array 'x', but y"):
        read_samples(tmp_path / "a.npz", SHAPE)


def test_two_inputs_with_one_output_are_refused(tmp_path):
    for name in ("a.npy", "a.csv", "b.npy"):
        (tmp_path / name).touch()
    with pytest.raises(UserError, match=r"a.(csv|npy) and a.(csv|npy) would give the same output"):
        find_inputs(tmp_path)


def test_a_folder_without_inputs_is_refused(tmp_path):
    with pytest.raises(UserError, match="holds no .csv, .npy, .npz file"):
        find_inputs(tmp_path)


def test_many_small_files_are_predicted_in_batches_and_keep_their_own_results(tmp_path):
    inputs = [read_samples(stored(tmp_path, f"{number}.npy", np.full((2, 3), number)), SHAPE) for number in range(10)]
    inputs.append(read_samples(stored(tmp_path, "many.npy", np.full((3, 2, 3), 99.0)), SHAPE))
    sizes = []

    def predictor(x):
        sizes.append(len(x))
        return x[:, 0, :1]

    results = {path.stem: array for path, array in predicted(inputs, predictor, batch_size=4)}
    assert sizes == [4, 4, 5]
    assert results["7"].tolist() == [7.0]
    assert results["many"].tolist() == [[99.0]] * 3
