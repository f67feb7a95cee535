"""Files that once ended a parser with something else than a refusal."""

import hashlib
import io
import json
import zipfile

import numpy as np
import pytest
import torch

from case_files import GEOMETRY
from emfm.acquire.readers.fast_numbers import parse_json
from emfm.acquire.readers.tables import TextTable, parse_numbers
from emfm.core.errors import DataError
from emfm.core.norm_stats import read_norm_stats
from emfm.core.store import Store
from emfm.evaluate.reference_cases import read_reference_cases
from emfm.results.ledger import read_ledger
from emfm.results.schema import read_val_results
from emfm.use.field_files import read_source_h
from small_store import SingleElements, packed
from ttt.config import ConfigError, UserError, read_yaml
from ttt.engine.checkpoint import load_checkpoint
from ttt.engine.errors import CheckpointError
from ttt.engine.journal import read_records
from ttt.memo import Memo
from ttt.samples import read_samples

DEEP = "[" * 100_000
HEADERS_OF_NOTHING = (b"\x93NUMPY\x01\x00\x04\x00{'d\n", b"\x93NUMPY\x01\x00\x04\x00{})\n")


@pytest.mark.parametrize("header", HEADERS_OF_NOTHING)
def test_an_array_whose_header_is_not_closed_or_closed_twice_is_refused(tmp_path, header):
    path = tmp_path / "a.npy"
    path.write_bytes(header)
    with pytest.raises(DataError, match=r"a.npy: is not an array of numbers"):
        read_source_h(path, GEOMETRY.source, GEOMETRY.frequency)
    with pytest.raises(UserError, match=r"a.npy: is damaged or no numpy file"):
        read_samples(path, [2])


def test_a_store_whose_array_has_no_whole_header_is_refused(tmp_path):
    store = packed(SingleElements(["a", "b"]), tmp_path / "store")
    (store.folder / "parameters.npy").write_bytes(HEADERS_OF_NOTHING[0])
    with pytest.raises(DataError, match=r"parameters.npy: cannot be read as an array"):
        _ = store.parameters


@pytest.mark.parametrize("content", [b"\x93", DEEP.encode(), b"{", b"[]"])
def test_a_store_header_that_is_no_header_is_refused(tmp_path, content):
    store = packed(SingleElements(["a", "b"]), tmp_path / "store")
    (store.folder / "store.json").write_bytes(content)
    with pytest.raises(DataError, match=r"store.json: damaged"):
        Store(store.folder)


def test_a_store_with_an_impossible_plane_is_refused(tmp_path):
    store = packed(SingleElements(["a", "b"]), tmp_path / "store")
    path = store.folder / "store.json"
    raw = json.loads(path.read_text())
    raw["source"]["nx"] = 0
    path.write_text(json.dumps(raw))
    with pytest.raises(DataError, match=r"store.json: damaged \(a grid needs 2 x 2 points or more"):
        Store(store.folder)


@pytest.mark.parametrize("read", [read_norm_stats, read_val_results])
def test_json_nested_without_end_is_refused(tmp_path, read):
    path = tmp_path / "a.json"
    path.write_text(DEEP)
    with pytest.raises(DataError, match=r"a.json: cannot be read"):
        read(path)


def test_a_journal_nested_without_end_is_refused(tmp_path):
    path = tmp_path / "metrics.jsonl"
    path.write_text(DEEP + "\n{}\n")
    with pytest.raises(ValueError, match=r"metrics.jsonl: line 1 is no JSON object"):
        read_records(path)


@pytest.mark.parametrize("content", [b"\xcc\n", DEEP.encode(), b"{}", b"[]"])
def test_a_damaged_ledger_is_refused(tmp_path, content):
    path = tmp_path / "ledger.jsonl"
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"ledger.jsonl: .*restore the file from git"):
        read_ledger(path)


def test_a_ledger_whose_figures_are_no_mapping_is_refused(tmp_path):
    path = tmp_path / "ledger.jsonl"
    look = {"when": "", "revision": "", "stage": "", "model_sha256": "", "test_set_sha256": "", "figures": 1}
    path.write_text(json.dumps(look))
    with pytest.raises(DataError, match=r"line 1 is no look \(figures is no mapping\)"):
        read_ledger(path)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("? [a]\n: 1\n", r"the key \['a'\] \(list\) is no name"),
        ("a: 2001-99-99\n", "month must be in 1..12"),
        (DEEP, "recursion"),
        ("a: &a [*a]\n", "its aliases stand for more than 100000 values; write them out"),
        (
            "a0: &a0 [1, 1]\n" + "".join(f"a{n + 1}: &a{n + 1} [*a{n}, *a{n}]\n" for n in range(40)),
            "its aliases stand for more than 100000 values; write them out",
        ),
    ],
)
def test_yaml_that_is_no_configuration_is_refused(tmp_path, text, sentence):
    path = tmp_path / "params.yaml"
    path.write_text(text)
    with pytest.raises(ConfigError, match=rf"params.yaml: 1 problem\n  cannot be read as YAML: (.|\n)*{sentence}"):
        read_yaml(path)


