"""What to do after a case was corrected: DVC watches the packed store, not the folders of cases it was made from."""

from pathlib import Path
from typing import Final

from emfm.acquire.import_cases import open_import
from emfm.acquire.kept_import import changed_since
from emfm.core.errors import DataError
from emfm.settings import Params
from emfm.workflow.paths import KEPT_IMPORT
from emfm.workflow.unfinished import kept_folder

_COMMAND: Final = "`dvc repro -f acquire`, which reads what has changed, and then `dvc repro`"


def advice(params: Params) -> str | None:
    """What stands below an error about data of a ``stage`` after acquire, where the samples are imported cases.

    Compares the inventory of the folders with that of the import: takes as long as listing the cases.
    """
    wanted = params.acquire.import_
    if params.acquire.source != "import":
        return None
    try:
        cases = open_import([Path(root) for root in wanted.roots], wanted.reader, params.data.geometry())
        with kept_folder(KEPT_IMPORT) as kept:
            changed = changed_since(kept, cases)
    except (DataError, OSError):
        changed = True  # there is no reading them as they are now
    if changed:
        return f"The cases have changed since they were imported, which DVC does not see: run {_COMMAND}."
    return f"If you mend or remove a case, run {_COMMAND}."
