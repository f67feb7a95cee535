"""The field model as a plug-in of the training template: name it under ``plugins`` in the configuration.

Each ``params.py`` of this package registers its sections and what they can choose.
"""

import importlib
from pathlib import Path

_PACKAGE = Path(__file__).parent

for _found in sorted(_PACKAGE.rglob("params.py")):
    importlib.import_module(".".join(("emfm", *_found.relative_to(_PACKAGE).with_suffix("").parts)))
