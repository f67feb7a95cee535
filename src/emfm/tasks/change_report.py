"""What a change does to the results: ``python -m emfm.tasks.change_report BASE HEAD [--out report.md]``.

BASE and HEAD are git revisions or DVC experiments with committed results. The report, in Markdown, says which
parameters changed, sets the errors before and after beside each other with their 95 % intervals, and says sample by
sample whether that is a difference. It is made for a comment on a pull request: see .github/workflows/report.yml.
Pictures of both are linked where --pictures says at which address the files of a commit are, such as
https://github.com/OWNER/REPOSITORY/raw.
"""

import argparse
import json
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeVar

from emfm.evaluate.comparisons import compare_two
from emfm.plot.cells import ABOUT_INTERVALS, metric_cells
from emfm.plot.numbers import NO_VALUE, shown
from emfm.plot.text import table
from emfm.results.comparisons import in_words
from emfm.results.schema import MilestoneResults, ModelResult, ValResults
from emfm.tasks.error_tables import error_table_of, same_samples
from emfm.workflow.paths import FIGURES, TEST_RESULTS, VAL_RESULTS
from emfm.workflow.revisions import commit_of, file_of
from ttt.command import run_command
from ttt.config import Section, UserError, changes, parse_section, parse_yaml
from ttt.files import write_text
from ttt.git import git
from ttt.program import called_as

_PARAMS: Final = "params.yaml"
_PICTURES: Final = {
    "scaling_curve.png": "Error against training samples",
    "loss_curves.png": "Errors and loss by epoch",
}
_ERRORS: Final = ("rel_l2_e", "rel_l2_h")
_SHOWN_DIGITS: Final = 10
_MISSING: Final = "nothing"
"""What `ttt.config.changes` says of a key that is not there."""
S = TypeVar("S", bound=Section)


