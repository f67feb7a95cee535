"""Lists of samples."""

import numpy as np
import pytest

from emfm.core.errors import DataError
from emfm.core.sample_lists import SampleList, read_ids, whole_store
from small_store import GEOMETRY, SingleElements, packed


class Rows:
    """A store whose source H and target are row numbers."""

    fingerprints = np.arange(40.0).reshape(10, 4)

    def source_h(self, rows):
        return np.asarray(rows)

    target = source_h


def samples(*rows):
    return SampleList(Rows(), tuple(f"s{row}" for row in rows), np.array(rows))


def test_batches_keep_the_order_and_may_be_limited():
    listed = samples(7, 2, 5, 1, 0)
    assert [source.tolist() for source, _ in listed.batches(2)] == [[7, 2], [5, 1], [0]]
    assert [source.tolist() for source, _ in listed.first(2).batches(2)] == [[7, 2]]
    in_order = listed.in_store_order()
    assert [source.tolist() for source, _ in in_order.batches(3)] == [[0, 1, 2], [5, 7]]
    assert sorted(zip(in_order.ids, in_order.rows, strict=True)) == sorted(zip(listed.ids, listed.rows, strict=True))
    assert listed.first(None) is listed


def test_the_digest_tells_content_and_order():
    assert samples(1, 2).digest == samples(1, 2).digest
    assert len({samples(1, 2).digest, samples(2, 1).digest, samples(1, 3).digest}) == 3


def test_spread_samples_are_the_same_every_time_and_from_the_whole_list():
    listed = samples(*range(10))
    assert listed.spread(4).ids == ("s0", "s8", "s4", "s2")
    assert listed.spread(2).ids == listed.spread(4).ids[:2]
    assert sorted(listed.spread(10).ids) == sorted(listed.ids)


def test_a_whole_store_is_listed_in_its_order_on_its_planes(tmp_path):
    listed = whole_store(packed(SingleElements(list("aab")), tmp_path / "store"))
    assert (listed.ids, listed.rows.tolist(), listed.geometry) == (("s0", "s1", "s2"), [0, 1, 2], GEOMETRY)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_a_list_that_another_program_wrote_names_the_same_samples(tmp_path, encoding):
    (tmp_path / "ids.txt").write_text("s1\ns2\n", encoding=encoding, newline="\r\n")
    assert read_ids(tmp_path / "ids.txt") == ["s1", "s2"]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [("", "lists no samples"), ("a\n\nb\n", "line 2 is empty"), ("a\nb\na\n", "line 3 repeats line 1")],
)
def test_a_list_that_cannot_be_used_is_refused(tmp_path, text, sentence):
    path = tmp_path / "ids.txt"
    path.write_text(text)
    with pytest.raises(DataError, match=f"ids.txt: .*{sentence}"):
        read_ids(path)


def test_a_missing_list_is_refused_with_the_remedy(tmp_path):
    with pytest.raises(DataError, match="ids.txt: cannot be read .*dvc repro group_split"):
        read_ids(tmp_path / "ids.txt")
