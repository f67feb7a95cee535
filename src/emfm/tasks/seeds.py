"""Train one configuration with several seeds: ``python -m emfm.tasks.seeds --seeds 0 1 2 [-n NAME] [-S KEY=VALUE]``.

Queues a DVC experiment ``NAME-SEED`` for each seed, runs the queue, and prints the errors of each on val_fixed, their
mean and their standard deviation: how much a training differs from another that is the same but for its seed. Below
that stand the report's comparisons of each, and which answers all of them give. An experiment that is there already is
not run again, so that a series which was stopped goes on; remove one with `dvc exp remove`.

With ``--against OTHER`` the same seeds of another series are set beside it, and whether the means differ by more than
the seeds do: Student's test of two means, at 5 %. First run both series, each with its own ``-n`` and ``-S``.
"""

import argparse
import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt
from statistics import mean, stdev
from typing import Final

from emfm.plot.numbers import shown
from emfm.plot.text import table
from emfm.tasks.seed_answers import answers
from emfm.workflow.paths import VAL_METRICS
from emfm.workflow.revisions import experiments_named, file_of
from ttt.command import run_command
from ttt.config import UserError, parse_yaml
from ttt.program import called_as

_ERRORS: Final = {"E": "rel_l2_e", "H": "rel_l2_h"}
_SAMPLE_BY_SAMPLE: Final = "Errors in multiples of each other, sample by sample, of each seed in turn; median:"
_STUDENT: Final = (12.71, 4.30, 3.18, 2.78, 2.57, 2.45, 2.36, 2.31, 2.26, 2.23, 2.20)
"""Quantiles of Student's distribution at 97.5 % for 1, 2, ... degrees of freedom; further ones are hardly smaller."""


def main(arguments: list[str] | None = None) -> int:
    """Run the command; the exit status."""
    parser = argparse.ArgumentParser(
        prog=called_as("emfm.tasks.seeds"), description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seeds", type=int, nargs="+", required=True, help="values of seed in params.yaml")
    parser.add_argument("-n", "--name", default="seed", help="of the series (default: %(default)s)")
    parser.add_argument("-S", "--set-param", action="append", default=[], metavar="KEY=VALUE", help="of `dvc exp run`")
    parser.add_argument("--against", metavar="OTHER", help="a series that was run before, to compare with")
    parser.add_argument("-j", "--jobs", type=int, default=1, help="trainings at a time (default: %(default)s)")
    return run_command(_seeds, parser.parse_args(arguments))


def _seeds(args: argparse.Namespace) -> None:
    if len(set(args.seeds)) < max(2, len(args.seeds)):
        raise UserError(f"--seeds: found {' '.join(map(str, args.seeds))}; give two or more different ones")
    if args.jobs < 1:
        raise UserError(f"--jobs: found {args.jobs}; give 1 or more")
    missing = [seed for seed in args.seeds if not _is_there(f"{args.name}-{seed}", args.set_param)]
    for seed in missing:
        changes = [f"seed={seed}", *args.set_param]
        _dvc("--queue", "-n", f"{args.name}-{seed}", *(part for change in changes for part in ("-S", change)))
    if missing:
        _dvc("--run-all", "-j", str(args.jobs))
    series = [_Series.read(name, args.seeds) for name in (args.name, args.against) if name is not None]
    rows = [row for one in series for row in one.rows()]
    sys.stdout.write(table(rows, ["", *(f"{part}, rel. L2 on val_fixed" for part in _ERRORS)]) + "\n")
    if len(series) == 1:
        said = answers([f"{args.name}-{seed}" for seed in args.seeds])
        sys.stdout.write("\n".join(["", _SAMPLE_BY_SAMPLE, "", *said, ""]))
    if len(series) > 1:
        sys.stdout.writelines(f"{line}\n" for line in _verdicts(*series))


@dataclass(frozen=True)
class _Series:
    """Trainings that are the same but for their seeds."""

    name: str
    errors: dict[str, dict[str, float]]
    """Of E and of H, by the name of the experiment."""

    @classmethod
    def read(cls, name: str, seeds: Sequence[int]) -> "_Series":
        experiments = [f"{name}-{seed}" for seed in seeds]
        metrics = {one: json.loads(file_of(one, VAL_METRICS.as_posix()))["val"] for one in experiments}
        return cls(name, {part: {one: metrics[one][key] for one in experiments} for part, key in _ERRORS.items()})

    def rows(self) -> list[list[str]]:
        """Each training, their mean and their standard deviation."""
        values = list(self.errors.values())
        rows = [[one, *(shown(found[one]) for found in values)] for one in values[0]]
        rows.append([f"**{self.name}, mean**", *(shown(mean(found.values())) for found in values)])
        rows.append([f"**{self.name}, standard deviation**", *(shown(stdev(found.values())) for found in values)])
        return rows


def _verdicts(series: _Series, other: _Series) -> list[str]:
    """Of E and of H: how far apart the means are, and whether that is more than chance."""
    lines = []
    for part in _ERRORS:
        ours, others = list(series.errors[part].values()), list(other.errors[part].values())
        difference = mean(ours) - mean(others)
        freedom = len(ours) + len(others) - 2
        spread = sqrt((stdev(ours) ** 2 + stdev(others) ** 2) / 2 * (1 / len(ours) + 1 / len(others)))
        bound = _STUDENT[min(freedom, len(_STUDENT)) - 1] * spread
        verdict = "exceeds" if abs(difference) > bound else "does not exceed"
        lines.append(
            f"{part}: {series.name} - {other.name} = {difference:+.4f}, which {verdict} what the seeds make by chance "
            f"({bound:.4f})."
        )
    return lines


def _is_there(experiment: str, changes: Sequence[str]) -> bool:
    """Whether an experiment was run before; raises UserError where it was run with other parameters."""
    if not experiments_named(experiment):
        return False
    params = parse_yaml(file_of(experiment, "params.yaml"), f"params.yaml of {experiment}")
    for change in changes:
        key, _, value = change.partition("=")
        found = _value_at(params, key)
        if found != parse_yaml(f"value: {value}", f"-S {change}")["value"]:
            raise UserError(
                f"{experiment}: is there already, with {key}: {found}; give the series another name (-n), or remove "
                f"the experiment with `dvc exp remove {experiment}`"
            )
    return True


def _value_at(params: object, key: str) -> object:
    for name in key.split("."):
        params = params.get(name) if isinstance(params, dict) else None
    return params


def _dvc(*arguments: str) -> None:
    command = [sys.executable, "-m", "dvc", "exp", "run", *arguments]
    if subprocess.run(command, check=False).returncode:
        raise UserError(f"`dvc exp run {' '.join(arguments)}` failed: see above")


if __name__ == "__main__":
    sys.exit(main())
