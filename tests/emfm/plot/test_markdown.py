"""The text of the report: what it says, and what it must not hold."""

import pytest

from emfm.plot.further import group_label
from emfm.plot.markdown import Pictures, render_report
from emfm.plot.numbers import four_digits
from emfm.results.definitions import BASELINES, GROUPINGS
from emfm.results.schema import BoardGiven, CaseErrors, GroupErrors, Interval, Metrics, TrustMetrics
from small_results import NOT_OPENED, looks, milestone_results, model, val_results

PICTURES = Pictures(
    loss_curves="figures/loss_curves.png",
    scaling_curve="figures/scaling_curve.png",
    channel_errors="figures/channel_errors.png",
    error_by_distance="figures/error_by_distance.png",
    field_maps={"Sample s3": "figures/field_s00000003.png", "Sample s5": "figures/field_s00000005.png"},
    case_maps={"nec, worst: wire_3": "figures/nec_worst.png"},
)


def trust(correlation, unlike, covered=0.875):
    return TrustMetrics(
        rank_correlation_e=correlation,
        true_over_expected_e=1.0,
        coverage_e=covered,
        rank_correlation_h=correlation / 2,
        true_over_expected_h=1.25,
        coverage_h=None,
        unlike_training=unlike,
    )


def with_noise_trust(found, trusts):
    noise = [one.model_copy(update={"trust": said}) for one, said in zip(found.noise, trusts, strict=True)]
    return found.model_copy(update={"noise": noise})


@pytest.fixture
def val():
    return val_results()


@pytest.fixture
def calibrated(val):
    """Results of models that say how far to trust them; stage1 does not."""
    models = val.models | {
        "stage2": model(0.25, 1500, "b", trust(0.5, 0.0)),
        "stage3": model(0.3, 4900, "c", trust(0.8, 0.0125)),
    }
    models["stage3"] = with_noise_trust(models["stage3"], [trust(0.1, 0.25, 0.5), None])
    nec = val.references["nec"].model_copy(update={"trust": trust(0.3, 0.75)})
    return val.model_copy(update={"models": models, "references": {"nec": nec}})


@pytest.fixture
def test_final():
    models = {"stage3": model(0.123456, 4900, "c")}
    return milestone_results(models)


def rows(report, name, section="Stages and baselines on val_fixed"):
    """The rows of that name in the tables of a section, as cells."""
    _, _, after = report.partition(f"## {section}\n")
    lines = after.partition("\n## ")[0].splitlines()
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if line.startswith(f"| {name} ")]


def row(report, name, section="Stages and baselines on val_fixed"):
    (cells,) = rows(report, name, section)
    return cells


def test_the_glance_sets_the_best_stage_beside_the_best_baseline(val, test_final):
    report = render_report(val, test_final, [], PICTURES)
    assert "**stage2**; relative L2 error 0.2500 of E, 0.2500 of H. Trained on 1,500 samples." in report
    assert "**equivalent_dipoles**; relative L2 error 0.2000 of E, 0.2000 of H" in report
    assert "The errors of stage2 are 1.250 (E) and 1.250 (H) times as large" in report
    assert "Sample by sample: E 25 % larger, H 25 % larger on a typical sample." in report


def test_the_model_to_use_is_named_with_how_it_differs_from_the_next_best(val):
    use = "Use its model, models/stage2/best.pth."
    report = render_report(val, NOT_OPENED, [], PICTURES)
    assert f"{use} Against stage3, the next: E 17 % smaller, H 17 % smaller on a typical sample." in report
    unknown = val.model_copy(update={"comparisons": []})
    assert f"{use}\n" in render_report(unknown, NOT_OPENED, [], PICTURES)


