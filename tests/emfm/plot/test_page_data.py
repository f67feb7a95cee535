"""What the page shows: results in words and tables, and what its script gets."""

import numpy as np
import pytest

from emfm.core.field_errors import FieldErrors
from emfm.plot.page_data import drawn, overview
from emfm.plot.page_html import render_page
from emfm.results.pictured import PicturedFields
from emfm.results.schema import TrustMetrics
from small_page import CURVE, PLANE, small_fields
from small_results import NOT_OPENED, looks, milestone_results, model, val_results
from small_store import GEOMETRY

MILESTONES = milestone_results({"stage3": model(0.125, 4900, "c")})


def cards(shown):
    return {(card.label, card.value): card.text for card in shown.cards}


def test_a_glance_names_the_best_stage_and_baseline_the_milestones_and_the_looks():
    found = cards(overview(val_results(), MILESTONES, looks(3), GEOMETRY))
    best = found["Best stage on val_fixed", "stage2"]
    assert best.startswith("Relative L2 error 0.2500 of E, 0.2500 of H. Trained on")
    assert "Use its model, models/stage2/best.pth. Against stage3, the next: E 17 % smaller" in best
    baseline = found["Best baseline on val_fixed", "equivalent_dipoles"]
    assert baseline.startswith("Relative L2 error 0.2000 of E, 0.2000 of H. The errors of stage2")
    assert found["On test_final", "stage3"] == "Relative L2 error 0.1250 of E, 0.1250 of H."
    assert "0.4000 of E, 0.4000 of H. Best baseline" in found["On the 12 reference cases (nec)", "stage3"]
    assert ("Looks at test_final", "3") in found


def test_looks_at_another_test_set_do_not_count():
    shown = overview(val_results(), MILESTONES, [*looks(4, "d" * 64), *looks(2)], GEOMETRY)
    assert ("Looks at test_final", "2") in cards(shown)
    assert shown.milestones_text.endswith("each model counted once: 2.")


def test_without_milestone_figures_it_says_why_and_shows_no_table():
    shown = overview(val_results(), NOT_OPENED, looks(2), GEOMETRY)
    assert shown.milestones is None
    assert shown.milestones_text == (
        "test_final was not opened: the parameters differ from the promoted ones in promoted.yaml. "
        "Looks at test_final in its ledger so far, each model counted once: 2."
    )
    assert ("On test_final", "not opened") in cards(shown)


def test_without_a_milestone_stage_there_is_no_empty_table():
    shown = overview(val_results(), MILESTONES.model_copy(update={"models": {}}), [], GEOMETRY)
    assert shown.milestones is None
    assert shown.milestones_text.startswith("No stage is a milestone")


def test_every_stage_and_baseline_has_a_row_and_every_column_a_definition():
    shown = overview(val_results(), MILESTONES, [], GEOMETRY)
    assert [row[0] for row in shown.val.rows] == ["stage1", "stage2", "stage3", "mean_field", "equivalent_dipoles"]
    heads = [*shown.val.heads[2:], *shown.strength.heads[1:-1]]
    assert [definition.head for definition in shown.definitions] == heads
    assert shown.val.rows[0][:3] == ["stage1", "100", "0.5000 (0.500 to 0.500)"]
    assert shown.val.rows[3][:3] == ["mean_field", "\N{EN DASH}", "1.000 (1.00 to 1.00)"]
    assert shown.val.rows[0][shown.val.heads.index("MSE, raw channels")].count("(") == 0


def says_of_itself(unlike):
    of_parts = {f"{name}_{part}": 0.75 for name in ("rank_correlation", "coverage") for part in ("e", "h")}
    return TrustMetrics(**of_parts, true_over_expected_e=1.0, true_over_expected_h=2.0, unlike_training=unlike)


