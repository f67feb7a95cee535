"""The baselines made for a set of parameters: the dipoles' setting chosen on val_fixed, and what they learn kept."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from emfm.core.grid import Geometry
from emfm.core.measurement import MeasuredSamples
from emfm.evaluate.baselines import Baseline, make_baselines, physics_baselines
from emfm.evaluate.evaluation import shown_batches
from emfm.evaluate.found_sources import FoundSources
from emfm.evaluate.remember import Remember, remembered
from emfm.model.search.equivalent_dipoles import DipoleSetting, dipole_settings, setting_errors
from emfm.results.schema import DipoleChoice
from emfm.settings import Params
from emfm.workflow.unfinished import memo_folder
from ttt.memo import Memo


def choose_dipoles(params: Params, val_fixed: MeasuredSamples) -> DipoleChoice:
    """The setting of the dipoles that is best on val_fixed; the first of several that are.

    Remembered for the same samples and settings: it is the same in a whole sweep.
    """
    settings = dipole_settings(params.eval.equivalent_dipoles)
    remember = remembered_physics(params, val_fixed.geometry, f"choice {settings} {val_fixed.digest}")

    def errors() -> NDArray[np.float64]:
        batches = shown_batches(val_fixed, params.eval.batch_size, "equivalent_dipoles, choice")
        found = setting_errors(val_fixed.geometry, settings, batches)
        return np.array([[found.get(setting, np.inf) for setting in settings]])

    known = remember(errors, np.float64)[0]
    best = settings[int(np.argmin(known))]
    tried = int(np.isfinite(known).sum())
    return DipoleChoice(depth=best.depth, margin=best.margin, tikhonov=best.tikhonov, tried=tried)


def fitted_baselines(
    params: Params, dipoles: DipoleChoice, train_pool: MeasuredSamples
) -> Iterator[tuple[str, Baseline]]:
    """Each baseline by name, ready to predict, as soon as it is."""
    batch_size = params.eval.batch_size
    made = make_baselines(train_pool.geometry, params.eval.ridge, _setting(dipoles), params.eval.sparse_sources)
    for name, baseline in made.items():
        batches = shown_batches(train_pool, batch_size, f"{name}, fit")
        searches = isinstance(baseline, FoundSources)
        keeps = _of_search(params, train_pool.geometry) if searches else remembered_fit(params, train_pool, name)
        baseline.fit(batches, keeps)
        yield name, baseline


def fitted_physics(params: Params, dipoles: DipoleChoice, geometry: Geometry) -> Iterator[tuple[str, Baseline]]:
    """Those of `fitted_baselines` that read no training samples."""
    made = physics_baselines(geometry, _setting(dipoles), params.eval.sparse_sources)
    for name, baseline in made.items():
        baseline.fit((), _of_search(params, geometry))
        yield name, baseline


def remembered_fit(params: Params, samples: MeasuredSamples, name: str) -> Remember:
    """Keeps what the baseline ``name`` learns from ``samples``: most of this stage's time, the same in a whole sweep.

    The place in the memo is all that the bits depend on: samples and their portions, parameters, code, libraries.
    """
    decides = {
        "baseline": name,
        "samples": samples.digest,
        "batch_size": params.eval.batch_size,
        "ridge": params.eval.ridge,
    }
    return remembered_physics(params, samples.geometry, repr(decides))


def remembered_physics(params: Params, geometry: Geometry, identity: str) -> Remember:
    """Keeps what follows from ``identity``, the planes, and how this machine computes."""
    compute = params.training.compute
    decides = {
        "identity": identity,
        "geometry": repr(geometry),
        "threads": compute.threads,
        "instruction_set": compute.instruction_set,
        "numpy": np.__version__,
    }
    return remembered(Memo(memo_folder("eval_val_fixed", "baselines")), repr(decides))


def _of_search(params: Params, geometry: Geometry) -> Remember:
    return remembered_physics(params, geometry, f"search {params.eval.sparse_sources.model_dump_json()}")


def _setting(chosen: DipoleChoice) -> DipoleSetting:
    return DipoleSetting(depth=chosen.depth, margin=chosen.margin, tikhonov=chosen.tikhonov)
