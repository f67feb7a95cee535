"""Adding cases to an import: what was read is taken over where nothing has changed, and only there."""

import errno
import os
import shutil
import tracemalloc
from pathlib import Path

import numpy as np
import pytest

from case_files import GEOMETRY, random_case, write_csv_case, write_npz_case
from emfm.acquire import kept_import
from emfm.acquire.import_cases import open_import
from emfm.acquire.kept_import import find_kept, keep_import
from emfm.acquire.pack import pack
from emfm.core.grid import Geometry, Grid

IDENTITY = "planes and code"
FIRST = 20


@pytest.fixture
def root(tmp_path):
    """Cases c0 .. c19."""
    for number in range(FIRST):
        add(tmp_path / "root", number)
    return tmp_path / "root"


def add(root, number, content=None):
    write_csv_case(root / f"c{number}", *random_case(number if content is None else content))


def make_unreadable(root, number):
    """Spoil a case's content but not its inventory, so that reading it would be refused."""
    for path in (root / f"c{number}").iterdir():
        facts = path.stat()
        path.write_bytes(b"\0" * facts.st_size)
        os.utime(path, ns=(facts.st_atime_ns, facts.st_mtime_ns))


def run_import(root, tmp_path, identity=IDENTITY, workers=1):
    """Import, keep and return the content of the store, and the IDs of the cases that were read."""
    cases = open_import([root], "auto", GEOMETRY)
    earlier = find_kept(cases, tmp_path / "kept", identity, threads=2)
    store = tmp_path / "store"
    shutil.rmtree(store, ignore_errors=True)
    pack(earlier or cases, GEOMETRY, "imported", store, tmp_path / "work", 8, workers)
    keep_import(store, cases.case_keys, tmp_path / "kept", identity, threads=2)
    rows = np.full(len(cases), -1) if earlier is None else earlier.rows
    ids = [case for folder in cases.folders for case in folder.table.ids]
    return contents(store), {case for case, row in zip(ids, rows, strict=True) if row < 0}


def from_nothing(root, tmp_path):
    pack(open_import([root], "auto", GEOMETRY), GEOMETRY, "imported", tmp_path / "whole", tmp_path / "w", 8, 1)
    return contents(tmp_path / "whole")


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.mark.parametrize("workers", [1, 2])
def test_adding_cases_reads_only_those_and_ends_with_the_same_bytes(tmp_path, root, workers):
    run_import(root, tmp_path)
    for number in range(FIRST, FIRST + 9):
        add(root, number)
    whole = from_nothing(root, tmp_path)
    for number in range(FIRST):
        make_unreadable(root, number)
    stored, read = run_import(root, tmp_path, workers=workers)
    assert read == {f"c{number}" for number in range(FIRST, FIRST + 9)}
    assert stored == whole


def test_a_changed_case_is_read_anew_and_a_removed_one_is_gone(tmp_path, root):
    run_import(root, tmp_path)
    shutil.rmtree(root / "c3")
    shutil.rmtree(root / "c5")
    add(root, 5, content=99)
    os.utime(root / "c7" / "target_E.csv", ns=(0, 0))
    stored, read = run_import(root, tmp_path)
    assert read == {"c5", "c7"}
    assert stored == from_nothing(root, tmp_path)


def test_order_families_and_parameters_are_those_of_the_table_of_today(tmp_path, root):
    run_import(root, tmp_path)
    lines = [f"c{number},f{number // 3},{number / 7!r}" for number in reversed(range(FIRST))]
    (root / "samples.csv").write_text("\n".join(["id,family,depth", *lines]) + "\n")
    stored, read = run_import(root, tmp_path)
    assert read == set()
    assert stored == from_nothing(root, tmp_path)


def test_a_third_import_takes_over_what_the_second_took_over(tmp_path, root):
    run_import(root, tmp_path)
    for number in (FIRST, FIRST + 1):
        add(root, number)
        stored, read = run_import(root, tmp_path)
        assert read == {f"c{number}"}
    assert stored == from_nothing(root, tmp_path)


def test_the_same_case_in_another_folder_is_read(tmp_path, root):
    run_import(root, tmp_path)
    root.rename(tmp_path / "moved")
    _, read = run_import(tmp_path / "moved", tmp_path)
    assert len(read) == FIRST


