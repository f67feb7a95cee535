"""The results of one set as typed objects: written by the evaluations, read by the report."""

import json
from pathlib import Path
from typing import Annotated, Any, Final, Literal, TypeVar

from pydantic import AfterValidator, ConfigDict, Field, ValidationInfo, field_validator
from pydantic.fields import FieldInfo

from emfm.core.channels import TARGET_CHANNELS
from emfm.core.errors import DataError
from emfm.core.measurement import AS_STORED
from emfm.results.comparisons import COMPARED, Comparison
from emfm.results.definitions import Grouping
from ttt.config import Section, parse_section

Error = Annotated[float, Field(ge=0)]
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$", description="the SHA-256 of the file, 64 hex digits")]


def _names_all_channels(values: dict[str, float]) -> dict[str, float]:
    if list(values) != list(TARGET_CHANNELS):
        raise ValueError(f"one value for each of {', '.join(TARGET_CHANNELS)}, in this order")
    return values


ChannelErrors = Annotated[dict[str, Error], AfterValidator(_names_all_channels)]


RANGE_DB: Final = 30.0
"""Points count whose true strength is within so many dB of the sample's strongest point."""

FLOOR_DB: Final = 120.0
"""A predicted strength counts as no less than so many dB below the sample's strongest true point."""

Table = Literal["errors", "strength"]


def metric(definition: str, column: tuple[Table, int, str] | None = None, headline: bool = False) -> Any:
    """A number of the results: how it is defined, its column in the report, and whether `dvc exp show` prints it.

    ``column``: the table, the place in it, and the head.
    """
    return Field(description=definition, json_schema_extra={"column": list(column or ()), "headline": headline})


class Metrics(Section):
    """What is measured of a predictor on a set. A further metric is a field here, computed in `evaluate.set_metrics`.

    The residuals are null on a plane with fewer than 3 points along an axis.
    """

    val_mse: Error = metric(
        "squared error, mean over samples, points and the raw channels, E in V/m and H in A/m",
        column=("errors", 7, "MSE, raw channels"),
        headline=True,
    )
    rmse_e_mean: Error = metric(
        "root mean square error of each E channel over samples and points, mean of the six, V/m",
        column=("errors", 5, "RMSE E [V/m]"),
        headline=True,
    )
    rmse_h_mean: Error = metric(
        "root mean square error of each H channel over samples and points, mean of the six, A/m",
        column=("errors", 6, "RMSE H [A/m]"),
        headline=True,
    )
    rel_l2_e: Error = metric(
        "norm of the error of a sample's E (3 components) / norm of its true E, median over samples",
        column=("errors", 1, "rel. L2 E"),
        headline=True,
    )
    rel_l2_h: Error = metric(
        "norm of the error of a sample's H (3 components) / norm of its true H, median over samples",
        column=("errors", 3, "rel. L2 H"),
        headline=True,
    )
    rel_l2_e_p95: Error = metric(
        "the same as rel_l2_e, but the 95th percentile over samples",
        column=("errors", 2, "E, p95"),
        headline=True,
    )
    rel_l2_h_p95: Error = metric(
        "the same as rel_l2_h, but the 95th percentile over samples",
        column=("errors", 4, "H, p95"),
        headline=True,
    )
    db_error_e: Error = metric(
        "abs(20 log10(predicted / true strength of E)), strength being the length of the complex vector, "
        f"median over those points of a sample whose true strength is within {RANGE_DB:g} dB of the sample's largest, "
        f"then the median over samples, dB; a predicted strength counts as no less than {FLOOR_DB:g} dB below that "
        "largest",
        column=("strength", 1, "E [dB]"),
    )
    db_error_h: Error = metric(
        "the same as db_error_e, for H",
        column=("strength", 3, "H [dB]"),
    )
    db_error_e_p95: Error = metric(
        "the same as db_error_e, but the 95th percentile over the points of a sample, then the median over samples",
        column=("strength", 2, "E, p95 [dB]"),
    )
    db_error_h_p95: Error = metric(
        "the same as db_error_e_p95, for H",
        column=("strength", 4, "H, p95 [dB]"),
    )
    maxwell_residual: Error | None = metric(
        "what is left of dEy/dx - dEx/dy + jw mu0 Hz = 0 and of dHy/dx - dHx/dy - jw eps0 Ez = 0 in "
        "the prediction, by central differences of order 8 (6, 4, 2 next to the rim) on the target grid: norm of the "
        "sum of the three terms over the points off the rim / root of the sum of their squared norms, root mean square "
        "of both equations, median over samples; 0 is Maxwell's equations, 1 three terms that know nothing of each "
        "other",
        column=("strength", 5, "Maxwell residual"),
        headline=True,
    )
    maxwell_residual_truth: Error | None = metric(
        "the same of the true field: the error of the differences themselves",
    )

    def headline(self) -> dict[str, float]:
        """The few metrics that a user compares between experiments, without those that are not known."""
        chosen = {
            name: getattr(self, name) for name, field in Metrics.model_fields.items() if _facts(field)["headline"]
        }
        return {name: value for name, value in chosen.items() if value is not None}


