"""The committed cards are what the command writes from the committed results."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[3]


def test_the_cards_are_in_step_with_the_results(tmp_path):
    """In a process of its own, as tests register parts in this one."""
    command = (sys.executable, "-m", "emfm.tasks.cards", "--out", str(tmp_path))
    subprocess.run(command, cwd=ROOT, check=True)
    written = {path.name: path.read_text() for path in tmp_path.iterdir()}
    assert sorted(written) == ["data-card.md", "model-card.md"]
    for name, text in written.items():
        committed = (ROOT / "docs" / name).read_text()
        assert committed == text, f"run `python -m emfm.tasks.cards` and commit docs/{name}"
