"""Croissant 1.1 metadata of a packed store: https://docs.mlcommons.org/croissant/docs/croissant-spec-1.1.html

A program that knows Croissant finds each file with its SHA-256, reads the sample table, and learns of the arrays what
they hold and their shapes; the arrays themselves are for numpy, as no Croissant reader opens ``.npy`` files. The
store's ``identifier`` is the hash by which ``dvc.lock`` knows it. The same store gives the same text.
"""

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from emfm.cards.citation import Citation
from emfm.core.channels import SOURCE_CHANNELS, TARGET_CHANNELS
from emfm.core.store import FINGERPRINT_SIZE, FINGERPRINTS_FILE, HEADER_FILE, PARAMETERS_FILE, TABLE_FILE, Store

CONFORMS_TO: Final = "http://mlcommons.org/croissant/1.1"
_CR: Final = (
    "arrayShape", "citeAs", "column", "containedIn", "equivalentProperty", "extract", "field", "fileObject",
    "fileProperty", "fileSet", "format", "includes", "isArray", "isLiveDataset", "jsonPath", "key", "md5",
    "parentField", "path", "recordSet", "references", "regex", "repeated", "replace", "samplingRate", "separator",
    "source", "subField", "transform",
)  # fmt: skip
_CONTEXT: Final = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "conformsTo": "dct:conformsTo",
    "cr": "http://mlcommons.org/croissant/",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "dct": "http://purl.org/dc/terms/",
    "description": {"@container": "@language"},
    "examples": {"@id": "cr:examples", "@type": "@json"},
    "name": {"@container": "@language"},
    "rai": "http://mlcommons.org/croissant/RAI/",
    "sc": "https://schema.org/",
    **{term: f"cr:{term}" for term in _CR},
}
_FORMATS: Final = {".json": "application/json", ".csv": "text/csv", ".npy": "application/x-npy"}
_NUMBERS: Final = {"source_H": "cr:Float32", "target": "cr:Int16", "target_exponent": "cr:Int8"}
_BLOCK: Final = 1 << 20


@dataclass(frozen=True)
class _StoredFile:
    """A file of the store."""

    name: str
    size: int
    """Bytes."""
    sha256: str
    md5: str
    """As DVC takes it."""

    @classmethod
    def of(cls, path: Path) -> "_StoredFile":
        sha256, md5 = hashlib.sha256(), hashlib.md5(usedforsecurity=False)
        with path.open("rb") as file:
            while block := file.read(_BLOCK):
                sha256.update(block)
                md5.update(block)
        return cls(path.name, path.stat().st_size, sha256.hexdigest(), md5.hexdigest())


def croissant(folder: Path, beside: Path, citation: Citation, page: str) -> str:
    """The metadata of the store in ``folder``, as JSON-LD.

    Args:
        folder: a packed store.
        beside: the folder in which the text will lie; files are named from there.
        citation: of the version that made the store.
        page: where a reader finds more, a link from ``beside``.

    Raises:
        DataError: as `Store` does.
    """
    store = Store(folder)
    files = [_StoredFile.of(path) for path in sorted(folder.iterdir())]
    link = Path(os.path.relpath(folder, beside)).as_posix()
    content = {
        "@context": _CONTEXT,
        "@type": "sc:Dataset",
        "conformsTo": CONFORMS_TO,
        "name": "emfm-near-field-scans",
        "description": _about(store),
        "license": f"https://spdx.org/licenses/{citation.license}",
        "url": page,
        "creator": [{"@type": "Organization", "name": author} for author in citation.authors],
        "datePublished": citation.released,
        "version": citation.version,
        "citeAs": citation.bibtex(),
        "keywords": list(citation.keywords),
        "identifier": dvc_hash({file.name: file.md5 for file in files}),
        "isLiveDataset": False,
        "distribution": [*(_file_object(file, link) for file in files), *_file_sets(link)],
        "recordSet": [_sample_table(), *_arrays(store)],
    }
    return json.dumps(content, indent=2, ensure_ascii=False) + "\n"


def dvc_hash(files: Mapping[str, str]) -> str:
    """The hash by which ``dvc.lock`` knows a folder of ``files``, given the MD5 of each by name."""
    listed = [{"md5": files[name], "relpath": name} for name in sorted(files)]
    return hashlib.md5(json.dumps(listed).encode(), usedforsecurity=False).hexdigest() + ".dir"


