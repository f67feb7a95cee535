"""Which reader a folder is for, and which cases it holds in which order."""

import numpy as np
import pytest

from case_files import GEOMETRY, random_case, write_csv_case, write_npz_case, write_solver_case
from emfm.acquire.readers import READERS, find_reader
from emfm.acquire.readers.csv_cases import CsvCases
from emfm.acquire.readers.folders import CaseFolders
from emfm.acquire.readers.npz_cases import NpzCases
from emfm.acquire.readers.solver_ascii import SolverAscii
from emfm.core.errors import DataError
from ttt.config import ConfigError

CASE = random_case(0)


def write(kind, root, *ids):
    for case in ids:
        if kind == "npz_cases":
            write_npz_case(root / f"{case}.npz", *CASE)
        else:
            (write_csv_case if kind == "csv_cases" else write_solver_case)(root / case, *CASE)


@pytest.mark.parametrize("kind", ["csv_cases", "npz_cases", "solver_ascii"])
def test_the_reader_of_a_folder_is_found(tmp_path, kind):
    write(kind, tmp_path, "a")
    (tmp_path / "samples.csv").write_text("id\na\n")
    assert type(find_reader("auto", tmp_path)) is type(READERS.get(kind).build())
    assert type(find_reader(kind, tmp_path)) is type(READERS.get(kind).build())


def test_an_own_format_says_what_its_files_are_called_and_how_one_is_read(tmp_path, monkeypatch):
    monkeypatch.setattr(READERS, "_parts", dict(READERS._parts))

    @READERS.register("raw")
    class Raw(CaseFolders):
        names = ("source_h.raw", "target_e.raw", "target_h.raw")

        def read_plane(self, path, wanted):
            return np.fromfile(path, np.float32).reshape(wanted.shape)

    source_h, target = CASE
    (tmp_path / "a").mkdir()
    for name, field in zip(Raw.names, (source_h, target[:6], target[6:]), strict=True):
        field.tofile(tmp_path / "a" / name)
    read_h, read_target = find_reader("auto", tmp_path).read(tmp_path, "a", GEOMETRY)
    np.testing.assert_array_equal(read_h, source_h)
    np.testing.assert_array_equal(read_target, target)


def test_an_unknown_reader_is_refused_with_the_known_ones(tmp_path):
    with pytest.raises(ConfigError, match=r"did you mean 'csv_cases'.*npz_cases, solver_ascii"):
        find_reader("csv_case", tmp_path)


def test_a_folder_for_no_reader_or_for_two_is_refused(tmp_path):
    with pytest.raises(DataError, match=r"nowhere: no such folder; name folders of cases under acquire.import.roots"):
        find_reader("auto", tmp_path / "nowhere")
    with pytest.raises(DataError, match=r"no cases of a known format; set acquire.import.reader to one of csv_cases"):
        find_reader("auto", tmp_path)
    write("npz_cases", tmp_path, "a")
    write("csv_cases", tmp_path, "b")
    with pytest.raises(DataError, match=r"cases of several formats \(csv_cases, npz_cases\)"):
        find_reader("auto", tmp_path)


@pytest.mark.parametrize(
    ("kind", "reader"), [("csv_cases", CsvCases()), ("npz_cases", NpzCases()), ("solver_ascii", SolverAscii())]
)
def test_cases_come_in_natural_order(tmp_path, kind, reader):
    write(kind, tmp_path, "c10", "c2", "c02", "b", "c2x", "10", "9")
    (tmp_path / ".hidden").mkdir()
    (tmp_path / "README.md").write_text("about these cases")
    assert reader.cases(tmp_path) == ["9", "10", "b", "c02", "c2", "c2x", "c10"]


def test_cases_may_lie_in_a_folder_of_that_name(tmp_path):
    write("csv_cases", tmp_path / "cases", "a", "b")
    assert CsvCases().cases(tmp_path) == ["a", "b"]
    assert CsvCases().files(tmp_path, "b")[0] == tmp_path / "cases" / "b" / "source_H.csv"


def test_a_case_may_be_called_cases(tmp_path):
    write("csv_cases", tmp_path, "cases", "a")
    assert CsvCases().cases(tmp_path) == ["a", "cases"]


def test_a_case_beside_the_folder_of_cases_is_refused(tmp_path):
    write("csv_cases", tmp_path / "cases", "a")
    write("csv_cases", tmp_path, "a")
    with pytest.raises(DataError, match=f"{tmp_path}/a: a case beside {tmp_path}/cases; move all cases into one"):
        CsvCases().cases(tmp_path)


def test_a_case_without_one_of_its_files_is_refused_before_any_is_read(tmp_path):
    write("csv_cases", tmp_path, "a", "b")
    (tmp_path / "b" / "target_H.csv").unlink()
    with pytest.raises(DataError, match=r"/b: the case has no target_H.csv; add the file, or remove the folder"):
        CsvCases().cases(tmp_path)


@pytest.mark.parametrize("kind", ["csv_cases", "npz_cases"])
@pytest.mark.parametrize("name", ["a b", "-a", "a" * 129, "a\\b", "ä"])
def test_an_id_that_cannot_name_a_file_everywhere_is_refused(tmp_path, kind, name):
    write(kind, tmp_path, name)
    with pytest.raises(DataError, match=r"the sample ID .* is not allowed; use up to 128 letters"):
        READERS.get(kind).build().cases(tmp_path)


def test_a_case_folder_that_is_a_link_out_of_the_root_is_refused(tmp_path):
    write("csv_cases", tmp_path / "elsewhere", "b")
    write("csv_cases", tmp_path / "root", "a")
    (tmp_path / "root" / "b").symlink_to(tmp_path / "elsewhere" / "b")
    with pytest.raises(DataError, match="root/b: is a link to a place outside of"):
        CsvCases().cases(tmp_path / "root")
