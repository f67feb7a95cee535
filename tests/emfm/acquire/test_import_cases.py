"""The user's own cases as samples: order, families and parameters, packing and going on after a stop."""

import os
import pickle
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest

from case_files import GEOMETRY, random_case, write_csv_case, write_npz_case, write_solver_case
from emfm.acquire.import_cases import ImportedCases, open_import
from emfm.acquire.pack import pack
from emfm.core.block_floats import decode, encode
from emfm.core.channels import to_channels, to_components
from emfm.core.errors import DataError
from emfm.core.grid import Geometry, Grid
from emfm.core.store import Store

COUNT = 50
CASES = Path(__file__).parents[2] / "data" / "cases"
DEFAULT = Geometry(5e9, Grid(-5e-3, -5e-3, 1e-3, 1e-3, 11, 11, 1e-3), Grid(-25e-3, -25e-3, 1e-3, 1e-3, 51, 51, 5e-3))


@pytest.fixture
def root(tmp_path):
    """Cases a1, a2 and a10 as npz files."""
    return write_cases(tmp_path / "root", "a1", "a2", "a10")


def write_cases(root, *ids, table=None, seed=0):
    for number, case in enumerate(ids):
        write_npz_case(root / f"{case}.npz", *random_case(seed + number))
    if table:
        (root / "samples.csv").write_text(table)
    return root


def opened(*roots):
    return open_import(roots, "auto", GEOMETRY)


def ids(source):
    return [source.sample(row).id for row in range(len(source))]


def test_without_a_table_every_case_is_its_own_family_in_natural_order(root):
    source = opened(root)
    assert ids(source) == ["a1", "a2", "a10"]
    assert [source.sample(row).family for row in range(3)] == ["a1", "a2", "a10"]
    assert source.parameter_names == ()
    np.testing.assert_array_equal(source.sample(1).target, random_case(1)[1])


def test_the_table_decides_order_family_and_parameters(root):
    (root / "samples.csv").write_text("h,id, family ,w\n0.5,a10,board 7/left,1e-3\n\n,a1,board 7/left, 2\n-1,a2,f,3\n")
    source = opened(root)
    assert ids(source) == ["a10", "a1", "a2"]
    assert [source.sample(row).family for row in range(3)] == ["board 7/left", "board 7/left", "f"]
    assert source.parameter_names == ("h", "w")
    values = [source.sample(row).parameters for row in range(3)]
    np.testing.assert_array_equal(values, [[0.5, 1e-3], [np.nan, 2], [-1, 3]])


def test_roots_come_one_after_another_and_their_parameters_are_united(tmp_path):
    one = write_cases(tmp_path / "one", "b", "a", table="id,w,h\nb,1,2\na,3,4\n")
    two = tmp_path / "two"
    write_csv_case(two / "cases" / "a", *random_case(9))
    three = write_cases(tmp_path / "three", "z", table="id,d,w\nz,5,6\n")
    source = opened(one, two, three)
    assert len(source) == 4
    assert ids(source) == ["b", "a", "a", "z"]
    assert source.parameter_names == ("w", "h", "d")
    nan = np.nan
    np.testing.assert_array_equal(
        [source.sample(row).parameters for row in range(4)], [[1, 2, nan], [3, 4, nan], [nan] * 3, [6, nan, 5]]
    )
    np.testing.assert_array_equal(source.sample(2).source_h, random_case(9)[0])


