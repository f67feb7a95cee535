"""Work in parts that are computed beside one another, each by one thread."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import torch

Part = TypeVar("Part")
Result = TypeVar("Result")


def side_by_side(compute: Callable[[Part], Result], parts: Sequence[Part]) -> list[Result]:
    """What ``compute`` makes of each part, in their order; as many at a time as torch may use threads.

    For work that torch does on one thread, as LAPACK's routines, which it calls for one matrix after another. Results
    do not depend on the number of threads, but for a single part, which gets all of them. What torch keeps for each
    thread (gradients, autocast) is at its default in ``compute``.
    """
    threads = torch.get_num_threads()
    if threads == 1 or len(parts) == 1:
        return [compute(part) for part in parts]
    torch.set_num_threads(1)
    try:
        with ThreadPoolExecutor(threads) as pool:
            return list(pool.map(compute, parts))
    finally:
        torch.set_num_threads(threads)
