"""What to do after mending a case: DVC watches the packed store, and not the folders of cases it was made from."""

from pathlib import Path
from typing import Final

from emfm.data.import_cases import open_import
from emfm.data.kept_import import changed_since
from emfm.data.sample import DataError
from emfm.settings import Params
from emfm.stages.paths import KEPT_IMPORT
from emfm.stages.resume import kept_folder

_COMMAND: Final = "`dvc repro -f acquire`, which reads what has changed, and then `dvc repro`"


def advice(params: Params, stage: str) -> str | None:
    """What stands below an error about data of a ``stage`` after acquire, where the samples are imported cases.

    Compares the inventory of the folders with that of the import: takes as long as listing the cases.
    """
    wanted = params.acquire.import_
    if params.acquire.source != "import" or stage == "acquire":
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