def test_how_well_models_know_their_errors_stands_by_set():
    val = val_results()
    nec = val.references["nec"].model_copy(update={"trust": says_of_itself(0.5)})
    models = val.models | {"stage3": model(0.3, 4900, "c", says_of_itself(0.0))}
    val = val.model_copy(update={"models": models, "references": {"nec": nec}})
    test_final = milestone_results({"stage3": model(0.1, 4900, "c", says_of_itself(0.25))})
    shown = overview(val, test_final, [], GEOMETRY)
    figures = ["0.75 / 0.75", "1.00 / 2.00", "75.0 % / 75.0 %"]
    assert shown.trust.rows == [["stage3", *figures, "0.0 %"]]
    assert shown.trust_on_sets.rows == [["nec", *figures, "50.0 %"]]
    assert shown.trust_of_milestones.rows == [["stage3", *figures, "25.0 %"]]
    page = render_page(shown, drawn(val, {}, small_fields(), PLANE))
    assert page.count('<td data-head="within the 90 % bound, E / H">75.0 % / 75.0 %</td>') == 3
    assert '<a href="#trust">' in page


def test_models_that_say_nothing_of_their_errors_have_no_section_of_trust():
    shown = overview(val_results(), NOT_OPENED, [], GEOMETRY)
    for found in (shown.trust, shown.trust_on_sets, shown.trust_of_milestones):
        assert found.rows == []
    page = render_page(shown, drawn(val_results(), {}, small_fields(), PLANE))
    assert 'id="trust"' not in page
    assert "#trust" not in page


def test_a_figure_that_is_not_known_or_not_a_number_is_a_dash():
    val = val_results()
    figures = val.models["stage1"].metrics.model_copy(update={"maxwell_residual": None, "rel_l2_e": float("nan")})
    val.models["stage1"] = val.models["stage1"].model_copy(update={"metrics": figures})
    shown = overview(val, MILESTONES, [], GEOMETRY)
    assert (shown.val.rows[0][2], shown.strength.rows[0][-1]) == ("\N{EN DASH}", "\N{EN DASH}")


def test_frequency_and_planes_are_said_in_gigahertz_and_millimetres():
    facts = overview(val_results(), MILESTONES, [], GEOMETRY).facts
    assert facts[0].startswith("5 GHz")
    assert facts[2] == "Target E and H (predicted): 7 x 5 points, x -3 to 3 mm, y -2 to 2 mm, at z = 5 mm."


def test_coordinates_are_in_millimetres_without_the_noise_of_the_last_bit():
    plane = drawn(val_results(), {}, small_fields(), PLANE).plane
    assert plane.x_mm == [-3.0, -2.0, -1.0, 0.0, 1.0, 2.0, 3.0]


def test_relative_errors_of_a_sample_are_those_of_the_evaluation():
    fields = small_fields()
    shown = drawn(val_results(), {"stage1": CURVE}, fields, PLANE)
    for name, prediction in fields.predictions.items():
        errors = FieldErrors()
        errors.update(prediction, fields.truth)
        per_sample = errors.per_sample()
        found = [sample.predictions[name] for sample in shown.samples]
        np.testing.assert_allclose([each.rel_l2_e for each in found], per_sample.rel_l2_e, rtol=1e-12)
        np.testing.assert_allclose([each.rel_l2_h for each in found], per_sample.rel_l2_h, rtol=1e-12)


def test_a_field_of_zeros_has_no_relative_error():
    fields = small_fields()
    zero = PicturedFields(fields.ids, fields.titles, fields.source_h, np.zeros_like(fields.truth), fields.predictions)
    shown = drawn(val_results(), {}, zero, PLANE)
    assert np.isnan(shown.samples[0].predictions["stage1"].rel_l2_e)


def test_fields_on_another_plane_are_refused():
    with pytest.raises(ValueError, match=r"the fields must be on \(3, 5\) points, found \(5, 7\)"):
        drawn(val_results(), {}, small_fields(), GEOMETRY.source)
