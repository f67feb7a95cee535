"""What a model says of the sources below a scan, and of their field: of the right scan, once, and only where it may."""

import numpy as np
import pytest

import emfm
from emfm.core.constants import ETA_0, SPEED_OF_LIGHT
from emfm.core.errors import DataError
from emfm.core.store import Store
from emfm.sources.far_field import far_field, radiated_power
from emfm.sources.found import CurrentElements
from point_sources import random_elements, scan_of, stand_in_search, two_sources
from small_fields import small_geometry
from small_training import small_checkpoint, write_store

FOUND = two_sources(background=random_elements(1, frequency=5e9))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("source_fields")
    write_store(folder, "elements")
    return folder


@pytest.fixture(scope="module")
def model(folder):
    return emfm.load_model(small_checkpoint(folder, folder / "run"), device="cpu")


@pytest.fixture(scope="module")
def scans(folder):
    return Store(folder / "elements").source_h(np.arange(4))


def test_a_prediction_searches_when_it_is_asked_and_once(model, scans, monkeypatch):
    asked = stand_in_search(monkeypatch, FOUND)
    one, batch = model.predict(scans[0]), model.predict(scans)
    assert asked == []
    assert one.sources is FOUND
    assert one.sources is one.sources
    assert batch.sources == [FOUND] * 4
    assert asked == [1, 4]
    assert "find_sources" not in repr(one)


def test_scans_in_another_order_or_form_are_the_same_scan(model, scans, monkeypatch):
    asked = stand_in_search(monkeypatch, FOUND)
    x, y = model.source_axes
    assert model.sources(scans[0, :, ::-1, ::-1], axes=(x[::-1], y[::-1])) is FOUND
    assert model.sources(scans[:2]) == [FOUND] * 2
    assert asked == [1, 2]
    with pytest.raises(DataError, match="is zero everywhere"):
        model.sources(0 * scans[0])


def test_the_field_is_that_of_elements_and_background_wherever_it_is_asked_for(model, scans, monkeypatch):
    asked = stand_in_search(monkeypatch, FOUND)
    x, y, z = np.array([0.0, 2e-3]), np.array([1e-3, 3e-3, 4e-3]), 6e-3
    plane = model.plane(scans[0], z, x, y)
    expected_e, expected_h = FOUND.all_elements.fields(np.array([[2e-3, 4e-3, z]]))
    np.testing.assert_allclose(plane.E[:, 2, 1], expected_e[0], rtol=1e-12)
    np.testing.assert_allclose(plane.H[:, 2, 1], expected_h[0], rtol=1e-12)
    line = model.line(scans[0], [2e-3, 4e-3, z], [2e-3, 4e-3, 2 * z], 4)
    np.testing.assert_allclose(line.E[:, 0], expected_e[0], rtol=1e-12)
    np.testing.assert_allclose(model.field(FOUND, [2e-3, 4e-3, z]).H, expected_h[0], rtol=1e-12)
    assert asked == [1, 1]  # what was found before is not searched for again


def test_currents_on_a_board_take_the_place_of_a_scan(model, scans):
    board = emfm.Board((-6.0, 6.0), (-6.0, 6.0), -0.8, copper_z_mm=0.0)
    found, batch = model.on_board(scans[0], board), model.on_board(scans[:2], board)
    assert len(batch) == 2
    np.testing.assert_array_equal(batch[0].elements.electric, found.elements.electric)
    prediction = model.predict(scans[0], board=board)
    np.testing.assert_array_equal(prediction.on_board.elements.electric, found.elements.electric)
    assert len(model.predict(scans[:2], board=board).on_board) == 2
    assert model.predict(scans[0]).on_board is None
    plane = model.plane(found, model.target_z, *model.target_axes)
    expected = plane.E if prediction.is_of_board else model.predict(scans[0]).E
    np.testing.assert_allclose(expected, prediction.E, rtol=1e-4, atol=1e-4 * np.abs(prediction.E).max())
    assert model.predict(scans[:2], board=board).is_of_board[0] == prediction.is_of_board
    e_theta, _ = model.far_field(found, 0.3, [1.0, 2.0])
    np.testing.assert_array_equal(e_theta, far_field(found.elements, 0.3, [1.0, 2.0])[0])
    assert model.radiated_power(found) == radiated_power(found.elements)


def test_far_away_it_is_what_the_elements_radiate(model, scans, monkeypatch):
    stand_in_search(monkeypatch, FOUND)
    for found, expected in zip(
        model.far_field(scans[0], 0.3, [1.0, 2.0]), far_field(FOUND.all_elements, 0.3, [1.0, 2.0]), strict=True
    ):
        np.testing.assert_array_equal(found, expected)
    assert model.radiated_power(scans[0]) == radiated_power(FOUND.all_elements)
    wavenumber = 2 * np.pi * model.frequency / SPEED_OF_LIGHT
    element = two_sources(model.frequency)
    alone = np.abs(element.elements.electric[0]) ** 2
    assert model.radiated_power(element) > ETA_0 * wavenumber**2 * alone.sum() / (12 * np.pi)


def test_a_point_below_the_sources_and_a_batch_are_refused(model, scans, monkeypatch):
    stand_in_search(monkeypatch, FOUND)
    with pytest.raises(DataError, match="the topmost source lies at z = "):
        model.field(scans[0], [[0, 0, -1e-2]])
    with pytest.raises(DataError, match="source_H: found a batch of 4 scans; give one"):
        model.radiated_power(scans)
    assert model.geometry == small_geometry()


def test_the_real_search_finds_an_element_that_is_alone(model):
    """No stand-in here: a magnetic element below the scan."""
    nothing = np.zeros((1, 3), complex)
    alone = CurrentElements(np.array([[-2e-3, -1e-3, -2.5e-3]]), nothing, nothing + [0, 0, 3e-3j], model.frequency)
    found = model.sources(scan_of(alone, model.geometry.source))
    assert len(found) == 1
    assert found.magnetic.tolist() == [True]
    np.testing.assert_allclose(found.positions, alone.positions, atol=1e-5)
    assert model.radiated_power(found) == pytest.approx(radiated_power(alone), rel=1e-2)
