"""The stage that drops repeated samples, on imported cases."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from emfm import stages as command
from emfm.acquire import stage as acquire
from emfm.core.channels import to_channels, to_components
from emfm.core.store import Store
from emfm.dedupe import stage as dedupe
from emfm.settings import load_params
from emfm.workflow.paths import DROPPED, KEPT, STORE

ROOT = Path(__file__).parents[3]
CASES = ROOT / "tests" / "data" / "cases"


@pytest.fixture
def imported(tmp_path, monkeypatch):
    """Import a folder of cases into a store in an empty folder; the parameters."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DVC_ROOT", raising=False)

    def run(*roots):
        raw = yaml.safe_load((ROOT / "params.yaml").read_text())
        raw["acquire"] |= {
            "workers": 1,
            "source": "import",
            "import": {"roots": [str(root) for root in roots], "reader": "auto"},
        }
        Path("params.yaml").write_text(yaml.safe_dump(raw))
        params = load_params(Path("params.yaml"))
        acquire.run(params)
        return params

    return run


def test_different_boards_that_share_their_only_parameter_are_kept_and_named(imported, capsys):
    dedupe.run(imported(CASES / "dedupe_parameters_rule" / "root"))
    assert list(pd.read_csv(KEPT)["id"]) == [f"board-{number}" for number in range(4)]
    said = capsys.readouterr().out
    assert "4 of 4 samples kept; dropped by rule: none" in said
    assert "2 samples have the parameters of an earlier one but other fields, and are kept (board-" in said
    assert "the parameters do not tell these cases apart; add to samples.csv what differs, or take parameters" in said


def test_of_more_pairs_a_few_are_named(tmp_path, imported, capsys):
    root = tmp_path / "root"
    root.mkdir()
    with np.load(CASES / "dedupe_parameters_rule" / "root" / "board-0.npz", allow_pickle=False) as file:
        x, y = file["x"], file["y"]
    for number in range(9):
        np.savez(root / f"c{number}.npz", x=x * (1 + 0.01 * number * np.sin(np.arange(11))), y=y)
    (root / "samples.csv").write_text("id,h\n" + "".join(f"c{number},1.6\n" for number in range(9)))
    dedupe.run(imported(root))
    assert "dedupe: 8 samples have the parameters of an earlier one" in (said := capsys.readouterr().out)
    assert "(c1 as c0, c2 as c0, c3 as c0 and 5 more)" in said


def test_one_solve_at_other_drive_levels_and_phases_is_one_sample(tmp_path, imported, capsys):
    root = tmp_path / "root"
    root.mkdir()
    for path in (CASES / "dedupe_scaled_twins" / "root").iterdir():
        (root / path.name).write_bytes(path.read_bytes())
    with np.load(root / "a-1V.npz", allow_pickle=False) as file:
        for name, factor in (("a-40deg", np.exp(0.7j)), ("a-opposite", -1), ("a-90deg", 1j)):
            fields = {key: to_channels(factor * to_components(file[key])).astype(np.float32) for key in ("x", "y")}
            np.savez(root / f"{name}.npz", **fields)
    dedupe.run(imported(root))
    assert len(Store(STORE)) == 5
    assert "1 of 5 samples kept; dropped by rule: content 4" in capsys.readouterr().out
    dropped = pd.read_csv(DROPPED)
    assert set(dropped["repeats_id"]) == {"a-1V"}
    assert set(dropped["rule"]) == {"content"}
    assert dropped["same_content"].all()


@pytest.fixture
def conflict(tmp_path, imported):
    """Two folders that hold different cases of one ID, imported; the second folder."""
    for name, number in (("one", 0), ("two", 1)):
        (tmp_path / name).mkdir()
        board = CASES / "dedupe_parameters_rule" / "root" / f"board-{number}.npz"
        (tmp_path / name / "a.npz").write_bytes(board.read_bytes())
    imported(tmp_path / "one", tmp_path / "two")
    return tmp_path / "two"


def refused(stage, capsys, monkeypatch):
    """What the command says on standard error, run in this process, whose numpy is there already."""
    monkeypatch.setattr(command, "pin", lambda compute: None)
    assert command.main([stage]) == 2
    return capsys.readouterr().err


def test_the_same_id_with_different_fields_is_refused_with_the_command_that_reads_a_mended_case(
    conflict, capsys, monkeypatch
):
    said = refused("dedupe", capsys, monkeypatch)
    assert "rows 0 and 1 of the store have the same ID 'a' but different fields" in said
    assert "If you mend or remove a case, run `dvc repro -f acquire`, which reads what has changed, and then" in said


@pytest.mark.parametrize(
    "mend",
    [
        lambda folder: (folder / "a.npz").rename(folder / "b.npz"),
        lambda folder: (folder / "a.npz").write_bytes((folder.parent / "one" / "a.npz").read_bytes()),
        lambda folder: (folder / "samples.csv").write_text("id,family\na,f\n"),
        lambda folder: (folder / "a.npz").unlink(),
    ],
)
def test_after_a_case_was_mended_the_old_error_says_that_the_cases_have_changed(conflict, capsys, monkeypatch, mend):
    mend(conflict)
    said = refused("dedupe", capsys, monkeypatch)
    assert "The cases have changed since they were imported, which DVC does not see: run `dvc repro -f acquire`" in said


def test_a_later_stage_gives_the_same_advice_and_simulated_samples_none(conflict, capsys, monkeypatch):
    KEPT.parent.mkdir(parents=True)
    KEPT.write_text("row,id,family\n0,a,a\n")
    assert "If you mend or remove a case, run `dvc repro -f acquire`" in refused("group_split", capsys, monkeypatch)
    params = Path("params.yaml")
    params.write_text(params.read_text().replace("source: import", "source: simulate"))
    assert "acquire`" not in refused("group_split", capsys, monkeypatch)


def test_without_a_note_of_the_import_nothing_is_said_to_have_changed(conflict, capsys, monkeypatch):
    (Path(".resume") / "imported.inventory").unlink()
    assert "If you mend or remove a case" in refused("dedupe", capsys, monkeypatch)