def test_stages_are_compared_sample_by_sample_also_where_nothing_can_be_shown(val):
    section = "Stages and baselines sample by sample on val_fixed"
    report = render_report(val, NOT_OPENED, [], PICTURES)
    assert row(report, "stage2 against stage1", section)[1:] == [
        *["0.500 (0.500 to 0.500)"] * 2,
        "E 50 % smaller, H 50 % smaller on a typical sample",
    ]
    same = val.comparisons[0].rel_l2_e.of_samples.model_copy(update={"value": 0.99, "low": 0.9, "high": 1.1})
    paired = val.comparisons[0].rel_l2_e.model_copy(update={"of_samples": same})
    one = val.comparisons[0].model_copy(update={"rel_l2_e": paired, "rel_l2_h": paired})
    report = render_report(val.model_copy(update={"comparisons": [one]}), NOT_OPENED, [], PICTURES)
    assert row(report, "stage2 against stage1", section)[-1] == "no difference that 40 samples can show"
    assert section not in render_report(val.model_copy(update={"comparisons": []}), NOT_OPENED, [], PICTURES)


def test_stages_and_baselines_stand_in_one_table(val):
    report = render_report(val, NOT_OPENED, [], PICTURES)
    assert row(report, "stage1")[1:3] == ["100", "0.5000 (0.500 to 0.500)"]
    assert row(report, "stage3")[-1] == "c" * 12
    assert row(report, "mean_field")[1:3] == ["", "1.000 (1.00 to 1.00)"]
    assert f"- mean_field: {BASELINES['mean_field']}." in report


def test_strength_is_in_db_and_the_residual_beside_that_of_the_truth(val):
    report = render_report(val, NOT_OPENED, [], PICTURES)
    section = "Strength of the field and Maxwell's equations on val_fixed"
    stage1, dipoles = (row(report, name, section) for name in ("stage1", "equivalent_dipoles"))
    assert stage1[1:5] == ["3.522"] * 4
    assert dipoles[1:5] == ["1.584"] * 4
    assert stage1[-1] == dipoles[-1] == "1.000"
    truth = four_digits(val.models["stage1"].metrics.maxwell_residual_truth)
    assert f"Maxwell residual of the true fields, by the same differences: {truth}." in report


def test_a_plane_without_a_residual_is_said_to_have_none(val):
    figures = val.models["stage1"].metrics.model_copy(update={"maxwell_residual": None, "maxwell_residual_truth": None})
    stage1 = val.models["stage1"].model_copy(update={"metrics": figures})
    flat = val.model_copy(update={"models": {"stage1": stage1}, "references": {}, "recommended": "stage1"})
    report = render_report(flat, NOT_OPENED, [], PICTURES)
    assert "The target plane has fewer than 3 points along an axis: no Maxwell residual." in report


def test_other_sets_stand_below_val_fixed_for_the_final_stage_and_each_baseline(val):
    report = render_report(val, NOT_OPENED, [], PICTURES)
    section = "Reference cases and kinds of scenes"
    assert row(report, "E / H", section)[1:] == ["samples", "stage3", "mean_field", "equivalent_dipoles"]
    assert row(report, "val_fixed", section)[1:3] == ["40", "0.3000 / 0.3000"]
    assert row(report, "nec", section)[1:] == ["12", "0.4000 / 0.4000", "1.500 / 1.500", "0.1000 / 0.1000"]
    assert (
        "On the 12 reference cases (nec): **stage3**; relative L2 error 0.4000 of E, 0.4000 of H. "
        "Best baseline: equivalent_dipoles, relative L2 error 0.1000 of E, 0.1000 of H." in report
    )


TRUST_SECTION = "How well the models predict their own errors on val_fixed"


def test_the_share_of_unlike_scans_stands_beside_the_errors_on_each_set(calibrated):
    report = render_report(calibrated, NOT_OPENED, [], PICTURES)
    section = "Reference cases and kinds of scenes"
    assert row(report, "E / H", section)[-1] == "called unlike the training samples"
    assert row(report, "val_fixed", section)[-1] == "1.2 %"
    assert row(report, "nec", section)[-1] == "75.0 %"


