"""The page in a real browser, from a file: what its user sees, clicks, types and reads."""

import re
from itertools import pairwise

import numpy as np
import pytest
from selenium.webdriver import ActionChains, Keys
from selenium.webdriver.common.by import By
from selenium.webdriver.support.select import Select
from selenium.webdriver.support.wait import WebDriverWait

from browser import chromium
from emfm.core.channels import TARGET_COMPONENTS, to_components
from small_page import PLANE, RELATIVE_ERRORS, small_fields, small_page
from small_results import NOT_OPENED, val_results

pytestmark = pytest.mark.slow

PREFIXES = {"p": 1e-12, "n": 1e-9, "\N{MICRO SIGN}": 1e-6, "m": 1e-3, "": 1.0, "k": 1e3, "M": 1e6}
PARTS = ("real part", "imaginary part", "magnitude", "dB", "phase")
ROLES = ("truth", "prediction", "error")
FIELDS = small_fields()
CENTRE = (PLANE.ny // 2, PLANE.nx // 2)
WIDTHS_AND_SCHEMES = [(width, scheme) for width in (1280, 400) for scheme in ("light", "dark")]


@pytest.fixture(scope="module")
def window(tmp_path_factory):
    with chromium(tmp_path_factory.mktemp("profile")) as browser:
        yield browser


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    path = tmp_path_factory.mktemp("page") / "index.html"
    path.write_text(small_page(FIELDS, NOT_OPENED))
    return path


@pytest.fixture
def opened(window, page):
    return window.open(page)


def choose(browser, **choices):
    for control, text in choices.items():
        Select(browser.driver.find_element(By.ID, control)).select_by_visible_text(text)


def press(browser, *keys):
    browser.driver.find_element(By.ID, "maps").send_keys(*keys)


def text(browser, identifier):
    return browser.driver.find_element(By.ID, identifier).text


def place_of(browser):
    """Whose values are shown, and (row, column) of the point."""
    found = re.fullmatch(r"(.*): x = (\S+) mm, y = (\S+) mm", text(browser, "place"))
    return found[1], (round(float(found[3]) + 2), round(float(found[2]) + 3))


def centre_of_cell(browser, role, row, column):
    """Where the middle of a map's point lies in the window, scrolled there."""
    box = browser.run(
        "const area = document.querySelector(`#map-${arguments[0]} .nsewdrag`);"
        "area.scrollIntoView({block: 'center'});"
        "const box = area.getBoundingClientRect(); return [box.left, box.top, box.width, box.height]",
        role,
    )
    left, top, width, height = box
    return round(left + (column + 0.5) * width / PLANE.nx), round(top + (PLANE.ny - row - 0.5) * height / PLANE.ny)


def wait_for_place(browser, *place):
    """Until these values are shown: the page answers to the pointer in its own time."""
    WebDriverWait(browser.driver, 20).until(lambda _: place_of(browser) == place)


def pointer_to(browser, role, row, column):
    x, y = centre_of_cell(browser, role, row, column)
    actions = ActionChains(browser.driver)
    actions.w3c_actions.pointer_action.move_to_location(x, y)
    return actions


def read_out(browser):
    """By role and part the number shown, in V/m, A/m, dB or degrees, and the size of 1 in its last digit."""
    shown = browser.run(
        "const units = {};"
        "for (const head of document.querySelectorAll('#values thead [data-role]'))"
        "  units[head.dataset.role] = head.textContent;"
        "return Array.from(document.querySelectorAll('#values td'), (cell) =>"
        "  [cell.dataset.role, cell.dataset.part, cell.textContent, units[cell.dataset.role]])"
    )
    values = {}
    for role, part, content, head in shown:
        number = re.fullmatch(r"(-?\d+(?:\.(\d+))?)( dB|°)?", content)
        prefix = re.search(r"\[(.?)[VA]/m\]", head)[1]
        factor = 1.0 if part in ("db", "phase") else PREFIXES[prefix]
        values[role, part] = float(number[1]) * factor, 10.0 ** -len(number[2] or "") * factor
    return values


def expected(sample, predictor, components, row, column):
    """Truth, prediction and error as complex ``(c,)``, and the largest true magnitude."""
    fields = [FIELDS.truth[sample], FIELDS.predictions[predictor][sample]]
    truth, prediction = (
        to_components(field.astype(np.float64))[[TARGET_COMPONENTS.index(name) for name in components]]
        for field in fields
    )
    largest = np.linalg.norm(truth, axis=0).max()
    at = dict(zip(ROLES, (field[:, row, column] for field in (truth, prediction, prediction - truth)), strict=True))
    return at, largest


def check_read_out(browser, sample, predictor, components, row, column):
    at, largest = expected(sample, predictor, components, row, column)
    shown = read_out(browser)
    for role, value in at.items():
        strength = np.linalg.norm(value)
        exact = {"magnitude": strength}
        if len(components) == 1:
            exact |= {"real": value[0].real, "imaginary": value[0].imag}
        for part, number in exact.items():
            found, last_digit = shown[role, part]
            assert abs(found - number) <= 2 * last_digit, (role, part, found, number)
        if strength > 0.01 * largest:
            assert abs(shown[role, "db"][0] - 20 * np.log10(strength / largest)) < 0.03
    if len(components) == 1:
        for role in ("truth", "prediction"):
            turn = shown[role, "phase"][0] - np.degrees(np.angle(at[role][0]))
            if abs(at[role][0]) > 0.01 * largest:
                assert abs((turn + 180) % 360 - 180) < 0.5
        turn = shown["error", "phase"][0] - np.degrees(np.angle(at["prediction"][0] / at["truth"][0]))
        if min(abs(at["prediction"][0]), abs(at["truth"][0])) > 0.01 * largest:
            assert abs((turn + 180) % 360 - 180) < 0.5


def drawn_map(browser, role):
    return browser.run(
        "const map = document.getElementById(`map-${arguments[0]}`).data[0];"
        "return {z: map.z.map((row) => Array.from(row)), zmin: map.zmin, zmax: map.zmax, "
        "  colours: map.colorscale.map((pair) => pair[1]), unit: map.colorbar.title.text}",
        role,
    )


@pytest.mark.parametrize(("width", "scheme"), WIDTHS_AND_SCHEMES)
def test_it_opens_without_complaint_or_request_and_fits_the_window(window, page, width, scheme):
    window.open(page, width, scheme)
    assert window.complaints() == []
    assert window.requests() == [page.as_uri()]
    assert window.run("return document.documentElement.scrollWidth <= document.documentElement.clientWidth")
    tables = "return [...document.querySelectorAll('.scroll')].filter((table) => table.scrollWidth > table.clientWidth)"
    assert window.run(f"{tables}.map((table) => table.ariaLabel)") == []
    outside = window.run(
        "const parts = Array.from(document.querySelectorAll('h1, h2, p, select, figure, figcaption, dd, .card'));"
        "return parts.filter((part) => part.getBoundingClientRect().right > document.documentElement.clientWidth"
        "  && !part.closest('.scroll')).map((part) => part.outerHTML)"
    )
    assert outside == []


@pytest.mark.parametrize("width", [1280, 400])
def test_the_text_of_charts_lies_inside_them_and_axes_have_units(window, page, width):
    window.open(page, width)
    outside = window.run(
        "return Array.from(document.querySelectorAll('.map, .chart')).flatMap((chart) => {"
        "  const frame = chart.getBoundingClientRect();"
        "  return Array.from(chart.querySelectorAll('text')).filter((text) => {"
        "    const box = text.getBoundingClientRect();"
        "    return box.width && (box.left < frame.left - 1 || box.right > frame.right + 1"
        "      || box.top < frame.top - 1 || box.bottom > frame.bottom + 1);"
        "  }).map((text) => `${chart.id}: ${text.textContent}`);"
        "})"
    )
    assert outside == []
    for role in ROLES:
        words = text(window, f"map-{role}")
        assert "x [mm]" in words
        assert "y [mm]" in words
        assert "V/m" in words


def test_epochs_are_whole_numbers_each_named_once(opened):
    ticks = opened.run(
        "return Array.from(document.querySelectorAll('#losses .chart'), (chart) =>"
        "  Array.from(chart.querySelectorAll('.xtick text'), (tick) => tick.textContent))"
    )
    assert ticks == [["0", "1", "2"]] * 3


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_stands_out_from_its_ground(window, page, scheme):
    window.open(page, 1280, scheme)
    colours = window.run(
        "const style = getComputedStyle(document.documentElement);"
        "return Object.fromEntries(['ground', 'panel', 'text', 'quiet', 'accent', 'prediction'].map((name) => "
        "  [name, style.getPropertyValue(`--${name}`).trim()]))"
    )
    for ground in ("ground", "panel"):
        for name in ("text", "quiet", "accent"):
            assert contrast(colours[name], colours[ground]) >= 4.5, (name, ground)
    assert contrast(colours["prediction"], colours["ground"]) >= 3
    background = window.run("return getComputedStyle(document.body).backgroundColor")
    assert (max(map(int, re.findall(r"\d+", background))) < 60) == (scheme == "dark")


def contrast(first, second):
    """Contrast ratio of two colours #rrggbb by WCAG 2."""

    def luminance(colour):
        parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
        linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
        return float(np.dot((0.2126, 0.7152, 0.0722), linear))

    darker, lighter = sorted((luminance(first), luminance(second)))
    return (lighter + 0.05) / (darker + 0.05)


def test_charts_follow_when_the_user_changes_from_light_to_dark(opened):
    def ground():
        return opened.run("return document.getElementById('map-truth')._fullLayout.paper_bgcolor")

    light = ground()
    opened.show(1280, "dark")
    WebDriverWait(opened.driver, 20).until(lambda _: ground() != light)


@pytest.mark.parametrize("predictor", RELATIVE_ERRORS)
def test_values_at_a_point_are_those_of_the_arrays(opened, predictor):
    press(opened, Keys.ARROW_RIGHT, Keys.ARROW_UP)
    row, column = CENTRE[0] + 1, CENTRE[1] + 1
    assert place_of(opened) == ("Selected point", (row, column))
    for component in TARGET_COMPONENTS:
        for sample in (0, 1):
            choose(opened, sample=f"s{sample}", predictor=predictor, quantity=component)
            check_read_out(opened, sample, predictor, [component], row, column)


@pytest.mark.parametrize(("total", "components"), [("|E|", ["Ex", "Ey", "Ez"]), ("|H|", ["Hx", "Hy", "Hz"])])
def test_the_length_of_a_vector_has_magnitude_and_decibels_only(opened, total, components):
    choose(opened, predictor="stage2", quantity="Ex", part="phase")
    choose(opened, quantity=total)
    choice = Select(opened.driver.find_element(By.ID, "part"))
    assert choice.first_selected_option.text == "magnitude"
    assert [option.text for option in choice.options if option.is_enabled()] == ["magnitude", "dB"]
    check_read_out(opened, 0, "stage2", components, *CENTRE)


@pytest.mark.parametrize("part", PARTS)
def test_maps_show_the_chosen_part_truth_and_prediction_on_one_scale(opened, part):
    choose(opened, sample="s0", predictor="stage1", quantity="Hy", part=part)
    maps = {role: drawn_map(opened, role) for role in ROLES}
    assert maps["truth"]["zmin"] == maps["prediction"]["zmin"]
    assert maps["truth"]["zmax"] == maps["prediction"]["zmax"]
    assert maps["truth"]["colours"] == maps["prediction"]["colours"]
    assert maps["error"]["colours"] != maps["truth"]["colours"]
    assert "own scale" in text(opened, "error-title")
    place = TARGET_COMPONENTS.index("Hy")
    truth, prediction = (
        to_components(field[0].astype(np.float64))[place] for field in (FIELDS.truth, FIELDS.predictions["stage1"])
    )
    of = {
        "real part": np.real,
        "imaginary part": np.imag,
        "magnitude": np.abs,
        "dB": lambda field: 20 * np.log10(np.abs(field) / np.abs(truth).max()),
        "phase": lambda field: np.degrees(np.angle(field)),
    }[part]
    wrong = of(prediction / truth) if part == "phase" else of(prediction - truth)
    for role, values in zip(ROLES, (of(truth), of(prediction), wrong), strict=True):
        unit = maps[role]["unit"]
        factor = 1.0 if unit in ("dB", "°") else PREFIXES[unit.removesuffix("A/m")]
        np.testing.assert_allclose(factor * np.array(maps[role]["z"]), values, rtol=2e-3, atol=3e-2 * factor)
        assert maps[role]["zmax"] >= np.max(maps[role]["z"]) - 1e-9


def test_arrows_move_the_ring_and_stop_at_the_rim(opened):
    for keys, place in (
        ([Keys.ARROW_LEFT], (2, 2)),
        ([Keys.ARROW_DOWN], (1, 2)),
        ([Keys.SHIFT, Keys.ARROW_RIGHT], (1, 6)),
        ([Keys.ARROW_RIGHT], (1, 6)),
        ([Keys.PAGE_UP], (4, 6)),
        ([Keys.ARROW_UP], (4, 6)),
        ([Keys.HOME], (4, 0)),
        ([Keys.PAGE_DOWN], (0, 0)),
        ([Keys.END], (0, 6)),
    ):
        press(opened, *keys)
        assert place_of(opened) == ("Selected point", place)
        ring = opened.run(
            "return Array.from(document.querySelectorAll('.map'), (map) => [map.data[1].y, map.data[1].x])"
        )
        assert ring == [[[place[0] - 2], [place[1] - 3]]] * 3


@pytest.mark.parametrize("width", [1280, 400])
@pytest.mark.parametrize("role", ROLES)
def test_a_click_on_a_map_draws_the_sections_through_that_point(window, page, width, role):
    window.open(page, width)
    choose(window, predictor="stage2", quantity="Ez", part="real part")
    row, column = 3, 1
    pointer_to(window, role, row, column).click().perform()
    wait_for_place(window, "Under the pointer", (row, column))
    ActionChains(window.driver).move_to_element(window.driver.find_element(By.ID, "fields-head")).perform()
    wait_for_place(window, "Selected point", (row, column))
    check_read_out(window, 0, "stage2", ["Ez"], row, column)
    for line, field in ((0, FIELDS.truth), (1, FIELDS.predictions["stage2"])):
        for section, places, values in (
            ("x", PLANE.x, field[0, 4, row]),
            ("y", PLANE.y, field[0, 4, :, column]),
        ):
            chart = window.run(
                "const chart = document.getElementById(`section-${arguments[0]}`);"
                "const {x, y, name} = chart.data[arguments[1]]; return {x, y, name}",
                section,
                line,
            )
            assert chart["name"] == ROLES[line]
            np.testing.assert_allclose(chart["x"], 1e3 * places)
            words = text(window, f"section-{section}")
            assert f"{section} [mm]" in words
            prefix = re.search(r"real part \[(.?)V/m\]", words)[1]
            np.testing.assert_allclose(PREFIXES[prefix] * np.array(chart["y"]), values, rtol=1e-3, atol=0.1)


def test_the_pointer_shows_the_values_under_it_until_it_leaves(opened):
    choose(opened, predictor="mean_field", quantity="Hz")
    pointer_to(opened, "prediction", 4, 5).perform()
    wait_for_place(opened, "Under the pointer", (4, 5))
    check_read_out(opened, 0, "mean_field", ["Hz"], 4, 5)
    ActionChains(opened.driver).move_to_element(opened.driver.find_element(By.ID, "fields-head")).perform()
    wait_for_place(opened, "Selected point", CENTRE)


def test_a_phase_that_jumps_by_a_turn_is_no_steep_line(opened):
    choose(opened, quantity="Ex", part="phase")
    for _ in range(PLANE.ny):
        press(opened, Keys.ARROW_UP)
        values = opened.run("return document.getElementById('section-x').data[0].y")
        steps = [abs(b - a) for a, b in pairwise(values) if None not in (a, b)]
        assert max(steps) <= 180


def test_the_keyboard_reaches_every_control_with_its_focus_seen(opened):
    body = opened.driver.find_element(By.TAG_NAME, "body")
    seen = []
    for _ in range(40):
        body = opened.driver.switch_to.active_element
        body.send_keys(Keys.TAB)
        focused = opened.run(
            "const e = document.activeElement; const s = getComputedStyle(e);"
            "return [e.id, s.outlineStyle !== 'none' && parseFloat(s.outlineWidth) >= 1]"
        )
        if focused[0]:
            seen.append(focused)
        if focused[0] == "maps":
            break
    assert [name for name, _ in seen] == ["sample", "predictor", "quantity", "part", "maps"]
    assert all(outlined for _, outlined in seen)


def test_a_control_answers_to_the_keyboard(opened):
    opened.driver.find_element(By.ID, "quantity").send_keys("Hx")
    assert "Hx" in text(opened, "truth-title")


@pytest.mark.parametrize(
    "hostile", ["</script><script>window.hacked = 1</script>", '"><img src=x onerror="window.hacked = 1">']
)
def test_hostile_names_are_shown_as_they_are_and_run_nothing(window, tmp_path, hostile):
    val = val_results()
    stages = {hostile: val.models["stage1"], **{name: val.models[name] for name in ("stage2", "stage3")}}
    baselines = {f"{hostile} <b>b</b>": val.baselines["mean_field"], "equivalent_dipoles": val.baselines["mean_field"]}
    names = [*stages, *baselines]
    fields = small_fields(ids=(hostile, "s1"), names=names)
    path = tmp_path / "index.html"
    nec = val.references["nec"]
    errors = dict.fromkeys(names, nec.cases["wire_0"].errors["stage3"])
    case = nec.cases["wire_0"].model_copy(update={"errors": errors, "properties": {hostile: hostile}})
    figures = dict.fromkeys(names, nec.metrics["stage3"])
    references = {hostile: nec.model_copy(update={"metrics": figures, "cases": {hostile: case}})}
    changed = {"models": stages, "baselines": baselines, "references": references}
    path.write_text(small_page(fields, NOT_OPENED, val.model_copy(update=changed)))
    window.open(path)
    choose(window, predictor=hostile)
    assert window.run("return window.hacked ?? null") is None
    assert window.complaints() == []
    shown = window.run(
        "return Array.from(document.querySelectorAll('#sample option, #predictor option'), (o) => o.text)"
    )
    assert shown == [hostile, "s1", *names]
    assert hostile in text(window, "sample-errors")
    assert f"{hostile} <b>b</b>" in text(window, "scaling-e")
    assert f"{hostile} {hostile}" in text(window, "references")


def test_a_value_that_is_not_finite_is_a_dash_and_the_rest_is_drawn(window, tmp_path):
    fields = small_fields()
    fields.predictions["stage3"][0, :, CENTRE[0], CENTRE[1]] = np.nan
    path = tmp_path / "index.html"
    path.write_text(small_page(fields, NOT_OPENED))
    window.open(path)
    cells = window.run(
        "return Array.from(document.querySelectorAll('#values td[data-role=prediction]'), (c) => c.textContent)"
    )
    assert cells == ["\N{EN DASH}", "\N{EN DASH} dB"]
    assert "\N{EN DASH} of E" in text(window, "sample-errors")
    assert window.complaints() == []


def test_it_says_that_test_final_was_not_opened(opened):
    assert "test_final was not opened" in text(opened, "milestones")
    assert opened.driver.find_elements(By.CSS_SELECTOR, "#milestones table") == []
