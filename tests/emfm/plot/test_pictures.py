"""Pictures: they show the values they were given, and are the same bytes every time."""

import subprocess
import sys

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest

from emfm.core.channels import TARGET_CHANNELS
from emfm.core.errors import DataError
from emfm.core.grid import Geometry, Grid
from emfm.evaluate.groups import Group
from emfm.evaluate.set_metrics import SetMetrics
from emfm.evaluate.set_results import model_result, predictor_result
from emfm.plot.channel_bars import channel_errors
from emfm.plot.curves import SHOWN_BASELINES, kept_epoch, loss_curves, scaling_curve
from emfm.plot.distance import error_by_distance, has_distances
from emfm.plot.field_maps import field_map
from emfm.plot.style import save_png, with_prefix
from emfm.results.schema import ValResults
from small_results import DIPOLES
from small_store import GEOMETRY

GRID = Grid(-3e-3, -2e-3, 1e-3, 2e-3, 7, 5, 5e-3)
PLANES = Geometry(5e9, Grid(-1e-3, -1e-3, 1e-3, 1e-3, 3, 3, 1e-3), GRID)
SIZES = (100, 500, 1000)


def result(seed):
    rng = np.random.default_rng(seed)
    truth = rng.standard_normal((3, 12, *GEOMETRY.target.shape))
    truth[:, 6:] *= 1e-5
    figures = SetMetrics(GEOMETRY)
    figures.update(truth * (1 + rng.standard_normal(truth.shape) / (1 + seed)), truth)
    bounds = ((1e-3, 1.2e-3), (1.25e-3, 2e-3), (None, None))
    depth = [Group(*pair, np.array([place])) for place, pair in enumerate(bounds)]
    return predictor_result(figures, np.arange(3), {"depth": depth}, {})


@pytest.fixture(scope="module")
def results():
    models = {f"stage{n}": model_result(result(n), size, f"{n}" * 64) for n, size in enumerate(SIZES, start=1)}
    baselines = {name: result(7) for name in ("mean_field", "equivalent_dipoles")}
    return ValResults(
        set="val_fixed",
        samples=3,
        models=models,
        baselines=baselines,
        recommended="stage3",
        comparisons=[],
        equivalent_dipoles=DIPOLES,
        references={},
        sets={},
        left_out={},
    )


@pytest.fixture(scope="module")
def curves():
    epochs = np.arange(1, 5)
    losses = {"train_loss": 1 / epochs, "val_loss": [0.9, 0.4, 0.5, 0.6]}
    return {f"stage{n}": pd.DataFrame({"epoch": epochs} | losses) for n in range(1, 6)}


@pytest.fixture(scope="module")
def sample():
    """A scan, truth with one strong point at x = 2 mm, y = -2 mm, and a prediction twice as large there."""
    scan = np.zeros((4, *PLANES.source.shape))
    scan[2, 2, 0], scan[3, 2, 0] = 3e-3, 4e-3
    truth = np.full((12, *GRID.shape), 1e-3)
    truth[TARGET_CHANNELS.index("Ez_im"), 1, 5] = 40.0
    prediction = truth.copy()
    prediction[TARGET_CHANNELS.index("Ez_im"), 1, 5] = 80.0
    return scan, truth, prediction


def test_a_picture_is_the_same_bytes_whatever_matplotlib_is_set_to(curves, results, sample, tmp_path):
    draws = (
        lambda: loss_curves(curves),
        lambda: scaling_curve(results),
        lambda: channel_errors(results),
        lambda: error_by_distance(results),
        lambda: field_map("s1", "stage3", *sample, PLANES),
    )
    for draw in draws:
        save_png(draw(), tmp_path / "first.png")
        with mpl.rc_context({"font.size": 20, "axes.facecolor": "red", "savefig.dpi": 40}):
            figure = draw()
            save_png(figure, tmp_path / "second.png")
        first = (tmp_path / "first.png").read_bytes()
        assert first == (tmp_path / "second.png").read_bytes()
        assert first.startswith(b"\x89PNG")
        assert b"tEXt" not in first


