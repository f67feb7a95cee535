"""Results shared over a real OpenSSH server and a real S3 server: pushed by one, pulled by another."""

import hashlib
import os
import signal
import time
from contextlib import contextmanager
from dataclasses import dataclass

import psutil
import pytest

import servers
from recipes import recipe
from tiny_project import Project

pytestmark = pytest.mark.slow

DOCUMENT = "docs/sharing.md"
PATIENCE = 120.0
STOPS_AT_THE_TENTH_FILE = """
import itertools, os, signal, sys
fetched = itertools.count(1)
def stop(event, arguments):
    if event == "os.rename":
        folder, name = os.path.split(os.fsdecode(arguments[1]))
        if "/cache/files/" in folder and "." not in name and next(fetched) == 10:
            os.kill(os.getpid(), signal.SIGSTOP)
sys.addaudithook(stop)
"""


@dataclass(frozen=True)
class Remote:
    """A DVC remote on a server, and what stands for it in the recipes of docs/sharing.md."""

    kind: str
    set_up: str
    places: dict[str, str]
    environment: dict[str, str]
    server: servers.SshServer | servers.S3Server

    def follow(self, project, name):
        """Run the commands of a recipe with this remote's places."""
        script = recipe(DOCUMENT, name)
        for written, meant in self.places.items():
            script = script.replace(written, meant)
        return project.run("sh", "-c", script)

    def let_in(self, project):
        """As each user does in his clone; an S3 key is in the environment."""
        if self.kind == "ssh":
            self.follow(project, "key ssh")


def ssh_remote(folder):
    server = servers.make_ssh_server(folder)
    places = {"ssh://storage.example.org/srv/emfm": server.url, "~/.ssh/id_ed25519": str(server.key)}
    return Remote("ssh", "set up ssh", places, {}, server)


def s3_remote(folder):
    server = servers.make_s3_server(folder)
    with server.running():
        server.create_bucket("bucket")
    return Remote("s3", "set up s3", {"https://s3.example.org": server.endpoint}, server.environment, server)


@pytest.fixture(scope="module", params=[ssh_remote, s3_remote], ids=["ssh", "s3"])
def remote(request, tmp_path_factory):
    return request.param(tmp_path_factory.mktemp("remote") / "server")


@pytest.fixture(scope="module")
def first(swept, remote, tmp_path_factory):
    """The clone of the user who pushes, with the git remote ``origin``, a bare repository on disk."""
    folder = tmp_path_factory.mktemp("first")
    home = folder / "home"
    home.mkdir()
    swept.run("git", "clone", "-q", "--bare", str(swept.folder), str(folder / "origin.git"))
    origin = Project(folder / "origin.git", remote.environment | {"HOME": str(home)})
    project = origin.clone(folder / "project")
    project.run("dvc", "cache", "dir", "--local", str(swept.folder / ".dvc" / "cache"))
    project.run("dvc", "checkout")
    remote.follow(project, remote.set_up)
    remote.let_in(project)
    with remote.server.running():
        remote.follow(project, "push")
    return project


@pytest.fixture
def second(first, remote, tmp_path):
    """A new clone of another user, without data."""
    clone = Project(first.folder.parent / "origin.git", first.variables).clone(tmp_path / "second")
    remote.let_in(clone)
    return clone


def assert_has_everything(project, swept):
    status = project.run("dvc", "status").stdout
    assert "up to date" in status, status
    assert project.run("git", "status", "--porcelain").stdout == ""
    for folder in ("data", "models"):
        paths = [path for path in (swept.folder / folder).rglob("*") if path.is_file()]
        assert paths
        for path in paths:
            pulled = project.folder / path.relative_to(swept.folder)
            assert pulled.read_bytes() == path.read_bytes(), path


def test_another_clone_pulls_and_has_nothing_to_run(swept, second, remote):
    with remote.server.running():
        printed = remote.follow(second, "pull").stdout
        assert "are in sync" in printed, printed
        assert "up to date" in printed, printed
        assert "Running stage" not in printed, printed
        assert_has_everything(second, swept)


def cached_files(project):
    """Finished files that DVC has fetched."""
    return [
        path
        for path in (project.folder / ".dvc" / "cache" / "files").rglob("*")
        if path.is_file() and len(path.name) >= 30 and "." not in path.name
    ]


@contextmanager
def half_a_pull(project, folder):
    """A ``dvc pull`` that has fetched some files and not yet all, and stands still."""
    folder.mkdir()
    (folder / "sitecustomize.py").write_text(STOPS_AT_THE_TENTH_FILE)
    pulling = project.start("dvc", "pull", "--jobs", "1", PYTHONPATH=str(folder))
    try:
        end = time.monotonic() + PATIENCE
        while psutil.Process(pulling.pid).status() != psutil.STATUS_STOPPED:
            assert pulling.poll() is None, "it ended before it was cut"
            assert time.monotonic() < end, "nothing was fetched"
            time.sleep(0.01)
        assert cached_files(project)
        yield pulling
    finally:
        if pulling.poll() is None:
            os.killpg(pulling.pid, signal.SIGKILL)
        pulling.wait()