def test_trust_on_val_fixed_is_said_to_be_calibrated_there_and_test_final_to_be_honest(calibrated, test_final):
    models = {"stage3": model(0.1, 4900, "c", trust(0.6, 0.1))}
    report = render_report(calibrated, test_final.model_copy(update={"models": models}), [], PICTURES)
    assert rows(report, "stage1", TRUST_SECTION) == []
    assert row(report, "stage3", TRUST_SECTION)[1:] == ["0.80 / 0.40", "1.00 / 1.25", "87.5 % / \N{EN DASH}", "1.2 %"]
    assert "Only test_final is an honest test of them; see Milestones on test_final." in report
    honest = ["stage3", "0.60 / 0.30", "1.00 / 1.25", "87.5 % / \N{EN DASH}", "10.0 %"]
    assert honest in rows(report, "stage3", "Milestones on test_final")


def test_the_final_stage_is_held_to_its_word_on_the_sets_beside_val_fixed(calibrated):
    report = render_report(calibrated, NOT_OPENED, [], PICTURES)
    assert "stage3 on the sets that it was not calibrated on:" in report
    assert row(report, "nec", TRUST_SECTION)[1:] == ["0.30 / 0.15", "1.00 / 1.25", "87.5 % / \N{EN DASH}", "75.0 %"]


def test_bound_and_warnings_stand_by_the_ratio_of_noise(calibrated):
    report = render_report(calibrated, NOT_OPENED, [], PICTURES)
    assert row(report, "E / H, warned of", "Noise in the scan")[1:] == ["40 dB", "20 dB"]
    *_, cells = rows(report, "stage3", "Noise in the scan")
    assert cells[1:] == ["50.0 % / \N{EN DASH}, 25.0 %", "\N{EN DASH}"]


def test_errors_stand_with_their_interval(val):
    interval = Interval(low=0.4567, high=0.5432)
    stage1 = val.models["stage1"].model_copy(update={"intervals": {"rel_l2_e": interval, "val_mse": interval}})
    alone = val.model_copy(update={"models": {"stage1": stage1}, "references": {}, "recommended": "stage1"})
    report = render_report(alone, NOT_OPENED, [], PICTURES)
    assert row(report, "stage1")[2:4] == ["0.5000 (0.457 to 0.543)", "0.5000"]
    assert not any("(" in cell for cell in row(report, "stage1")[3:])
    assert "In brackets: the 95 % bootstrap interval, drawn by whole scene families" in report


@pytest.mark.parametrize("opened", [True, False])
def test_without_honest_figures_of_trust_none_are_promised(calibrated, test_final, opened):
    report = render_report(calibrated, test_final if opened else NOT_OPENED, [], PICTURES)
    assert "Only test_final is an honest test of them; no such figures of test_final are known." in report


def test_models_that_say_nothing_have_no_section_of_trust(val):
    assert TRUST_SECTION not in render_report(val, NOT_OPENED, [], PICTURES)


CASES = "Reference cases one by one"


def test_what_is_given_with_its_ground_plane_stands_beside_a_case_and_the_median_below(val):
    nec = val.references["nec"]
    given = BoardGiven(
        errors=CaseErrors(rel_l2_e=0.08, rel_l2_h=0.04),
        is_of_board=True,
        expected=CaseErrors(rel_l2_e=0.1, rel_l2_h=0.05),
        bound=None,
    )
    cases = nec.cases | {"wire_3": nec.cases["wire_3"].model_copy(update={"board_given": given})}
    median = nec.metrics["stage3"].model_copy(update={"rel_l2_e": 0.3, "rel_l2_h": 0.2})
    known = nec.model_copy(update={"cases": cases, "board_given": median})
    report = render_report(val.model_copy(update={"references": {"nec": known}}), NOT_OPENED, [], PICTURES)
    dash = "\N{EN DASH}"
    heads = ["ground plane given", "then expected", "then 90 % bound", "is of the board"]
    assert row(report, "case", CASES)[5:9] == heads
    assert row(report, "wire_3", CASES)[5:9] == ["0.0800 / 0.0400", "0.100 / 0.0500", dash, "yes"]
    assert row(report, "wire_4", CASES)[5:9] == [dash] * 4
    assert row(report, "median of 12", CASES)[5:9] == ["0.300 / 0.200", "", "", ""]
    assert "Where the ground plane is given: relative L2 error 0.3000 of E, 0.2000 of H." in report


