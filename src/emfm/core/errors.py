"""What is wrong with data, as a sentence for the user."""

from ttt.config import UserError


class DataError(UserError):
    """Data that cannot be used: says which file or sample, which row or key, and what to do about it."""
