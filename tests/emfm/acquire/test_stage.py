"""The stage that makes the samples."""

import errno
import os
import shutil
from pathlib import Path

import numpy as np
import pytest
import yaml
from filelock import FileLock

from case_files import write_csv_case
from emfm.acquire import stage as acquire
from emfm.acquire.pack import pack
from emfm.acquire.scene_kinds import SCENE_KINDS
from emfm.acquire.simulate import SimulatedSource
from emfm.core.errors import DataError
from emfm.core.scan_checks import check_scans
from emfm.core.store import Store
from emfm.settings import load_params
from emfm.stages import main
from emfm.workflow.paths import KINDS, STORE
from ttt.config import ConfigError
from ttt.locks import BusyError

ROOT = Path(__file__).parents[3]


@pytest.fixture
def params_at(tmp_path, monkeypatch):
    """Work in an empty folder; parameters of few samples, with keys of section acquire replaced."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DVC_ROOT", raising=False)

    def write(changes=None):
        raw = yaml.safe_load((ROOT / "params.yaml").read_text())
        raw["acquire"]["workers"] = 1
        raw["acquire"]["simulate"] |= {"num_samples": 10, "kinds_samples": 3}
        raw["data"]["target_plane"] |= {"x_mm": [-10.0, 10.0], "y_mm": [-8.0, 8.0], "pitch_mm": 4.0}
        raw["acquire"] |= changes or {}
        Path("params.yaml").write_text(yaml.safe_dump(raw))
        return load_params(Path("params.yaml"))

    return write


def contents(folder):
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture
def on_planes_without_boards(params_at):
    """Parameters with a pitch on which no cells of boards fit, and a weight of boards in the mix."""

    def write(weight):
        params_at()
        raw = yaml.safe_load(Path("params.yaml").read_text())
        raw["data"]["target_plane"] |= {"x_mm": [-7.0, 7.0], "y_mm": [-7.0, 7.0], "pitch_mm": 0.7}
        raw["acquire"]["simulate"]["mix"] |= {"boards": weight}
        Path("params.yaml").write_text(yaml.safe_dump(raw))
        return load_params(Path("params.yaml"))

    return write


def test_a_kind_that_cannot_be_drawn_on_these_planes_is_refused_in_the_mix_alone(on_planes_without_boards, caplog):
    with pytest.raises(ConfigError, match="0.7 and 1 mm"):
        acquire.run(on_planes_without_boards(1.0))
    assert not STORE.exists()
    acquire.run(on_planes_without_boards(0.0))
    assert sorted(path.name for path in KINDS.iterdir()) == [name for name in SCENE_KINDS.names() if name != "boards"]
    assert "data/kinds has no set of boards" in caplog.text


def test_each_scene_kind_has_a_store_of_its_own_beside_the_main_one(params_at):
    acquire.run(params_at())
    assert Store(STORE).header.origin == "simulated: elements; scenes: boards, elements, loops, patches, traces"
    assert len(Store(STORE)) == 10
    assert sorted(path.name for path in KINDS.iterdir()) == SCENE_KINDS.names()
    for name in SCENE_KINDS.names():
        store = Store(KINDS / name)
        assert len(store) == 3
        assert store.geometry == Store(STORE).geometry
        assert list(store.table["id"]) == [f"{name}-s{row:08d}" for row in range(3)]
    assert [path for path in Path(".resume").iterdir() if path.is_dir()] == []


def test_a_run_that_was_stopped_keeps_the_finished_kinds_and_ends_with_the_same_bytes(params_at, monkeypatch):
    params = params_at()
    acquire.run(params)
    whole = contents(Path("data"))
    packed = []

    def stop_at(name):
        def pack_or_stop(source, geometry, origin, folder, *rest):
            packed.append(folder.name)
            if folder.name == name:
                raise KeyboardInterrupt
            return pack(source, geometry, origin, folder, *rest)

        return pack_or_stop

    for name in ("patches", "store", None):
        monkeypatch.setattr(acquire, "pack", stop_at(name))
        if name:
            with pytest.raises(KeyboardInterrupt):
                acquire.run(params)
    assert contents(Path("data")) == whole  # what was good before is still there
    acquire.run(params)
    assert packed == ["boards", "elements", "loops", "patches", "patches", "traces", "store", "store"]
    assert contents(Path("data")) == whole


def test_imported_cases_have_no_sets_of_scene_kinds(params_at):
    Path("cases").mkdir()
    params = params_at()
    acquire.run(params)
    store = Store(STORE)
    for row, identifier in enumerate(store.table["id"][:4]):
        np.savez(f"cases/{identifier}.npz", x=store.source_h([row])[0], y=store.target([row])[0])
    acquire.run(params_at({"source": "import", "import": {"roots": ["cases"], "reader": "auto"}}))
    assert len(Store(STORE)) == 4
    assert list(KINDS.iterdir()) == []


def test_an_import_warns_once_of_all_scans_that_are_too_small_or_too_coarse(params_at, caplog):
    simulate = yaml.safe_load((ROOT / "params.yaml").read_text())["acquire"]["simulate"]
    simulate |= {"num_samples": 12, "kinds_samples": 1, "half_width_mm": 20.0, "family_size": 1, "max_elements": 1}
    params_at()
    Path("cases").mkdir()
    acquire.run(params_at({"simulate": simulate}))
    assert "scans look" not in caplog.text  # what is simulated is as it was asked for
    store = Store(STORE)
    checks = check_scans(store.source_h(np.arange(12)))
    small = store.table["id"][np.flatnonzero(checks.too_small)].tolist()
    assert 5 < len(small) < 12
    for row, identifier in enumerate(store.table["id"]):
        np.savez(f"cases/{identifier}.npz", x=store.source_h([row])[0], y=store.target([row])[0])
    acquire.run(params_at({"source": "import", "import": {"roots": ["cases"], "reader": "auto"}}))
    found = [record.getMessage() for record in caplog.records if "look too small" in record.getMessage()]
    assert len(found) == 1
    assert found[0].startswith(f"{len(small)} of 12 scans look too small ({', '.join(small[:5])} and ")


def test_points_may_be_as_far_off_as_the_parameters_say(params_at):
    params = params_at()
    acquire.run(params)
    store = Store(STORE)
    write_csv_case(Path("cases/a"), store.source_h([0])[0], store.target([0])[0], params.data.geometry())
    path = Path("cases/a/source_H.csv")
    path.write_text(path.read_text().replace("\n-5.0,-5.0,", "\n-5.01,-4.992,"))
    imported = {"roots": ["cases"], "reader": "auto"}
    with pytest.raises(
        DataError, match=r"source_H.csv: line 2: the point x = -5.01, y = -4.992, .* is not on the expec"
    ):
        acquire.run(params_at({"source": "import", "import": imported}))
    acquire.run(params_at({"source": "import", "import": imported | {"position_tolerance_mm": 0.01}}))
    assert len(Store(STORE)) == 1


@pytest.mark.parametrize("made", [[(1, 3), (2, 3), (3, 3)], [(3, 3)], [(1, 2), (2, 3)]])
def test_slices_join_to_the_bytes_of_the_whole(params_at, monkeypatch, made):
    """All of them, some of them, and overlapping ones; the joining run makes what is missing, and nothing twice."""
    params = params_at({"shard_samples": 2})
    acquire.run(params)
    whole = contents(Path("data"))
    rows = []

    def counting(source, row, sample=SimulatedSource.sample):
        if not source.set_name:
            rows.append(row)
        return sample(source, row)

    monkeypatch.setattr(SimulatedSource, "sample", counting)
    for number, of in made:
        acquire.run_slice(params, number, of)
    asked = sorted({row for number, of in made for row in range(10) if row // 2 % of == number - 1})
    assert sorted(set(rows)) == asked
    rows.clear()
    acquire.run(params)
    assert rows == [row for row in range(10) if row not in asked]
    assert contents(Path("data")) == whole
    assert [path for path in Path(".resume").iterdir() if path.is_dir()] == []


def test_a_slice_made_elsewhere_is_taken_up_once_its_folder_is_copied(params_at, tmp_path):
    params = params_at({"shard_samples": 2})
    acquire.run_slice(params, 1, 2)
    (made,) = (path for path in Path(".resume").iterdir() if path.is_dir())
    elsewhere = shutil.move(made, tmp_path / "elsewhere")
    shutil.copytree(elsewhere, made)
    shutil.rmtree(made / "shards" / "shard-00002")
    (made / "shards" / "shard-00004.part").mkdir()
    acquire.run(params)
    assert len(Store(STORE)) == 10


def test_a_slice_of_other_parameters_is_left_alone(params_at):
    acquire.run_slice(params_at({"shard_samples": 2}), 1, 2)
    acquire.run(params_at({"shard_samples": 2, "seed": 1}))
    (left,) = (path for path in Path(".resume").iterdir() if path.is_dir())
    assert left.name.startswith("acquire_slice1of2-")


def test_a_slice_that_is_still_being_made_is_waited_for_by_the_user(params_at):
    params = params_at({"shard_samples": 2})
    acquire.run_slice(params, 1, 2)
    (made,) = (path for path in Path(".resume").iterdir() if path.is_dir())
    with FileLock(f"{made}.lock"), pytest.raises(BusyError, match="another process works on acquire_slice1of2"):
        acquire.run(params)
    assert not STORE.exists()


@pytest.mark.parametrize("text", ["0/2", "3/2", "2", "a/b", "1/2/3", "-1/2"])
def test_a_slice_that_is_none_is_refused_before_any_work(params_at, capsys, text):
    params_at()
    with pytest.raises(SystemExit):
        main(["acquire", f"--slice={text}"])
    assert f"found {text!r}; give the slice and how many there are, such as 2/4" in capsys.readouterr().err


def write_cases(store, rows):
    """Cases of a store's ``rows`` in the folder ``cases``."""
    Path("cases").mkdir(exist_ok=True)
    for row in rows:
        identifier = store.table["id"][row]
        np.savez(f"cases/{identifier}.npz", x=store.source_h([row])[0], y=store.target([row])[0])


