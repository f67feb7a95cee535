"""Find a learning rate: ``python -m ttt.lr_range --config FILE [--out DIR]``.

A trial training whose rate rises step by step, in equal factors, from --lowest to --highest, or until the loss is more
than four times its lowest (L. N. Smith, WACV 2017, section 3.3). `--config params.yaml` tests the training of
params.yaml, on the samples that the pipeline made. It writes lr_range.csv and lr_range.png, and keeps nothing of what
it has trained. The suggested rate is where the smoothed loss falls fastest: a first guess at the highest rate of a
schedule such as onecycle.
"""

import argparse
import io
import sys
from pathlib import Path
from typing import Final

from ttt.command import PRECEDENCE, run_command
from ttt.config import UserError
from ttt.files import write_bytes, write_text
from ttt.pinning import pin_for
from ttt.program import called_as
from ttt.set_flag import add_set_flag, overrides_of
from ttt.trial_flags import temporary_run_folder

FEWEST: Final = 10
"""Steps without which a course of the loss says nothing."""


def main(arguments: list[str] | None = None) -> int:
    """Run the command; the exit status."""
    parser = argparse.ArgumentParser(
        prog=called_as("ttt.lr_range"),
        description=__doc__,
        epilog=PRECEDENCE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--config", type=Path, required=True, metavar="FILE", help="the configuration, YAML")
    parser.add_argument("--lowest", type=float, default=1e-6, metavar="X", help="the first rate (%(default)g)")
    parser.add_argument("--highest", type=float, default=1.0, metavar="X", help="the last rate (%(default)g)")
    parser.add_argument("--steps", type=int, default=100, metavar="N", help="optimizer steps (%(default)s)")
    parser.add_argument("--out", type=Path, default=Path("runs/lr_range"), metavar="DIR", help="(%(default)s)")
    add_set_flag(parser)
    return run_command(_test_rates, parser.parse_args(arguments))


def _test_rates(args: argparse.Namespace) -> None:
    if not 0 < args.lowest < args.highest:
        raise UserError(f"--lowest: found {args.lowest:g}; allowed: above 0 and below --highest ({args.highest:g})")
    if args.steps < FEWEST:
        raise UserError(f"--steps: found {args.steps}; allowed: {FEWEST} or more")
    given = overrides_of(args)
    pin_for(args.config, given)
    import matplotlib as mpl

    mpl.use("Agg")
    from ttt.engine.assemble import assemble
    from ttt.rate_course import course_csv, course_figure, course_of_rates, suggested_rate
    from ttt.settings import load_config
    from ttt.watch.progress import log_to_stderr

    log_to_stderr()
    config = load_config(args.config, given)
    with temporary_run_folder() as folder:
        course = course_of_rates(assemble(config), config, folder, args.lowest, args.highest, args.steps)
    if len(course.rates) < FEWEST:
        raise UserError(
            f"--lowest: the loss has left all bounds after {len(course.rates)} steps, at a rate of "
            f"{course.rates[-1]:.3g}; begin lower"
        )
    picture = io.BytesIO()
    course_figure(course).savefig(picture, format="png", dpi=130, metadata={"Software": None})
    write_text(args.out / "lr_range.csv", course_csv(course))
    write_bytes(args.out / "lr_range.png", picture.getvalue())
    sys.stdout.write(f"suggested optim.lr: {suggested_rate(course):.2g}\n")
    sys.stdout.write(f"{args.out / 'lr_range.csv'}\n{args.out / 'lr_range.png'}\n")


if __name__ == "__main__":
    sys.exit(main())
