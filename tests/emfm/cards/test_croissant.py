"""Croissant metadata of a store, read by mlcroissant itself."""

import hashlib
import json
from pathlib import Path

import mlcroissant
import numpy as np
import pytest
import yaml

from emfm.cards.citation import CITATION, Citation
from emfm.cards.croissant import CONFORMS_TO, croissant
from emfm.core.errors import DataError
from small_store import SingleElements, packed

# rdflib, through which mlcroissant reads JSON-LD, uses what it has deprecated itself
pytestmark = pytest.mark.filterwarnings("ignore:.*is deprecated:DeprecationWarning:rdflib")

ROOT = Path(__file__).parents[3]
METADATA = ROOT / "data/croissant.json"
CITED = Citation.read(ROOT / CITATION)


@pytest.fixture(scope="module")
def metadata(tmp_path_factory):
    """The metadata of a store of three shards, in the folder above it."""
    folder = tmp_path_factory.mktemp("data")
    families = [f"f{row // 2}" for row in range(20)]
    packed(SingleElements(families, ("height", "width"), ((1.0, 2.0),) * 20), folder / "store")
    path = folder / "croissant.json"
    path.write_text(croissant(folder / "store", folder, CITED, "../docs/data-card.md"))
    return path


def dvc_lock_store():
    lock = yaml.safe_load((ROOT / "dvc.lock").read_text())
    return next(out for out in lock["stages"]["acquire"]["outs"] if out["path"] == "data/store")


def assert_valid(path):
    """mlcroissant finds neither an error nor anything to warn of."""
    issues = mlcroissant.Dataset(path).metadata.ctx.issues
    assert not issues.errors, issues.report()
    assert not issues.warnings, issues.report()


def test_mlcroissant_finds_nothing_wrong_with_it(metadata):
    assert_valid(metadata)
    assert mlcroissant.Dataset(metadata).metadata.conforms_to == [CONFORMS_TO]


def test_mlcroissant_loads_the_sample_table_through_it(metadata):
    records = list(mlcroissant.Dataset(metadata).records("samples"))
    assert [record["samples/id"].decode() for record in records] == [f"s{row}" for row in range(20)]
    assert [record["samples/family"].decode() for record in records] == [f"f{row // 2}" for row in range(20)]


def test_every_file_is_found_where_it_says_with_its_hash_and_its_size(metadata):
    files = mlcroissant.Dataset(metadata).metadata.file_objects
    assert {file.name for file in files} == {path.name for path in (metadata.parent / "store").iterdir()}
    for file in files:
        content = (metadata.parent / file.content_url).read_bytes()
        assert file.sha256 == hashlib.sha256(content).hexdigest()
        assert file.content_size == f"{len(content)} B"


def test_the_shapes_that_it_gives_are_those_of_the_arrays(metadata):
    found = mlcroissant.Dataset(metadata).metadata
    sets = {file_set.uuid: file_set.includes[0] for file_set in found.file_sets}
    urls = {file.uuid: file.content_url for file in found.file_objects}
    arrays = [records.fields[0] for records in found.record_sets if records.uuid != "samples"]
    assert len(arrays) == 5
    for field in arrays:
        paths = sorted(metadata.parent.glob((sets | urls)[field.source.uuid]))
        assert len(paths) == (3 if field.source.uuid in sets else 1), field.uuid
        for path in paths:
            array = np.load(path)
            assert field.array_shape_tuple == (-1, *array.shape[1:]), field.uuid
            assert field.data_types[0].removeprefix("http://mlcommons.org/croissant/").lower() == array.dtype.name


def test_the_same_store_has_the_same_text_and_another_another(metadata, tmp_path):
    packed(SingleElements(["f0", "f1"]), tmp_path / "store")
    texts = [croissant(tmp_path / "store", tmp_path, CITED, "page") for _ in range(2)]
    assert texts[0] == texts[1]
    content = (tmp_path / "store/samples.csv").read_text()
    (tmp_path / "store/samples.csv").write_text(content.replace("f1", "f0"))
    changed = croissant(tmp_path / "store", tmp_path, CITED, "page")
    assert json.loads(changed)["identifier"] != json.loads(texts[0])["identifier"]


def test_a_folder_without_a_store_is_refused(tmp_path):
    with pytest.raises(DataError, match="no packed store there"):
        croissant(tmp_path, tmp_path, CITED, "page")


def test_the_committed_metadata_are_valid_and_of_the_store_in_dvc_lock():
    """Also in a clone without data: dvc.lock knows the store by a hash of its files."""
    assert_valid(METADATA)
    stored, content = dvc_lock_store(), json.loads(METADATA.read_text())
    remedy = "run `python -m emfm.tasks.croissant` and commit data/croissant.json"
    assert content["identifier"] == stored["md5"], remedy
    files = [part for part in content["distribution"] if part["@type"] == "cr:FileObject"]
    assert len(files) == stored["nfiles"], remedy
    assert sum(int(file["contentSize"].removesuffix(" B")) for file in files) == stored["size"], remedy
    assert content["version"] == CITED.version, remedy
