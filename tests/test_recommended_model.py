"""The model that DVC's artifact names, and that the pages use, is the one that val_fixed recommends."""

import yaml

from emfm.results.best import by_errors
from emfm.results.schema import read_val_results
from emfm.workflow.paths import VAL_RESULTS, best_model
from tiny_project import ROOT


def test_the_artifact_and_the_pages_have_the_model_that_the_committed_results_recommend():
    """If not: write the recommended path into dvc.yaml under artifacts, and into the pages named here."""
    val = read_val_results(ROOT / VAL_RESULTS)
    assert val.recommended == by_errors(val.models)[0]
    path = str(best_model(list(val.models).index(val.recommended) + 1))
    artifact = yaml.safe_load((ROOT / "dvc.yaml").read_text())["artifacts"]["forward-model"]["path"]
    assert artifact == path
    for page in ("README.md", "docs/tutorial.md", "docs/export.md"):
        assert path in (ROOT / page).read_text(), page
