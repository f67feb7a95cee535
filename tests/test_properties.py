"""Whatever a hostile ID, a changed parameter or a changed header says, it is taken or refused with a sentence."""

import json
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from emfm.core.errors import DataError
from emfm.core.sample import checked_id
from emfm.core.sample_lists import read_ids
from emfm.core.store import Store
from emfm.settings import load_params
from small_store import SingleElements, packed
from ttt.config import ConfigError

PARAMS = yaml.safe_load((Path(__file__).parents[1] / "params.yaml").read_text())
SIMPLE = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8)
VALUES = st.recursive(SIMPLE, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3))


@pytest.mark.parametrize(
    "identifier",
    [
        "",
        ".",
        "..",
        "../x",
        "/etc/passwd",
        "a/b",
        "a\\b",
        "a\0b",
        "a\nb",
        "a\n",
        "-rf",
        "_a",
        "a b",
        "a" * 10_240,
        "样本",
        "é",
    ]
    + ["\u0430", "a\u202eb", "CON", "nul", "com1.txt", "Lpt9"],
)
def test_a_hostile_id_is_refused(identifier):
    with pytest.raises(DataError, match=r"list: the sample ID .* is not allowed; use up to 128 letters"):
        checked_id(identifier, "list")


@given(identifier=st.text(max_size=200))
def test_an_id_that_is_taken_names_a_file_in_the_folder_and_a_line(tmp_path_factory, identifier):
    try:
        checked_id(identifier, "list")
    except DataError:
        return
    folder = tmp_path_factory.getbasetemp()
    assert (folder / identifier).parent == folder
    assert identifier.splitlines() == [identifier]
    assert len(identifier.encode()) <= 128


@settings(deadline=None, max_examples=50)
@given(ids=st.lists(st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._-]{0,20}", fullmatch=True), min_size=1, unique=True))
def test_a_list_of_ids_is_read_as_it_was_written(tmp_path_factory, ids):
    path = tmp_path_factory.mktemp("ids") / "ids.txt"
    path.write_text("".join(f"{identifier}\n" for identifier in ids))
    assert read_ids(path) == ids


def paths_of(value, path=()):
    """Every key of nested mappings."""
    for key, item in value.items():
        yield (*path, key)
        if isinstance(item, dict):
            yield from paths_of(item, (*path, key))


@settings(deadline=None, max_examples=60)
@given(path=st.sampled_from(sorted(paths_of(PARAMS), key=str)), value=VALUES)
def test_any_value_of_any_parameter_is_taken_or_refused_by_name(tmp_path_factory, path, value):
    changed = json.loads(json.dumps(PARAMS))
    inner = changed
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = value
    file = tmp_path_factory.mktemp("params") / "params.yaml"
    file.write_text(yaml.safe_dump(changed, allow_unicode=True), encoding="utf-8")
    try:
        load_params(file)
    except ConfigError as error:
        assert error.problems  # noqa: PT017 - a refusal is one of two right ends


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return packed(SingleElements(["a", "b", "b"]), tmp_path_factory.mktemp("store") / "store").folder


@settings(deadline=None, max_examples=100)
@given(data=st.data())
def test_any_value_in_a_store_header_is_taken_or_refused(store, data):
    path = store / "store.json"
    whole = path.read_text()
    raw = json.loads(whole)
    key = data.draw(st.sampled_from(sorted(paths_of(raw))))
    inner = raw
    for part in key[:-1]:
        inner = inner[part]
    inner[key[-1]] = data.draw(VALUES)
    path.write_text(json.dumps(raw))
    try:
        Store(store)
    except DataError as error:
        assert str(store) in str(error)  # noqa: PT017 - a refusal is one of two right ends
    finally:
        path.write_text(whole)