def test_other_planes_or_code_use_nothing_and_leave_nothing_behind(tmp_path, root):
    run_import(root, tmp_path)
    cases = open_import([root], "auto", GEOMETRY)
    assert find_kept(cases, tmp_path / "kept", "other planes", threads=1) is None
    assert not (tmp_path / "kept").exists()


def damage_shard(kept):
    path = next((kept / "store").glob("target-00001.npy"))
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.unlink()
    path.write_bytes(content)


@pytest.mark.parametrize(
    "damage",
    [
        damage_shard,
        lambda kept: (kept / "store" / "fingerprints.npy").unlink(),
        lambda kept: (kept / "case_keys.npy").write_bytes(b""),
        lambda kept: (kept / "index.json").write_text("{"),
        lambda kept: (kept / "index.json").write_text("[]"),
        lambda kept: (kept / "index.json").unlink(),
    ],
)
def test_what_was_damaged_is_not_trusted(tmp_path, root, damage):
    run_import(root, tmp_path)
    damage(tmp_path / "kept")
    stored, read = run_import(root, tmp_path)
    assert len(read) == FIRST
    assert stored == from_nothing(root, tmp_path)


def test_keeping_takes_no_disk_where_there_are_links_and_works_without(tmp_path, root, monkeypatch):
    run_import(root, tmp_path)
    stored = tmp_path / "store" / "target-00000.npy"
    assert stored.samefile(tmp_path / "kept" / "store" / "target-00000.npy")

    def no_links(self, target):
        raise OSError(errno.EPERM, "no links on this file system")

    monkeypatch.setattr(Path, "hardlink_to", no_links)
    add(root, FIRST)
    _, read = run_import(root, tmp_path)
    assert read == {f"c{FIRST}"}
    assert not stored.samefile(tmp_path / "kept" / "store" / "target-00000.npy")
    _, read = run_import(root, tmp_path)
    assert read == set()


STEPS = ("_link", "np.save", "write_json", "shutil.rmtree", "Path.rename")


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("number", [0, 1])
def test_stopped_while_it_keeps_it_leaves_one_that_can_be_used(tmp_path, root, monkeypatch, step, number):
    run_import(root, tmp_path)
    add(root, FIRST)
    whole = from_nothing(root, tmp_path)
    cases = open_import([root], "auto", GEOMETRY)
    calls = iter(range(100))

    def stopping(real):
        def call(*args, **options):
            if next(calls) == number:
                raise KeyboardInterrupt
            return real(*args, **options)

        return call

    owner, _, name = step.rpartition(".")
    place = {"": kept_import, "np": np, "shutil": shutil, "Path": Path}[owner]
    with monkeypatch.context() as patch:
        patch.setattr(place, name, stopping(getattr(place, name)))
        try:
            keep_import(tmp_path / "whole", cases.case_keys, tmp_path / "kept", IDENTITY, threads=1)
        except KeyboardInterrupt:
            pass
        else:
            assert next(calls) <= number  # this step comes but once
    stored, read = run_import(root, tmp_path)
    assert read <= {f"c{FIRST}"}
    assert stored == whole
    assert sorted(path.name for path in tmp_path.glob("kept*")) == ["kept"]


@pytest.mark.parametrize("taken_over", [False, True])
def test_an_import_holds_few_samples_in_memory_at_a_time(tmp_path, taken_over):
    geometry = Geometry(5e9, GEOMETRY.source, Grid(-3e-3, -3e-3, 1e-4, 1e-4, 50, 50, 5e-3))
    source_h, target = random_case(0, geometry)

    def import_at(folder):
        cases = open_import([folder / "root"], "auto", geometry)
        earlier = find_kept(cases, folder / "kept", IDENTITY, threads=1)
        assert (earlier is not None) == taken_over
        pack(earlier or cases, geometry, "imported", folder / "store", folder / "work", 8, workers=1)
        keep_import(folder / "store", cases.case_keys, folder / "kept", IDENTITY, threads=1)

    def peak(count):
        folder = tmp_path / str(count)
        for number in range(count):
            write_npz_case(folder / "root" / f"c{number}.npz", source_h, target)
        if taken_over:
            cases = open_import([folder / "root"], "auto", geometry)
            pack(cases, geometry, "imported", folder / "store", folder / "work", 8, workers=1)
            keep_import(folder / "store", cases.case_keys, folder / "kept", IDENTITY, threads=1)
        tracemalloc.start()
        import_at(folder)
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return most

    peak(16)
    assert peak(64) - peak(24) < 40 * (source_h.nbytes + target.nbytes) / 10
