"""What a scan's report says is what its sources and fields are, in the units of an EMC engineer."""

import re

import matplotlib.image
import numpy as np
import pytest

from emfm.core.channels import to_components
from emfm.core.errors import DataError
from emfm.plot.scan_report import BoardPicture, direction_words, main_direction
from emfm.sources.limits import NOT_SCANNED, limits_at
from point_sources import two_sources, without_elements
from small_report import GEOMETRY, small_report


def test_levels_are_effective_values_above_a_microampere():
    report = small_report()
    h_field = to_components(report.scan.astype(np.float64))
    rms = np.sqrt((np.abs(h_field) ** 2).sum(0) / 2)
    np.testing.assert_allclose(report.scan_levels, 20 * np.log10(rms * 1e6), rtol=1e-12)


@pytest.mark.parametrize(("factor", "difference"), [(1.0, 0.0), (2.0, 0.5), (0.5, 1.0)])
def test_the_difference_of_the_two_ways_is_relative_to_the_prediction_and_widens_the_intervals(factor, difference):
    report = small_report(factor=factor)
    assert report.difference == pytest.approx(difference, abs=1e-6)
    assert [found.limit for found in report.comparisons] == list(limits_at(GEOMETRY.frequency))
    lows = [found.interval[0] for found in report.comparisons]
    assert np.isneginf(lows).all() == (difference >= 1 - 1e-6)


@pytest.mark.parametrize(("factor", "doubt"), [(1.0, 0.05), (2.0, 0.5)])
def test_where_the_prediction_may_be_the_sources_field_the_bound_of_its_error_counts_at_least(factor, doubt):
    report = small_report(sources=two_sources(), factor=factor)
    assert report.doubt == pytest.approx(doubt)
    low, high = report.comparisons[0].interval
    assert high - low == pytest.approx(20 * np.log10((1 + doubt) / (1 - doubt)), abs=1e-6)
    assert any("where they explain the scan" in fact for fact in report.facts)


def test_the_table_has_places_with_their_doubt_and_strengths_as_effective_values():
    first, second = small_report().sources_table().rows
    assert first[1:5] == ["80 %", "1.00 ± 0.1", "0.50 ± 0.1", "-0.40 ± 0.1"]
    assert first[5:] == ["electric", "level, 0° from x", "14.2 mA·mm"]
    # K l = j w mu0 I A: 3e-3 V.m / sqrt(2) / (2 pi 5e9 Hz 4 pi 1e-7 H/m) = 53.7 mA mm^2
    assert second[5:] == ["magnetic", "upright", "53.7 mA·mm²"]


@pytest.mark.parametrize(
    ("moment", "words"),
    [
        ((1j, 0, 0), "level, 0° from x"),
        ((0, -2, 0.1), "level, 90° from x"),
        ((1, 1, 0), "level, 45° from x"),
        ((1 + 1j, 0.1j, 0), "level, 3° from x"),
        ((0, 0, -3), "upright"),
        ((1, 0, 1), "sloping, 0° from x"),
    ],
)
def test_a_direction_is_that_of_the_swing_whatever_its_phase_and_sign(moment, words):
    for factor in (1, 1j, -2, np.exp(0.3j)):
        assert direction_words(factor * np.array(moment, complex)) == words


def test_the_main_direction_is_the_long_axis_of_the_ellipse():
    np.testing.assert_allclose(np.abs(main_direction(np.array([3, 1j, 0]))), [1, 0, 0], atol=1e-12)
    assert not main_direction(np.zeros(3, complex)).any()


def test_limits_stand_beside_levels_and_what_was_not_scanned_is_named():
    report = small_report()
    for row, found in zip(report.limits_table().rows, report.comparisons, strict=True):
        assert row[0] == found.limit.name
        assert row[2].startswith(f"{found.strongest.dbuv_per_m:.1f} (")
        assert row[4].startswith(f"{found.margin_db:+.1f} (")
    assert NOT_SCANNED in report.about_levels


@pytest.mark.parametrize(
    ("sources", "sentence"),
    [
        (two_sources(), "They explain the scan down to its noise; .* is off by 0.02, and in 90 % by 0.05 at most"),
        (two_sources(settled=False), "The search ended with as many as it may find"),
        (two_sources(background=two_sources().elements), "The scan holds more than these: a background was needed"),
    ],
)
def test_what_the_sources_leave_of_the_scan_is_said(sources, sentence):
    assert re.search(sentence, small_report(sources=sources).about_sources)


def test_a_scan_without_sources_is_said_to_have_none():
    report = small_report(sources=without_elements(two_sources(background=two_sources().elements)))
    assert report.about_sources.startswith("0 sources found. The scan holds more")
    assert report.sources_table().rows == []


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