def test_every_case_stands_with_the_errors_of_all_and_the_median_below(val):
    report = render_report(val, NOT_OPENED, [], PICTURES)
    assert row(report, "case", CASES) == [
        "case",
        "stage3",
        "it expects",
        "its 90 % bound",
        "it warns",
        "mean_field",
        "equivalent_dipoles",
    ]
    errors = ["0.400 / 0.200", *["\N{EN DASH}"] * 3, "1.50 / 0.750", "0.100 / 0.0500"]
    assert row(report, "wire_7", CASES)[1:] == errors
    assert row(report, "median of 12", CASES)[1] == "0.400 / 0.400"
    assert "nec: wire and loop structures solved by a method-of-moments program (NEC2); in no training set." in report
    assert "![Fields: nec, worst: wire_3](figures/nec_worst.png)" in report


def test_a_warning_stands_without_a_number_and_properties_in_words(val):
    nec = val.references["nec"]
    told = {"board_mm": 20.0, "beyond": True, "cable": False, "kind": "microstrip"}
    expected = CaseErrors(rel_l2_e=0.25, rel_l2_h=0.125)
    bound = CaseErrors(rel_l2_e=0.5, rel_l2_h=0.375)
    sure = nec.cases["wire_1"].model_copy(
        update={"properties": told, "expected": expected, "bound": bound, "unlike_training": False}
    )
    unsure = nec.cases["wire_1"].model_copy(update={"unlike_training": True})
    mine = nec.model_copy(update={"samples": 2, "cases": {"sure": sure, "unsure": unsure}, "trust": trust(0.5, 0.5)})
    report = render_report(val.model_copy(update={"references": {"mine": mine}}), NOT_OPENED, [], PICTURES)
    assert "mine: cases of your own; in no training set." in report
    assert row(report, "sure", CASES)[2:5] == ["0.250 / 0.125", "0.500 / 0.375", "no"]
    assert row(report, "sure", CASES)[-1] == "board_mm 20, beyond, kind microstrip"
    assert row(report, "unsure", CASES)[2:5] == ["\N{EN DASH}", "\N{EN DASH}", "yes"]
    assert row(report, "median of 2", CASES)[4] == "1 of 2"


def test_the_chosen_setting_of_the_dipoles_is_said(val):
    report = render_report(val, NOT_OPENED, [], PICTURES)
    assert "of 16 settings the best on val_fixed is a depth of 1.5 and a margin of 2 pitches" in report
    assert "a regularisation of 0.0003; it is used everywhere." in report


def test_sets_that_are_left_out_are_named_with_the_reason(val):
    reason = "the cases have another frequency than the section data"
    without = val.model_copy(update={"references": {}, "left_out": {"nec": reason}})
    report = render_report(without, NOT_OPENED, [], PICTURES)
    assert f"- nec is left out: {reason}." in report
    assert "reference cases (nec)" not in report


def test_errors_with_noise_stand_beside_those_without(val, test_final):
    report = render_report(val, test_final, [], PICTURES)
    assert row(report, "E / H", "Noise in the scan")[1:] == ["no noise", "40 dB", "20 dB"]
    assert row(report, "equivalent_dipoles", "Noise in the scan")[1:] == [
        f"{value} / {value}" for value in ("0.2000", "0.4000", "0.8000")
    ]
    assert rows(report, "stage3", "Milestones on test_final")[-1][2] == "0.2469 / 0.2469"


def test_it_is_said_how_scans_are_read_and_the_table_of_noise_says_so_too(val, test_final):
    report = render_report(val, test_final, [], PICTURES)
    for name in ("val_fixed", "test_final"):
        assert f"Scans of {name} are read as stored, without errors of measurement." in report
    scans = "as measured: height off by 0.05 mm"
    measured = [found.model_copy(update={"scans": scans}) for found in (val, test_final)]
    report = render_report(*measured, [], PICTURES)
    for name in ("val_fixed", "test_final"):
        assert f"Scans of {name} are read {scans}." in report
    assert row(report, "E / H", "Noise in the scan")[1:] == ["as measured", "40 dB", "20 dB"]


