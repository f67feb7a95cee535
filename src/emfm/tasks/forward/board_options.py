"""How infer is told of the board that was scanned."""

import argparse

from emfm.plates.ground_plane import Board
from ttt.config import UserError


def add_board_options(parser: argparse.ArgumentParser, then: str) -> None:
    """The options that `given_board` reads; ``then`` says in words what becomes of the field."""
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


def given_board(args: argparse.Namespace) -> Board | None:
    """The board, if one was given; raises UserError where a part of it is missing or impossible."""
    corners, z_mm, copper_z_mm = args.ground_plane_mm, args.ground_plane_z_mm, args.copper_z_mm
    if corners is None and z_mm is None and copper_z_mm is None:
        return None
    if corners is None or z_mm is None:
        raise UserError("--ground_plane_mm and --ground_plane_z_mm: give both, the corners of the plate and its height")
    return Board.of_corners(corners, z_mm, copper_z_mm)
