"""Parts of work beside one another."""

import threading

import pytest
import torch

from torch_threads import torch_threads
from ttt.engine.side_by_side import side_by_side


@pytest.fixture(autouse=True)
def two_threads():
    with torch_threads(2):
        yield


def test_results_come_in_the_order_of_the_parts():
    assert side_by_side(lambda part: 2 * part, range(50)) == [2 * part for part in range(50)]


def test_two_parts_are_computed_at_the_same_time_by_one_thread_each():
    both = threading.Barrier(2, timeout=60)

    def compute(_):
        both.wait()
        return torch.get_num_threads()

    assert side_by_side(compute, range(2)) == [1, 1]
    assert torch.get_num_threads() == 2


def test_a_single_part_gets_all_threads():
    assert side_by_side(lambda _: torch.get_num_threads(), range(1)) == [2]


def test_the_bits_are_the_same_for_any_number_of_threads():
    matrices = torch.randn(8, 300, 300, generator=torch.Generator().manual_seed(0))

    def compute(matrix):
        return torch.linalg.cholesky(matrix @ matrix.T + torch.eye(300)) @ matrix

    by_two = side_by_side(compute, list(matrices))
    with torch_threads(1):
        by_one = side_by_side(compute, list(matrices))
    assert all(torch.equal(one, two) for one, two in zip(by_one, by_two, strict=True))


def test_an_error_in_a_part_is_raised_and_the_threads_are_there_again():
    def compute(part):
        raise ValueError(f"part {part}")

    with pytest.raises(ValueError, match="part 0"):
        side_by_side(compute, range(4))
    assert torch.get_num_threads() == 2
