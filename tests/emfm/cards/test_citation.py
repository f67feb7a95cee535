"""CITATION.cff, from which the cards and the metadata take name, version and date."""

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from emfm.cards.citation import CITATION, Citation
from ttt.config import UserError

ROOT = Path(__file__).parents[3]


def test_the_file_has_the_form_of_the_citation_file_format():
    check = (sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.citation-file-format")
    subprocess.run([*check, "--force-filetype", "yaml", str(ROOT / CITATION)], check=True)


def test_its_version_is_that_of_the_package_and_the_newest_of_the_changelog():
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    found = Citation.read(ROOT / CITATION)
    assert found.version == version
    headings = [line for line in (ROOT / "CHANGELOG.md").read_text().splitlines() if line.startswith("## ")]
    assert headings[:2] == ["## Unreleased", f"## {version} - {found.released}"]


def test_a_key_that_is_missing_is_named(tmp_path):
    text = (ROOT / CITATION).read_text().replace("license: MIT\n", "")
    (tmp_path / "CITATION.cff").write_text(text)
    with pytest.raises(UserError, match=r"CITATION\.cff: has no key 'license'"):
        Citation.read(tmp_path / "CITATION.cff")


def test_bibtex_names_authors_version_and_year():
    entry = Citation("A title", ("Ada", "Bob"), "1.2.3", "2026-11-27", "MIT", ()).bibtex()
    assert entry == "@software{emfm, title = {A title}, author = {Ada and Bob}, version = {1.2.3}, year = {2026}}"
