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
