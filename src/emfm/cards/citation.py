"""What CITATION.cff says of this version: the cards and the metadata take name, version and date from there alone."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

from ttt.config import UserError, read_yaml

CITATION: Final = Path("CITATION.cff")


@dataclass(frozen=True)
class Citation:
    """How a version is cited."""

    title: str
    authors: tuple[str, ...]
    version: str
    released: str
    """The day, ``2026-11-27``."""
    license: str
    """SPDX identifier."""
    keywords: tuple[str, ...]

    @classmethod
    def read(cls, path: Path) -> Self:
        """The citation in a file of the Citation File Format 1.2.0; raises UserError naming a key that is missing."""
        raw = read_yaml(path)
        try:
            authors = tuple(str(author["name"]) for author in raw["authors"])
            keywords = tuple(map(str, raw["keywords"]))
            version, released, spdx = (str(raw[key]) for key in ("version", "date-released", "license"))
            return cls(str(raw["title"]), authors, version, released, spdx, keywords)
        except (KeyError, TypeError) as error:
            raise UserError(
                f"{path}: has no key {error}; each author needs a name, and the version all of them"
            ) from error

    def bibtex(self) -> str:
        """The version as an entry of BibTeX."""
        return (
            f"@software{{emfm, title = {{{self.title}}}, author = {{{' and '.join(self.authors)}}}, "
            f"version = {{{self.version}}}, year = {{{self.released[:4]}}}}}"
        )
