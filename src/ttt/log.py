"""The log of the template and of what is built on it: for people, with no times or results in it."""

import logging
from typing import Final

LOG: Final = logging.getLogger("ttt")
