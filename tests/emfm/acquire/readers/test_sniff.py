"""Text files beside scans: which of them may be scans."""

import pytest

from emfm.acquire.readers.sniff import is_no_field


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("index.txt", "sample_00000.csv\nsample_00001.csv\n"),
        ("notes.txt", "Scan of board 3 at 5 GHz, 20 C\n"),
        ("trust.csv", "input,expected_rel_l2_e,distance,unlike_training\na.npy,0.1,0.2,False\n"),
        ("samples.csv", "id,family,width_mm,depth_mm\nboard,a,1.5,2\n"),
        ("settings.csv", "key;value\nfrequency;5e9\n"),
        ("two.txt", "1 2\n3 4\n"),
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_lists_and_notes_are_no_fields(tmp_path, name, text, encoding):
    (tmp_path / name).write_text(text, encoding=encoding)
    assert is_no_field(tmp_path / name)


@pytest.mark.parametrize(
    "text",
    [
        "x,y,z,Hx_re,Hx_im,Hy_re,Hy_im\n",
        "  x [mm]   y [mm]   z [mm]   HxRe [A/m]\n------\n",
        "X;Y;Z;|H|\n",
        "remarks\nposx,posy,posz,h\n1,2,3,4e-5\n",
        "-5,0;-5,0;1,0;1,25\n",
        "1.0D-3\t2\t+3.\n",
        '"1","2","3"\n',
        "",
        "\n\n",
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_a_faulty_or_foreign_table_of_points_may_be_a_field(tmp_path, text, encoding):
    for ends in ("\n", "\r\n", "\r"):
        (tmp_path / "a.csv").write_text(text, encoding=encoding, newline=ends)
        assert not is_no_field(tmp_path / "a.csv")


def test_an_ending_that_says_what_a_file_is_is_believed(tmp_path):
    for name in ("a.fld", "a.hfe", "a.npy", "a.npz"):
        (tmp_path / name).write_text("notes")
        assert not is_no_field(tmp_path / name)
