"""The reference cases: read as they are in the file, and compared with other planes."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from emfm.core.errors import DataError
from emfm.core.grid import Geometry, differences
from emfm.core.planes import PlaneParams
from emfm.evaluate.reference_cases import read_reference_cases
from ttt.arrays import write_npz

NEC = Path(__file__).parents[3] / "data" / "reference" / "nec_cases.npz"
BOARDS = NEC.with_name("board_cases.npz")


@pytest.fixture(scope="module")
def arrays():
    with np.load(NEC, allow_pickle=False) as file:
        return dict(file)


@pytest.fixture(scope="module")
def cases():
    return read_reference_cases(NEC)


def default_geometry():
    source = PlaneParams(z_mm=1.0, x_mm=[-5.0, 5.0], y_mm=[-5.0, 5.0], pitch_mm=1.0)
    target = PlaneParams(z_mm=5.0, x_mm=[-25.0, 25.0], y_mm=[-25.0, 25.0], pitch_mm=1.0)
    return Geometry(5e9, source.to_grid(), target.to_grid())


def test_cases_come_as_they_are_in_the_file(cases, arrays):
    assert (len(cases), cases.ids[0], cases.ids[-1]) == (12, "01_wire_h", "12_trace_L,bridge,wire_v")
    batches = list(cases.batches(5))
    assert [len(source) for source, _ in batches] == [5, 5, 2]
    np.testing.assert_array_equal(
        np.concatenate([source for source, _ in batches]), arrays["source_H"].astype(np.float32)
    )
    np.testing.assert_array_equal(np.concatenate([target for _, target in batches]), arrays["target"])


def test_boards_come_with_their_names_and_properties():
    boards = read_reference_cases(BOARDS)
    assert differences(default_geometry(), boards.geometry) == []
    assert len(boards) == 13
    known = dict(zip(boards.ids, boards.properties, strict=True))
    assert known["cable_trace_g20"]["cable"] is True
    assert known["ms_match_g10"] == {
        "board_mm": 10.0,
        "t_mm": 0.8,
        "ground": True,
        "dielectric": True,
        "beyond": False,
        "cable": False,
        "above_z0": False,
        "kind": "microstrip",
    }


@pytest.mark.parametrize(
    ("half", "pitch", "inner"),
    [(10.0, 1.0, slice(5, 16)), (15.0, 1.0, slice(10, 21)), (10.0, 0.5, slice(10, 31, 2)), (6.0, 2.0, None)],
)
def test_boards_are_scanned_on_a_larger_or_finer_plane_where_the_file_holds_it(half, pitch, inner):
    boards = read_reference_cases(BOARDS)
    wanted = PlaneParams(z_mm=1.0, x_mm=[-half, half], y_mm=[-half, half], pitch_mm=pitch).to_grid()
    scanned = read_reference_cases(BOARDS, wanted)
    assert scanned.geometry == replace(boards.geometry, source=wanted)
    assert scanned.source_h.shape == (13, 4, *wanted.shape)
    assert scanned.source_h.shape[2:] == (wanted.ny, wanted.nx)
    if inner is not None:
        np.testing.assert_allclose(scanned.source_h[:, :, inner, inner], boards.source_h, rtol=0, atol=2e-3)


@pytest.mark.parametrize("change", [{"z_mm": 1.5}, {"pitch_mm": 0.25}, {"x_mm": [-20.0, 20.0]}])
def test_boards_stay_on_their_own_plane_where_the_file_holds_no_other(change):
    plane = PlaneParams(**({"z_mm": 1.0, "x_mm": [-10.0, 10.0], "y_mm": [-10.0, 10.0], "pitch_mm": 1.0} | change))
    scanned, boards = read_reference_cases(BOARDS, plane.to_grid()), read_reference_cases(BOARDS)
    assert scanned.geometry == boards.geometry
    np.testing.assert_array_equal(scanned.source_h, boards.source_h)


@pytest.mark.parametrize(
    ("properties", "sentence"),
    [
        (["{}"] * 12, "properties must be 13 JSON objects"),
        (["[1]"] * 13, "properties must be 13 JSON objects"),
        (['{"size": [1, 2]}'] * 13, "properties must be 13 JSON objects"),
        (["{"] * 13, "cannot be read as reference cases"),
    ],
)
def test_properties_that_are_none_are_refused(tmp_path, properties, sentence):
    with np.load(BOARDS, allow_pickle=False) as file:
        content = dict(file) | {"properties": np.array(properties)}
    write_npz(tmp_path / "cases.npz", content)
    with pytest.raises(DataError, match=rf"cases\.npz: .*{sentence}"):
        read_reference_cases(tmp_path / "cases.npz")


def test_two_cases_of_one_name_are_refused(tmp_path):
    with np.load(BOARDS, allow_pickle=False) as file:
        content = dict(file) | {"names": np.array(["same"] * 13)}
    write_npz(tmp_path / "cases.npz", content)
    with pytest.raises(DataError, match="a name stands twice"):
        read_reference_cases(tmp_path / "cases.npz")


def test_they_are_on_the_planes_of_the_default_parameters(cases):
    assert differences(default_geometry(), cases.geometry) == []


def test_each_difference_of_planes_and_frequency_is_named(cases):
    ours = default_geometry()
    for changed, names in (
        (replace(ours, frequency=2.4e9), ["frequency"]),
        (replace(ours, source=replace(ours.source, z=2e-3)), ["source plane"]),
        (replace(ours, target=replace(ours.target, nx=49)), ["target plane"]),
        (replace(ours, frequency=1e9, target=replace(ours.target, y_first=0.0)), ["frequency", "target plane"]),
    ):
        assert differences(changed, cases.geometry) == names


@pytest.mark.parametrize(
    ("name", "change", "sentence"),
    [
        ("target_channels", lambda names: names[::-1], "its channels are not Hx_re"),
        ("source_axis", lambda axis: axis**3, "an axis is not in even steps"),
        ("target", lambda target: target[:, :6], r"target must hold \(12, 12, 51, 51\) finite numbers"),
        ("source_H", lambda source: source * np.nan, "source_H must hold"),
        ("kinds", None, "cannot be read as reference cases"),
    ],
)
def test_a_file_that_is_not_of_its_own_axes_and_channels_is_refused(arrays, tmp_path, name, change, sentence):
    content = dict(arrays)
    if change is None:
        del content[name]
    else:
        content[name] = change(content[name])
    write_npz(tmp_path / "cases.npz", content)
    with pytest.raises(DataError, match=rf"cases\.npz: .*{sentence}.*restore the file from git"):
        read_reference_cases(tmp_path / "cases.npz")


def test_a_missing_and_a_truncated_file_are_refused(tmp_path):
    with pytest.raises(DataError, match="none.npz: no such file; restore"):
        read_reference_cases(tmp_path / "none.npz")
    (tmp_path / "half.npz").write_bytes(NEC.read_bytes()[: NEC.stat().st_size // 2])
    with pytest.raises(DataError, match="half.npz: cannot be read as reference cases"):
        read_reference_cases(tmp_path / "half.npz")
