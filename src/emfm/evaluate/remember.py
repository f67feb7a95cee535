"""What a baseline has learned or computed once, kept for the next time."""

from collections.abc import Callable
from typing import Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from ttt.memo import Memo

N = TypeVar("N", np.float64, np.complex128)


class Remember(Protocol):
    """Keeps what a baseline has learned, for the next fit to the same samples."""

    def __call__(self, learn: Callable[[], NDArray[N]], dtype: type[N], /) -> NDArray[N]:
        """What ``learn`` returns, a matrix ``(n, m)`` of type ``dtype``, byte for byte."""
        ...


def learn_anew(learn: Callable[[], NDArray[N]], _: type[N], /) -> NDArray[N]:
    """Keep nothing."""
    return learn()


def remembered(memo: Memo, identity: str) -> Remember:
    """Keeps in ``memo`` what is learned; ``identity`` names all that its bits depend on."""

    def remember(learn: Callable[[], NDArray[N]], dtype: type[N], /) -> NDArray[N]:
        return memo.array(f"{identity} {dtype.__name__}", learn, dtype)

    return remember