def main(arguments: list[str] | None = None) -> int:
    """Run the command; the exit status."""
    parser = argparse.ArgumentParser(
        prog=called_as("emfm.tasks.change_report"),
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("base", help="revision or experiment before the change")
    parser.add_argument("head", help="revision or experiment with the change")
    parser.add_argument("--out", type=Path, metavar="FILE", help="default: the standard output")
    parser.add_argument("--pictures", metavar="URL", help="address of files: URL/COMMIT/PATH; default: no pictures")
    return run_command(_report, parser.parse_args(arguments))


def _report(args: argparse.Namespace) -> None:
    text = change_report(_Sides(commit_of(args.base), commit_of(args.head)), args.pictures)
    if args.out is None:
        sys.stdout.write(text)
    else:
        write_text(args.out, text)


@dataclass(frozen=True)
class _Sides:
    """The commits before and after the change."""

    base: str
    head: str

    def differ_in(self, path: str) -> bool:
        """Whether a file is another, or there in one of them alone."""
        return len({git("ls-tree", commit, "--", path) for commit in (self.base, self.head)}) > 1


def change_report(sides: _Sides, pictures: str | None) -> str:
    """The report in Markdown."""
    parts = [
        f"## Results of {sides.head[:_SHOWN_DIGITS]} beside {sides.base[:_SHOWN_DIGITS]}",
        "\n".join(_parameters(sides)),
        *_where_readable("val_fixed", sides, _on_val_fixed),
        *_where_readable("test_final", sides, _on_test_final),
        *_linked(sides, pictures),
    ]
    return "\n\n".join(parts) + "\n"


def _parameters(sides: _Sides) -> Iterator[str]:
    """A line for each parameter that changed."""
    before, after = (parse_yaml(file_of(one, _PARAMS), f"{_PARAMS} of {one}") for one in (sides.base, sides.head))
    found = changes(before, after)
    yield "**Parameters**" if found else "**Parameters**: none changed."
    if found:
        yield ""
    for key, was, now in found:
        yield f"- `{key}`: {_value(was)} → {_value(now)}"


def _value(value: object) -> str:
    return "not there" if value == _MISSING else json.dumps(value)


def _where_readable(name: str, sides: _Sides, section: Callable[[_Sides], list[str]]) -> list[str]:
    """A section, or in its place why there is none: results of another form or of other samples are no mistake."""
    try:
        return section(sides)
    except UserError as error:
        return [f"**{name}** is not compared: {error}"]


def _on_val_fixed(sides: _Sides) -> list[str]:
    if not sides.differ_in(VAL_RESULTS.as_posix()):
        return [f"**val_fixed**: no result changed; {VAL_RESULTS} is the same in both."]
    before, after = (_results(ValResults, one, VAL_RESULTS) for one in (sides.base, sides.head))
    words = _in_words(sides, [name for name in after.models if name in before.models])
    rows = _rows(before.models, after.models, words)
    final = list(after.models)[-1]
    for name, found in after.references.items():
        was = before.references.get(name)
        old = was.metrics.get(final) if was is not None else None
        cells = [
            [shown(getattr(one, key)) if one else NO_VALUE for one in (old, found.metrics[final])] for key in _ERRORS
        ]
        rows.append([f"{final} on {name}, {found.samples} cases", *cells[0], *cells[1], ""])
    heads = ["", "E before", "E after", "H before", "H after", "sample by sample"]
    recommended = f"Recommended: {before.recommended} before, {after.recommended} after."
    return [f"**val_fixed**, {after.samples:,} samples. {recommended} {ABOUT_INTERVALS}", table(rows, heads)]


def _on_test_final(sides: _Sides) -> list[str]:
    if not sides.differ_in(TEST_RESULTS.as_posix()):
        return []
    for side, one in (("before", sides.base), ("after", sides.head)):
        if json.loads(file_of(one, TEST_RESULTS.as_posix())).get("milestone") is False:
            return [f"**test_final** was not opened {side} the change: that training is not the promoted one."]
    before, after = (_results(MilestoneResults, one, TEST_RESULTS) for one in (sides.base, sides.head))
    same = before.test_set_sha256 == after.test_set_sha256
    note = "" if same else " It is another set than before: the figures are not of the same samples."
    rows = [row[:-1] for row in _rows(before.models, after.models, {})]
    return [
        f"**test_final**, {after.samples:,} samples.{note}",
        table(rows, ["", "E before", "E after", "H before", "H after"]),
    ]


def _rows(
    before: Mapping[str, ModelResult], after: Mapping[str, ModelResult], words: Mapping[str, str]
) -> list[list[str]]:
    """A row for each stage of either side: E before and after, H before and after, and what that means."""
    rows = []
    for name in dict.fromkeys([*before, *after]):
        was, now = (_errors(side.get(name)) for side in (before, after))
        rows.append([name, was[0], now[0], was[1], now[1], words.get(name, "")])
    return rows


def _errors(result: ModelResult | None) -> list[str]:
    return [NO_VALUE] * len(_ERRORS) if result is None else metric_cells(result, _ERRORS)


def _in_words(sides: _Sides, stages: list[str]) -> dict[str, str]:
    """Of each stage, how its errors differ from those before on the same samples."""
    tables = {one: error_table_of(one) for one in (sides.base, sides.head)}
    same = same_samples(tables)
    before, after = (found.of(same) for found in tables.values())
    families = before.numbered_families()
    return {
        name: in_words(compare_two(name, after.errors[name], name, before.errors[name], families), len(same))
        for name in stages
        if name in before.errors and name in after.errors
    }


def _results(section: type[S], commit: str, path: Path) -> S:
    """The results of a commit; raises UserError where they have another form than this code reads."""
    problems: list[str] = []
    try:
        found = parse_section(section, json.loads(file_of(commit, path.as_posix())), "", problems)
    except ValueError as error:
        raise UserError(f"{path} of {commit[:_SHOWN_DIGITS]}: cannot be read as JSON ({error})") from error
    if found is None:
        raise UserError(
            f"{path} of {commit[:_SHOWN_DIGITS]}: has another form than this code reads "
            f"({problems[0].partition(';')[0]}); run it again with this code"
        )
    return found


def _linked(sides: _Sides, pictures: str | None) -> Iterator[str]:
    """Each picture before and after, or that it has not changed."""
    for name, title in _PICTURES.items():
        path = (FIGURES / name).as_posix()
        if not sides.differ_in(path):
            yield f"{title}: the picture has not changed."
        elif pictures is not None:
            links = [f"![{title}]({pictures.rstrip('/')}/{commit}/{path})" for commit in (sides.base, sides.head)]
            yield table([links], [f"{title}, before", "after"])


if __name__ == "__main__":
    sys.exit(main())
