"""Prepare the edit of params.yaml that makes a training the milestone: ``python -m emfm.tasks.promote [EXPERIMENT]``.

EXPERIMENT is the name of a DVC experiment, or any git revision; without it the training parameters that stand in
params.yaml are promoted. The command shows what changes, writes params.yaml with its comments and order, and runs and
commits nothing: the edit is yours to review. The next `dvc repro` then opens test_final, which costs a look.
"""

import argparse
import subprocess
import sys
from collections.abc import Collection, Mapping
from io import StringIO
from pathlib import Path
from typing import Any, Final

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap
from ruamel.yaml.error import CommentMark
from ruamel.yaml.representer import RoundTripRepresenter
from ruamel.yaml.tokens import CommentToken

from emfm.settings import PROMOTED, PROMOTED_DATA, parse_params
from ttt.command import run_command
from ttt.config import SCALES, UserError, changes, parse_yaml
from ttt.files import write_text

PARAMS_FILE: Final = Path("params.yaml")
_NOT_COMPARED: Final = ("alerts", "eval", "milestone", *PROMOTED)
_NO_COMMENTS: Final = (None, None, None, None)
_END_OF_LINE: Final = 2
"""Which of a key's comments in ruamel.yaml is the one after its value, with the lines below it."""


def main(arguments: list[str] | None = None) -> int:
    """Run the command; the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m emfm.tasks.promote",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("experiment", nargs="?", help="name or revision; default: the parameters in params.yaml")
    return run_command(_promote, parser.parse_args(arguments))


def _promote(args: argparse.Namespace) -> None:
    present = _present_params()
    if args.experiment is None:
        name, promoted = "the training in params.yaml", present
        _refuse_other_data(_committed_params("HEAD", "HEAD"), promoted, name)
    else:
        name, promoted = args.experiment, _params_of_experiment(args.experiment)
        _refuse_uncommitted_params()
        _refuse_other_data(present, promoted, name)
    training = milestone_training(promoted, f"params.yaml of {name}")
    found = changes(present["milestone"]["training"], training)
    text = edited(PARAMS_FILE.read_text(encoding="utf-8"), promoted, training)
    if parse_yaml(text, str(PARAMS_FILE)) == present:
        sys.stdout.write(f"nothing to do: {name} is the milestone already\n")
        return
    write_text(PARAMS_FILE, text)
    sys.stdout.write(f"{PARAMS_FILE}: milestone.training is now that of {name}\n")
    sys.stdout.writelines(f"  {key}: {before!r} -> {now!r}\n" for key, before, now in found)
    sys.stdout.write(_NEXT)


_NEXT = """Nothing was run or committed. Next:
  git diff params.yaml       review the edit; `git checkout params.yaml` takes it back
  dvc repro                  opens test_final for these models: each new one is a look in the ledger
  git commit -am MESSAGE     with dvc.lock and reports/, ledger included
