"""Pictures: they show the values they were given, and are the same bytes every time."""

import subprocess
import sys

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest

from emfm.core.channels import TARGET_CHANNELS
from emfm.core.errors import DataError
from emfm.core.grid import Grid
from emfm.evaluate.groups import Group
from emfm.evaluate.set_metrics import SetMetrics
from emfm.evaluate.set_results import model_result, predictor_result
from emfm.plot.channel_bars import channel_errors
from emfm.plot.curves import loss_curves, scaling_curve
from emfm.plot.distance import error_by_distance, has_distances
from emfm.plot.field_maps import field_map
from emfm.plot.style import save_png, with_prefix
from emfm.results.schema import ValResults
from small_results import DIPOLES
from small_store import GEOMETRY

GRID = Grid(-3e-3, -2e-3, 1e-3, 2e-3, 7, 5, 5e-3)
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
    """Truth with one strong point at x = 2 mm, y = -2 mm, and a prediction twice as large there."""
    truth = np.full((12, *GRID.shape), 1e-3)
    truth[TARGET_CHANNELS.index("Ez_im"), 1, 5] = 40.0
    prediction = truth.copy()
    prediction[TARGET_CHANNELS.index("Ez_im"), 1, 5] = 80.0
    return truth, prediction


def test_a_picture_is_the_same_bytes_whatever_matplotlib_is_set_to(curves, results, sample, tmp_path):
    draws = (
        lambda: loss_curves(curves),
        lambda: scaling_curve(results),
        lambda: channel_errors(results.models),
        lambda: error_by_distance(results),
        lambda: field_map("s1", "stage3", *sample, GRID),
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
        train, val, best = axes.lines
        np.testing.assert_array_equal(train.get_ydata(), curves["stage1"]["train_loss"])
        np.testing.assert_array_equal(val.get_ydata(), [0.9, 0.4, 0.5, 0.6])
        assert (best.get_xdata(), best.get_ydata()) == ([2], [0.4])
        assert axes.get_yscale() == "log"


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
        assert [line.get_label() for line in baselines] == list(results.baselines)
        (bars,) = axes.collections
        ends = [result.intervals[name] for result in results.models.values()]
        found = [segment[:, 1].tolist() for segment in bars.get_segments()]
        assert found == [[interval.low, interval.high] for interval in ends]
        assert all(low < error < high for (low, high), error in zip(found, expected, strict=True))
        level = getattr(results.baselines["mean_field"].metrics, name)
        np.testing.assert_array_equal(baselines[0].get_ydata(), [level, level])
        assert (axes.get_xscale(), axes.get_yscale()) == ("log", "log")
        assert [label.get_text() for label in axes.get_xticklabels()] == ["100", "500", "1,000"]


def test_errors_by_distance_show_the_final_stage_and_the_baselines_where_the_depth_is_known(results):
    for axes, name in zip(error_by_distance(results).axes, ("rel_l2_e", "rel_l2_h"), strict=True):
        predictors = {"stage3": results.models["stage3"], **results.baselines}
        assert [line.get_label() for line in axes.lines] == list(predictors)
        for line, predictor in zip(axes.lines, predictors.values(), strict=True):
            expected = [getattr(group, name) for group in predictor.groups["depth"][:2]]
            np.testing.assert_array_equal(line.get_ydata(), expected)
        assert [label.get_text() for label in axes.get_xticklabels()] == ["1.00 to 1.20\n(1)", "1.25 to 2.00\n(1)"]


def test_without_known_depths_there_is_no_picture_of_them(results):
    assert has_distances(results)
    nothing = {name: model.model_copy(update={"groups": {}}) for name, model in results.models.items()}
    assert not has_distances(results.model_copy(update={"models": nothing}))


def test_channel_errors_show_e_and_h_in_their_own_units(results):
    electric, magnetic = channel_errors(results.models).axes
    for axes, names, factor in ((electric, TARGET_CHANNELS[:6], None), (magnetic, TARGET_CHANNELS[6:], 1e6)):
        assert [label.get_text() for label in axes.get_xticklabels()] == list(names)
        for bars, (stage, result) in zip(axes.containers, results.models.items(), strict=True):
            assert bars.get_label().startswith(stage)
            heights = [result.rmse_per_channel[name] for name in names]
            unit = factor or with_prefix(max(heights), "V/m")[0]
            np.testing.assert_allclose([bar.get_height() for bar in bars], np.array(heights) * unit)
    assert magnetic.get_ylabel() == "RMSE [µA/m]"


def test_a_field_map_names_its_sample_model_and_errors(sample):
    truth, prediction = sample
    title = field_map("Sample s00000012", "stage3", truth, prediction, GRID).get_suptitle()
    assert title == "Sample s00000012, stage3: relative L2 error of E 1.000, of H 0.000"


def test_a_component_that_is_zero_by_symmetry_can_be_drawn(sample):
    truth, prediction = sample[0].copy(), sample[1]
    truth[TARGET_CHANNELS.index("Hz_re") :] = 0
    title = field_map("Sample s1", "stage3", truth, prediction, GRID, quantities=("Hz",)).get_suptitle()
    assert title == "Sample s1, stage3: relative L2 error of Hz inf"


def test_a_field_map_is_in_millimetres_with_x_to_the_right_and_y_up(sample):
    truth_panel = field_map("s1", "stage3", *sample, GRID).axes[0]
    (image,) = truth_panel.images
    assert image.get_extent() == pytest.approx([-3.5, 3.5, -3, 7])
    assert image.origin == "lower"
    assert np.unravel_index(image.get_array().argmax(), GRID.shape) == (1, 5)
    assert (truth_panel.get_ylabel(), image.get_array().shape) == ("y [mm]", GRID.shape)


def test_truth_and_prediction_share_a_colour_scale_and_the_error_has_its_own(sample):
    figure = field_map("s1", "stage3", *sample, GRID, quantities=("Ez", "H"))
    true, predicted, error = (axes.images[0] for axes in figure.axes[:3])
    assert true.get_clim() == predicted.get_clim() == pytest.approx((0, 80))
    assert error.get_clim() == pytest.approx((0, 40))
    assert [axes.get_title() for axes in figure.axes[:3]] == ["true |Ez|", "predicted |Ez|", "|error of Ez|"]
    assert [axes.get_ylabel() for axes in figure.axes[6:]] == ["V/m", "V/m", "mA/m", "A/m"]


def test_an_unknown_quantity_and_a_field_on_another_grid_are_refused(sample):
    truth, prediction = sample
    with pytest.raises(ValueError, match="'Bx' is no quantity of a target; choose from E, H, Ex"):
        field_map("s1", "stage3", truth, prediction, GRID, quantities=("Bx",))
    with pytest.raises(ValueError, match=r"prediction must have the shape \(12, 5, 7\), found \(12, 7, 5\)"):
        field_map("s1", "stage3", truth, prediction.swapaxes(1, 2), GRID)


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