def spoil(row):
    """Make a case unreadable without changing its inventory."""
    path = sorted(Path("cases").iterdir())[row]
    facts = path.stat()
    path.write_bytes(b"\0" * facts.st_size)
    os.utime(path, ns=(facts.st_atime_ns, facts.st_mtime_ns))


def test_an_import_of_more_cases_reads_only_those_and_says_so(params_at, capsys):
    acquire.run(params_at())
    simulated = Store(STORE)
    write_cases(simulated, range(6))
    params = params_at({"source": "import", "import": {"roots": ["cases"], "reader": "auto"}})
    acquire.run(params)
    assert "0 cases are taken over from the import before, 6 are read." in capsys.readouterr().out
    write_cases(simulated, range(6, 9))
    shutil.move(".resume", "aside")
    acquire.run(params)
    from_nothing = contents(STORE)
    shutil.rmtree(".resume")
    shutil.move("aside", ".resume")
    for row in range(6):
        spoil(row)
    capsys.readouterr()
    shutil.rmtree(STORE)  # as DVC does
    acquire.run(params)
    assert "6 cases are taken over from the import before, 3 are read." in capsys.readouterr().out
    assert contents(STORE) == from_nothing


@pytest.mark.parametrize("step", ["find_kept", "pack", "keep_import", "STORE"])
@pytest.mark.parametrize("after", [False, True])
def test_an_import_stopped_at_any_step_reads_no_case_twice(params_at, monkeypatch, step, after):
    acquire.run(params_at())
    write_cases(Store(STORE), range(6))
    params = params_at({"source": "import", "import": {"roots": ["cases"], "reader": "auto"}})

    def stopping(real):
        def call(*arguments):
            result = real(*arguments) if after else None
            raise KeyboardInterrupt(result)

        return call

    class Unreachable:
        parent = STORE.parent

    with monkeypatch.context() as patch:
        patch.setattr(acquire, step, Unreachable() if step == "STORE" else stopping(getattr(acquire, step)))
        with pytest.raises((KeyboardInterrupt, TypeError)):
            acquire.run(params)
    if step in ("keep_import", "STORE") or (step == "pack" and after):
        for row in range(6):
            spoil(row)
    shutil.rmtree(STORE, ignore_errors=True)  # as DVC does
    acquire.run(params)
    assert len(Store(STORE)) == 6