"""


def milestone_training(raw: Mapping[str, Any], source: str) -> dict[str, Any]:
    """The training parameters of a params.yaml as ``milestone.training`` holds them.

    Every key is there, those that the file leaves at their default too; a value that depends on the scale is given
    per scale. Raises ConfigError where the file cannot be used.
    """
    small, large = (parse_params({**raw, "scale": scale}, source).training_parameters() for scale in SCALES)
    return dict(_per_scale(small, large))


def edited(text: str, promoted: Mapping[str, Any], training: Mapping[str, Any]) -> str:
    """``text``, a params.yaml, with the training sections of ``promoted`` and with ``training`` as the milestone.

    Comments, order and the writing of what does not change stay as they are.
    """
    yaml = YAML()
    yaml.Representer = _Representer
    yaml.preserve_quotes = True
    yaml.width = sys.maxsize
    content = yaml.load(text)
    _update(content, {key: promoted[key] for key in PROMOTED if key in promoted}, keep=set(content) - set(PROMOTED))
    chosen = {key: promoted["data"][key] for key in PROMOTED_DATA}
    _update(content["data"], chosen, keep=set(content["data"]) - set(PROMOTED_DATA))
    _update(content["milestone"]["training"], training)
    stream = StringIO()
    yaml.dump(content, stream)
    return stream.getvalue()


def _present_params() -> dict[str, Any]:
    if not PARAMS_FILE.exists():
        raise UserError(f"{PARAMS_FILE}: no such file; run this in the repository's root")
    return _checked(PARAMS_FILE.read_text(encoding="utf-8"), str(PARAMS_FILE))


def _params_of_experiment(name: str) -> dict[str, Any]:
    references = _git("for-each-ref", "--format=%(objectname) %(refname)", "refs/exps").splitlines()
    revisions = sorted({line.split()[0] for line in references if line.endswith(f"/{name}")})
    if len(revisions) > 1:
        shown = ", ".join(revision[:10] for revision in revisions)
        raise UserError(f"{name}: {len(revisions)} experiments have this name; give the revision of one: {shown}")
    return _committed_params(revisions[0] if revisions else name, name)


def _committed_params(revision: str, name: str) -> dict[str, Any]:
    try:
        commit = _git("rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}").strip()
    except UserError:
        raise UserError(
            f"{name}: no experiment and no revision has this name; `dvc exp list` names the experiments"
        ) from None
    return _checked(_git("show", f"{commit}:./{PARAMS_FILE}"), f"{PARAMS_FILE} of {name}")


def _checked(text: str, source: str) -> dict[str, Any]:
    """The content of a params.yaml that the stages could run with; raises ConfigError otherwise."""
    raw = parse_yaml(text, source)
    parse_params(raw, source)
    return raw


def _refuse_uncommitted_params() -> None:
    if _git("status", "--porcelain", "--", str(PARAMS_FILE)):
        raise UserError(
            f"{PARAMS_FILE} has changes that are not committed; commit or undo them first, or promote the training "
            "that stands there by naming no experiment"
        )


def _refuse_other_data(here: Mapping[str, Any], promoted: Mapping[str, Any], name: str) -> None:
    """Only a training is promoted: what decides its data, and the bits of its results, must be what it is here."""
    found = changes(_all_but_training(here), _all_but_training(promoted))
    if found:
        listed = "".join(f"\n  {key}: {there!r}, here {present!r}" for key, present, there in found)
        raise UserError(
            f"{name} differs in more than its training; make that change in a commit of its own, with its results, "
            f"and train again:{listed}"
        )


def _all_but_training(raw: Mapping[str, Any]) -> dict[str, Any]:
    data = {key: value for key, value in raw["data"].items() if key not in PROMOTED_DATA}
    return {key: value for key, value in raw.items() if key not in _NOT_COMPARED} | {"data": data}


def _per_scale(small: Any, large: Any) -> Any:
    """One value where both are the same; mappings with the same keys are compared key by key."""
    if small == large:
        return small
    if isinstance(small, Mapping) and isinstance(large, Mapping) and set(small) == set(large):
        return {key: _per_scale(small[key], large[key]) for key in small}
    return dict(zip(SCALES, (small, large), strict=True))


def _update(node: CommentedMap, wanted: Mapping[str, Any], keep: Collection[str] = ()) -> None:
    """Make ``node`` equal to ``wanted``, touching only what differs; the keys in ``keep`` stay."""
    below = _lines_below(node)
    for key in [key for key in node if key not in wanted and key not in keep]:
        del node[key]
    for key, value in wanted.items():
        if isinstance(node.get(key), CommentedMap) and isinstance(value, Mapping):
            _update(node[key], value)
        elif key not in node or node[key] != value:
            node[key] = _written(value)
    if _lines_below(node) != below:
        holder, last = _last_of(node)
        own = holder.ca.items.get(last, _NO_COMMENTS)[_END_OF_LINE]
        text = ("" if own is None else own.value.rstrip("\n")) + below
        holder.ca.items[last] = [None, None, CommentToken(text, CommentMark(0)), None]


def _lines_below(node: CommentedMap) -> str:
    """The blank and comment lines between a mapping and what follows it, which ruamel.yaml keeps at its last value."""
    holder, last = _last_of(node)
    token = holder.ca.items.get(last, _NO_COMMENTS)[_END_OF_LINE]
    return "" if token is None else token.value[token.value.find("\n") :]


def _last_of(node: CommentedMap) -> tuple[CommentedMap, str]:
    last = list(node)[-1]
    inner = node[last]
    if isinstance(inner, CommentedMap) and inner and not inner.fa.flow_style():
        return _last_of(inner)
    return node, last


def _written(value: Any) -> Any:
    """A value as params.yaml writes it: small mappings and lists on one line."""
    if not isinstance(value, Mapping):
        return value
    mapping = CommentedMap({key: _written(item) for key, item in value.items()})
    mapping.fa.set_flow_style()
    return mapping


class _Representer(RoundTripRepresenter):
    """Writes nothing as ``null``."""


_Representer.add_representer(
    type(None), lambda representer, _: representer.represent_scalar("tag:yaml.org,2002:null", "null")
)


def _git(*arguments: str) -> str:
    done = subprocess.run(["git", *arguments], capture_output=True, text=True, check=False)
    if done.returncode:
        raise UserError(f"git {' '.join(arguments)}: {done.stderr.strip()}; run this inside the git repository")
    return done.stdout


if __name__ == "__main__":
    sys.exit(main())
