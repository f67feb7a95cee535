"""What git tracks holds no key and no password: those belong in .dvc/config.local, an agent or the environment."""

import configparser
import re
import subprocess
from pathlib import Path
from urllib.parse import urlsplit

import pytest

ROOT = Path(__file__).parents[1]
OF_ONE_USER = re.compile(r"password|passphrase|secret|token|_key(_id)?$|key_id$|keyfile|credential|connection_string")
KEY_MATERIAL = re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----|\b(AKIA|ASIA)[0-9A-Z]{16}\b")


def private_settings(text):
    """The settings in a DVC configuration that one user alone should have."""
    config = configparser.ConfigParser(interpolation=None)
    config.read_string("\n".join(line.strip() for line in text.splitlines()))
    found = []
    for section in config.sections():
        for option, value in config[section].items():
            asks = option.startswith("ask_")
            if (OF_ONE_USER.search(option) and not asks) or urlsplit(value).password:
                found.append(f"{section}: {option}")
    return found


@pytest.mark.parametrize(
    "setting",
    [
        "password = x",
        "passphrase = x",
        "keyfile = /home/me/.ssh/id_ed25519",
        "access_key_id = x",
        "secret_access_key = x",
        "session_token = x",
        "sas_token = x",
        "account_key = x",
        "connection_string = x",
        "credentialpath = x",
        "gdrive_client_secret = x",
        "oss_key_id = x",
        "url = ssh://me:word@example.org/data",
    ],
)
def test_a_private_setting_is_found(setting):
    assert private_settings(f"['remote \"team\"']\n    user = me\n    {setting}\n")


def test_what_all_may_share_is_not_mistaken_for_a_secret():
    shared = "url = s3://bucket/emfm\n    endpointurl = https://s3.example.org\n    ask_password = true\n"
    assert private_settings(f"[core]\n    remote = team\n['remote \"team\"']\n    {shared}") == []


def test_the_tracked_configuration_of_dvc_holds_no_private_setting():
    assert private_settings((ROOT / ".dvc" / "config").read_text()) == []
    assert "/config.local" in (ROOT / ".dvc" / ".gitignore").read_text().splitlines()


def test_no_tracked_file_holds_a_private_key():
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    paths = [ROOT / name for name in listed.split("\0") if name]
    assert paths
    with_keys = [
        path.name
        for path in paths
        if path.is_file() and path != Path(__file__) and KEY_MATERIAL.search(path.read_text(errors="replace"))
    ]
    assert not with_keys