def test_a_disk_too_full_to_keep_the_import_does_not_stop_it(params_at, monkeypatch, capsys):
    acquire.run(params_at())
    write_cases(Store(STORE), range(3))

    def full(*arguments):
        raise OSError(errno.ENOSPC, "no space left")

    monkeypatch.setattr(acquire, "keep_import", full)
    acquire.run(params_at({"source": "import", "import": {"roots": ["cases"], "reader": "auto"}}))
    assert "The import is not kept" in capsys.readouterr().out
    assert len(Store(STORE)) == 3


def test_cases_that_were_accepted_are_read_and_refused_once_they_no_longer_are(params_at):
    """What was kept of the import that took them is not taken over."""
    case = ROOT / "tests" / "data" / "cases" / "import_accepts_unphysical_targets" / "exp_minus_iwt"
    wanted = {"roots": [str(case)], "reader": "auto"}
    whole = yaml.safe_load((ROOT / "params.yaml").read_text())["data"]["target_plane"]
    for accept in (True, False):
        params_at({"source": "import", "import": wanted | {"accept_unphysical": accept}})
        raw = yaml.safe_load(Path("params.yaml").read_text())
        raw["data"]["target_plane"] = whole
        Path("params.yaml").write_text(yaml.safe_dump(raw))
        params = load_params(Path("params.yaml"))
        if accept:
            acquire.run(params)
            assert len(Store(STORE)) == 1
        else:
            with pytest.raises(DataError, match=r"exp_minus_iwt/c0.npz: E and H break Maxwell's equations at 5 GHz"):
                acquire.run(params)
