"""Real servers on loopback, each with its own keys, ports and folders, ended by its process ID."""

import os
import pwd
import random
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import botocore.session
import psutil

from programs import need

LOOPBACK = "127.0.0.1"
PATIENCE = 60.0
REGION = "us-east-1"


def free_port() -> int:
    """A port on loopback that nobody uses, and that Linux gives to no client while the server is down."""
    for port in random.sample(range(20_000, 32_000), 100):
        with socket.socket() as probe, suppress(OSError):
            probe.bind((LOOPBACK, port))
            return port
    raise AssertionError("no port on loopback is free")


def _sshd() -> str:
    return need(["sshd", "/usr/sbin/sshd"], "openssh-server")


def answers(port: int) -> bool:
    """Whether a server listens on loopback."""
    with socket.socket() as probe:
        return probe.connect_ex((LOOPBACK, port)) == 0


@contextmanager
def process(command: list[str], log: Path, ready: Callable[[], bool]) -> Iterator[subprocess.Popen[bytes]]:
    """A server that is ``ready``, until the block ends; its log is shown if it does not start."""
    with log.open("ab") as output:
        server = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=output)
    try:
        end = time.monotonic() + PATIENCE
        while not ready():
            assert server.poll() is None, log.read_text()
            assert time.monotonic() < end, log.read_text()
            time.sleep(0.05)
        yield server
    finally:
        kill(server)


def kill(server: subprocess.Popen[bytes]) -> None:
    """End a server at once, and the processes that it started for its clients."""
    with suppress(psutil.NoSuchProcess):
        for helper in psutil.Process(server.pid).children(recursive=True):
            helper.kill()
    server.kill()
    server.wait()


@dataclass(frozen=True)
class SshServer:
    """Where an OpenSSH server of the present user is, and the key that it lets in."""

    folder: Path
    port: int

    @property
    def url(self) -> str:
        """A folder on it as DVC names it."""
        return f"ssh://{LOOPBACK}:{self.port}{self.folder / 'shared'}"

    @property
    def key(self) -> Path:
        """The private key of its user."""
        return self.folder / "user_key"

    @property
    def known_hosts(self) -> Path:
        """The server's public key as `ssh` wants it."""
        return self.folder / "known_hosts"

    @contextmanager
    def running(self) -> Iterator[subprocess.Popen[bytes]]:
        """The server at work."""
        command = [_sshd(), "-D", "-e", "-f", str(self.folder / "sshd_config")]
        with process(command, self.folder / "log", lambda: answers(self.port)) as server:
            yield server


def make_key(path: Path) -> str:
    """A new private key at ``path``; its public key."""
    path.unlink(missing_ok=True)
    program = need(["ssh-keygen"], "openssh-client")
    subprocess.run([program, "-q", "-t", "ed25519", "-N", "", "-C", "", "-f", str(path)], check=True)
    return path.with_suffix(".pub").read_text()


def make_ssh_server(folder: Path) -> SshServer:
    """An OpenSSH server with new keys, not yet running."""
    _sshd()
    folder.mkdir()
    (folder / "shared").mkdir()
    server = SshServer(folder, free_port())
    host_key = make_key(folder / "host_key")
    (folder / "authorized_keys").write_text(make_key(server.key))
    server.known_hosts.write_text(f"[{LOOPBACK}]:{server.port} {host_key}")
    if os.geteuid() == 0:
        Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)  # sshd's privilege separation, without an init system
    (folder / "sshd_config").write_text(
        f"ListenAddress {LOOPBACK}\nPort {server.port}\nHostKey {folder}/host_key\nPidFile none\nUsePAM no\n"
        f"AuthorizedKeysFile {folder}/authorized_keys\nStrictModes no\nPermitRootLogin prohibit-password\n"
        "PasswordAuthentication no\nKbdInteractiveAuthentication no\nMaxStartups 100\nSubsystem sftp internal-sftp\n"
    )
    return server


