"""Where files lie that belong to no stage's results."""

from pathlib import Path

from emfm.workflow.paths import logs


def test_files_of_loggers_lie_in_the_repository_by_experiment(monkeypatch):
    for name in ("DVC_ROOT", "DVC_EXP_NAME"):
        monkeypatch.delenv(name, raising=False)
    assert logs(2) == Path("runs/workflow/stage2")
    monkeypatch.setenv("DVC_ROOT", "/repository")
    monkeypatch.setenv("DVC_EXP_NAME", "heavy-h")
    assert logs(2) == Path("/repository/runs/heavy-h/stage2")
