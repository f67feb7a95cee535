"""Boards: what is drawn, what neighbours share, and that their fields are those of currents in free space."""

from collections import Counter

import numpy as np
import pytest
from pydantic import ValidationError

from emfm.acquire.scene_kinds.board_plates import BoardsParams, cell_side
from emfm.acquire.scene_kinds.boards import Boards
from emfm.acquire.scene_kinds.kind import SharingKind
from emfm.acquire.scenes import Planes
from emfm.acquire.simulate import SimulatedSource
from emfm.core.grid import Geometry, Grid
from emfm.core.maxwell import in_plane_residual
from scene_params import scene_params
from ttt.config import ConfigError

SOURCE = Grid(-5e-3, -5e-3, 1e-3, 1e-3, 11, 11, 1e-3)
TARGET = Grid(-10e-3, -10e-3, 1e-3, 1e-3, 21, 21, 5e-3)
GEOMETRY = Geometry(5e9, SOURCE, TARGET)
PLANES = Planes((SOURCE, TARGET), 5e9)
PARAMS = scene_params(mix={"boards": 1.0})


def kind(**changes):
    own = BoardsParams(**(PARAMS.scenes["boards"] | changes))
    return Boards(own, PARAMS, GEOMETRY)


def drawn(count=40, **changes):
    boards = kind(**changes)
    return [boards.draw(np.random.default_rng(seed)) for seed in range(count)]


def test_boards_share_their_plate():
    assert isinstance(kind(), SharingKind)


