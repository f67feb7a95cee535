"""Files of DVC experiments and of other git revisions, by the name that a user gives."""

from ttt.config import UserError
from ttt.git import git


def commit_of(name: str) -> str:
    """The commit of an experiment, by its name, or of a git revision; raises UserError where there is not just one."""
    revisions = experiments_named(name)
    if len(revisions) > 1:
        shown = ", ".join(revision[:10] for revision in revisions)
        raise UserError(f"{name}: {len(revisions)} experiments have this name; give the revision of one: {shown}")
    revision = revisions[0] if revisions else name
    try:
        return git("rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}").strip()
    except UserError:
        raise UserError(
            f"{name}: no experiment and no revision has this name; `dvc exp list` names the experiments"
        ) from None


def experiments_named(name: str) -> list[str]:
    """The commits of the DVC experiments of this name: one name may stand beside several commits."""
    references = git("for-each-ref", "--format=%(objectname) %(refname)", "refs/exps").splitlines()
    return sorted({line.split()[0] for line in references if line.endswith(f"/{name}")})


def file_of(name: str, path: str) -> str:
    """The text of a file, relative to the working folder, in an experiment or a revision; raises UserError for none."""
    commit = commit_of(name)
    try:
        return git("show", f"{commit}:./{path}")
    except UserError:
        raise UserError(f"{name}: has no {path}; run it again with this code, and commit the file") from None
