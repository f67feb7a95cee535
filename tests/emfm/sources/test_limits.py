"""Limits as the standards print them, and margins with intervals that follow from what the sources may be."""

import numpy as np
import pytest

from emfm.core.errors import DataError
from emfm.sources.draws import Draws
from emfm.sources.limits import LIMITS, NOT_SCANNED, limits_at
from emfm.sources.limits import compare as compare_all
from emfm.sources.sites import Site
from point_sources import random_elements, two_sources, without_elements

BY_NAME = {limit.name: limit for limit in LIMITS}


def compare(sources, limit, **more):
    (found,) = compare_all(sources, [limit], **more)
    return found


@pytest.mark.parametrize(
    ("name", "mhz", "level", "distance", "floor"),
    [
        ("FCC 15.109 class A", 50, 39.1, 10, True),
        ("FCC 15.109 class A", 300, 46.4, 10, True),
        ("FCC 15.109 class A", 5000, 49.5, 10, False),
        ("FCC 15.109 class B", 50, 40.0, 3, True),
        ("FCC 15.109 class B", 100, 43.5, 3, True),
        ("FCC 15.109 class B", 500, 46.0, 3, True),
        ("FCC 15.109 class B", 970, 54.0, 3, True),
        ("FCC 15.109 class B", 5000, 54.0, 3, False),
        ("CISPR 32 class A", 100, 40, 10, True),
        ("CISPR 32 class A", 500, 47, 10, True),
        ("CISPR 32 class A", 2000, 56, 3, False),
        ("CISPR 32 class A, 3 m", 500, 57, 3, True),
        ("CISPR 32 class B", 100, 30, 10, True),
        ("CISPR 32 class B", 500, 37, 10, True),
        ("CISPR 32 class B", 5000, 54, 3, False),
        ("CISPR 32 class B, 3 m", 100, 40, 3, True),
        ("CISPR 32 class B, 3 m", 500, 47, 3, True),
    ],
)
def test_a_limit_is_that_of_the_standard(name, mhz, level, distance, floor):
    band = BY_NAME[name].band_at(1e6 * mhz)
    assert band.dbuv_per_m == pytest.approx(level, abs=0.05)
    assert (band.distance, band.floor) == (distance, floor)


def test_on_the_edge_of_two_bands_the_lower_limit_holds():
    assert BY_NAME["CISPR 32 class B"].band_at(230e6).dbuv_per_m == 30
    assert BY_NAME["FCC 15.109 class B"].band_at(88e6).dbuv_per_m == pytest.approx(40)


def test_a_frequency_of_which_the_limit_says_nothing_is_refused():
    with pytest.raises(DataError, match="CISPR 32 class B says nothing of 7000 MHz; it reaches from 30 to 6000 MHz"):
        compare(two_sources(7e9), BY_NAME["CISPR 32 class B"])


def test_of_elements_without_a_doubt_the_interval_is_that_of_the_error_that_is_given():
    elements = random_elements(2)
    alone = compare(elements, BY_NAME["FCC 15.109 class B"])
    assert alone.interval == (alone.strongest.dbuv_per_m, alone.strongest.dbuv_per_m)
    assert alone.strongest == Site(3.0, floor=False).strongest(elements)
    low, high = compare(elements, BY_NAME["FCC 15.109 class B"], relative_error=0.1).interval
    assert high - alone.strongest.dbuv_per_m == pytest.approx(20 * np.log10(1.1))
    assert low - alone.strongest.dbuv_per_m == pytest.approx(20 * np.log10(0.9))


@pytest.mark.parametrize(("mhz", "count"), [(20, 0), (100, 6), (5000, 4), (7000, 2), (50_000, 0)])
def test_limits_that_say_nothing_of_a_frequency_are_left_out(mhz, count):
    chosen = limits_at(1e6 * mhz)
    assert len(chosen) == count
    assert [found.limit for found in compare_all(two_sources(1e6 * mhz), chosen)] == list(chosen)


def test_the_margin_is_the_limit_less_the_level_on_its_site():
    sources = two_sources(background=random_elements(0))
    found = compare(sources, BY_NAME["FCC 15.109 class B"])
    level = Site(3.0, floor=False).strongest(sources.all_elements).dbuv_per_m
    assert found.strongest.dbuv_per_m == pytest.approx(level, abs=1e-9)
    assert found.margin_db == pytest.approx(53.98 - level, abs=0.01)
    assert found.interval == pytest.approx((level, level), abs=1e-9)  # sources that are known without doubt
    assert NOT_SCANNED in str(found)


def test_doubt_about_the_sources_widens_the_interval_and_a_relative_error_more():
    limit = BY_NAME["CISPR 32 class B"]
    known, doubtful = compare(two_sources(spread=0.02), limit), compare(two_sources(spread=0.2), limit)
    for found in (known, doubtful):
        low, high = found.interval
        assert low < found.strongest.dbuv_per_m < high
    assert np.ptp(doubtful.interval) > 3 * np.ptp(known.interval)
    wide = compare(two_sources(spread=0.02), limit, relative_error=0.5)
    assert np.subtract(wide.interval, known.interval) == pytest.approx([-6.02, 3.52], abs=0.01)
    nothing = compare(two_sources(), limit, relative_error=1.0)
    assert nothing.margin_interval_db[1] == np.inf  # with an error of 100 % there may be no field at all


def test_nine_of_ten_draws_lie_in_the_interval():
    limit, sources = BY_NAME["FCC 15.109 class B"], two_sources(spread=0.1)
    low, high = compare(sources, limit).interval
    rng, draws = np.random.default_rng(7), Draws(sources)
    levels = [Site(3.0, floor=False).strongest(draws.elements(rng)).dbuv_per_m for _ in range(100)]
    assert 0.8 < np.mean([low <= level <= high for level in levels]) < 1


def test_a_margin_whose_interval_holds_the_limit_is_open():
    limit, sources = BY_NAME["FCC 15.109 class B"], two_sources()
    level = compare(sources, limit).strongest.dbuv_per_m
    factor = 10 ** ((limit.band_at(5e9).dbuv_per_m - level) / 20)
    for times, verdict in ((0.5, "below"), (0.95, "open"), (2.0, "above")):
        scaled = two_sources()
        object.__setattr__(scaled, "moments", times * factor * scaled.moments)
        assert compare(scaled, limit, relative_error=0.2).verdict == verdict


def test_sources_that_are_all_background_have_a_margin_too():
    none = without_elements(two_sources(background=random_elements(2)))
    found = compare(none, BY_NAME["FCC 15.109 class B"])
    assert found.interval == pytest.approx((found.strongest.dbuv_per_m,) * 2)
