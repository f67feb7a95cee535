"""How commands are told of the board that was scanned, or of the boards."""

import argparse
from collections.abc import Iterable, Mapping
from pathlib import Path

from emfm.core.errors import DataError
from emfm.core.grid import Geometry
from emfm.plates.ground_plane import Board
from emfm.plates.plate_search import refuse_board
from emfm.plates.told_board import COPPER, CORNERS, HEIGHT
from emfm.use.board_table import INPUT, read_boards
from ttt.config import UserError


def add_board_options(parser: argparse.ArgumentParser, then: str, of_folder: bool = False) -> None:
    """The options that `given_board` reads; ``then`` says in words what becomes of the field.

    ``of_folder``: those that `given_boards` reads.
    """
    group = parser.add_argument_group("the board that was scanned, where its ground plane is known (docs/plates.md)")
    group.add_argument(
        "--ground_plane_mm",
        type=float,
        nargs=4,
        metavar=("X0", "Y0", "X1", "Y1"),
        help="where the lower left and upper right corners of the ground plane lie in the scan's coordinates, mm; "
        f"{then}",
    )
    group.add_argument(
        "--ground_plane_z_mm", type=float, metavar="Z", help="height of the ground plane in the scan's coordinates, mm"
    )
    group.add_argument(
        "--copper_z_mm",
        type=float,
        metavar="Z",
        help="height of the traces above the ground plane, mm; default: one pitch of the scan below the scan",
    )
    if of_folder:
        group.add_argument(
            "--boards",
            type=Path,
            metavar="FILE",
            help=f"where the inputs are of several boards: a CSV table with the columns {INPUT} (a file's name), "
            f"{', '.join((*CORNERS, HEIGHT))} and perhaps {COPPER}; an input that it does not name has no known board",
        )


def given_boards(args: argparse.Namespace, inputs: Iterable[Path]) -> dict[Path, Board]:
    """The board of each input for which one was given; raises UserError for what is none."""
    board = given_board(args)
    if args.boards is None:
        return {} if board is None else dict.fromkeys(inputs, board)
    if board is not None:
        raise UserError("--boards and --ground_plane_mm: give one of them, a table or the board of all inputs")
    return read_boards(args.boards, inputs)


def given_board(args: argparse.Namespace) -> Board | None:
    """The board, if one was given; raises UserError where a part of it is missing or impossible."""
    corners, z_mm, copper_z_mm = args.ground_plane_mm, args.ground_plane_z_mm, args.copper_z_mm
    if corners is None and z_mm is None and copper_z_mm is None:
        return None
    if corners is None or z_mm is None:
        raise UserError("--ground_plane_mm and --ground_plane_z_mm: give both, the corners of the plate and its height")
    return Board.of_corners(corners, z_mm, copper_z_mm)


def refuse_boards(args: argparse.Namespace, boards: Mapping[Path, Board], geometry: Geometry) -> None:
    """Raise UserError for a board that does not lie below the scans of ``geometry``."""
    for path, board in boards.items():
        try:
            refuse_board(board, geometry)
        except DataError as error:
            if args.boards is None:
                raise
            raise UserError(f"{args.boards}: '{path.name}': {error}") from error
