"""What a scan's report says is what its sources and fields are, in the units of an EMC engineer."""

import matplotlib.image
import numpy as np
import pytest

from emfm.core.channels import to_components
from emfm.core.errors import DataError
from emfm.plot.scan_report import BoardPicture
from emfm.sources.limits import NOT_SCANNED, limits_at
from point_sources import two_sources
from small_report import GEOMETRY, small_report


def test_levels_are_effective_values_above_a_microampere():
    report = small_report()
    h_field = to_components(report.scan.astype(np.float64))
    rms = np.sqrt((np.abs(h_field) ** 2).sum(0) / 2)
    np.testing.assert_allclose(report.scan_levels, 20 * np.log10(rms * 1e6), rtol=1e-12)


@pytest.mark.parametrize(("factor", "difference"), [(1.0, 0.0), (2.0, 0.5), (0.5, 1.0)])
def test_the_difference_of_the_two_ways_is_relative_to_the_prediction_and_widens_the_intervals(factor, difference):
    report = small_report(factor=factor)
    assert report.origin.difference == pytest.approx(difference, abs=1e-6)
    assert [found.limit for found in report.comparisons] == list(limits_at(GEOMETRY.frequency))
    lows = [found.interval[0] for found in report.comparisons]
    assert np.isneginf(lows).all() == (difference >= 1 - 1e-6)


@pytest.mark.parametrize(("factor", "doubt"), [(1.0, 0.05), (2.0, 0.5)])
def test_where_the_prediction_may_be_the_sources_field_the_bound_of_its_error_counts_at_least(factor, doubt):
    report = small_report(sources=two_sources(), factor=factor)
    assert report.origin.doubt == pytest.approx(doubt)
    low, high = report.comparisons[0].interval
    assert high - low == pytest.approx(20 * np.log10((1 + doubt) / (1 - doubt)), abs=1e-6)
    assert any("where they explain the scan" in fact for fact in report.facts)


def test_limits_stand_beside_levels_and_what_was_not_scanned_is_named():
    report = small_report()
    for row, found in zip(report.limits_table().rows, report.comparisons, strict=True):
        assert row[0] == found.limit.name
        assert row[2].startswith(f"{found.strongest.dbuv_per_m:.1f} (")
        assert row[4].startswith(f"{found.margin_db:+.1f} (")
    assert NOT_SCANNED in report.about_levels


def test_a_picture_of_a_board_is_read_and_what_is_none_is_refused(tmp_path):
    for name in ("board.png", "board.jpg"):
        matplotlib.image.imsave(tmp_path / name, np.zeros((4, 6, 3)))
        board = BoardPicture.read(tmp_path / name, (0, 0, 30, 20))
        assert board.pixels.shape[:2] == (4, 6)
    (tmp_path / "cut.png").write_bytes((tmp_path / "board.png").read_bytes()[:20])
    (tmp_path / "text.png").write_text("no picture")
    for name in ("cut.png", "text.png", "missing.png"):
        with pytest.raises(DataError, match=f"{name}: no picture that can be read"):
            BoardPicture.read(tmp_path / name, (0, 0, 30, 20))
    with pytest.raises(DataError, match="--board_mm: found 30 0 0 20; give the lower left corner"):
        BoardPicture.read(tmp_path / "board.png", (30, 0, 0, 20))