def columns(table: Table) -> dict[str, str]:
    """The metrics of one table of the report by name, each with the head of its column, in their order."""
    found = [(name, list(_facts(field)["column"])) for name, field in Metrics.model_fields.items()]
    inside = [(column[1], name, column[2]) for name, column in found if column and column[0] == table]
    return {name: head for _, name, head in sorted(inside)}


def definitions(section: type[Section]) -> dict[str, str]:
    """How each metric of `Metrics` or `TrustMetrics` is defined, in words."""
    return {name: str(field.description) for name, field in section.model_fields.items()}


def _facts(field: FieldInfo) -> dict[str, Any]:
    return dict(field.json_schema_extra) if isinstance(field.json_schema_extra, dict) else {}


class GroupErrors(Section):
    """The errors of those samples of a set that have neighbouring values of one number."""

    low: float | None = Field(description="the least value in the group; null where the values are not known")
    high: float | None = Field(description="the largest")
    samples: int = Field(ge=1, description="samples in the group")
    rel_l2_e: Error = Field(description="median over the group's samples")
    rel_l2_h: Error = Field(description="median over the group's samples")


Correlation = Annotated[float, Field(ge=-1, le=1)]
Share = Annotated[float, Field(ge=0, le=1)]


class TrustMetrics(Section):
    """How well the errors that a model expects of itself agree with those it makes.

    All but ``unlike_training`` are of the samples that the model does not warn of, as it names no error of the others,
    and null where these are fewer than 3; the coverages are null, too, where the model has no bound.
    """

    rank_correlation_e: Correlation | None = metric(
        "Spearman's rank correlation of the expected and the true relative L2 error of E over the "
        "samples that the model does not warn of; ties have their mean rank"
    )
    true_over_expected_e: Error | None = metric(
        "true / expected relative L2 error of E, median over the samples that the model does not warn of"
    )
    coverage_e: Share | None = metric(
        "share of the samples that the model does not warn of whose true relative L2 error of E is at most the bound "
        "that the model gives for it; a right bound has 0.9"
    )
    rank_correlation_h: Correlation | None = metric("the same as rank_correlation_e, for H")
    true_over_expected_h: Error | None = metric("the same as true_over_expected_e, for H")
    coverage_h: Share | None = metric("the same as coverage_e, for H")
    unlike_training: Share = metric(
        "share of the samples that the model warns of: their scan is farther from the training samples, or more "
        "like scans that went wrong, than 49 of 50 of these samples and of the validation samples are"
    )


class NoiseErrors(Section):
    """The errors of a set with noise in its source H."""

    snr_db: float = Field(description="ratio of signal to noise, dB")
    rel_l2_e: Error
    rel_l2_h: Error
    trust: TrustMetrics | None = Field(description="with that noise; null where the predictor says nothing")


INTERVAL_PERCENT: Final = 95
RESAMPLES: Final = 1000


class Interval(Section):
    """Where a metric lies in 95 % of the sets that are drawn from its samples: see `emfm.evaluate.bootstrap`."""

    low: Error
    high: Error


INTERVALS: Final = (
    f"the {INTERVAL_PERCENT} % interval of the metric by the percentiles of a bootstrap: {RESAMPLES:,} sets of as many "
    "scene families as the set has, drawn with replacement, each family whole"
)


class Result(Section):
    """What a predictor reached on a set."""

    model_config = ConfigDict(populate_by_name=True)

    metrics: Metrics = Field(alias="figures")
    intervals: dict[str, Interval] = Field(
        description=f"of each headline metric by name, {INTERVALS}; empty for a set of one family"
    )
    rmse_per_channel: ChannelErrors
    groups: dict[Grouping, list[GroupErrors]] = Field(description="see `emfm.results.definitions.GROUPINGS`")
    noise: list[NoiseErrors] = Field(description="one for each ratio under eval.noise_snr_db")


