"""Inputs and outputs of inference."""

import re
from pathlib import Path

import numpy as np
import pytest

from ttt.command import UserError
from ttt.infer import predicted
from ttt.samples import find_inputs, read_samples

SHAPE = [2, 3]
CASES = Path(__file__).parents[1] / "data/cases"


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


ROWS = "1,2,3,4,5,6\n7,8,9,10,11,12\n"


@pytest.mark.parametrize("head", ["", "a,b,c,d,e,f\n", '"x, left",b,,d,e,f\n'])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_text_of_any_encoding_and_line_ends_holds_the_same_samples(tmp_path, head, encoding):
    for ends in ("\n", "\r\n", "\r"):
        path = bad(tmp_path, "a.csv", (head + ROWS + "\n").replace("\n", ends).encode(encoding))
        assert read_samples(path, SHAPE).x.tolist() == [[[1, 2, 3], [4, 5, 6]], [[7, 8, 9], [10, 11, 12]]]


@pytest.mark.parametrize("cell", ["", " ", "x", "1.0D+00", "1_0", "1;2", "--", "0x10", "5 V"])
@pytest.mark.parametrize("place", range(6))
def test_a_bad_cell_in_the_first_row_is_no_name(tmp_path, cell, place):
    cells = ["1", "2", "3", "4", "5", "6"]
    cells[place] = cell
    path = bad(tmp_path, "a.csv", f"{','.join(cells)}\n{ROWS}".encode())
    with pytest.raises(
        UserError, match=f"a.csv: row 1: could not convert .*{re.escape(repr(cell))} in column {place + 1}"
    ):
        read_samples(path, SHAPE)


@pytest.mark.parametrize("line", [",,,,,", "1D0,2D0,3D0,4D0,5D0,6D0", "nan,nan,nan,nan,nan,nan", "-INF,1,1,1,1,1"])
def test_a_first_row_of_bad_numbers_alone_is_no_line_of_names(tmp_path, line):
    with pytest.raises(UserError, match=r"a.csv: row 1: "):
        read_samples(bad(tmp_path, "a.csv", f"{line}\n{ROWS}".encode()), SHAPE)


@pytest.mark.parametrize("name", ["plain.csv", "bom.csv"])
def test_a_byte_order_mark_costs_no_sample(name):
    samples = read_samples(CASES / "ttt_infer_drops_first_row" / name, [8])
    assert samples.x[:, 0].tolist() == np.array([0.12573, -0.703735, -0.544259], np.float32).tolist()


def test_a_first_row_that_counts_from_0_is_a_sample_and_is_said(tmp_path, caplog):
    samples = read_samples(bad(tmp_path, "a.csv", f"0,1,2,3,4,5\n{ROWS}".encode()), SHAPE)
    assert len(samples.x) == 3
    assert "row 1 counts 0, 1, 2, ...; if it names the columns, remove it" in caplog.text


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
        ("a.csv", b"1,2,3,4,5,nan\n", "a.csv: row 1: holds NaN or Inf in column 6"),
        ("a.csv", b"a,b,c,d,e,f\n1,2,3,4,5,6\n1,2,-inf,4,5,6\n", "a.csv: row 3: holds NaN or Inf in column 3"),
        ("a.csv", b"1,2,3,4,5,1e39\n", r"a.csv: holds a number too large for float32, first at index \[0, 1, 2\]"),
        ("a.csv", b"1,2,3,4,5,6\n\n1,2,3,4,5,6\n", "a.csv: row 2: has 0 values; needs 6"),
        ("a.csv", b"", r"a.csv: has the shape \(0, 2, 3\); needs \(2, 3\) or \(n, 2, 3\)"),
        ("a.csv", b"\xff\xff", "a.csv: is no CSV text"),
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