@dataclass(frozen=True)
class S3Server:
    """OpenStack Swift with its S3 interface: signed requests, objects on disk."""

    folder: Path
    ports: dict[str, int]
    """Of each Swift server by name; clients talk to ``proxy``."""
    cache_port: int
    access_key: str = "team:member"
    secret: str = "only-for-this-test"

    @property
    def endpoint(self) -> str:
        """The address of the S3 interface."""
        return f"http://{LOOPBACK}:{self.ports['proxy']}"

    @property
    def environment(self) -> dict[str, str]:
        """What a client of it has in its environment: the key, and no checksums newer than this server."""
        return {
            "AWS_ACCESS_KEY_ID": self.access_key,
            "AWS_SECRET_ACCESS_KEY": self.secret,
            "AWS_REQUEST_CHECKSUM_CALCULATION": "when_required",
            "AWS_RESPONSE_CHECKSUM_VALIDATION": "when_required",
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_MAX_ATTEMPTS": "1",  # else each file is tried for ten seconds when the server is gone
        }

    @contextmanager
    def running(self) -> Iterator[subprocess.Popen[bytes]]:
        """The server at work: the process that clients talk to."""
        with ExitStack() as stack:
            stack.enter_context(self._memcached())
            parts = {name: stack.enter_context(self._part(name)) for name in self.ports}
            yield parts["proxy"]

    def create_bucket(self, name: str) -> None:
        """An empty bucket on the running server."""
        session = botocore.session.Session()
        session.set_credentials(self.access_key, self.secret)
        session.create_client("s3", endpoint_url=self.endpoint, region_name=REGION).create_bucket(Bucket=name)

    @contextmanager
    def _memcached(self) -> Iterator[subprocess.Popen[bytes]]:
        program = need(["memcached"], "memcached")
        command = [program, "-l", LOOPBACK, "-p", str(self.cache_port), "-U", "0", "-u", _user()]
        with process(command, self.folder / "memcached.log", lambda: answers(self.cache_port)) as server:
            yield server

    @contextmanager
    def _part(self, name: str) -> Iterator[subprocess.Popen[bytes]]:
        configuration = str(self.folder / f"{name}.conf")
        command = [_system_python(), "-c", _RUN_SWIFT, str(self.folder), configuration, f"{name}-server"]
        with process(command, self.folder / f"{name}.log", lambda: answers(self.ports[name])) as server:
            yield server


_RUN_SWIFT = """
import sys
from swift.common.utils import set_swift_dir
set_swift_dir(sys.argv[1])
from swift.common.wsgi import run_wsgi
sys.exit(run_wsgi(sys.argv[2], sys.argv[3], verbose=True))
"""
_PIPELINE = "catch_errors gatekeeper healthcheck proxy-logging cache s3api tempauth bulk slo proxy-server"
_PROXY = """
[filter:proxy-logging]
use = egg:swift#proxy_logging
[filter:cache]
use = egg:swift#memcache
memcache_servers = {cache}
[filter:catch_errors]
use = egg:swift#catch_errors
[filter:gatekeeper]
use = egg:swift#gatekeeper
[filter:healthcheck]
use = egg:swift#healthcheck
[filter:s3api]
use = egg:swift#s3api
location = {region}
[filter:tempauth]
use = egg:swift#tempauth
user_team_member = {secret} .admin
[filter:bulk]
use = egg:swift#bulk
[filter:slo]
use = egg:swift#slo
"""


def _system_python() -> str:
    """The Python for which Debian's packages are installed."""
    need(["swift-proxy-server"], "swift-proxy swift-account swift-container swift-object")
    return "/usr/bin/python3"


def make_s3_server(folder: Path) -> S3Server:
    """An S3 server without buckets, not yet running."""
    _system_python()
    folder.mkdir()
    (folder / "disks" / "disk").mkdir(parents=True)
    need(["memcached"], "memcached")
    ports = {name: free_port() for name in ("account", "container", "object", "proxy")}
    server = S3Server(folder, ports, free_port())
    (folder / "swift.conf").write_text("[swift-hash]\nswift_hash_path_suffix = test\n")
    common = f"[DEFAULT]\nbind_ip = {LOOPBACK}\nswift_dir = {folder}\nuser = {_user()}\nworkers = 0\n"
    for name, port in server.ports.items():
        text = f"{common}bind_port = {port}\ndevices = {folder}/disks\nmount_check = false\n"
        if name == "proxy":
            text += f"[pipeline:main]\npipeline = {_PIPELINE}\n"
            text += _PROXY.format(region=REGION, secret=server.secret, cache=f"{LOOPBACK}:{server.cache_port}")
            text += "[app:proxy-server]\nuse = egg:swift#proxy\naccount_autocreate = true\n"
        else:
            text += f"[pipeline:main]\npipeline = {name}-server\n[app:{name}-server]\nuse = egg:swift#{name}\n"
            _make_ring(folder / f"{name}.builder", port)
        (folder / f"{name}.conf").write_text(text)
    return server


def _user() -> str:
    return pwd.getpwuid(os.geteuid()).pw_name


def _make_ring(builder: Path, port: int) -> None:
    program = need(["swift-ring-builder"], "swift-proxy")
    for step in (["create", "2", "1", "0"], ["add", f"r1z1-{LOOPBACK}:{port}/disk", "1"], ["rebalance"]):
        subprocess.run([program, str(builder), *step], check=True, capture_output=True)