class ModelResult(Result):
    """What a trained model reached on a set."""

    train_samples: int = Field(ge=1, description="samples that the model was trained on")
    checkpoint_sha256: Sha256
    trust: TrustMetrics | None = Field(description="null for a model that does not say how far to trust it")


class SetResults(Section):
    """What the models and the baselines reached on one set; ``to_json()`` gives the file's content."""

    set: str = Field(description="the set: val_fixed or test_final")
    samples: int = Field(ge=1, description="samples of the set")
    scans: str = Field(AS_STORED, description="how the scans are read, see `data.measurement`")
    models: dict[str, ModelResult] = Field(min_length=1, description="results by stage: stage1, stage2, ...")
    baselines: dict[str, Result] = Field(description="results by the name of the baseline")
    comparisons: list[Comparison] = Field(
        description="each stage against the one before, the first, and the best baseline that learns nothing: "
        f"{COMPARED}"
    )


class OtherSet(Section):
    """What the final stage and the baselines reached on samples of another kind."""

    model_config = ConfigDict(populate_by_name=True)

    samples: int = Field(ge=1, description="samples of the set")
    metrics: dict[str, Metrics] = Field(alias="figures", description="by the name of the stage and of each baseline")
    trust: TrustMetrics | None = Field(description="of the final stage; null where it says nothing of its errors")


class CaseErrors(Section):
    """The relative L2 errors of one predictor on one case."""

    rel_l2_e: Error
    rel_l2_h: Error


class BoardGiven(Section):
    """What is given of a case where the user says where its ground plane lies."""

    errors: CaseErrors
    is_of_board: bool = Field(
        description="whether the field is that of currents on the board; else it is the final stage's"
    )
    expected: CaseErrors | None = Field(description="the errors that are expected; null where nothing is known of them")
    bound: CaseErrors | None = Field(description="what 90 % of such errors are at most, likewise")


class ReferenceCase(Section):
    """One case of a reference set."""

    properties: dict[str, bool | float | str] = Field(description="what the set says of the case, by name")
    errors: dict[str, CaseErrors] = Field(description="by the name of the final stage and of each baseline")
    expected: CaseErrors | None = Field(
        description="the errors that the final stage expects; null where it warns or says nothing"
    )
    bound: CaseErrors | None = Field(
        description="what 90 % of its errors are at most; null where it warns or says nothing, or has no bound"
    )
    unlike_training: bool | None = Field(
        description="whether the final stage warns of a scan unlike its training samples; null where it says nothing"
    )
    board_given: BoardGiven | None = Field(None, description="with its ground plane; null where that is not known")


class ReferenceSet(OtherSet):
    """What the final stage and the baselines reached on cases that an independent program has solved."""

    cases: dict[str, ReferenceCase] = Field(min_length=1, description="by name")
    board_given: Metrics | None = Field(
        None,
        description="of the field that is given with the ground plane of each case, the final stage's where that is "
        "not known; null where it is not known of any",
    )


class DipoleChoice(Section):
    """The setting of the baseline equivalent_dipoles that was best on val_fixed; lengths in pitches of the scan."""

    depth: float = Field(gt=0, description="of the dipoles below the scan")
    margin: float = Field(ge=0, description="from the scan's rim inwards to the outermost dipoles")
    tikhonov: float = Field(gt=0, description="regularisation relative to the mean diagonal of A A^H")
    tried: int = Field(ge=1, description="settings among which it was chosen")


class ValResults(SetResults):
    """The results of val_fixed, with the sets beside it that no split draws from."""

    recommended: str = Field(description="the stage with the lowest sum of rel_l2_e and rel_l2_h: use its model")
    equivalent_dipoles: DipoleChoice
    references: dict[str, ReferenceSet] = Field(description="the sets of eval.reference by name")
    sets: dict[str, OtherSet] = Field(description="kinds of scenes by name")
    left_out: dict[str, str] = Field(description="reference sets that could not be evaluated, and why")

    @field_validator("recommended")
    @classmethod
    def _is_a_stage(cls, name: str, known: ValidationInfo) -> str:
        stages = known.data.get("models", {})
        if stages and name not in stages:
            raise ValueError(f"must be one of {', '.join(stages)}")
        return name


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
