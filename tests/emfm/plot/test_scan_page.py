"""The page and the picture of scans: complete, offline, legible, and showing what was found."""

import matplotlib.image
import numpy as np
import pytest
from selenium.webdriver.support.select import Select

from browser import chromium
from emfm.core.channels import E_CHANNELS, to_components
from emfm.plot.scan_page import scan_page
from emfm.plot.scan_picture import map_range, scan_picture
from emfm.plot.scan_report import BoardPicture
from emfm.plot.style import save_png
from point_sources import two_sources, without_elements
from small_report import GEOMETRY, report_over_board, small_report

HOSTILE = "</script><script>window.hacked = 1</script>"
WARNING = "1 of 1 scans look too small (board.csv): scan out to beyond the board's rim"


@pytest.fixture(scope="module")
def reports():
    none = without_elements(two_sources(background=two_sources().elements))
    return [
        small_report(warnings=[WARNING]),
        small_report(HOSTILE, factor=2.0),
        small_report("empty.npy", sources=none),
    ]


@pytest.fixture(scope="module")
def board(tmp_path_factory):
    path = tmp_path_factory.mktemp("board") / "board.png"
    matplotlib.image.imsave(path, np.random.default_rng(0).random((20, 30, 3)))
    return BoardPicture.read(path, (-15, -10, 15, 10))


def test_the_same_scans_give_the_same_page_and_the_same_picture(reports, board, tmp_path):
    assert scan_page(reports, board) == scan_page(reports, board)
    for name in ("a.png", "b.png"):
        save_png(scan_picture(reports[0], board), tmp_path / name)
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()


def texts_of(figure):
    figure.draw_without_rendering()
    return [text for text in figure.findobj(lambda part: hasattr(part, "get_text")) if text.get_text()]


@pytest.mark.parametrize("number", [0, 1, 2, 3])
def test_a_picture_holds_the_warning_what_was_found_and_the_limits_inside_its_frame(reports, board, number):
    report = [*reports, report_over_board()][number]
    figure = scan_picture(report, board)
    texts = texts_of(figure)
    words = " ".join(" ".join(text.get_text() for text in texts).split())
    for sentence in (*report.warnings, *report.facts, report.about_levels, report.about_power, report.origin.about):
        assert " ".join(sentence.split()) in words
    frame = figure.bbox
    for text in texts:
        box = text.get_window_extent()
        assert box.x0 >= frame.x0 - 1, text
        assert box.x1 <= frame.x1 + 1, text
        assert box.y0 >= frame.y0 - 1, text
        assert box.y1 <= frame.y1 + 1, text


def test_the_map_reaches_to_sources_beyond_the_scan():
    sources = two_sources()
    sources.positions[0, 0] = 12e-3
    (low, high), _ = map_range(small_report(sources=sources))
    assert low == pytest.approx(-4.5)
    assert high == pytest.approx(12.5)


def test_the_map_reaches_to_the_ground_plane_where_it_is_known():
    (low, high), _ = map_range(report_over_board())
    assert (low, high) == pytest.approx((-5.5, 5.5))


@pytest.fixture(scope="module")
def window(tmp_path_factory):
    with chromium(tmp_path_factory.mktemp("profile")) as browser:
        yield browser


@pytest.fixture(scope="module")
def page(reports, board, tmp_path_factory):
    path = tmp_path_factory.mktemp("page") / "scans.html"
    path.write_text(scan_page(reports, board))
    return path


@pytest.mark.slow
@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (1280, "dark"), (400, "light")])
def test_it_opens_offline_without_complaint_and_fits_the_window(window, page, width, scheme):
    window.open(page, width, scheme)
    assert window.complaints() == []
    assert window.requests() == [page.as_uri()]
    assert window.run("return window.hacked ?? null") is None
    assert window.run("return document.documentElement.scrollWidth <= document.documentElement.clientWidth")
    assert window.run("return document.querySelector('#map-sources image').getAttribute('href').slice(0, 10)")


@pytest.mark.slow
def test_it_shows_one_scan_at_a_time_with_its_levels(window, page, reports):
    window.open(page)
    for number, report in enumerate(reports):
        Select(window.driver.find_element("id", "scan")).select_by_index(number)
        shown = window.run(
            "return Array.from(document.querySelectorAll('[data-scan]')).filter((part) => part.offsetParent)"
            ".map((part) => part.dataset.scan)"
        )
        assert set(shown) == {str(number)}
        maps = window.run(
            "const map = (id) => document.getElementById(id).data[0];"
            "return {E: map('map-E').z.map((row) => Array.from(row)), scan: map('map-sources').z}"
        )
        e_field = to_components(report.prediction[E_CHANNELS].astype(np.float64))
        rms = np.sqrt((np.abs(e_field) ** 2).sum(0) / 2)
        np.testing.assert_allclose(maps["E"], 20 * np.log10(rms * 1e6), atol=0.05)
        np.testing.assert_allclose(maps["scan"], report.scan_levels, atol=0.006)
        row, column = np.unravel_index(rms.argmax(), rms.shape)
        x, y = (f"{1e3 * axis[place]:g}" for axis, place in ((GEOMETRY.target.x, column), (GEOMETRY.target.y, row)))
        said = window.driver.find_element("id", "place").text
        assert said.startswith(f"Selected point, x = {x} mm, y = {y} mm: |E| {20 * np.log10(1e6 * rms.max()):.1f} dB")
    assert window.complaints() == []


@pytest.mark.slow
def test_over_a_known_board_the_currents_and_the_ground_plane_are_drawn(window, tmp_path):
    report = report_over_board()
    (tmp_path / "known.html").write_text(scan_page([report]))
    window.open(tmp_path / "known.html")
    drawn = window.run(
        "return document.getElementById('map-sources').data.map((trace) => [trace.mode ?? trace.type, trace.x])"
    )
    signs = [x for mode, x in drawn if mode == "markers+text"]
    assert signs == [[mark.x for mark in report.origin.marks]]
    corners = [x for mode, x in drawn if mode == "lines" and x == [-5.0, 5.0, 5.0, -5.0, -5.0]]
    assert len(corners) == 2  # white on black
    words = window.driver.find_element("id", "sources").text
    assert report.origin.about in words
    assert "354" in words
    assert window.complaints() == []


@pytest.mark.slow
def test_a_component_alone_can_be_shown(window, page, reports):
    window.open(page)
    Select(window.driver.find_element("id", "component")).select_by_visible_text("y")
    found = window.run("return document.getElementById('map-E').data[0].z.map((row) => Array.from(row))")
    e_y = to_components(reports[0].prediction.astype(np.float64))[1]
    levels = 20 * np.log10(np.abs(e_y) / np.sqrt(2) * 1e6)
    strong = levels > levels.max() - 30
    np.testing.assert_allclose(np.array(found)[strong], levels[strong], atol=0.1)
    assert "|Ey|" in window.driver.find_element("id", "title-E").text
