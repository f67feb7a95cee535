"""The cards say what the results say, and nothing that these do not hold."""

from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from emfm.cards.citation import CITATION, Citation
from emfm.cards.outside_trust import TRUST_OUTSIDE, OutsideTrust
from emfm.cards.render import Known, render_cards
from emfm.core.errors import DataError
from emfm.results.schema import read_milestone_results, read_val_results
from emfm.settings import load_params
from small_results import NOT_OPENED

ROOT = Path(__file__).parents[3]
PARTS_OF_A_MODEL_CARD = (
    "Model details", "Intended use", "Factors", "Metrics", "Evaluation data", "Training data", "Quantitative analyses",
    "Ethical considerations", "Caveats and recommendations",
)  # fmt: skip
"""Those of Mitchell et al. (2019), figure 1, in their order."""


@pytest.fixture(scope="module")
def known():
    """What the committed cards are written from."""
    return Known(
        Citation.read(ROOT / CITATION),
        load_params(ROOT / "params.yaml", 5),
        read_val_results(ROOT / "reports/val_fixed.json"),
        read_milestone_results(ROOT / "reports/test_final.json"),
        OutsideTrust.read(ROOT / TRUST_OUTSIDE),
    )


def front_matter(card):
    return yaml.safe_load(card.split("---\n")[1])


def test_the_model_card_has_the_parts_of_one(known):
    headings = [line[3:] for line in render_cards(known)["model-card.md"].splitlines() if line.startswith("## ")]
    assert [heading for heading in headings if heading != "Known failures"] == list(PARTS_OF_A_MODEL_CARD)


def test_the_head_of_the_model_card_is_an_index_of_its_results(known):
    head = front_matter(render_cards(known)["model-card.md"])
    assert head["license"] == "mit"
    found = {
        (result["dataset"]["name"], metric["type"]): metric["value"]
        for result in head["model-index"][0]["results"]
        for metric in result["metrics"]
    }
    model, tested = (results.models[known.val.recommended].metrics for results in (known.val, known.test))
    assert found == {
        ("val_fixed", "rel_l2_e"): round(model.rel_l2_e, 4),
        ("val_fixed", "rel_l2_h"): round(model.rel_l2_h, 4),
        ("test_final", "rel_l2_e"): round(tested.rel_l2_e, 4),
        ("test_final", "rel_l2_h"): round(tested.rel_l2_h, 4),
    }


def test_the_model_card_names_each_board_and_each_kind_of_scan_that_is_treated_dishonestly(known):
    card = render_cards(known)["model-card.md"]
    for name in known.val.references["boards"].cases:
        assert f"| {name} |" in card
    assert "magnitude only" in card.partition("Refused without exception")[2]
    for row in known.outside.kinds:
        assert (f"| {row.kind} | {row.true} |" in card) == (not row.is_honest or row.kind.startswith("noise")), row


def test_another_result_makes_another_card(known):
    stage = known.val.recommended
    metrics = known.val.models[stage].metrics.model_copy(update={"rel_l2_e": 0.4321})
    models = known.val.models | {stage: known.val.models[stage].model_copy(update={"metrics": metrics})}
    changed = render_cards(replace(known, val=known.val.model_copy(update={"models": models})))["model-card.md"]
    assert "0.432 / " in changed
    assert "0.432 / " not in render_cards(known)["model-card.md"]


def test_a_test_set_that_stayed_closed_has_no_figures_in_the_card(known):
    card = render_cards(replace(known, test=NOT_OPENED))["model-card.md"]
    assert "test_final" not in card


def test_figures_of_another_model_are_said_to_be_of_an_earlier_one(known):
    other = replace(known, outside=replace(known.outside, model="0123456789ab"))
    assert "model `0123456789ab`: an earlier one" in render_cards(other)["model-card.md"]


def test_the_data_card_gives_the_sizes_and_the_mix_of_params_yaml(known):
    card = render_cards(known)["data-card.md"]
    assert front_matter(card)["size_categories"] == ["10K<n<100K"]
    assert f"{known.params.acquire.simulate.num_samples:,} rows" in card
    for kind, weight in known.params.acquire.simulate.mix.items():
        assert f"| {kind} | {100 * weight:.3g} % | {known.val.sets[kind].samples} samples |" in card


def test_results_without_the_boards_are_refused(known):
    val = known.val.model_copy(update={"references": {"nec": known.val.references["nec"]}})
    with pytest.raises(DataError, match="no reference set 'boards'"):
        render_cards(replace(known, val=val))