def test_pictures_need_no_display_and_leave_matplotlib_as_it_was():
    code = (
        "import sys, matplotlib; before = matplotlib.rcParams.copy();"
        "from emfm.plot.style import in_report_style; in_report_style(int)();"
        "sys.exit(matplotlib.rcParams.copy() != before or 'matplotlib.pyplot' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_loss_curves_show_each_stage_and_where_its_validation_loss_is_lowest(curves):
    panels = loss_curves(curves).axes
    assert [axes.get_title() for axes in panels] == list(curves)
    for axes in panels:
        kept, train, _, val, best = axes.lines
        assert set(kept.get_xdata()) == {2}
        np.testing.assert_array_equal(train.get_ydata(), curves["stage1"]["train_loss"])
        np.testing.assert_array_equal(val.get_ydata(), [0.9, 0.4, 0.5, 0.6])
        assert (best.get_xdata(), best.get_ydata()) == ([2], [0.4])
        assert axes.get_yscale() == "log"
        assert axes.get_xlabel() == "epoch (best: 2)"


def test_measured_errors_stand_above_the_losses_with_the_epoch_that_the_training_kept(curves):
    errors = {"val_rel_l2_e": [0.3, 0.2, 0.19, 0.18], "val_rel_l2_h": [0.25, 0.2, 0.18, 0.17]}
    measured = {stage: curve.assign(**errors, best_epoch=[1, 2, 3, 3]) for stage, curve in curves.items()}
    panels = loss_curves(measured).axes
    assert len(panels) == 10
    for axes in panels[:5]:
        kept, of_e, best_e, of_h, _ = axes.lines
        assert set(kept.get_xdata()) == {3}
        assert (of_e.get_label(), of_h.get_label()) == ("E", "H")
        np.testing.assert_array_equal(of_e.get_ydata(), errors["val_rel_l2_e"])
        assert (best_e.get_xdata(), best_e.get_ydata()) == ([3], [0.19])
    assert kept_epoch(measured["stage1"]) == 3


def test_an_axis_within_a_decade_has_several_ticks_with_plain_numbers(curves):
    figure = loss_curves({"stage1": curves["stage1"].assign(train_loss=[0.3, 0.28, 0.25, 0.22], val_loss=0.2)})
    figure.draw_without_rendering()
    (axes,) = figure.axes
    low, high = axes.get_ylim()
    inside = [float(label.get_text()) for label in axes.get_yticklabels() if low <= label.get_position()[1] <= high]
    assert len(inside) >= 4


@pytest.mark.parametrize(
    ("curve", "sentence"),
    [
        ({"epoch": [1], "train_loss": [0.5]}, "the curve of stage2 has no column val_loss; train"),
        (
            {"epoch": [1], "train_loss": [0.5], "val_loss": [np.nan]},
            "the curve of stage2 has no epoch with a val_loss",
        ),
        ({"epoch": [], "train_loss": [], "val_loss": []}, "the curve of stage2 has no epoch with a val_loss"),
    ],
)
def test_a_curve_that_cannot_be_drawn_is_named(curves, curve, sentence):
    with pytest.raises(DataError, match=sentence):
        loss_curves({"stage1": curves["stage1"], "stage2": pd.DataFrame(curve)})
    with pytest.raises(DataError, match="there are no loss curves"):
        loss_curves({})


def test_the_scaling_curve_shows_errors_by_training_samples_and_baselines_as_level_lines(results):
    for axes, name in zip(scaling_curve(results).axes, ("rel_l2_e", "rel_l2_h"), strict=True):
        model, *baselines = axes.lines
        np.testing.assert_array_equal(model.get_xdata(), SIZES)
        expected = [getattr(result.metrics, name) for result in results.models.values()]
        np.testing.assert_array_equal(model.get_ydata(), expected)
        assert sorted(line.get_label() for line in baselines) == sorted(results.baselines)
        (bars,) = axes.collections
        (band,) = axes.patches
        of_best = results.baselines[baselines[0].get_label()].intervals[name]
        assert (band.get_y(), band.get_y() + band.get_height()) == pytest.approx((of_best.low, of_best.high))
        ends = [result.intervals[name] for result in results.models.values()]
        found = [segment[:, 1].tolist() for segment in bars.get_segments()]
        assert found == [[interval.low, interval.high] for interval in ends]
        assert all(low < error < high for (low, high), error in zip(found, expected, strict=True))
        level = getattr(results.baselines[baselines[0].get_label()].metrics, name)
        np.testing.assert_array_equal(baselines[0].get_ydata(), [level, level])
        assert (axes.get_xscale(), axes.get_yscale()) == ("log", "log")
        assert [label.get_text() for label in axes.get_xticklabels()] == ["100", "500", "1,000"]


def test_errors_by_distance_show_the_final_stage_and_the_baselines_where_the_depth_is_known(results):
    for axes, name in zip(error_by_distance(results).axes, ("rel_l2_e", "rel_l2_h"), strict=True):
        predictors = {"stage3": results.models["stage3"], **results.baselines}
        assert sorted(line.get_label() for line in axes.lines) == sorted(predictors)
        for line in axes.lines:
            predictor = predictors[line.get_label()]
            expected = [getattr(group, name) for group in predictor.groups["depth"][:2]]
            np.testing.assert_array_equal(line.get_ydata(), expected)
        assert [label.get_text() for label in axes.get_xticklabels()] == ["1.00 to 1.20\n(1)", "1.25 to 2.00\n(1)"]


def test_without_known_depths_there_is_no_picture_of_them(results):
    assert has_distances(results)
    nothing = {name: model.model_copy(update={"groups": {}}) for name, model in results.models.items()}
    assert not has_distances(results.model_copy(update={"models": nothing}))


def test_channel_errors_show_e_and_h_in_their_own_units(results):
    electric, magnetic = channel_errors(results).axes
    shown = {**results.models, **results.baselines}
    for axes, names, factor in ((electric, TARGET_CHANNELS[:6], None), (magnetic, TARGET_CHANNELS[6:], 1e6)):
        assert [label.get_text() for label in axes.get_xticklabels()] == list(names)
        assert len(axes.containers) == len(shown)
        for bars in axes.containers:
            result = shown[bars.get_label().partition(" ")[0]]
            heights = [result.rmse_per_channel[name] for name in names]
            unit = factor or with_prefix(max(heights), "V/m")[0]
            np.testing.assert_allclose([bar.get_height() for bar in bars], np.array(heights) * unit)
    assert magnetic.get_ylabel() == "RMSE [µA/m]"


def test_a_field_map_names_its_sample_model_and_errors(sample):
    title = field_map("Sample s00000012", "stage3", *sample, PLANES).get_suptitle()
    assert title == "Sample s00000012, stage3: relative L2 error of E 1.000, of H 0.000"


def test_a_component_that_is_zero_by_symmetry_can_be_drawn(sample):
    scan, truth, prediction = sample
    truth = truth.copy()
    truth[TARGET_CHANNELS.index("Hz_re") :] = 0
    title = field_map("Sample s1", "stage3", scan, truth, prediction, PLANES, quantities=("Hz",)).get_suptitle()
    assert title == "Sample s1, stage3: relative L2 error of Hz inf"


def test_a_field_map_is_in_millimetres_with_x_to_the_right_and_y_up(sample):
    truth_panel = field_map("s1", "stage3", *sample, PLANES).axes[1]
    (image,) = truth_panel.images
    assert image.get_extent() == pytest.approx([-3.5, 3.5, -3, 7])
    assert image.origin == "lower"
    assert np.unravel_index(image.get_array().argmax(), GRID.shape) == (1, 5)
    assert (truth_panel.get_xlabel(), image.get_array().shape) == ("", GRID.shape)


def test_the_scan_stands_first_with_both_components_on_one_scale_and_its_place_on_the_maps(sample):
    figure = field_map("s1", "stage3", *sample, PLANES)
    panels = figure.axes[:8]
    for axes, component in zip((panels[0], panels[4]), ("Hx", "Hy"), strict=True):
        (image,) = axes.images
        assert axes.get_title() == f"scan |{component}|, z = 1 mm"
        assert image.get_extent() == pytest.approx([-1.5, 1.5, -1.5, 1.5])
        assert image.get_clim() == pytest.approx((0, 5))  # mA/m
    assert panels[4].images[0].get_array()[2, 0] == pytest.approx(5)
    for axes in (*panels[1:4], *panels[5:8]):
        (rim,) = axes.patches
        assert (rim.get_x(), rim.get_y(), rim.get_width(), rim.get_height()) == pytest.approx((-1.5, -1.5, 3, 3))


def test_one_row_shows_one_component_of_the_scan_and_a_third_row_none(sample):
    titles = [
        [
            axes.get_title()
            for axes in field_map("s1", "m", *sample, PLANES, quantities).axes
            if "scan" in axes.get_title()
        ]
        for quantities in (("E",), ("E", "H", "Ez"))
    ]
    assert [len(found) for found in titles] == [1, 2]


def test_truth_and_prediction_share_a_colour_scale_and_the_error_has_its_own(sample):
    figure = field_map("s1", "stage3", *sample, PLANES, quantities=("Ez", "H"))
    true, predicted, error = (axes.images[0] for axes in figure.axes[1:4])
    assert true.get_clim() == predicted.get_clim() == pytest.approx((0, 80))
    assert error.get_clim() == pytest.approx((0, 40))
    titles = ["true |Ez|, z = 5 mm", "predicted |Ez|", "|error of Ez|"]
    assert [axes.get_title() for axes in figure.axes[1:4]] == titles
    assert [axes.get_ylabel() for axes in figure.axes[8:]] == ["V/m", "V/m", "mA/m", "A/m", "mA/m", "mA/m"]


def test_an_unknown_quantity_and_a_field_on_another_grid_are_refused(sample):
    scan, truth, prediction = sample
    with pytest.raises(ValueError, match="'Bx' is no quantity of a target; choose from E, H, Ex"):
        field_map("s1", "stage3", *sample, PLANES, quantities=("Bx",))
    with pytest.raises(ValueError, match=r"prediction must have the shape \(12, 5, 7\), found \(12, 7, 5\)"):
        field_map("s1", "stage3", scan, truth, prediction.swapaxes(1, 2), PLANES)
    with pytest.raises(ValueError, match=r"scan must have the shape \(4, 3, 3\), found \(2, 3, 3\)"):
        field_map("s1", "stage3", scan[:2], truth, prediction, PLANES)


def test_of_many_baselines_the_best_are_drawn(results):
    many = results.model_copy(update={"baselines": {f"b{n}": result(n) for n in (1, 9, 2, 8, 7)}})
    best = ["b9", "b8", "b7"]
    assert len(best) == SHOWN_BASELINES
    for figure in (scaling_curve(many), error_by_distance(many), channel_errors(many)):
        labels = [text.get_text() for text in figure.legends[0].get_texts()]
        assert [label for label in labels if label in many.baselines] == best


@pytest.mark.parametrize(
    ("largest", "factor", "unit"),
    [
        (0.004, 1e3, "mA/m"),
        (1.0, 1.0, "A/m"),
        (999.0, 1.0, "A/m"),
        (2e4, 1e-3, "kA/m"),
        (3e-5, 1e6, "µA/m"),
        (0.0, 1.0, "A/m"),
    ],
)
def test_units_get_the_prefix_that_keeps_numbers_short(largest, factor, unit):
    assert with_prefix(largest, "A/m") == (pytest.approx(factor), unit)
