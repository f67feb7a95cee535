"""Fields as single files: inputs of inference, and predictions."""

from functools import partial

import numpy as np
import pytest

from case_files import E_FIELD, GEOMETRY, H_FIELD, SOURCE, csv_text, random_case, solver_text, wanted
from emfm.acquire.readers.csv_cases import CsvCases
from emfm.core.errors import DataError
from emfm.core.grid import Grid
from emfm.use import field_files
from emfm.use.field_files import list_inputs, read_source_h, write_target_csv
from ttt.arrays import write_npy

SOURCE_H, TARGET = random_case(0)
GRID = GEOMETRY.source


def write_inputs(folder):
    """The same source H in every kind of file."""
    three = np.concatenate([SOURCE_H, SOURCE_H[:2]])
    (folder / "a.csv").write_text(csv_text(SOURCE, SOURCE_H, GRID, seed=1))
    (folder / "B.CSV").write_text(csv_text(SOURCE, SOURCE_H, GRID))
    np.save(folder / "c.npy", SOURCE_H.astype(np.float64))
    np.savez(folder / "d.npz", x=SOURCE_H, y=TARGET)
    np.savez_compressed(folder / "e.npz", field=SOURCE_H)
    (folder / "f.txt").write_text(solver_text(H_FIELD, three, GRID))
    return ["a.csv", "B.CSV", "c.npy", "d.npz", "e.npz", "f.txt"]


def test_source_h_is_read_from_every_kind_of_file(tmp_path):
    for name in write_inputs(tmp_path):
        np.testing.assert_array_equal(read_source_h(tmp_path / name, GRID, GEOMETRY.frequency), SOURCE_H)


@pytest.mark.parametrize(
    ("name", "save", "sentence"),
    [
        ("a.h5", lambda path: path.touch(), "not a known kind of file; give one of .csv, .npy, .npz, .txt"),
        ("a.csv", lambda path: None, "missing; add the file, or name another"),
        ("a.npy", lambda path: np.save(path, TARGET), r"must have the shape \(4, 3, 4\) .*found \(12, 4, 5\)"),
        ("a.npy", lambda path: np.save(path, SOURCE_H.astype(object)), "holds a pickle, which is never loaded"),
        ("a.npy", lambda path: np.save(path, SOURCE_H * np.float32(np.nan)), r"the number at .* = \[0, 0, 0\] is NaN"),
        ("a.npy", lambda path: path.write_text("Hx_re"), "is not an array of numbers"),
        ("a.npy", lambda path: path.mkdir(), "is not an ordinary file"),
        ("a.npz", lambda path: np.savez(path, p=SOURCE_H, q=SOURCE_H), r"has no array 'x' \(it has p, q\)"),
        ("a.npz", lambda path: np.savez(path), r"has no array 'x' \(it has none\)"),
        ("a.txt", lambda path: path.write_text("x y z\n1 2 3\n"), "line 1: must name columns and units"),
    ],
)
def test_a_file_that_is_no_source_h_is_refused(tmp_path, name, save, sentence):
    save(tmp_path / name)
    with pytest.raises(DataError, match=f"{name}: {sentence}"):
        read_source_h(tmp_path / name, GRID, GEOMETRY.frequency)


def test_inputs_are_listed_in_natural_order(tmp_path):
    for name in ("scan_10.csv", "scan_2.npy", ".scan_1.csv", "notes.md", "scan_3.TXT"):
        (tmp_path / name).touch()
    (tmp_path / "folder.csv").mkdir()
    assert [path.name for path in list_inputs(tmp_path)] == ["scan_2.npy", "scan_3.TXT", "scan_10.csv"]


def test_a_folder_without_inputs_or_with_two_of_one_name_is_refused(tmp_path):
    with pytest.raises(DataError, match="nowhere: no such folder"):
        list_inputs(tmp_path / "nowhere")
    with pytest.raises(DataError, match=r"no inputs there; put files into it that end with .csv, .npy, .npz, .txt"):
        list_inputs(tmp_path)
    for name in ("a.csv", "a.npy"):
        (tmp_path / name).touch()
    with pytest.raises(DataError, match=r"a.npy: has the same name as a.csv, and so would their results"):
        list_inputs(tmp_path)


def read_targets(folder):
    """Both files, read by the reader of CSV cases."""
    (folder / "source_H.csv").write_text(csv_text(SOURCE, SOURCE_H, GRID))
    return CsvCases().read(folder.parent, folder.name, GEOMETRY)[1]


