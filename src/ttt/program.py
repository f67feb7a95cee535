"""A program whose commands are modules: ``emfm infer ...`` is ``python -m emfm.tasks.forward.infer ...``."""

import argparse
import runpy
import sys
from collections.abc import Mapping, Sequence
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any, Final

_PYTHON_OPTION: Final = "-"


def run_program(name: str, about: str, commands: Mapping[str, str]) -> None:
    """Run the command that the process's arguments name, in this process, as ``python -m`` runs its module.

    ``commands`` has a sentence for each module, whose last part is the command's name. No module is imported but
    that of the command, so that the help is fast and the command pins the libraries before they are loaded. Its exit
    status and the signals that it gets are its own.
    """
    modules = {command_name(module): module for module in commands}
    parser = argparse.ArgumentParser(
        prog=name,
        usage=f"{name} [-h] [--version] COMMAND ...",
        description=about,
        epilog="\n".join(["commands:", *_lines(commands), "", f"`{name} COMMAND --help` explains one."]),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action=_ShowVersion, nargs=0, help="print the version and stop")
    parser.add_argument("command", choices=modules, metavar="COMMAND", help=argparse.SUPPRESS)
    command = parser.parse_args(sys.argv[1:2] or ["--help"]).command
    _find_modules_in_this_folder()
    del sys.argv[1]
    runpy.run_module(modules[command], run_name="__main__", alter_sys=True)


def command_name(module: str) -> str:
    """What a module is called on the command line of its program."""
    return module.rpartition(".")[2]


def called_as(module: str, started: Sequence[str] = tuple(sys.orig_argv)) -> str:
    """How the user called a command: ``emfm infer`` or ``python -m emfm.tasks.forward.infer``; for its messages."""
    package = module.partition(".")[0]
    script = next((word for word in started[1:] if not word.startswith(_PYTHON_OPTION)), "")
    return f"{package} {command_name(module)}" if Path(script).stem == package else f"python -m {module}"


class _ShowVersion(argparse.Action):
    """``--version``: that of the distribution package which brought the program; looked up when asked for alone."""

    def __call__(self, parser: argparse.ArgumentParser, *_: Any) -> None:
        found = [script.dist for script in entry_points(group="console_scripts", name=parser.prog) if script.dist]
        sys.stdout.write(f"{parser.prog} {found[0].version if found else 'that is not installed'}\n")
        parser.exit()


def _lines(commands: Mapping[str, str]) -> list[str]:
    width = max(len(command_name(module)) for module in commands)
    return [f"  {command_name(module):{width}}  {sentence}" for module, sentence in commands.items()]


def _find_modules_in_this_folder() -> None:
    """Plug-ins that lie in the working folder are found, as with ``python -m``, instead of those beside the script."""
    if not sys.flags.safe_path:
        sys.path[0] = str(Path.cwd())
