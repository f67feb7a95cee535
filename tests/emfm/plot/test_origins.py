"""Where a scan comes from is shown as it was found: sources with their doubt, currents where they flow."""

import re

import numpy as np
import pytest

from emfm.plot.origins.direction import direction_words, main_direction
from emfm.plot.origins.origin import MOST_ROWS
from point_sources import two_sources, without_elements
from small_report import board_field, report_over_board, small_report


def test_the_table_has_places_with_their_doubt_and_strengths_as_effective_values():
    first, second = small_report().origin.table().rows
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


@pytest.mark.parametrize(
    ("sources", "sentence"),
    [
        (two_sources(), "They explain the scan down to its noise; .* is off by 0.02, and in 90 % by 0.05 at most"),
        (two_sources(settled=False), "The search ended with as many as it may find"),
        (two_sources(background=two_sources().elements), "The scan holds more than these: a background was needed"),
    ],
)
def test_what_the_sources_leave_of_the_scan_is_said(sources, sentence):
    assert re.search(sentence, small_report(sources=sources).origin.about)


def test_a_scan_without_sources_is_said_to_have_none():
    origin = small_report(sources=without_elements(two_sources(background=two_sources().elements))).origin
    assert origin.about.startswith("0 sources found. The scan holds more")
    assert origin.table().rows == []
    assert origin.marks == ()


def test_a_mark_of_a_source_has_its_kind_its_direction_and_two_standard_deviations():
    electric, magnetic = small_report().origin.marks
    assert (electric.sign, magnetic.sign) == ("electric", "magnetic")
    assert (electric.x, electric.y) == pytest.approx((1.0, 0.5))
    assert electric.spread == pytest.approx((0.2, 0.2))
    assert np.hypot(*electric.across) == pytest.approx(0.06 * 9, rel=0.01)  # of a scan of 9 mm
    assert (electric.label, magnetic.label) == ("1", "2")


def test_currents_are_marked_where_they_flow_down_to_a_tenth_of_the_strongest():
    marks = report_over_board().origin.marks
    assert [(mark.x, mark.y) for mark in marks] == [(0.0, 0.5), (1.0, 0.5), (-1.0, 0.5)]
    assert [mark.sign for mark in marks] == ["none", "none", "upright"]
    assert [mark.size for mark in marks] == [1.0, 0.5, 0.25]
    # Half a line of a cell of 1 mm at the strongest, in proportion else.
    assert [abs(mark.across[0]) for mark in marks] == pytest.approx([1.0, 0.5, 0.0])
    assert report_over_board().origin.outline_mm == (-5.0, -5.0, 5.0, 5.0)


def test_the_table_of_currents_has_effective_values_at_places_a_pitch_apart():
    rows = report_over_board().origin.table().rows
    assert rows[0] == ["1", "100 %", "0.00", "0.50", "level, 0° from x", "1.41 mA"]
    assert rows[2][4:] == ["upright", "354 \N{MICRO SIGN}A"]
    assert len(rows) == 3 <= MOST_ROWS


def test_what_currents_leave_of_the_scan_and_the_bound_of_their_field_are_said():
    report = report_over_board()
    assert "over a ground plane at z = -0.8 mm, in cells of 1 mm. They leave 4 % of the scan." in report.origin.about
    assert report.origin.doubt == board_field().bound_rel_l2[0]
    assert "that the 90 % bound of the error of E on the predicted plane makes, 0.3" in report.about_levels
    assert report.about_power.startswith("The currents on the board and in its ground plane radiate")
