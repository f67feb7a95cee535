"""A real Slurm on loopback: one controller and nodes that all are this machine, with a key and ports of its own."""

import os
import pwd
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from programs import need
from servers import LOOPBACK, free_port, process

NODES: Final = ("node1", "node2")
_PROCESSORS: Final = 8  # of each node; they share this machine's, of which CI has few
_CONFIGURATION: Final = """\
ClusterName=test
SlurmctldHost=localhost({loopback})
SlurmctldPort={port}
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
CredType=cred/munge
SlurmUser={user}
SlurmdUser={user}
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool-%n
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd-%n.pid
SlurmdParameters=config_overrides
ProctrackType=proctrack/pgid
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
JobAcctGatherType=jobacct_gather/none
MpiDefault=none
{nodes}
PartitionName=all Nodes=ALL Default=YES MaxTime=INFINITE State=UP
"""


@dataclass(frozen=True)
class Cluster:
    """Where a Slurm has its files."""

    folder: Path

    @property
    def environment(self) -> dict[str, str]:
        """What its clients have in their environment."""
        return {"SLURM_CONF": str(self.folder / "slurm.conf")}

    @contextmanager
    def running(self) -> Iterator[None]:
        """The cluster at work."""
        configuration = str(self.folder / "slurm.conf")
        with ExitStack() as stack:
            socket = self.folder / "munge.socket"
            stack.enter_context(process(self._munge(), self.folder / "munged.log", socket.exists))
            controller = [_daemon("slurmctld"), "-D", "-f", configuration]
            stack.enter_context(process(controller, self.folder / "slurmctld.log", self._answers))
            for node in NODES:
                daemon = [_daemon("slurmd"), "-D", "-N", node, "-f", configuration]
                stack.enter_context(process(daemon, self.folder / f"{node}.log", lambda node=node: self._is_idle(node)))
            yield

    def _munge(self) -> list[str]:
        files = [f"--{name}={self.folder}/munge.{ending}" for name, ending in _MUNGE_FILES.items()]
        return [need(["munged", "/usr/sbin/munged"], "munge"), "--foreground", "--force", *files]

    def _answers(self) -> bool:
        return self._said("scontrol", "ping").endswith("UP")

    def _is_idle(self, node: str) -> bool:
        return self._said("sinfo", "--noheader", f"--nodes={node}", "--format=%t") == "idle"

    def _said(self, program: str, *arguments: str) -> str:
        command = [need([program], "slurm-client"), *arguments]
        done = subprocess.run(command, env=os.environ | self.environment, capture_output=True, text=True, check=False)
        return done.stdout.strip()


_MUNGE_FILES: Final = {"socket": "socket", "key-file": "key", "pid-file": "pid", "log-file": "log", "seed-file": "seed"}


def _daemon(name: str) -> str:
    return need([name, f"/usr/sbin/{name}"], name)


def make_cluster(folder: Path) -> Cluster:
    """A Slurm of the present user, not yet running. ``folder`` must have a short path, as a socket lies in it."""
    for name in ("slurmctld", "slurmd"):
        _daemon(name)
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "state").mkdir(parents=True)
    key = folder / "munge.key"
    key.touch(mode=0o600)
    key.write_bytes(os.urandom(128))
    nodes = "\n".join(
        f"NodeName={node} NodeHostname=localhost NodeAddr={LOOPBACK} Port={free_port()} CPUs={_PROCESSORS}"
        for node in NODES
    )
    user = pwd.getpwuid(os.geteuid()).pw_name
    text = _CONFIGURATION.format(loopback=LOOPBACK, port=free_port(), folder=folder, user=user, nodes=nodes)
    (folder / "slurm.conf").write_text(text)
    return Cluster(folder)
