"""The results of one set as typed objects: written by the evaluations, read by the report."""

import json
from pathlib import Path
from typing import Annotated, Any, Final, Literal, TypeVar

from pydantic import AfterValidator, Field

from emfm.core.channels import TARGET_CHANNELS
from emfm.core.errors import DataError
from emfm.results.definitions import FIELD_METRICS, Grouping
from ttt.config import Section, parse_section

Error = Annotated[float, Field(ge=0)]
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$", description="the SHA-256 of the file, 64 hex digits")]


def _names_all_channels(values: dict[str, float]) -> dict[str, float]:
    if list(values) != list(TARGET_CHANNELS):
        raise ValueError(f"one value for each of {', '.join(TARGET_CHANNELS)}, in this order")
    return values


ChannelErrors = Annotated[dict[str, Error], AfterValidator(_names_all_channels)]


class Figures(Section):
    """The figures of `emfm.results.definitions.METRICS`."""

    val_mse: Error
    rmse_e_mean: Error
    rmse_h_mean: Error
    rel_l2_e: Error
    rel_l2_h: Error
    rel_l2_e_p95: Error
    rel_l2_h_p95: Error
    db_error_e: Error
    db_error_h: Error
    db_error_e_p95: Error
    db_error_h_p95: Error
    maxwell_residual: Error | None = Field(description="null on a plane with fewer than 3 points along an axis")
    maxwell_residual_truth: Error | None

    def headline(self) -> dict[str, float]:
        """The few figures that a user compares between experiments, without those that are not known."""
        chosen = self.model_dump(include=_HEADLINE)
        return {name: value for name, value in chosen.items() if value is not None}


_HEADLINE: Final = {*FIELD_METRICS, "maxwell_residual"}


class GroupErrors(Section):
    """The errors of those samples of a set that have neighbouring values of one number."""

    low: float | None = Field(description="the least value in the group; null where the values are not known")
    high: float | None = Field(description="the largest")
    samples: int = Field(ge=1, description="samples in the group")
    rel_l2_e: Error = Field(description="median over the group's samples")
    rel_l2_h: Error = Field(description="median over the group's samples")


class NoiseErrors(Section):
    """The errors of a set with noise in its source H."""

    snr_db: float = Field(description="ratio of signal to noise, dB")
    rel_l2_e: Error
    rel_l2_h: Error


class Result(Section):
    """What a predictor reached on a set."""

    figures: Figures
    rmse_per_channel: ChannelErrors
    groups: dict[Grouping, list[GroupErrors]] = Field(description="see `emfm.results.definitions.GROUPINGS`")
    noise: list[NoiseErrors] = Field(description="one for each ratio under eval.noise_snr_db")


Correlation = Annotated[float, Field(ge=-1, le=1)]
Share = Annotated[float, Field(ge=0, le=1)]


class TrustFigures(Section):
    """How well the errors that a model expects of itself agree with those it makes."""

    rank_correlation_e: Correlation = Field(description="Spearman, of expected and true relative L2 error of E")
    true_over_expected_e: Error = Field(description="median over samples")
    rank_correlation_h: Correlation
    true_over_expected_h: Error
    unlike_training: Share = Field(description="share of scans called unlike the training samples")


class ModelResult(Result):
    """What a trained model reached on a set."""

    train_samples: int = Field(ge=1, description="samples that the model was trained on")
    checkpoint_sha256: Sha256
    trust: TrustFigures | None = Field(description="null for a model that does not say how far to trust it")


class SetResults(Section):
    """What the models and the baselines reached on one set; ``model_dump()`` gives the JSON's content."""

    set: str = Field(description="the set: val_fixed or test_final")
    samples: int = Field(ge=1, description="samples of the set")
    models: dict[str, ModelResult] = Field(min_length=1, description="results by stage: stage1, stage2, ...")
    baselines: dict[str, Result] = Field(description="results by the name of the baseline")


class OtherSet(Section):
    """What the final stage and the baselines reached on samples of another kind."""

    samples: int = Field(ge=1, description="samples of the set")
    figures: dict[str, Figures] = Field(description="by the name of the stage and of each baseline")
    unlike_training: Share | None = Field(
        description="share of scans that the final stage calls unlike its training samples; null where it says nothing"
    )


class ValResults(SetResults):
    """The results of val_fixed, with the sets beside it that no split draws from."""

    sets: dict[str, OtherSet] = Field(description="reference cases and kinds of scenes by name")
    left_out: dict[str, str] = Field(description="sets that could not be judged, and why")


class MilestoneResults(SetResults):
    """The results of a set that was opened because the training is the promoted one."""

    models: dict[str, ModelResult] = Field(description="results by milestone; none if no stage is one")
    milestone: Literal[True]
    test_set_sha256: Sha256 = Field(description="of the set's IDs and content, by which the ledger knows it")


class NotOpened(Section):
    """A set that stayed closed because the training differs from the promoted one."""

    milestone: Literal[False]
    test_set_sha256: Sha256 = Field(description="of the set's IDs and content, by which the ledger knows it")


S = TypeVar("S", bound=Section)
_REMEDY: Final = "make it anew with `dvc repro`, or fetch it with `dvc pull`"


def read_val_results(path: Path) -> ValResults:
    """The results on val_fixed in a JSON file; raises DataError naming the keys that are wrong."""
    return _parsed(ValResults, _read_json(path), path)


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
    except (OSError, ValueError, RecursionError) as error:
        raise DataError(f"{path}: cannot be read as JSON ({error}); {_REMEDY}") from error