@pytest.mark.parametrize(
    ("table", "sentence"),
    [
        ("id\na1\na2\na1\na10\n", "lines 2 and 4 both have the ID 'a1'; give each sample one line"),
        ("id\na1\na2\n", "does not list 1 of the 3 cases, the first is 'a10'; add a line for each"),
        ("id\na1\na2\na10\nb\n", "line 5: there is no case 'b'; add it, or remove the line"),
        ("id\na1\na2\n../a10\n", "line 4: the sample ID '../a10' is not allowed"),
        ("id\na1\na2\na 10\n", "line 4: the sample ID 'a 10' is not allowed"),
        ("id,w\na1,1\na2,wide\na10,3\n", "line 3: the parameter 'w' is 'wide'; give a finite number"),
        ("id,w\na1,1\na2,inf\na10,3\n", "line 3: the parameter 'w' is 'inf'"),
        ("id,w\na1,1\na2,1_0\na10,3\n", "line 3: the parameter 'w' is '1_0'"),
        ("id,w\na1,1\na2\na10,3\n", "line 3: has 1 cells, but the header names 2 columns"),
        ("id,family\na1,f\na2,\na10,f\n", "line 3: the family '' is not allowed"),
        (
            "name,w\na1,1\n",
            "line 1: has no column 'id'; it needs id, may have family.*; found name, w .sep",
        ),
        ("id,w,w\na1,1,1\n", "line 1: has the column 'w' twice"),
        ("id,,w\na1,1,1\n", "line 1: column 2 has no name"),
        ('id\n"a1\n', "cannot be read as a CSV table .*; save it as UTF-8 CSV"),
        (b"id\n\xff\n", "cannot be read as a CSV table"),
        ("", "is empty; export it again"),
    ],
)
def test_a_table_that_does_not_fit_is_refused(root, table, sentence):
    (root / "samples.csv").write_bytes(table if isinstance(table, bytes) else table.encode())
    with pytest.raises(DataError, match=f"samples.csv: {sentence}"):
        opened(root)


def test_a_table_behind_a_link_is_refused(root, tmp_path):
    (tmp_path / "samples.csv").write_text("id\na1\na2\na10\n")
    (root / "samples.csv").symlink_to(tmp_path / "samples.csv")
    with pytest.raises(DataError, match=r"samples.csv: is a link to a place outside"):
        opened(root)


def test_a_folder_without_cases_is_refused(tmp_path):
    with pytest.raises(DataError, match="holds no cases for this reader; name another folder"):
        open_import([tmp_path], "csv_cases", GEOMETRY)


def test_a_bad_case_is_refused_when_it_is_read_and_not_before(root):
    (root / "a2.npz").write_bytes(b"PK")
    source = opened(root)
    assert source.sample(0).id == "a1"
    with pytest.raises(DataError, match=r"root/a2.npz: is not a npz file, or is damaged"):
        source.sample(1)


def test_the_inventory_changes_with_whatever_changes_the_samples(root):
    def digest():
        return opened(root).inventory_digest()

    def set_time(path):
        os.utime(path, ns=(0, 0))

    def write_table(text):
        (root / "samples.csv").write_text(text)

    changes = [
        lambda: (root / "a1.npz").rename(root / "a3.npz"),
        lambda: set_time(root / "a2.npz"),
        lambda: ((root / "a2.npz").write_bytes(b"other"), set_time(root / "a2.npz")),
        lambda: write_table("id\na10\na2\na3\n"),
        lambda: write_table("id,family\na10,f\na2,f\na3,g\n"),
        lambda: write_table("id,family,w\na10,f,1\na2,f,2\na3,g,3\n"),
        lambda: write_table("id,family,w\na10,f,1\na2,f,2\na3,g,4\n"),
        lambda: write_table("id,family,h\na10,f,1\na2,f,2\na3,g,4\n"),
    ]
    seen = [digest()]
    for change in changes:
        change()
        seen.append(digest())
    assert len(set(seen)) == len(changes) + 1
    (root / "README.md").write_text("no part of any sample")
    assert digest() == seen[-1]


def many_csv_cases(root):
    for number in range(COUNT):
        write_csv_case(root / "cases" / f"c{number}", *random_case(number), seed=number)
    return root


def many_npz_cases(root):
    return write_cases(root, *(f"c{number}" for number in range(COUNT)))


