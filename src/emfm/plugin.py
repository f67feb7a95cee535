"""The field model as a plug-in of the training template: name it under ``plugins`` in the configuration."""

from emfm.evaluation import metric as _metric
from emfm.models import registered as _models
from emfm.params.acquire import AcquireParams
from emfm.params.dedupe import DedupeParams
from emfm.params.eval import EvalParams, MilestoneParams
from emfm.params.split import SplitParams, StagesParams
from emfm.training import dataset as _dataset
from emfm.training import losses as _losses
from ttt.parts import register_section

__all__ = ["_dataset", "_losses", "_metric", "_models"]

register_section("acquire", AcquireParams)
register_section("dedupe", DedupeParams)
register_section("split", SplitParams)
register_section("stages", StagesParams)
register_section("eval", EvalParams)
register_section("milestone", MilestoneParams)
