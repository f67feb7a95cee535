"""Run one stage: ``python -m emfm.stages NAME [NUMBER]``, in the repository's root, as ``dvc.yaml`` does.

``python -m emfm.stages acquire --slice 2/4`` makes a quarter of the samples, on any machine with the same commit, and
leaves it in ``.resume``; ``dvc repro acquire`` joins all slices that lie there, to the same bytes as without slices.
"""

import argparse
import importlib
import os
import select
import signal
import sys
import threading
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from emfm.workflow.dvc_file import training_stages
from ttt.command import REFUSALS, exit_status
from ttt.config import ConfigError, UserError, read_yaml
from ttt.orphans import end_with_parent
from ttt.own_code import go_on_with_code_here
from ttt.pinning import ComputeParams, compute_params, pin
from ttt.program import called_as

PARAMS_FILE = Path("params.yaml")
STAGES: Final = {
    "acquire": "emfm.acquire.stage",
    "dedupe": "emfm.dedupe.stage",
    "group_split": "emfm.group_split.stage",
    "compute_norm_stats": "emfm.compute_norm_stats.stage",
    "train_stage": "emfm.training.stage",
    "eval_val_fixed": "emfm.evaluate.eval_val_fixed",
    "eval_test_final": "emfm.evaluate.eval_test_final",
    "plot": "emfm.plot.stage",
}
"""The stages in their order, and the script of each."""

_TRY_MODEL: Final = ("acquire", "train_stage")
"""The first stage of all, before hours of work for a model that cannot be made, and those that train it."""


def main(arguments: list[str] | None = None) -> int:
    """Run the stage that the command line names; the exit status."""
    parser = argparse.ArgumentParser(prog=called_as("emfm.stages"), description=__doc__)
    parser.add_argument("stage", choices=list(STAGES))
    parser.add_argument("number", type=int, nargs="?", help="which training stage, from 1")
    parser.add_argument(
        "--slice", type=_slice, metavar="K/N", help="with acquire: make the K-th of N slices of the samples alone"
    )
    args = parser.parse_args(arguments)
    if args.slice is not None and args.stage != "acquire":
        parser.error("--slice goes with acquire alone")
    if (args.stage == "train_stage") != (args.number is not None):
        parser.error("train_stage needs a number, and no other stage takes one")
    try:
        go_on_with_code_here()
        if args.number is not None and not 1 <= args.number <= training_stages():
            raise UserError(f"train_stage: there is no stage {args.number}; allowed: 1 to {training_stages()}")
        if "DVC_STAGE" in os.environ or "WORLD_SIZE" in os.environ:
            _stop_with_parent()
        compute = _compute_params()
        pin(compute)
        if args.stage == "train_stage" and compute.processes > 1 and "WORLD_SIZE" not in os.environ:
            return _run_together(compute.processes, args.stage, args.number)
        if args.slice is not None:
            return _run(args.stage, "run_slice", *args.slice)
        return _run(args.stage, "run", *([] if args.number is None else [args.number]))
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2


def _slice(text: str) -> tuple[int, int]:
    number, _, of = text.partition("/")
    if not (number.isdecimal() and of.isdecimal() and 1 <= int(number) <= int(of)):
        raise argparse.ArgumentTypeError(f"found {text!r}; give the slice and how many there are, such as 2/4")
    return int(number), int(of)


def _run(stage: str, function: str, *numbers: int) -> int:
    """Import and run a stage, only now that the environment of numpy and torch is set; the exit status."""
    settings = importlib.import_module("emfm.settings")
    importlib.import_module("ttt.watch.progress").log_to_stderr()
    data_error = importlib.import_module("emfm.core.errors").DataError
    params = None
    try:
        params = settings.load_params(PARAMS_FILE, training_stages())
        settings.refuse_impossible(params)
        if stage in _TRY_MODEL:
            importlib.import_module("emfm.training.trial").refuse_impossible_model(params)
        module = importlib.import_module(STAGES[stage])
        if stage == "acquire":
            module.refuse_before_work(params)
        getattr(module, function)(params, *numbers)
    except REFUSALS as error:
        print(f"error: {error}", file=sys.stderr)
        if isinstance(error, data_error) and params is not None and stage != "acquire":
            _advise(params)
        return exit_status(error)
    return 0


def _advise(params: Any) -> None:
    """Say what to do about bad data, where the samples are imported cases."""
    advice = importlib.import_module("emfm.acquire.changed_cases").advice(params)
    if advice:
        print(advice, file=sys.stderr)


def _run_together(processes: int, stage: str, number: int) -> int:
    """Run a stage in several processes, as ``torchrun`` does; the exit status of the first that fails."""
    run = importlib.import_module("torch.distributed.run")
    errors = importlib.import_module("torch.distributed.elastic.multiprocessing.errors")
    try:
        run.main(["--standalone", f"--nproc-per-node={processes}", "-m", "emfm.stages", stage, str(number)])
    except errors.ChildFailedError as error:
        return abs(int(error.get_first_failure()[1].exitcode))
    return 0


def _compute_params() -> ComputeParams:
    problems: list[str] = []
    compute = compute_params(read_yaml(PARAMS_FILE), problems)
    if compute is None:
        raise ConfigError(str(PARAMS_FILE), problems)
    return compute


def _stop_with_parent() -> None:
    """Have this process ended when DVC dies, or the first of several processes: no orphan goes on writing.

    A stage that a user started goes on when its shell ends, as with ``nohup``.
    """
    parent = os.getppid()
    if not end_with_parent(parent, signal.SIGTERM):
        sys.exit("the process that started this stage is gone")
    if sys.platform == "linux" and b"-c" in Path(f"/proc/{parent}/cmdline").read_bytes().split(b"\0"):
        _stop_with(_parent_of(parent))


def _parent_of(process: int) -> int:
    facts = Path(f"/proc/{process}/stat").read_text(encoding="utf-8", errors="replace")
    return int(facts.rpartition(")")[2].split()[1])


def _stop_with(process: int) -> None:
    """End this process when another does: some shells stay between DVC and the command that they run for it."""

    def wait() -> None:
        with suppress(ProcessLookupError):
            select.select([os.pidfd_open(process)], [], [])
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=wait, daemon=True, name="stop with DVC").start()


if __name__ == "__main__":
    sys.exit(main())