def test_a_written_prediction_is_a_case_of_the_contract(tmp_path):
    write_target_csv(tmp_path / "new" / "a", TARGET, GEOMETRY.target)
    lines = (tmp_path / "new" / "a" / "target_E.csv").read_text().splitlines()
    assert lines[0] == "x,y,z,Ex_re,Ex_im,Ey_re,Ey_im,Ez_re,Ez_im"
    assert [line.split(",")[:3] for line in lines[1:7]] == [
        ["-3", "-1.5", "5"],
        ["-1.5", "-1.5", "5"],
        ["0", "-1.5", "5"],
        ["1.5", "-1.5", "5"],
        ["3", "-1.5", "5"],
        ["-3", "-1", "5"],
    ]
    np.testing.assert_array_equal(read_targets(tmp_path / "new" / "a"), TARGET)
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["a"]


def test_any_finite_prediction_is_read_back_to_the_same_bits(tmp_path):
    grid = Grid(-7e-3, 1e-3 / 3, 1e-3 / 3, 0.1e-3, 40, 50, 2e-3 / 3)
    bits = np.random.default_rng(0).integers(0, 2**32, (12, *grid.shape), dtype=np.uint32)
    prediction = np.nan_to_num(bits.view(np.float32), nan=-0.0, posinf=1e-45, neginf=3.4028235e38)
    write_target_csv(tmp_path / "a", prediction, grid)
    for name, channels, written in (("E", E_FIELD, prediction[:6]), ("H", H_FIELD, prediction[6:])):
        read = CsvCases().read_plane(tmp_path / "a" / f"target_{name}.csv", wanted(channels, grid))
        np.testing.assert_array_equal(read.view(np.uint32), written.view(np.uint32))


def test_a_prediction_that_fails_leaves_the_earlier_one(tmp_path, monkeypatch):
    folder = tmp_path / "a"
    write_target_csv(folder, TARGET, GEOMETRY.target)

    def refused(sentence, prediction):
        with pytest.raises(DataError, match=sentence):
            write_target_csv(folder, prediction, GEOMETRY.target)

    refused(r"must have the shape \(12, 4, 5\), found \(12, 5, 4\)", TARGET.reshape(12, 5, 4))
    refused("holds NaN or Inf and is not written", TARGET * np.float32(np.nan))
    written = []

    def full_disk(path, text):
        if written:
            raise OSError(28, "No space left on device")
        written.append(path)

    monkeypatch.setattr("emfm.use.field_files.write_text", full_disk)
    with pytest.raises(OSError, match="No space left"):
        write_target_csv(folder, -TARGET, GEOMETRY.target)
    np.testing.assert_array_equal(read_targets(folder), TARGET)
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


def test_a_call_that_is_killed_at_any_write_leaves_both_tables_of_a_new_prediction_or_none(tmp_path, monkeypatch):
    steps = ("write_text", "sync_folder")
    for place in range(3):
        calls = []

        def killed(real, *arguments, stop=place, calls=calls):
            if len(calls) == stop:
                raise KeyboardInterrupt
            calls.append(arguments)
            real(*arguments)

        folder = tmp_path / f"{place}" / "a"
        with monkeypatch.context() as patch:
            for name in steps:
                patch.setattr(f"emfm.use.field_files.{name}", partial(killed, getattr(field_files, name)))
            with pytest.raises(KeyboardInterrupt):
                write_target_csv(folder, TARGET, GEOMETRY.target)
        found = sorted(path.name for path in folder.iterdir()) if folder.exists() else []
        assert found == ([] if place < 2 else ["target_E.csv", "target_H.csv"])
        assert [path.name for path in folder.parent.iterdir()] == (["a"] if found else [])


def test_text_files_that_are_no_fields_are_no_inputs(tmp_path, caplog):
    (tmp_path / "a.csv").write_text(csv_text(SOURCE, SOURCE_H, GRID))
    (tmp_path / "a.txt").write_text("notes\n")
    for number in range(6):
        (tmp_path / f"list_{number}.txt").write_text("a.csv\n")
    assert [path.name for path in list_inputs(tmp_path)] == ["a.csv"]
    assert "a.txt, list_0.txt, list_1.txt, list_2.txt, list_3.txt and 2 more" in caplog.text


def test_a_prediction_replaces_the_earlier_one(tmp_path):
    write_target_csv(tmp_path / "a", TARGET, GEOMETRY.target)
    write_target_csv(tmp_path / "a", -TARGET, GEOMETRY.target)
    np.testing.assert_array_equal(read_targets(tmp_path / "a"), -TARGET)


def test_an_array_is_read_back(tmp_path):
    write_npy(tmp_path / "a.npy", TARGET)
    np.testing.assert_array_equal(np.load(tmp_path / "a.npy"), TARGET)
