"""A square root whose bits do not depend on the maker of the processor."""

from torch import Tensor


def square_root(values: Tensor) -> Tensor:
    """The square roots of real ``values``, each within two units in the last place.

    torch's own is that of Intel's vector library where torch was built with it, which rounds in another way on
    processors of other makers, whatever instruction set it is asked for. What is used here is divisions alone.
    """
    return values.rsqrt().reciprocal()
