"""Make a training the promoted one: ``python -m emfm.tasks.promote [EXPERIMENT]``.

EXPERIMENT is the name of a DVC experiment, or any git revision: its params.yaml becomes that of the workspace. Without
it the training that stands in params.yaml is promoted. Either way promoted.yaml then holds all that decides the
training (data, split and compute, too), and nothing that does not. The command shows what changes, and runs and commits
nothing: the edit is yours to review. The next `dvc repro` then opens test_final, which costs a look.
"""

import argparse
import sys
from pathlib import Path
from typing import Any, Final

import yaml

from emfm.settings import Params, parse_params
from emfm.workflow.paths import PROMOTED
from emfm.workflow.revisions import file_of
from ttt.command import run_command
from ttt.config import UserError, changes, parse_yaml, read_yaml
from ttt.files import write_text
from ttt.git import git
from ttt.program import called_as

PARAMS_FILE: Final = Path("params.yaml")
_HEADER: Final = """\
# The promoted training: eval_test_final opens test_final while all that decides a training is as it stands here.
# Written by `python -m emfm.tasks.promote`, see docs/experiments.md. What changes no model is not here.
"""


def main(arguments: list[str] | None = None) -> int:
    """Run the command; the exit status."""
    parser = argparse.ArgumentParser(
        prog=called_as("emfm.tasks.promote"),
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("experiment", nargs="?", help="name or revision; default: the parameters in params.yaml")
    return run_command(_promote, parser.parse_args(arguments))


def _promote(args: argparse.Namespace) -> None:
    if not PARAMS_FILE.exists():
        raise UserError(f"{PARAMS_FILE}: no such file; run this in the repository's root")
    present = PARAMS_FILE.read_text(encoding="utf-8")
    if args.experiment is None:
        name, text = f"the training in {PARAMS_FILE}", present
        promoted = _checked(text, str(PARAMS_FILE))
    else:
        name, text = args.experiment, file_of(args.experiment, PARAMS_FILE.as_posix())
        promoted = _checked(text, f"{PARAMS_FILE} of {name}")
    deciding = promoted.deciding()
    edits = changes(parse_yaml(present, str(PARAMS_FILE)), parse_yaml(text, name))
    if edits:
        _refuse_uncommitted_params()
    before = read_yaml(PROMOTED) if PROMOTED.exists() else {}
    if not edits and before == deciding:
        sys.stdout.write(f"nothing to do: {name} is the promoted training already\n")
        return
    if edits:
        write_text(PARAMS_FILE, text)
    write_text(PROMOTED, promoted_text(promoted))
    for file, found in ((PARAMS_FILE, edits), (PROMOTED, changes(before, deciding))):
        sys.stdout.write(f"{file}: now that of {name}\n" if found else f"{file}: stays as it is\n")
        sys.stdout.writelines(f"  {key}: {earlier!r} -> {now!r}\n" for key, earlier, now in found)
    sys.stdout.write(_NEXT)


_NEXT = """Nothing was run or committed. Next:
  git diff                   review the edit; `git checkout params.yaml promoted.yaml` takes it back
  dvc repro                  opens test_final for these models: each new one is a look in the ledger
  git commit -am MESSAGE     with dvc.lock and reports/, ledger included
"""


def promoted_text(params: Params) -> str:
    """The content of promoted.yaml when the training of ``params`` is the promoted one."""
    return _HEADER + yaml.safe_dump(params.deciding(), sort_keys=False)


def _checked(text: str, source: str) -> Params:
    """The parameters in the text of a params.yaml that the stages could run with; raises ConfigError otherwise."""
    raw: dict[str, Any] = parse_yaml(text, source)
    return parse_params(raw, source)


def _refuse_uncommitted_params() -> None:
    if git("status", "--porcelain", "--", str(PARAMS_FILE)):
        raise UserError(
            f"{PARAMS_FILE} has changes that are not committed; commit them, or go back to the commit with "
            "`git restore .` and `dvc checkout` (an experiment that ran here stays in `dvc exp show`), or promote the "
            "training that stands there by naming no experiment"
        )


if __name__ == "__main__":
    sys.exit(main())
