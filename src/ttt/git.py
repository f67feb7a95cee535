"""Ask git about the repository of the working folder."""

import subprocess

from ttt.config import UserError


def git(*arguments: str) -> str:
    """What ``git`` prints; raises UserError with what it says where it fails."""
    done = subprocess.run(["git", *arguments], capture_output=True, text=True, check=False)
    if done.returncode:
        raise UserError(f"git {' '.join(arguments)}: {done.stderr.strip()}; run this inside the git repository")
    return done.stdout
