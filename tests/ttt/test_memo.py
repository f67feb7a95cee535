"""Results that are computed once."""

import numpy as np
import pytest

from ttt.memo import Memo


class Computation:
    """Counts how often it is done."""

    def __init__(self, shape=(3, 2)):
        self.times = 0
        self._shape = shape

    def __call__(self):
        self.times += 1
        return np.random.default_rng(0).normal(size=self._shape).astype(np.float32)


@pytest.fixture(params=["folder", "memory"])
def memo(request, tmp_path):
    return Memo(tmp_path / "memo") if request.param == "folder" else Memo()


@pytest.mark.parametrize("shape", [(3, 2), (1, 1), (0, 4), (5, 0)])
def test_a_remembered_result_is_not_computed_again(memo, shape):
    compute = Computation(shape)
    first, second = memo.array("a", compute), memo.array("a", compute)
    assert compute.times == 1
    assert first.shape == shape
    np.testing.assert_array_equal(first, second)


def test_another_process_finds_it_in_the_folder(tmp_path):
    compute = Computation()
    first = Memo(tmp_path).array("a", compute)
    second = Memo(tmp_path).array("a", compute)
    assert compute.times == 1
    np.testing.assert_array_equal(first, second)


def test_another_identity_is_another_result(memo):
    memo.array("a", Computation())
    other = Computation((4, 1))
    assert memo.array("b", other).shape == (4, 1)
    assert other.times == 1


def test_what_was_found_may_be_changed_without_changing_what_is_remembered(tmp_path):
    memo, compute = Memo(tmp_path), Computation()
    expected = memo.array("a", compute).copy()
    memo.array("a", compute)[:] = 0
    np.testing.assert_array_equal(memo.array("a", compute), expected)


@pytest.mark.parametrize("damage", [b"", b"short", lambda content: content[:-1], lambda content: content + b"x"])
def test_a_damaged_file_is_replaced(tmp_path, damage):
    compute = Computation()
    expected = Memo(tmp_path).array("a", compute)
    (file,) = tmp_path.iterdir()
    whole = file.read_bytes()
    file.write_bytes(damage if isinstance(damage, bytes) else damage(whole))
    np.testing.assert_array_equal(Memo(tmp_path).array("a", compute), expected)
    assert compute.times == 2
    assert file.read_bytes() == whole


def test_a_changed_bit_is_noticed(tmp_path):
    compute = Computation()
    expected = Memo(tmp_path).array("a", compute)
    (file,) = tmp_path.iterdir()
    content = bytearray(file.read_bytes())
    content[-1] ^= 1
    file.write_bytes(content)
    np.testing.assert_array_equal(Memo(tmp_path).array("a", compute), expected)


def test_a_removed_folder_costs_the_computation_only(tmp_path):
    compute = Computation()
    memo = Memo(tmp_path / "memo")
    memo.array("a", compute)
    next((tmp_path / "memo").iterdir()).unlink()
    (tmp_path / "memo").rmdir()
    memo.array("a", compute)
    assert compute.times == 2


class Stop(Exception):  # noqa: N818
    pass


def stop():
    raise Stop


def test_a_computation_can_be_stopped_before_it_begins(tmp_path):
    compute = Computation()
    with pytest.raises(Stop):
        Memo(tmp_path / "memo").interruptible(stop).array("a", compute)
    assert compute.times == 0
    assert not list(tmp_path.rglob("*.array"))


def test_what_is_remembered_needs_no_computation_that_could_be_stopped(tmp_path):
    compute = Computation()
    expected = Memo(tmp_path).array("a", compute)
    np.testing.assert_array_equal(Memo(tmp_path).interruptible(stop).array("a", compute), expected)