def test_without_noise_and_groups_their_sections_are_absent(val):
    def bare(found):
        return found.model_copy(update={"noise": [], "groups": {}})

    plain = val.model_copy(
        update={
            "models": {name: bare(found) for name, found in val.models.items()},
            "baselines": {name: bare(found) for name, found in val.baselines.items()},
        }
    )
    report = render_report(plain, NOT_OPENED, [], PICTURES)
    assert "## Noise" not in report
    assert "## Error by depth" not in report


def test_groups_stand_with_their_bounds_for_the_final_stage_and_each_baseline(val):
    report = render_report(val, NOT_OPENED, [], PICTURES)
    section = "Error by depth, number of elements and family size on val_fixed"
    assert row(report, "1.00 to 1.50", section)[1:] == ["2", "0.3000 / 0.3000", "1.000 / 1.000", "0.2000 / 0.2000"]
    assert row(report, "not known", section)[1:3] == ["1", "0.3000 / 0.3000"]
    assert row(report, "2 to 5", section)[1] == "2"
    assert "](figures/error_by_distance.png)" in report


@pytest.mark.parametrize(
    ("low", "high", "grouping", "label"),
    [
        (1.024e-3, 1.3101e-3, "depth", "1.02 to 1.31"),
        (3.0, 3.0, "elements", "3"),
        (2.0, 5.0, "family_size", "2 to 5"),
        (None, None, "depth", "not known"),
    ],
)
def test_a_group_is_called_by_its_values(low, high, grouping, label):
    assert group_label(GroupErrors(low=low, high=high, samples=1, rel_l2_e=0.1, rel_l2_h=0.1), grouping) == label


def test_every_channel_is_listed_with_its_unit(val):
    report = render_report(val, NOT_OPENED, [], PICTURES)
    assert "| Ex_re [V/m] |" in report
    assert "| Hz_im [A/m] |" in report


def test_milestones_stand_with_the_number_of_looks_and_no_time(val, test_final):
    report = render_report(val, test_final, looks(3), PICTURES)
    assert "90 samples. Looks at test_final in its ledger so far, each model counted once: 3." in report
    assert "On test_final: **stage3**; relative L2 error 0.1235 of E" in report
    assert "2031" not in report


@pytest.mark.parametrize("is_open", [True, False])
def test_looks_at_another_test_set_do_not_count(val, test_final, is_open):
    ledger = [*looks(4, "d" * 64), *looks(2)]
    report = render_report(val, test_final if is_open else NOT_OPENED, ledger, PICTURES)
    assert "Looks at test_final in its ledger so far, each model counted once: 2." in report


def test_a_set_that_was_not_opened_is_said_to_be_closed_and_why(val):
    report = render_report(val, NOT_OPENED, looks(1), PICTURES)
    assert "test_final was not opened: the parameters differ from the promoted ones in promoted.yaml" in report
    assert "each model counted once: 1." in report


def test_a_workflow_without_milestones_or_baselines_has_a_report(val):
    no_baselines = val.model_copy(update={"baselines": {}})
    nobody = milestone_results({})
    report = render_report(no_baselines, nobody, [], PICTURES)
    assert "No stage is a milestone under milestone in params.yaml" in report
    assert "Best baseline on" not in report


def test_pictures_are_linked_as_given(val):
    report = render_report(val, NOT_OPENED, [], PICTURES)
    for link in ("loss_curves", "scaling_curve", "channel_errors", "field_s00000003", "field_s00000005"):
        assert f"](figures/{link}.png)" in report


def test_every_figure_is_defined(val):
    report = render_report(val, NOT_OPENED, [], PICTURES)
    prefixed = [*(f"groups.{name}" for name in GROUPINGS), *(f"trust.{name}" for name in TrustMetrics.model_fields)]
    for name in (*Metrics.model_fields, "intervals", "rmse_per_channel", "noise", *prefixed):
        assert report.count(f"- `{name}`") == 1


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.1, "0.1000"), (1234.0, "1234"), (12345.0, "1.234e+04"), (1.23456e-5, "1.235e-05"), (0.0, "0.000")],
)
def test_numbers_have_four_significant_digits(value, text):
    assert four_digits(value) == text
