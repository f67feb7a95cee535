"""The programs `emfm` and `ttt`: each of their commands is what `python -m` runs."""

import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from emfm import commands as emfm_commands
from ttt import commands as ttt_commands
from ttt.program import called_as, command_name

ROOT = Path(__file__).parents[2]
SCRIPTS = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["scripts"]
COMMANDS = {"emfm": emfm_commands.COMMANDS, "ttt": ttt_commands.COMMANDS}
LIBRARIES = ("torch", "numpy", "pandas", "pydantic", "yaml", "dvc")


@pytest.fixture(params=SCRIPTS)
def program(request, tmp_path):
    """A program's name and its script, as pip writes it."""
    return request.param, script_of(request.param, tmp_path)


def script_of(name, folder):
    module, _, function = SCRIPTS[name].partition(":")
    path = folder / "bin" / name
    path.parent.mkdir()
    path.write_text(f"#!{sys.executable}\nimport sys\nfrom {module} import {function}\nsys.exit({function}())\n")
    path.chmod(0o755)
    return path


def run(*command, folder):
    environment = os.environ | {"PYTHONPATH": str(ROOT / "src")}
    return subprocess.run(
        [*map(str, command)], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize("package", COMMANDS)
def test_every_module_that_is_run_by_m_is_a_command(package):
    files = [path for path in (ROOT / "src" / package).rglob("*.py") if '__name__ == "__main__"' in path.read_text()]
    modules = {".".join(path.relative_to(ROOT / "src").with_suffix("").parts) for path in files}
    assert set(COMMANDS[package]) == modules
    assert len({command_name(module) for module in modules}) == len(modules)


def test_help_names_every_command_and_imports_no_library(program, tmp_path):
    name, script = program
    done = run(sys.executable, "-X", "importtime", script, "--help", folder=tmp_path)
    lines = dict(line.strip().split(maxsplit=1) for line in done.stdout.splitlines() if line.startswith("  "))
    assert COMMANDS[name].items() == {module: lines[command_name(module)] for module in COMMANDS[name]}.items()
    imported = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}
    assert f"{name}.commands" in imported
    assert imported.isdisjoint(LIBRARIES)


@pytest.mark.slow
def test_each_command_explains_itself_by_the_name_that_it_was_called_by(program, tmp_path):
    name, script = program
    for module in COMMANDS[name]:
        done = run(script, command_name(module), "--help", folder=tmp_path)
        assert done.stdout.startswith(f"usage: {name} {command_name(module)} "), module


def test_a_program_without_a_command_shows_its_help(program, tmp_path):
    _, script = program
    assert run(script, folder=tmp_path).stdout == run(script, "--help", folder=tmp_path).stdout


def test_an_unknown_command_is_refused_by_the_names_of_those_there_are(program, tmp_path):
    _, script = program
    done = run(script, "predict", folder=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert "'predict' (choose from" in done.stderr
    assert "infer" in done.stderr


@pytest.mark.parametrize(
    ("command", "module", "arguments"),
    [
        ("ttt eval", "ttt.eval", "--config none.yaml --ckpt none.pth"),
        ("ttt plot_loss", "ttt.plot_loss", "--last 0"),
        ("emfm stages", "emfm.stages", "nowhere"),
        ("emfm parameters", "emfm.tasks.parameters", "--config none.yaml"),
        ("emfm train", "emfm.tasks.forward.train", "--help"),
    ],
)
def test_a_command_says_and_returns_what_its_module_does(command, module, arguments, tmp_path):
    name, word = command.split()
    by_name = run(script_of(name, tmp_path), word, *arguments.split(), folder=tmp_path)
    by_module = run(sys.executable, "-m", module, *arguments.split(), folder=tmp_path)
    assert by_name.returncode == by_module.returncode

    def words(text):
        return text.replace(f"python -m {module}", command).split()

    assert (words(by_name.stdout), words(by_name.stderr)) == (words(by_module.stdout), words(by_module.stderr))
    assert "python -m" not in by_name.stderr


def test_a_command_finds_plug_ins_that_lie_in_the_working_folder(tmp_path):
    (tmp_path / "mine.py").write_text("raise SystemExit('the plug-in of this folder')\n")
    (tmp_path / "config.yaml").write_text("plugins: [mine]\nseed: 1\ncompute: {threads: 1, instruction_set: native}\n")
    done = run(script_of("ttt", tmp_path), "train", "--config", "config.yaml", "--exp_name", "a", folder=tmp_path)
    assert "the plug-in of this folder" in done.stderr


def test_a_command_is_stopped_by_a_signal_as_its_module_is(tmp_path):
    (tmp_path / "mine.py").write_text("import os, signal\nos.kill(os.getpid(), signal.SIGINT)\n")
    (tmp_path / "config.yaml").write_text("plugins: [mine]\nseed: 1\ncompute: {threads: 1, instruction_set: native}\n")
    arguments = ("train", "--config", "config.yaml", "--exp_name", "a")
    by_name = run(script_of("ttt", tmp_path), *arguments, folder=tmp_path)
    by_module = run(sys.executable, "-m", f"ttt.{arguments[0]}", *arguments[1:], folder=tmp_path)
    assert (by_name.returncode, by_name.stderr) == (by_module.returncode, by_module.stderr)


def test_a_command_goes_on_with_the_code_of_the_working_folder(tmp_path):
    here = tmp_path / "src" / "ttt"
    here.mkdir(parents=True)
    (here / "__init__.py").touch()
    (here / "commands.py").write_text("import sys\ndef main(): print('the code here', *sys.argv[1:])\n")
    done = run(script_of("ttt", tmp_path), "eval", "--config", "a", "--ckpt", "b", folder=tmp_path)
    assert done.stdout == "the code here eval --config a --ckpt b\n"


@pytest.mark.parametrize(
    ("started", "name"),
    [
        (["python", "/somewhere/bin/emfm", "infer"], "emfm infer"),
        (["python", "-X", "importtime", "/somewhere/bin/emfm", "infer"], "python -m emfm.tasks.forward.infer"),
        (["python", "-I", "/somewhere/bin/emfm", "infer"], "emfm infer"),
        (["python", "-m", "emfm.tasks.forward.infer"], "python -m emfm.tasks.forward.infer"),
        (["python", "-m", "pytest"], "python -m emfm.tasks.forward.infer"),
        (["python"], "python -m emfm.tasks.forward.infer"),
    ],
)
def test_messages_name_a_command_as_the_user_called_it(started, name):
    assert called_as("emfm.tasks.forward.infer", started) == name
