"""Reference cases whose ground plane is known: what is given of them where the user says where it lies."""

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from emfm.core.errors import DataError
from emfm.evaluate.reference_cases import Property, ReferenceCases
from emfm.evaluate.set_metrics import SetMetrics
from emfm.plates.ground_plane import Board
from emfm.plates.known_board import JudgesItself, fields_over_board
from emfm.plates.plate_search import plate_search
from emfm.results.schema import BoardGiven, CaseErrors, Metrics

CORNERS: Final = ("ground_plane_x0_mm", "ground_plane_y0_mm", "ground_plane_x1_mm", "ground_plane_y1_mm")
HEIGHT: Final = "ground_plane_z_mm"
COPPER: Final = "copper_z_mm"
"""Properties of a case, or columns of its samples.csv, called as the options of `infer`; the last may be left out."""


def board_of(properties: Mapping[str, Property]) -> Board | None:
    """The board with the ground plane that the properties of a case name; None where they name none.

    Of the boards that come with the project they are ``ground``, the side ``board_mm`` of a square about the origin,
    and ``t_mm``, how far the plate lies below the copper at z = 0.

    Raises DataError where a part of it is missing, no number, or impossible.
    """
    if properties.get("ground") is True and {"board_mm", "t_mm"} <= properties.keys():
        half = _number(properties, "board_mm") / 2
        return Board((-half, half), (-half, half), -_number(properties, "t_mm"), 0.0)
    named = [name for name in (*CORNERS, HEIGHT) if name in properties]
    if not named:
        return None
    missing = [name for name in (*CORNERS, HEIGHT) if name not in properties]
    if missing:
        raise DataError(f"has {named[0]}, but not {', '.join(missing)}; give all of the ground plane, or nothing of it")
    copper = _number(properties, COPPER) if COPPER in properties else None
    return Board.of_corners([_number(properties, name) for name in CORNERS], _number(properties, HEIGHT), copper)


def evaluate_with_boards(
    model: JudgesItself, cases: ReferenceCases, name: str
) -> tuple[Metrics | None, Sequence[BoardGiven | None]]:
    """The figures of what is given with the ground plane of each case of the set ``name``, and that case by case.

    Of a case without a known ground plane it is the model's. None where no ground plane is known at all. Shows
    progress. Raises DataError naming the case whose board is impossible.
    """
    boards = [_board_of_case(cases, place, name) for place in range(len(cases))]
    if not any(boards):
        return None, [None] * len(boards)
    figures, of_cases = SetMetrics(cases.geometry), list[BoardGiven | None]()
    for place, board in enumerate(tqdm(boards, desc=f"with the ground planes of {name}", unit="sample")):
        scan, target = cases.source_h[place : place + 1], cases.target[place : place + 1]
        if board is None:
            figures.update(model.predict_with_trust(scan)[0], target)
            of_cases.append(None)
            continue
        try:
            search = plate_search(board, cases.geometry)
        except DataError as error:
            raise _of_case(cases.ids[place], name, error) from error
        (found,) = fields_over_board(model, search, scan)
        figures.update(found.channels[None], target)
        errors = figures.per_sample()
        of_cases.append(
            BoardGiven(
                errors=CaseErrors(rel_l2_e=float(errors.rel_l2_e[-1]), rel_l2_h=float(errors.rel_l2_h[-1])),
                is_of_board=found.is_of_board,
                expected=_known(found.expected_rel_l2),
                bound=_known(found.bound_rel_l2),
            )
        )
    return Metrics.model_validate(figures.compute()), of_cases


def _board_of_case(cases: ReferenceCases, place: int, name: str) -> Board | None:
    try:
        return board_of(cases.properties[place])
    except DataError as error:
        raise _of_case(cases.ids[place], name, error) from error


def _of_case(case: str, name: str, error: DataError) -> DataError:
    return DataError(f"eval.reference.{name}: case {case}: {error}")


def _number(properties: Mapping[str, Property], name: str) -> float:
    value = properties[name]
    if isinstance(value, bool | str):
        raise DataError(f"{name} is {value!r}; give a length in mm")
    return value


def _known(errors: NDArray[np.float64]) -> CaseErrors | None:
    """None for NaN, of a model without a bound."""
    if np.isnan(errors).any():
        return None
    return CaseErrors(rel_l2_e=float(errors[0]), rel_l2_h=float(errors[1]))