def test_a_compressed_checkpoint_is_refused_without_unpacking(tmp_path):
    stored, path = io.BytesIO(), tmp_path / "best.pth"
    torch.save({"a": torch.zeros(1000)}, stored)
    with zipfile.ZipFile(stored) as whole, zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as packed_again:
        for name in whole.namelist():
            packed_again.writestr(name, whole.read(name))
    with pytest.raises(CheckpointError, match=r"best.pth: is damaged .*torch compresses nothing"):
        load_checkpoint(path)


def test_an_array_of_the_template_that_unpacks_to_gigabytes_is_refused_by_its_header(tmp_path):
    path = tmp_path / "a.npz"
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, {"descr": "<f8", "fortran_order": False, "shape": (1 << 40, 3)})
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("x.npy", header.getvalue() + bytes(1000))
    with pytest.raises(UserError, match=r"a.npz: has the shape \(1099511627776, 3\); needs \(2\) or \(n, 2\)"):
        read_samples(path, [2])


@pytest.mark.parametrize("shape", [(1 << 50, 2), (2, 1 << 61)])
def test_a_plain_array_that_claims_more_than_the_file_holds_is_refused(tmp_path, shape):
    path = tmp_path / "a.npy"
    with path.open("wb") as stream:
        np.lib.format.write_array_header_1_0(stream, {"descr": "<f8", "fortran_order": False, "shape": shape})
    with pytest.raises(UserError, match=r"a.npy: "):
        read_samples(path, [2])


@pytest.mark.parametrize("data", [b"", bytes(8), np.array([7, 3], np.int64).tobytes() + bytes(24)])
def test_a_memo_of_the_right_checksum_and_an_impossible_shape_is_computed_again(tmp_path, data):
    memo = Memo(tmp_path)
    memo.array("one", lambda: np.ones((2, 3), np.float32))
    (path,) = tmp_path.glob("*.array")
    path.write_bytes(hashlib.sha256(data).digest() + data)
    np.testing.assert_array_equal(Memo(tmp_path).array("one", lambda: np.zeros((2, 3), np.float32)), np.zeros((2, 3)))


def test_reference_cases_with_a_damaged_header_are_refused(tmp_path):
    path = tmp_path / "cases.npz"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("source_channels.npy", HEADERS_OF_NOTHING[0])
    with pytest.raises(DataError, match=r"cases.npz: cannot be read as reference cases"):
        read_reference_cases(path)


def test_reference_cases_packed_by_a_program_of_the_future_are_refused(tmp_path):
    path = tmp_path / "cases.npz"
    np.savez(path, source_channels=np.ones(2))
    content = bytearray(path.read_bytes())
    content[content.index(b"PK\x01\x02") + 6] = 65  # the version of zip that is needed: 6.5
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"cannot be read as reference cases \(zip file version 6.5\)"):
        read_reference_cases(path)


@pytest.mark.parametrize("number", ["1" * 25, "-" + "9" * 40])
def test_a_whole_number_of_many_digits_is_a_number_in_a_table(tmp_path, number):
    body = f"1.5,{number}\n".encode()
    assert parse_json(body, 2, [0, 1], comma=True) is None
    table = TextTable(tmp_path / "a.csv", "x,y", body, 2)
    assert parse_numbers(table, ["x", "y"], "comma").tolist() == [[1.5, float(number)]]


def test_a_checkpoint_with_an_impossible_size_in_its_directory_is_refused(tmp_path):
    path = tmp_path / "best.pth"
    torch.save({"a": torch.ones(2)}, path)
    content = path.read_bytes()
    refused = 0
    for place in range(content.index(b"PK\x01\x02"), len(content)):
        for value in (0, 0x7F, 0xFF):
            path.write_bytes(content[:place] + bytes([value] * 8) + content[place + 8 :])
            with pytest.raises(CheckpointError, match="best.pth: is (damaged|no checkpoint)"):
                load_checkpoint(path)
            refused += 1
    assert refused > 1000
