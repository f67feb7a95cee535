"""Files are replaced whole or not at all."""

import errno
import hashlib
import os
import stat

import pytest

from ttt.files import sha256_file, sha256_files, write_bytes, write_json


def test_a_file_is_replaced_and_nothing_else_is_left(tmp_path):
    path = tmp_path / "deep" / "file"
    write_bytes(path, b"old")
    write_bytes(path, b"new")
    assert path.read_bytes() == b"new"
    assert [entry.name for entry in path.parent.iterdir()] == ["file"]


def test_a_full_disk_leaves_the_old_content_and_no_leftover(tmp_path, monkeypatch):
    path = tmp_path / "file"
    write_bytes(path, b"old")

    def full(_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left on device"):
        write_bytes(path, b"new")
    assert path.read_bytes() == b"old"
    assert [entry.name for entry in tmp_path.iterdir()] == ["file"]


def test_a_number_that_json_does_not_know_is_refused_before_anything_is_written(tmp_path):
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_json(tmp_path / "file", {"a": float("nan")})
    assert list(tmp_path.iterdir()) == []


def test_the_hash_of_a_file_is_its_sha256(tmp_path):
    (tmp_path / "a").write_bytes(b"content")
    assert sha256_file(tmp_path / "a") == hashlib.sha256(b"content").hexdigest()


def test_the_hash_of_files_depends_on_names_and_contents_and_not_on_order_or_place(tmp_path):
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
        for name in "ab":
            (tmp_path / folder / name).write_text(name)

    def digest(folder, names):
        return sha256_files([tmp_path / folder / name for name in names], tmp_path / folder)

    assert digest("one", "ab") == digest("two", "ba")
    (tmp_path / "two" / "b").rename(tmp_path / "two" / "c")
    assert digest("one", "ab") != digest("two", "ac")


@pytest.fixture
def umask():
    before = os.umask(0o022)
    yield os.umask
    os.umask(before)


@pytest.mark.parametrize(("mask", "mode"), [(0o022, 0o644), (0o077, 0o600), (0o007, 0o660), (0o002, 0o664)])
def test_who_may_read_a_new_file_is_what_the_umask_says(tmp_path, umask, mask, mode):
    umask(mask)
    write_bytes(tmp_path / "file", b"content")
    assert stat.S_IMODE((tmp_path / "file").stat().st_mode) == mode


@pytest.mark.parametrize("mode", [0o600, 0o640, 0o444, 0o755])
def test_who_may_read_a_file_stays_so_when_it_is_replaced(tmp_path, umask, mode):
    path = tmp_path / "file"
    path.write_bytes(b"old")
    path.chmod(mode)
    write_bytes(path, b"new")
    assert (path.read_bytes(), stat.S_IMODE(path.stat().st_mode)) == (b"new", mode)


def test_a_training_under_a_private_umask_leaves_no_file_that_others_read(tmp_path, umask, train):
    umask(0o077)
    train(tmp_path / "run")
    files = [path for path in (tmp_path / "run").rglob("*") if path.is_file()]
    assert {path.name for path in files} >= {"last.pth", "best.pth", "metrics.jsonl", "config.resolved.yaml"}
    assert [path.name for path in files if path.stat().st_mode & 0o077] == []
