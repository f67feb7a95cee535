"""The table of sources is what was found, strongest first, in mm."""

import numpy as np
import pandas as pd
import pytest

from emfm.use.source_table import COLUMNS, sources_table, write_sources
from point_sources import two_sources, without_elements


def test_rows_are_by_share_with_places_in_mm_and_moments_in_their_unit():
    sources = two_sources(spread=0.1)
    object.__setattr__(sources, "share", np.array([0.2, 0.9]))
    table = sources_table(sources)
    assert list(table["share"]) == [0.9, 0.2]
    assert list(table["kind"]) == ["magnetic", "electric"]
    assert list(table["unit"]) == ["V.m", "A.m"]
    np.testing.assert_allclose(table.loc[0, ["x_mm", "y_mm", "z_mm"]].astype(float), [-2, -1, -0.6])
    assert table.loc[0, "mz_im"] == pytest.approx(3e-3)
    assert (table.loc[1, "mx_re"], table.loc[1, "my_im"]) == pytest.approx((2e-5, 1e-6))
    np.testing.assert_allclose(table[["std_x_mm", "std_y_mm", "std_z_mm"]], 0.1)


def test_a_file_holds_nine_digits_and_nothing_but_a_head_where_nothing_was_found(tmp_path):
    sources = two_sources(spread=0.1)
    write_sources(tmp_path / "some.csv", sources)
    found = pd.read_csv(tmp_path / "some.csv")
    assert tuple(found) == COLUMNS
    np.testing.assert_allclose(found["mx_re"], sources.moments[:, 0].real, rtol=1e-9)
    write_sources(tmp_path / "none.csv", without_elements(sources))
    assert (tmp_path / "none.csv").read_text() == ",".join(COLUMNS) + "\n"