def assert_incomplete(project, swept):
    missing = [
        path
        for path in (swept.folder / "models").rglob("*.pth")
        if not (project.folder / path.relative_to(swept.folder)).exists()
    ]
    assert missing, "the pull was complete before it was cut"


def test_a_pull_whose_client_is_killed_is_completed_by_the_next(swept, second, remote, tmp_path):
    with remote.server.running():
        with half_a_pull(second, tmp_path / "stops") as pulling:
            os.killpg(pulling.pid, signal.SIGKILL)
        assert_incomplete(second, swept)
        second.run("dvc", "pull")
        assert_has_everything(second, swept)


def test_a_pull_whose_server_dies_fails_and_is_completed_by_the_next(swept, second, remote, tmp_path):
    with remote.server.running() as server, half_a_pull(second, tmp_path / "stops") as pulling:
        servers.kill(server)
        os.killpg(pulling.pid, signal.SIGCONT)
        assert pulling.wait(PATIENCE) != 0
    assert_incomplete(second, swept)
    with remote.server.running():
        second.run("dvc", "pull")
        assert_has_everything(second, swept)


def test_an_experiment_travels_with_git_and_dvc(swept, first, second, remote):
    first.run("dvc", "exp", "run", "-n", "heavy-h", "-S", "loss.h_weight=3.0")  # its models are in the cache
    with remote.server.running():
        remote.follow(first, "push experiment")
        second.run("dvc", "pull")
        assert "heavy-h" in remote.follow(second, "pull experiment").stdout
    assert "up to date" in second.run("dvc", "status").stdout
    assert "Running stage" not in second.run("dvc", "repro").stdout
    for name in ("params.yaml", "dvc.lock", "reports/val_metrics.json", "reports/report.md"):
        assert second.read(name) == first.read(name), name
        assert second.read(name) != swept.read(name), name


def test_a_wrong_key_is_turned_away(second, remote):
    if isinstance(remote.server, servers.SshServer):
        stranger = second.folder.parent / "stranger"
        servers.make_key(stranger)
        second.run("dvc", "remote", "modify", "--local", "team", "keyfile", str(stranger))
    else:
        second.variables = second.variables | {"AWS_SECRET_ACCESS_KEY": "wrong"}
    with remote.server.running():
        done = second.run("dvc", "pull", check=False)
    assert done.returncode != 0
    assert not cached_files(second)


@pytest.mark.parametrize("remote", [ssh_remote], ids=["ssh"], indirect=True)
def test_a_file_damaged_on_the_server_is_not_taken(swept, second, remote):
    content = (swept.folder / "models" / "stage5" / "best.pth").read_bytes()
    name = hashlib.md5(content).hexdigest()
    damaged = remote.server.folder / "shared" / "files" / "md5" / name[:2] / name[2:]
    assert damaged.read_bytes() == content
    damaged.chmod(0o644)
    damaged.write_bytes(bytes([content[0] ^ 1]) + content[1:])
    with remote.server.running():
        assert second.run("dvc", "pull", check=False).returncode != 0
        damaged.write_bytes(content)
        second.run("dvc", "pull")
        assert_has_everything(second, swept)


@pytest.mark.parametrize("remote", [ssh_remote], ids=["ssh"], indirect=True)
def test_openssh_verifies_the_host_where_dvc_does_not(swept, second, remote, tmp_path):
    server = remote.server
    known_hosts = tmp_path / "known_hosts"
    home = tmp_path / "home"
    (home / ".ssh").mkdir(parents=True)
    (home / ".ssh" / "config").write_text(
        f"Host emfm-data\n    ProxyCommand ssh -F none -i {server.key} -p {server.port} -o BatchMode=yes "
        f"-o StrictHostKeyChecking=yes -o UserKnownHostsFile={known_hosts} "
        f"-W {servers.LOOPBACK}:{server.port} {servers.LOOPBACK}\n"
    )
    second.variables = second.variables | {"HOME": str(home)}
    second.run("dvc", "remote", "modify", "--local", "team", "url", f"ssh://emfm-data{server.folder / 'shared'}")

    other_key = servers.make_key(tmp_path / "other_key")
    known_hosts.write_text(f"[{servers.LOOPBACK}]:{server.port} {other_key}")
    with server.running():
        assert second.run("dvc", "pull", check=False).returncode != 0
        assert not cached_files(second)
        known_hosts.write_text(server.known_hosts.read_text())
        second.run("dvc", "pull")
        assert_has_everything(second, swept)


def test_a_clone_without_a_remote_says_so(swept, tmp_path):
    done = swept.clone(tmp_path / "clone").run("dvc", "pull", check=False)
    assert done.returncode != 0
    assert "No remote provided and no default remote set." in done.stderr
