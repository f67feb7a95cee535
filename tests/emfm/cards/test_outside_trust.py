"""The table of reports/benchmarks/trust_outside.md as objects."""

from pathlib import Path

import pytest

from emfm.cards.outside_trust import TRUST_OUTSIDE, OutsideTrust
from emfm.core.errors import DataError

ROOT = Path(__file__).parents[3]
HEAD = f"model `abc123` (pod_net)\n\n| kind of scans |{' a |' * 8}\n|{'---|' * 9}\n"
ROW = "| cable of 60 mm | 20 | 0.7 / 0.8 | 0.2 / 0.2 | 0 % | 0 % | 90 % | 10 % | no |\n"


def test_every_row_of_the_committed_benchmark_is_read():
    found = OutsideTrust.read(ROOT / TRUST_OUTSIDE)
    rows = [line for line in (ROOT / TRUST_OUTSIDE).read_text().splitlines() if line.startswith("| ")]
    assert len(found.kinds) == len(rows) - 1
    assert len(found.model) >= 8


def test_what_is_dishonest_and_what_is_refused_follows_the_cells(tmp_path):
    table = tmp_path / "table.md"
    table.write_text(HEAD + ROW + ROW.replace("| no |", "| yes; asked for |").replace("0 % | 0 %", "0 % | 100 %"))
    first, second = OutsideTrust.read(table).kinds
    assert (first.is_honest, first.is_refused, second.is_honest, second.is_refused) == (False, False, True, True)
    assert OutsideTrust.read(table).starting_with("cable") == [first, second]


@pytest.mark.parametrize("text", ["", HEAD, HEAD + ROW.replace("| no |", "|"), (HEAD + ROW).replace("model", "")])
def test_another_file_is_refused_with_its_name(tmp_path, text):
    table = tmp_path / "table.md"
    table.write_text(text)
    with pytest.raises(DataError, match=r"table\.md: names no model, or its table has not 9 columns"):
        OutsideTrust.read(table)


def test_a_kind_that_a_card_tells_of_must_be_there(tmp_path):
    table = tmp_path / "table.md"
    table.write_text(HEAD + ROW)
    with pytest.raises(DataError, match="no kind of scans that begins with 'noise'"):
        OutsideTrust.read(table).starting_with("noise")
