"""What infer writes of the sources below scans: tables, a page and pictures, and where it refuses to."""

import argparse
import logging

import matplotlib.image
import numpy as np
import pandas as pd
import pytest

from emfm.acquire.readers.base import WantedPlane
from emfm.acquire.readers.feko import Feko
from emfm.core.channels import H_CHANNELS, TARGET_CHANNELS
from emfm.core.store import Store
from emfm.plot.scan_page import MOST_SCANS
from emfm.tasks.forward import infer
from emfm.tasks.forward.scan_outputs import ScanOutputs, add_options
from emfm.use.board_table import COLUMNS
from emfm.use.result_formats import FORMATS, TENSOR
from point_sources import stand_in_search, two_sources
from small_fields import small_geometry
from small_training import small_checkpoint, write_store

FOUND = two_sources(small_geometry().frequency, spread=0.1)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("scan_outputs")
    write_store(folder, "elements")
    return folder


@pytest.fixture(scope="module")
def ckpt(folder):
    return small_checkpoint(folder, folder / "run")


@pytest.fixture
def scans(folder, tmp_path):
    """A folder with two scans."""
    (tmp_path / "scans").mkdir()
    for number, scan in enumerate(Store(folder / "elements").source_h(np.arange(2))):
        np.save(tmp_path / f"scans/board_{number}.npy", scan)
    return tmp_path / "scans"


@pytest.fixture
def run(ckpt, capsys):
    """Run the command; its exit status, and what it wrote to standard output and standard error."""

    def infer_with(source, out, *more):
        status = infer.main(["--ckpt", str(ckpt), "--input", str(source), "--out", str(out), *map(str, more)])
        logging.getLogger("ttt").handlers.clear()
        return status, *capsys.readouterr()

    return infer_with


@pytest.fixture
def asked(monkeypatch):
    return stand_in_search(monkeypatch, FOUND)


def test_of_a_folder_each_scan_has_a_table_and_a_picture_and_all_have_one_page(run, scans, tmp_path, asked):
    out, page, pictures = tmp_path / "out", tmp_path / "page.html", tmp_path / "pictures"
    status, _, error = run(scans, out, "--sources", "--page", page, "--png", pictures)
    assert status == 0, error
    assert asked == [1, 1]
    tables = [pd.read_csv(out / f"board_{number}_sources.csv") for number in (0, 1)]
    assert [list(table["kind"]) for table in tables] == [["electric", "magnetic"]] * 2
    assert sorted(path.name for path in pictures.iterdir()) == ["board_0.png", "board_1.png"]
    assert matplotlib.image.imread(pictures / "board_0.png").shape[1] == 1890
    text = page.read_text()
    for number in (0, 1):
        assert f'<option value="{number}">board_{number}.npy</option>' in text
    assert "expected relative error: E" in text.replace("Expected", "expected")


def test_over_a_known_board_the_table_is_of_its_currents_and_no_sources_are_searched_for(run, scans, tmp_path, asked):
    board = "--ground_plane_mm", -6, -6, 6, 6, "--ground_plane_z_mm", -0.8, "--copper_z_mm", 0
    out, page = tmp_path / "out", tmp_path / "page.html"
    status, _, error = run(scans, out, "--sources", "--page", page, *board)
    assert status == 0, error
    assert asked == []
    found = pd.read_csv(out / "board_0_currents.csv")
    sizes = np.linalg.norm(found[["ix_re", "ix_im", "iy_re", "iy_im", "iz_re", "iz_im"]], axis=1)
    assert (np.diff(sizes) <= 1e-9 * sizes[0]).all()
    assert found["x_mm"].abs().max() < 6
    assert not (out / "board_0_sources.csv").exists()
    trust = pd.read_csv(out / "trust.csv")
    assert trust["ground_plane_given"].all()
    assert trust["is_of_board"].isin([True, False]).all()
    assert "Currents on copper at z = " in page.read_text()


BOARDS = ",".join(COLUMNS) + "\nboard_1.npy,-6,-6,6,6,-0.8,0\n"


def test_of_a_folder_a_table_says_which_scan_lay_over_which_board(run, scans, tmp_path, asked):
    (tmp_path / "boards.csv").write_text(BOARDS)
    out, page = tmp_path / "out", tmp_path / "page.html"
    status, _, error = run(scans, out, "--sources", "--page", page, "--boards", tmp_path / "boards.csv")
    assert status == 0, error
    assert asked == [1]
    assert {path.name for path in out.glob("*.csv")} == {"board_0_sources.csv", "board_1_currents.csv", "trust.csv"}
    trust = pd.read_csv(out / "trust.csv", index_col="input")
    assert trust["ground_plane_given"].to_dict() == {"board_0.npy": False, "board_1.npy": True}
    alone = tmp_path / "alone"
    board = "--ground_plane_mm", -6, -6, 6, 6, "--ground_plane_z_mm", -0.8, "--copper_z_mm", 0
    assert run(scans, alone, *board)[0] == 0
    e_of_all, e_alone = (np.load(folder / "board_1_pred.npy")[:6] for folder in (out, alone))
    np.testing.assert_allclose(e_of_all, e_alone, atol=1e-4 * np.abs(e_alone).max())