def _about(store: Store) -> str:
    source, target = store.geometry.source, store.geometry.target
    return (
        f"{len(store):,} solved cases at {store.geometry.frequency / 1e9:g} GHz: tangential magnetic field on a "
        f"source plane of {source.nx} x {source.ny} points at z = {source.z * 1e3:g} mm, and electric and magnetic "
        f"field on a target plane of {target.nx} x {target.ny} points at z = {target.z * 1e3:g} mm. "
        f"Origin: {store.header.origin}. "
        "H in A/m, E in V/m, peak phasors, time factor exp(+jwt), arrays [sample, channel, y, x], both axes ascending. "
        "Scans are clean, without errors of measurement."
    )


def _file_object(file: _StoredFile, link: str) -> dict[str, Any]:
    return {
        "@type": "cr:FileObject",
        "@id": file.name,
        "name": file.name,
        "contentUrl": f"{link}/{file.name}",
        "contentSize": f"{file.size} B",
        "encodingFormat": _FORMATS[Path(file.name).suffix],
        "sha256": file.sha256,
    }


def _file_sets(link: str) -> list[dict[str, Any]]:
    """The shards of each array: a record set refers to all of them by one name."""
    return [
        {
            "@type": "cr:FileSet",
            "@id": f"{name}-shards",
            "name": f"{name}-shards",
            "encodingFormat": _FORMATS[".npy"],
            "includes": f"{link}/{name}-*.npy",
        }
        for name in _NUMBERS
    ]


def _sample_table() -> dict[str, Any]:
    abouts = {
        "id": "name of the sample; planted repeats of a sample have its name",
        "family": "scene family: samples that share a layout and differ by small perturbations",
    }
    fields = [
        _field("samples", name, "sc:Text", about, {"fileObject": {"@id": TABLE_FILE}, "extract": {"column": name}})
        for name, about in abouts.items()
    ]
    about = "One row a sample, in the order of the arrays."
    return {"@type": "cr:RecordSet", "@id": "samples", "name": "samples", "description": about, "field": fields}


def _arrays(store: Store) -> list[dict[str, Any]]:
    """What the arrays hold; -1 stands for the samples of a file."""
    source, target = store.geometry.source.shape, store.geometry.target.shape
    abouts = {
        "source_H": (f"A/m, channels {' '.join(SOURCE_CHANNELS)}", (len(SOURCE_CHANNELS), *source)),
        "target": (
            f"mantissas: the field is target * 2**target_exponent, E in V/m and H in A/m, channels "
            f"{' '.join(TARGET_CHANNELS)}",
            (len(TARGET_CHANNELS), *target),
        ),
        "target_exponent": ("exponents of two, one for each row of a channel", (len(TARGET_CHANNELS), target[0])),
    }
    parts = [
        _array(name, _NUMBERS[name], about, shape, {"fileSet": {"@id": f"{name}-shards"}})
        for name, (about, shape) in abouts.items()
    ]
    whole = {
        PARAMETERS_FILE: (
            f"what made each sample, named by `parameters` in {HEADER_FILE}; NaN where it has no such value",
            len(store.header.parameter_names),
        ),
        FINGERPRINTS_FILE: ("content of each sample in four numbers, by which repeats are found", FINGERPRINT_SIZE),
    }
    return parts + [
        _array(Path(file).stem, "cr:Float64", about, (columns,), {"fileObject": {"@id": file}})
        for file, (about, columns) in whole.items()
    ]


def _array(name: str, numbers: str, about: str, shape: tuple[int, ...], source: dict[str, Any]) -> dict[str, Any]:
    of_array = {"isArray": True, "arrayShape": ",".join(map(str, (-1, *shape)))}
    field = _field(name, "values", numbers, about, source | {"extract": {"fileProperty": "content"}}) | of_array
    return {"@type": "cr:RecordSet", "@id": name, "name": name, "description": about, "field": [field]}


def _field(of: str, name: str, kind: str, about: str, source: dict[str, Any]) -> dict[str, Any]:
    return {
        "@type": "cr:Field",
        "@id": f"{of}/{name}",
        "name": name,
        "description": about,
        "dataType": kind,
        "source": source,
    }
