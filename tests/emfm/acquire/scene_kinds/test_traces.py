"""Scenes of traces."""

import numpy as np
import pytest

from emfm.acquire.scene_kinds.lines import cut_line
from emfm.acquire.scene_kinds.traces import Trace, Traces, TracesParams
from emfm.core.grid import Geometry, Grid
from scene_params import scene_params

GRID = Grid(-5e-3, -5e-3, 5e-3, 5e-3, 3, 3, 1e-3)
GEOMETRY = Geometry(5e9, GRID, Grid(-5e-3, -5e-3, 5e-3, 5e-3, 3, 3, 5e-3))
PARAMS = TracesParams(max_traces=3, max_legs=4, effective_permittivity=3.0)
KIND = Traces(PARAMS, simulate=scene_params(), geometry=GEOMETRY)
BETA = GEOMETRY.wavenumber * np.sqrt(3)
STRAIGHT = np.array([[-5e-3, 0, 0], [5e-3, 0, 0]])


def traces(count, seed=0):
    rng = np.random.default_rng(seed)
    return [trace for _ in range(count) for trace in KIND.draw(rng)]


def length(trace):
    return np.linalg.norm(np.diff(trace.vertices, axis=0), axis=1).sum()


def current_at_the_far_end(trace):
    return trace.start * np.exp(-1j * BETA * length(trace)) + trace.end


def test_a_travelling_wave_has_one_size_and_lags_by_its_way():
    line = cut_line(STRAIGHT, 1e-3)
    current = KIND.along(Trace(STRAIGHT, 2 + 1j, 0j), line)
    np.testing.assert_allclose(np.abs(current), np.abs(2 + 1j), rtol=1e-12)
    lag = -np.diff(np.unwrap(np.angle(current)))
    np.testing.assert_allclose(lag, BETA * np.diff(line.path), rtol=1e-9)


def test_about_half_of_the_waves_travel_and_the_others_stand_at_an_open_or_shorted_end():
    drawn = traces(300)
    standing = [trace for trace in drawn if trace.end]
    assert len(standing) / len(drawn) == pytest.approx(0.5, abs=0.07)
    ends = np.array([abs(current_at_the_far_end(trace) / trace.start) for trace in standing])
    assert np.logical_or(ends < 1e-9, np.abs(ends - 2) < 1e-9).all()
    assert (ends < 1).mean() == pytest.approx(0.5, abs=0.1)


def test_traces_have_whole_legs_in_the_square_at_one_height():
    drawn = traces(300)
    legs = np.concatenate([np.diff(trace.vertices, axis=0) for trace in drawn])
    places = np.concatenate([trace.vertices for trace in drawn])
    sizes = np.linalg.norm(legs, axis=1)
    assert {len(trace.vertices) for trace in drawn} == {2, 3, 4, 5}
    assert sizes.min() >= 1e-3
    assert sizes.max() <= 5e-3
    assert np.abs(places[:, :2]).max() <= 5e-3
    assert ((places[:, 2] <= 0) & (places[:, 2] >= -1.5e-3)).all()
    assert (legs[:, 2] == 0).all()
    along_axes = np.abs(legs[:, :2]).min(axis=1) < 1e-15
    assert along_axes.mean() == pytest.approx(0.5, abs=0.1)


def test_a_member_of_a_family_is_connected_keeps_its_load_and_moves_a_little():
    rng = np.random.default_rng(3)
    for _ in range(50):
        layout = KIND.draw(rng)
        member = KIND.perturb(layout, rng)
        for before, after in zip(layout, member, strict=True):
            assert after.vertices.shape == before.vertices.shape
            assert np.ptp(after.vertices[:, 2]) == 0
            assert 0 < np.abs(after.vertices - before.vertices).max() < 0.6e-3
            load, load_before = (
                current_at_the_far_end(t) / t.start / np.exp(-1j * BETA * length(t)) for t in (after, before)
            )
            assert load == pytest.approx(load_before, abs=1e-9)
            assert 0 < abs(after.start / before.start - 1) < 0.5
        line = cut_line(member[0].vertices, 0.5e-3)
        np.testing.assert_allclose(line.lengths.sum(0), member[0].vertices[-1] - member[0].vertices[0], atol=1e-17)


def test_a_trace_as_long_as_the_half_width_has_the_moment_of_a_loose_element():
    starts = np.array([trace.start for trace in traces(1000)])
    assert np.sqrt((np.abs(starts) ** 2).mean()) * 5e-3 == pytest.approx(1e-3, rel=0.05)


def test_the_parameters_are_the_vertices_and_the_waves():
    trace = Trace(np.array([[1, 2, -3], [4, 2, -3], [4, 7, -3]]) * 1e-3, 1 + 2j, 3 + 4j)
    named = dict(zip(KIND.parameter_names, KIND.parameters((trace,)), strict=True))
    known = {name: value for name, value in named.items() if not np.isnan(value)}
    assert known == pytest.approx(
        {
            "traces": 1,
            "trace1_z": -3e-3,
            "trace1_start_re": 1,
            "trace1_start_im": 2,
            "trace1_end_re": 3,
            "trace1_end_im": 4,
            "trace1_vertex1_x": 1e-3,
            "trace1_vertex1_y": 2e-3,
            "trace1_vertex2_x": 4e-3,
            "trace1_vertex2_y": 2e-3,
            "trace1_vertex3_x": 4e-3,
            "trace1_vertex3_y": 7e-3,
        }
    )