def test_rows_share_a_board_and_are_a_family_of_their_own():
    source = SimulatedSource(GEOMETRY, PARAMS, 0)
    designs = {}
    for row in range(100):
        plan, _, layout = source._layout(row)
        design = layout.structure.design
        known = designs.setdefault(plan.family // 32, design)
        assert known.board.conductor.shape == design.board.conductor.shape
        np.testing.assert_array_equal(known.board.conductor, design.board.conductor)
    families = [source.sample(row).family for row in range(100)]
    assert len(set(families)) == len(designs) == 4
    assert families[0] == "boards00000000"


def test_scenes_of_a_set_beside_the_main_one_have_a_board_each():
    source = SimulatedSource(
        GEOMETRY, PARAMS.model_copy(update={"family_size": 1, "duplicate_share": 0.0}), 0, "boards"
    )
    sizes = {source._layout(row)[2].structure.design.board.cells for row in range(8)}
    assert len(sizes) > 4
    assert len({source.sample(row).family for row in range(4)}) == 4


@pytest.mark.parametrize("seed", range(3))
def test_a_sample_has_the_same_bytes_whatever_was_asked_for_before(seed):
    rows = np.random.default_rng(seed).permutation(70)[:12]
    one = SimulatedSource(GEOMETRY, PARAMS, 1)
    for row in rows:
        again, first = SimulatedSource(GEOMETRY, PARAMS, 1).sample(int(row)), one.sample(int(row))
        np.testing.assert_array_equal(again.target, first.target)
        np.testing.assert_array_equal(again.source_h, first.source_h)
        np.testing.assert_array_equal(again.parameters, first.parameters)


def test_the_members_of_a_family_are_not_the_same_up_to_a_factor():
    """Repeats of one content up to a factor are dropped, and a set would get too small."""
    source = SimulatedSource(GEOMETRY, PARAMS.model_copy(update={"duplicate_share": 0.0}), 2)
    scans = np.stack([source.sample(row).source_h.ravel() for row in range(100)]).astype(np.float64)
    complex_scans = (scans.reshape(100, 2, 2, -1) * np.array([1, 1j])[:, None]).sum(2).reshape(100, -1)
    unit = complex_scans / np.linalg.norm(complex_scans, axis=1, keepdims=True)
    likeness = np.abs(unit.conj() @ unit.T) - np.eye(100)
    assert likeness.max() < 1 - 1e-9


@pytest.mark.parametrize("share", ["cable_share", "slot_share", "no_plate_share"])
def test_what_is_drawn_always_is_there_always_and_what_never_never(share):
    def has_it(layout):
        design = layout.structure.design
        return {"cable_share": len(design.cable) > 0, "slot_share": design.slot is not None}.get(
            share, not design.plated
        )

    others = dict.fromkeys(("cable_share", "slot_share", "no_plate_share"), 0.0)
    assert all(has_it(layout) for layout in drawn(**(others | {share: 1.0})))
    assert not any(has_it(layout) for layout in drawn(**others))


def test_a_slot_is_cut_out_and_a_cable_added():
    plain = {"cable_share": 0.0, "slot_share": 0.0, "no_plate_share": 0.0}
    for layout in drawn(20, **(plain | {"slot_share": 1.0})):
        board = layout.structure.design.board
        assert 0 < board.conductor[0].sum() < board.cells[0] * board.cells[1]
    lengths = []
    for layout in drawn(30, **(plain | {"cable_share": 1.0})):
        board, cable = layout.structure.design.board, layout.structure.design.cable
        assert board.conductor.sum() == board.cells[0] * board.cells[1] + len(cable)
        assert (np.abs(np.diff(cable, axis=0)).sum(1) == 1).all()
        lengths.append(len(cable) * board.grid.side)
    assert 10e-3 <= min(lengths) < 14e-3
    assert 16e-3 < max(lengths) <= 21e-3


def test_half_of_the_cables_hang_on_a_trace():
    layouts = drawn(40, cable_share=1.0, slot_share=0.0, no_plate_share=0.0, loose_share=0.0)
    layers = Counter(int(layout.structure.design.cable[0, 0]) for layout in layouts)
    assert min(layers[0], layers[1]) > 10
    for layout in layouts:
        if layout.structure.design.cable[0, 0] == 1:
            _, row, column = layout.structure.design.cable[0]
            assert abs(layout.structure.nets[0].currents.outflow[1, row, column]) > 0


def test_currents_beyond_the_scan_are_as_common_as_asked_for():
    for share, expected in ((0.0, 0), (1.0, 20)):
        layouts = drawn(
            60, beyond_share=share, loose_share=0.0, cable_share=0.0, no_plate_share=0.0, smallest_mm=20, largest_mm=40
        )
        beyond = sum(any(np.abs(net.extent).max() > 6.1e-3 for net in layout.structure.nets) for layout in layouts)
        assert beyond >= expected
        assert beyond == 0 or share > 0


def test_all_net_kinds_are_drawn():
    kinds = Counter(net.kind for layout in drawn(80) for net in layout.structure.nets)
    assert {"trace", "loop", "patch", "plane"} <= set(kinds)
    free = Counter(net.kind for layout in drawn(30, no_plate_share=1.0) for net in layout.structure.nets)
    assert set(free) == {"wire", "ring"}


def test_the_largest_current_of_a_net_is_one_ampere():
    for layout in drawn(30):
        for net in layout.structure.nets:
            largest = max(np.abs(net.currents.along).max(), np.abs(net.currents.up).max())
            assert largest == pytest.approx(1)


def test_no_charge_is_lost_between_nets_and_plate():
    for layout in drawn(30, no_plate_share=0.0):
        for net in layout.structure.nets:
            assert abs(net.currents.outflow.sum()) < 1e-9


@pytest.mark.parametrize("seed", range(6))
def test_target_fields_obey_maxwells_equations(seed):
    fields = kind().draw(np.random.default_rng(seed)).fields(PLANES)
    target = fields[..., SOURCE.nx * SOURCE.ny :]
    components = (target[:, :, 0] + 1j * target[:, :, 1]).reshape(1, 6, *TARGET.shape)
    assert in_plane_residual(components, TARGET, 5e9)[0] < 0.02


def test_a_pitch_that_does_not_fit_is_refused_with_the_key():
    other = Geometry(5e9, SOURCE, Grid(-7e-3, -7e-3, 0.7e-3, 0.7e-3, 21, 21, 5e-3))
    with pytest.raises(ConfigError, match=r"0\.7 and 1 mm .* acquire\.simulate\.mix\.boards: 0"):
        SimulatedSource(other, PARAMS, 0)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"largest_mm": 6.0}, "largest_mm"),
        ({"permittivity": [0.5, 2.0]}, "permittivity"),
        ({"cable_mm": [20.0, 10.0]}, "cable_mm"),
        ({"beyond_share": 1.5}, "less than or equal to 1"),
        ({"max_nets": 1}, "greater than or equal to 2"),
    ],
)
def test_impossible_values_are_refused(changes, sentence):
    with pytest.raises(ValidationError, match=sentence):
        BoardsParams(**(PARAMS.scenes["boards"] | changes))


def test_cells_are_a_whole_part_of_the_pitch_and_finer_on_small_boards():
    params = BoardsParams(**(PARAMS.scenes["boards"] | {"cell_mm": 0.5}))
    assert cell_side(params, 1e-3, 1e-4) == pytest.approx(0.5e-3)
    assert cell_side(params, 1e-3, 9e-4) == pytest.approx(1e-3)