@pytest.mark.parametrize("write", [many_csv_cases, many_npz_cases])
def test_fifty_cases_are_packed_to_the_same_bits_by_two_processes(tmp_path, write):
    root = write(tmp_path / "root")
    lines = [f"c{number},f{number // 3},{number / 7!r}" for number in reversed(range(COUNT))]
    (root / "samples.csv").write_text("\n".join(["id,family,depth", *lines]) + "\n")
    source = opened(root)
    assert ids(pickle.loads(pickle.dumps(source))) == ids(source)
    pack(source, GEOMETRY, "imported", tmp_path / "store", tmp_path / "work", 8, workers=2)
    store = Store(tmp_path / "store")
    expected = [random_case(number) for number in reversed(range(COUNT))]
    np.testing.assert_array_equal(store.source_h(range(COUNT)), [case[0] for case in expected])
    for stored, case in zip(store.target(range(COUNT)), expected, strict=True):
        np.testing.assert_array_equal(stored, decode(*encode(case[1])))
    np.testing.assert_array_equal(store.parameters[:, 0], [number / 7 for number in reversed(range(COUNT))])
    assert list(store.table["id"]) == [f"c{number}" for number in reversed(range(COUNT))]
    assert list(store.table["family"][:3]) == ["f16", "f16", "f15"]


@dataclass
class Watched:
    """Imported cases that note which rows are read, and stop at one."""

    cases: ImportedCases
    stops_at: int = -1
    read: list[int] = field(default_factory=list)

    @property
    def parameter_names(self):
        return self.cases.parameter_names

    def __len__(self):
        return len(self.cases)

    def sample(self, row):
        if row == self.stops_at:
            raise KeyboardInterrupt
        self.read.append(row)
        return self.cases.sample(row)


def test_an_import_that_stopped_halfway_goes_on_where_it_was(tmp_path):
    cases = opened(many_csv_cases(tmp_path / "root"))

    def pack_to(name, source):
        pack(source, GEOMETRY, "imported", tmp_path / name, tmp_path / f"{name}-work", 8, workers=1)

    with pytest.raises(KeyboardInterrupt):
        pack_to("store", Watched(cases, stops_at=27))
    assert not (tmp_path / "store").exists()
    again = Watched(cases)
    pack_to("store", again)
    assert again.read == list(range(24, COUNT))
    pack_to("whole", cases)
    assert {path.name: path.read_bytes() for path in (tmp_path / "store").iterdir()} == {
        path.name: path.read_bytes() for path in (tmp_path / "whole").iterdir()
    }


def test_a_bad_case_stops_the_packing_and_leaves_no_store(tmp_path):
    root = many_npz_cases(tmp_path / "root")
    (root / "c33.npz").unlink()
    write_npz_case(root / "c33.npz", *(np.full_like(field, np.nan) for field in random_case(33)))
    with pytest.raises(DataError, match=r"c33.npz: array x: the number at \[channel, y, x\] = \[0, 0, 0\] is NaN"):
        pack(opened(root), GEOMETRY, "imported", tmp_path / "store", tmp_path / "work", 8, workers=2)
    assert not (tmp_path / "store").exists()


def right_case():
    """Source H and target of a case on the planes `DEFAULT`."""
    with np.load(CASES / "import_accepts_unphysical_targets" / "ok" / "c0.npz", allow_pickle=False) as file:
        return file["x"], file["y"]


def read_one(root, geometry=DEFAULT, **options):
    return open_import([root], "auto", geometry, **options).sample(0)


def test_a_case_that_is_a_field_is_imported():
    read_one(CASES / "import_accepts_unphysical_targets" / "ok")


def test_a_conjugated_case_is_refused_by_file_with_cause_remedy_and_the_key_that_takes_it():
    root = CASES / "import_accepts_unphysical_targets" / "exp_minus_iwt"
    with pytest.raises(DataError, match=r"exp_minus_iwt/c0.npz: E and H break Maxwell's equations at 5 GHz") as refused:
        read_one(root)
    assert "most likely the time factor is exp(-iwt); conjugate all values" in str(refused.value)
    assert str(refused.value).endswith("set acquire.import.accept_unphysical: true")
    assert read_one(root, accept_unphysical=True).id == "c0"