@pytest.mark.parametrize(
    ("table", "more", "sentence"),
    [
        (
            BOARDS.replace("-0.8", "2"),
            (),
            "boards.csv: 'board_1.npy': board: the ground plane lies at z = 2 mm",
        ),
        (BOARDS.replace("board_1", "board_7"), (), "boards.csv: line 2: 'board_7.npy' is none of the inputs"),
        (BOARDS, ("--ground_plane_mm", -6, -6, 6, 6, "--ground_plane_z_mm", -0.8), "give one of them, a table or the"),
    ],
)
def test_a_table_that_does_not_fit_is_refused_before_anything_is_written(run, scans, tmp_path, table, more, sentence):
    (tmp_path / "boards.csv").write_text(table)
    status, _, error = run(scans, tmp_path / "out", "--boards", tmp_path / "boards.csv", *more)
    assert (status, sentence in error) == (2, True), error
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("out_format", list(FORMATS))
def test_of_a_single_scan_they_lie_beside_the_result(run, scans, tmp_path, asked, out_format):
    out = tmp_path / "results" / ("field.npy" if out_format == TENSOR else "field")
    png = tmp_path / "board.png"
    status, _, error = run(scans / "board_0.npy", out, "--sources", "--png", png, "--out_format", out_format)
    assert status == 0, error
    assert sorted(path.name for path in out.parent.iterdir()) == ["board_0_sources.csv", out.name]
    assert png.is_file()


def test_without_the_options_nothing_is_searched_for(run, scans, tmp_path, asked):
    assert run(scans, tmp_path / "out")[0] == 0
    assert asked == []


def test_the_feko_files_hold_the_field_of_the_tensor(run, scans, tmp_path):
    geometry = small_geometry()
    run(scans / "board_0.npy", tmp_path / "field.npy")
    assert run(scans / "board_0.npy", tmp_path / "field", "--out_format", "feko")[0] == 0
    wanted = WantedPlane(TARGET_CHANNELS[H_CHANNELS], geometry.target, geometry.frequency, 1e-9)
    found = Feko().read_plane(tmp_path / "field/target.hfe", wanted)
    np.testing.assert_array_equal(found, np.load(tmp_path / "field.npy")[H_CHANNELS])


def test_the_board_lies_below_the_scan(run, scans, tmp_path, asked):
    matplotlib.image.imsave(tmp_path / "board.jpg", np.zeros((4, 6, 3)))
    page = tmp_path / "page.html"
    board = "--board_picture", tmp_path / "board.jpg", "--board_mm", -15, -10, 15, 10
    status, _, error = run(scans / "board_0.npy", tmp_path / "o.npy", "--page", page, *board)
    assert status == 0, error
    assert '"extent_mm":[-15.0,-10.0,15.0,10.0]' in page.read_text()
    assert "data:image/jpeg;base64," in page.read_text()


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--page", "page.txt"], "--page: found 'page.txt'; a page goes to an .html file"),
        (["--png", "picture.jpg"], "--png: found 'picture.jpg'; the picture of one file goes to a .png file"),
        (["--board_picture", "board.png"], "--board_picture and --board_mm: give both"),
        (["--board_mm", "0", "0", "1", "1"], "--board_picture and --board_mm: give both"),
        (["--board_picture", "b.png", "--board_mm", "0", "0", "1", "1"], "it is drawn by --page and --png"),
        (
            ["--png", "a.png", "--board_picture", "b.png", "--board_mm", "0", "0", "1", "1"],
            "b.png: no picture that can be read",
        ),
    ],
)
def test_options_that_do_not_go_together_are_refused_before_any_work(run, scans, tmp_path, options, sentence):
    status, _, error = run(scans / "board_0.npy", tmp_path / "o.npy", *options)
    assert status == 2
    assert sentence in error
    assert not (tmp_path / "o.npy").exists()


def test_a_result_never_replaces_an_input_or_another_result(run, scans, tmp_path):
    np.save(tmp_path / "scans/board_0.html.npy", np.load(scans / "board_0.npy"))
    page = tmp_path / "page.html"
    page.mkdir()
    assert "--page: " in run(scans, tmp_path / "out", "--page", page)[2]
    file = tmp_path / "file.png"
    file.write_text("")
    assert "a file; the pictures of a folder go to a folder" in run(scans, tmp_path / "out", "--png", file)[2]
    assert not (tmp_path / "out").exists()


def test_a_page_of_too_many_scans_is_refused(scans):
    parser = argparse.ArgumentParser()
    add_options(parser)
    args = parser.parse_args(["--page", "p.html"], argparse.Namespace(input=scans))
    with pytest.raises(ValueError, match=f"found {MOST_SCANS + 1} inputs; a page holds {MOST_SCANS} at most"):
        ScanOutputs.of(args, MOST_SCANS + 1)
    assert ScanOutputs.of(args, MOST_SCANS).page is not None
