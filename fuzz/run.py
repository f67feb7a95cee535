"""Fuzz every parser for a bounded time: ``python fuzz/run.py --seconds 5 [--target NAME ...]``.

Needs ``pip install -e ".[test,fuzz]"``. Whatever the bytes of a file, a parser returns or raises one of the errors that
it documents, with a message; it does nothing else, within the given memory. Each target runs in a process of its own,
from a fixed seed; a file that breaks the rule is kept in fuzz/found/, and the exit status is 1. With ``--files`` and
PYTHONHASHSEED=0 the files are the same in every run, as CI needs them: it must not fail by chance.
"""

import argparse
import os
import shutil
import sys
import tempfile
from pathlib import Path

import atheris

HERE = Path(__file__).parent
FOUND = HERE / "found"
MEMORY_MB = 2048
ALLOCATION_MB = 512
LONGEST = 65536

sys.path[:0] = [str(HERE), str(HERE.parent / "tests")]
with atheris.instrument_imports(include=["emfm", "ttt", "zipfile", "json", "yaml"]):
    from targets import Target, make_targets


def main() -> int:
    """Run the command; the exit status."""
    parser = argparse.ArgumentParser(prog="python fuzz/run.py", description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=int, default=5, help="for each target; default: %(default)s")
    parser.add_argument("--files", type=int, metavar="N", help="stop each target after so many files, too")
    parser.add_argument("--seed", type=int, default=1, help="default: %(default)s")
    parser.add_argument("--jobs", type=int, default=1, metavar="N", help="targets at once; default: %(default)s")
    parser.add_argument("--target", nargs="+", metavar="NAME", help="default: all")
    args = parser.parse_args()
    FOUND.mkdir(exist_ok=True)
    work = Path(tempfile.mkdtemp())  # a context manager would remove it in each child, too
    targets = make_targets(work)
    chosen = args.target or list(targets)
    waiting, at_work, failed = list(chosen), {}, []
    while waiting or at_work:
        while waiting and len(at_work) < args.jobs:
            name = waiting.pop(0)
            at_work[start(name, targets[name], args, work)] = name
        child, status = os.wait()
        name = at_work.pop(child)
        report(name, status, work)
        failed += [name] if status else []
    shutil.rmtree(work)
    if failed:
        sys.stdout.write(f"broken: {', '.join(failed)}; the files are in {FOUND}\n")
    return 1 if failed else 0


def start(name: str, target: Target, args: argparse.Namespace, work: Path) -> int:
    """Fuzz a target in a process of its own; its ID."""
    child = os.fork()  # what was imported and instrumented is there, and libFuzzer ends its process
    if child == 0:
        with (work / f"{name}.log").open("wb") as stream:
            os.dup2(stream.fileno(), 1)
            os.dup2(stream.fileno(), 2)
        fuzz(name, target, args, work)
    return child


def report(name: str, status: int, work: Path) -> None:
    """Say how many files were tried on a target, or what broke the rule."""
    lines = (work / f"{name}.log").read_text(errors="replace").splitlines()
    tried = [line.split()[1] for line in lines if line.startswith("stat::number_of_executed_units")]
    sys.stdout.write(f"{name}: {tried[-1] if tried else '?'} files, {'BROKEN' if status else 'ok'}\n")
    if status:
        sys.stdout.write("\n".join(lines[-40:]) + "\n")
    sys.stdout.flush()


def fuzz(name: str, target: Target, args: argparse.Namespace, work: Path) -> None:
    """Fuzz one target in this process, and end it."""
    corpus, place = work / f"{name}.corpus", work / f"{name}.input"
    corpus.mkdir()
    place.mkdir()
    for number, content in enumerate(target.seeds):
        (corpus / str(number)).write_bytes(content)
    path = place / target.file

    def try_file(content: bytes) -> None:
        path.write_bytes(content)
        try:
            target.read(path)
        except target.refusals as error:
            if not str(error):
                raise AssertionError("an error without a message") from error

    options = [
        f"-max_total_time={args.seconds}",
        f"-runs={-1 if args.files is None else args.files}",
        f"-seed={args.seed}",
        f"-rss_limit_mb={MEMORY_MB}",
        f"-malloc_limit_mb={ALLOCATION_MB}",
        f"-max_len={LONGEST}",
        "-timeout=10",
        "-print_final_stats=1",
        f"-artifact_prefix={FOUND}/{name}-",
    ]
    atheris.Setup([sys.argv[0], *options, str(corpus)], try_file)
    atheris.Fuzz()


if __name__ == "__main__":
    sys.exit(main())
