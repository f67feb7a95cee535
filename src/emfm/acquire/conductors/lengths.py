"""Lengths at which a Fourier transform is fast."""


def fast_length(least: int, factor: int = 1) -> int:
    """The smallest multiple of ``factor`` from ``least`` on that has no prime factor above 5 but those of it."""
    length = -(-least // factor)
    while not _is_smooth(length):
        length += 1
    return length * factor


def _is_smooth(number: int) -> bool:
    for prime in (2, 3, 5):
        while number % prime == 0:
            number //= prime
    return number == 1
