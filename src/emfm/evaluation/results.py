"""The results of one set as typed objects: written by the evaluations, read by the report."""

import json
from pathlib import Path
from typing import Annotated, Any, Final, Literal, TypeVar

from pydantic import AfterValidator, Field

from emfm.data.sample import DataError
from emfm.evaluation.figures import FieldErrors
from emfm.physics.channels import TARGET_CHANNELS
from ttt.config import Section, parse_section

Error = Annotated[float, Field(ge=0)]
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$", description="the SHA-256 of the file, 64 hex digits")]


def _names_all_channels(values: dict[str, float]) -> dict[str, float]:
    if list(values) != list(TARGET_CHANNELS):
        raise ValueError(f"one value for each of {', '.join(TARGET_CHANNELS)}, in this order")
    return values


ChannelErrors = Annotated[dict[str, Error], AfterValidator(_names_all_channels)]


class Figures(Section):
    """The figures of `emfm.evaluation.figures.DEFINITIONS`."""

    val_mse: Error
    rmse_e_mean: Error
    rmse_h_mean: Error
    rel_l2_e: Error
    rel_l2_h: Error
    rel_l2_e_p95: Error
    rel_l2_h_p95: Error


class BaselineResult(Section):
    """What a baseline reached on a set."""

    figures: Figures
    rmse_per_channel: ChannelErrors


class ModelResult(Section):
    """What a trained model reached on a set."""

    train_samples: int = Field(ge=1, description="samples that the model was trained on")
    checkpoint_sha256: Sha256
    figures: Figures
    rmse_per_channel: ChannelErrors


class SetResults(Section):
    """What the models and the baselines reached on one set; ``model_dump()`` gives the JSON's content."""

    set: str = Field(description="the set: val_fixed or test_final")
    samples: int = Field(ge=1, description="samples of the set")
    models: dict[str, ModelResult] = Field(min_length=1, description="results by stage: stage1, stage2, ...")
    baselines: dict[str, BaselineResult] = Field(description="results by the name of the baseline")


class MilestoneResults(SetResults):
    """The results of a set that was opened because the training is the promoted one."""

    models: dict[str, ModelResult] = Field(description="results by milestone; none if no stage is one")
    milestone: Literal[True]


class NotOpened(Section):
    """A set that stayed closed because the training differs from the promoted one."""

    milestone: Literal[False]


NOT_OPENED: Final = NotOpened(milestone=False)

S = TypeVar("S", bound=Section)
_REMEDY: Final = "make it anew with `dvc repro`, or fetch it with `dvc pull`"


def model_result(errors: FieldErrors, train_samples: int, checkpoint_sha256: str) -> ModelResult:
    """The result of a model from its collected errors."""
    return ModelResult(
        train_samples=train_samples,
        checkpoint_sha256=checkpoint_sha256,
        figures=Figures(**errors.compute()),
        rmse_per_channel=errors.rmse_per_channel(),
    )


def baseline_result(errors: FieldErrors) -> BaselineResult:
    """The result of a baseline from its collected errors."""
    return BaselineResult(figures=Figures(**errors.compute()), rmse_per_channel=errors.rmse_per_channel())


def read_set_results(path: Path) -> SetResults:
    """The results in a JSON file; raises DataError naming the keys that are wrong."""
    return _parsed(SetResults, _read_json(path), path)


def read_milestone_results(path: Path) -> MilestoneResults | NotOpened:
    """The results on test_final, or that it stayed closed; raises DataError naming what is wrong."""
    content = _read_json(path)
    if isinstance(content, dict) and content.get("milestone") is False:
        return _parsed(NotOpened, content, path)
    return _parsed(MilestoneResults, content, path)


def _parsed(section: type[S], content: Any, path: Path) -> S:
    problems: list[str] = []
    result = parse_section(section, content, "", problems)
    if result is None:
        raise DataError(f"{path}: {'; '.join(problems)}; {_REMEDY}")
    return result


def _read_json(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DataError(f"{path}: cannot be read as JSON ({error}); {_REMEDY}") from error
