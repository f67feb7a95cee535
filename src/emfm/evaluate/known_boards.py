"""Reference cases whose ground plane is known: what is given of them where the user says where it lies."""

from collections.abc import Mapping, Sequence

from tqdm import tqdm

from emfm.core.errors import DataError
from emfm.evaluate.case_errors import errors_if_known, errors_of
from emfm.evaluate.reference_cases import Property, ReferenceCases
from emfm.evaluate.set_metrics import SetMetrics
from emfm.plates.ground_plane import Board
from emfm.plates.known_board import JudgesItself, fields_over_board
from emfm.plates.plate_search import plate_search
from emfm.plates.told_board import length_mm, told_board
from emfm.results.schema import BoardGiven, Metrics


def board_of(properties: Mapping[str, Property]) -> Board | None:
    """The board with the ground plane that the properties of a case name, see `told_board`; None where they name none.

    Of the boards that come with the project they are ``ground``, the side ``board_mm`` of a square about the origin,
    and ``t_mm``, how far the plate lies below the copper at z = 0.

    Raises DataError where a part of it is missing, no number, or impossible.
    """
    if properties.get("ground") is True and {"board_mm", "t_mm"} <= properties.keys():
        half = length_mm(properties, "board_mm") / 2
        return Board((-half, half), (-half, half), -length_mm(properties, "t_mm"), 0.0)
    return told_board(properties)


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
        of_cases.append(
            BoardGiven(
                errors=errors_of(figures, place),
                is_of_board=found.is_of_board,
                expected=errors_if_known(*found.expected_rel_l2),
                bound=errors_if_known(*found.bound_rel_l2),
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
