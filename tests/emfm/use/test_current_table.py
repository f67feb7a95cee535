"""The table of currents is what flows in each cell, strongest first, in mm and A."""

import numpy as np
import pandas as pd

from emfm.use.current_table import COLUMNS, write_currents
from small_report import board_field


def test_a_file_has_a_row_a_cell_with_nine_digits(tmp_path):
    copper = board_field().copper
    write_currents(tmp_path / "currents.csv", copper)
    found = pd.read_csv(tmp_path / "currents.csv")
    assert tuple(found) == COLUMNS
    np.testing.assert_allclose(found[["x_mm", "y_mm", "z_mm"]], 1e3 * copper.places, rtol=1e-9)
    for column, axis in enumerate("xyz"):
        np.testing.assert_allclose(found[f"i{axis}_re"], copper.currents[:, column].real, rtol=1e-9)
        np.testing.assert_allclose(found[f"i{axis}_im"], copper.currents[:, column].imag, rtol=1e-9)
