"""The file of each sample's errors: written and read back, and what is refused."""

import numpy as np
import pytest

from emfm.core.errors import DataError
from emfm.core.field_errors import SampleErrors
from emfm.results.sample_errors import ErrorTable, Judged, parse_error_table, read_error_table

SAMPLES = [Judged("s2", "b", "aa"), Judged("s0", "a", "bb"), Judged("s1", "b", "cc")]
TABLE = ErrorTable(
    SAMPLES,
    {
        "stage1": SampleErrors(np.array([0.1, 0.2, 1e-7]), np.array([0.4, 0.5, 12345.6])),
        "mean_field": SampleErrors(np.array([1.0, 1.0, 1.0]), np.array([2.0, 2.0, 2.0])),
    },
)
HEAD = "id,family,content,stage1_e,stage1_h\n"


def test_a_table_comes_back_from_its_file():
    found = parse_error_table(TABLE.to_csv(), "file")
    assert found.samples == SAMPLES
    assert list(found.errors) == ["stage1", "mean_field"]
    for name, errors in TABLE.errors.items():
        np.testing.assert_allclose(found.errors[name].rel_l2_e, errors.rel_l2_e, rtol=1e-6)
        np.testing.assert_allclose(found.errors[name].rel_l2_h, errors.rel_l2_h, rtol=1e-6)
    assert found.to_csv() == TABLE.to_csv()


def test_some_of_the_samples_keep_their_errors_and_families():
    part = TABLE.of([SAMPLES[2], SAMPLES[0]])
    assert part.errors["stage1"].rel_l2_h.tolist() == [12345.6, 0.4]
    assert part.numbered_families().tolist() == [0, 0]
    assert TABLE.numbered_families().tolist() == [1, 0, 1]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "file: found the columns of none; expected id, family, content, NAME_e, NAME_h"),
        ("id,family,content,stage1_e\n", "found the columns id, family, content, stage1_e; expected"),
        (HEAD, "file: holds no samples"),
        (HEAD + "s0,a,bb,0.1\n", "file: row 2: found 4 cells, the head has 5"),
        (HEAD + "s0,a,bb,0.1,0.2\ns1,a,cc,0.1,x\n", "file: row 3: could not convert"),
        (HEAD + "s0,a,bb,0.1,nan\n", "file: row 2: an error is negative or not finite"),
        (HEAD + "s0,a,bb,-0.1,0.1\n", "file: row 2: an error is negative or not finite"),
    ],
)
def test_a_damaged_file_is_refused_by_row_with_the_remedy(text, sentence):
    with pytest.raises(DataError, match=f"{sentence}.*dvc repro"):
        parse_error_table(text, "file")


@pytest.mark.parametrize("content", [b"\xff\xfe\x00", None])
def test_a_file_that_is_no_text_or_missing_is_named(tmp_path, content):
    path = tmp_path / "errors.csv"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(DataError, match=r"errors\.csv: cannot be read .*dvc repro"):
        read_error_table(path)
    path.write_text(TABLE.to_csv())
    assert read_error_table(path).samples == SAMPLES


def test_what_csv_cannot_hold_is_refused():
    with pytest.raises(DataError, match="file: cannot be read as CSV"):
        parse_error_table(HEAD + 's0,a,"' + "b" * 200_000 + '",0.1,0.2\n', "file")