@pytest.mark.parametrize("write", [write_csv_case, write_solver_case])
def test_a_case_of_three_files_is_refused_by_its_folder(tmp_path, write):
    source_h, target = right_case()
    target[:6] *= 0.5**0.5
    write(tmp_path / "cases" / "board-1", source_h, target, DEFAULT)
    with pytest.raises(DataError, match=r"cases/board-1: E and H break .* most likely E is in rms, H in peak values"):
        read_one(tmp_path)


def test_the_frequency_of_the_case_is_said_where_params_have_another():
    other = Geometry(2.4e9, DEFAULT.source, DEFAULT.target)
    with pytest.raises(DataError, match="the case was solved at 5 GHz; set data.frequency_hz to its frequency"):
        read_one(CASES / "import_accepts_unphysical_targets" / "ok", other)


def magnitudes(channels):
    return to_channels(np.abs(to_components(channels)) + 0j)


@pytest.mark.parametrize(
    ("spoil", "sentence"),
    [
        (lambda x, y: (magnitudes(x), y), "source H: magnitudes without phase: every imaginary part of Hx and Hy is"),
        (lambda x, y: (x, magnitudes(y)), "target: magnitudes without phase: every imaginary part of .* is zero"),
        (lambda x, y: (x * np.array([1, 0, 1, 0])[:, None, None], y), "source H: no phase: every imaginary part of"),
        (lambda x, y: (x, y * np.tile([1, 0], 6)[:, None, None]), "target: no phase: every imaginary part of Ex, Ey"),
    ],
)
def test_a_case_without_phase_is_refused_by_file(tmp_path, spoil, sentence):
    write_npz_case(tmp_path / "a.npz", *spoil(*right_case()))
    with pytest.raises(DataError, match=rf"a.npz: {sentence}.*measure or export real and imaginary parts"):
        read_one(tmp_path)
    assert read_one(tmp_path, accept_unphysical=True).id == "a"


@pytest.mark.parametrize(("name", "field"), [("zero-scan", "source H"), ("zero-target", "target E")])
def test_a_case_with_a_field_of_zeros_is_refused_by_file(tmp_path, name, field):
    (tmp_path / f"{name}.npz").write_bytes((CASES / "import_zero_case" / "root" / f"{name}.npz").read_bytes())
    with pytest.raises(DataError, match=rf"{name}.npz: {field} is zero everywhere; the port was not driven, or the"):
        read_one(tmp_path, accept_unphysical=True)


def part_of_target(part, factor):
    factors = np.ones((12, 1, 1), np.float32)
    factors[part] = factor
    return lambda x, y: (x, y * factors)


@pytest.mark.parametrize(
    ("spoil", "sentence"),
    [
        (part_of_target(slice(0, 6), 0), "target E is zero everywhere"),
        (part_of_target(slice(6, 12), 0), "target H is zero everywhere"),
        (lambda x, y: (x * np.float32(1e-25), y), "the largest value of source H is 5.54e-26 A/m, beyond what float32"),
        (lambda x, y: (x * np.float32(1e-42), y), "the largest value of source H is .*e-4. A/m, beyond what float32"),
        (lambda x, y: (x, y * np.float32(1e-25)), "the largest value of target E is .*V/m, beyond what float32 bears"),
        (lambda x, y: (x * np.float32(1e20), y), r"the largest value of source H is .*e\+.* check its unit, or scale"),
        (lambda x, y: (x.astype(float) * 1e60, y), "array x: .* too large for float32"),
    ],
)
def test_a_case_that_float32_cannot_bear_or_of_half_a_field_is_refused_by_file(tmp_path, spoil, sentence):
    write_npz_case(tmp_path / "a.npz", *spoil(*right_case()))
    with pytest.raises(DataError, match=rf"a.npz: {sentence}"):
        read_one(tmp_path, accept_unphysical=True)
