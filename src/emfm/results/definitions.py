"""How every reported number is defined, in words: the evaluations compute them, the report prints the words."""

from typing import Final, Literal

RANGE_DB: Final = 30.0
"""Points count whose true strength is within so many dB of the sample's strongest point."""

FLOOR_DB: Final = 120.0
"""A predicted strength counts as no less than so many dB below the sample's strongest true point."""

FIELD_METRICS: Final = {
    "val_mse": "squared error, mean over samples, points and the raw channels, E in V/m and H in A/m",
    "rmse_e_mean": "root mean square error of each E channel over samples and points, mean of the six, V/m",
    "rmse_h_mean": "root mean square error of each H channel over samples and points, mean of the six, A/m",
    "rel_l2_e": "norm of the error of a sample's E (3 components) / norm of its true E, median over samples",
    "rel_l2_h": "norm of the error of a sample's H (3 components) / norm of its true H, median over samples",
    "rel_l2_e_p95": "the same as rel_l2_e, but the 95th percentile over samples",
    "rel_l2_h_p95": "the same as rel_l2_h, but the 95th percentile over samples",
}
"""The metrics of `emfm.core.field_errors.FieldErrors.compute`, and how they are defined."""

METRICS: Final = FIELD_METRICS | {
    "db_error_e": "abs(20 log10(predicted / true strength of E)), strength being the length of the complex vector, "
    f"median over those points of a sample whose true strength is within {RANGE_DB:g} dB of the sample's largest, "
    f"then the median over samples, dB; a predicted strength counts as no less than {FLOOR_DB:g} dB below that largest",
    "db_error_h": "the same as db_error_e, for H",
    "db_error_e_p95": "the same as db_error_e, but the 95th percentile over the points of a sample, "
    "then the median over samples",
    "db_error_h_p95": "the same as db_error_e_p95, for H",
    "maxwell_residual": "what is left of dEy/dx - dEx/dy + jw mu0 Hz = 0 and of dHy/dx - dHx/dy - jw eps0 Ez = 0 in "
    "the prediction, by central differences of order 8 (6, 4, 2 next to the rim) on the target grid: norm of the sum "
    "of the three terms over the points off the rim / root of the sum of their squared norms, root mean square of both "
    "equations, median over samples; 0 is Maxwell's equations, 1 three terms that know nothing of each other",
    "maxwell_residual_truth": "the same of the true field: the error of the differences themselves",
}
"""The metrics of `emfm.evaluate.set_metrics.SetFigures.compute`, in that order."""

TRUST_METRICS: Final = {
    "rank_correlation_e": "Spearman's rank correlation of the expected and the true relative L2 error of E over the "
    "samples; ties have their mean rank",
    "true_over_expected_e": "true / expected relative L2 error of E, median over samples",
    "rank_correlation_h": "the same as rank_correlation_e, for H",
    "true_over_expected_h": "the same as true_over_expected_e, for H",
    "unlike_training": "share of the samples whose scan is farther from the training samples than 999 of 1000 of these",
}
"""The metrics of `emfm.evaluate.agreement.agreement`, and how they are defined."""

BASELINES: Final = {
    "mean_field": "the mean training target per unit of source scale, times the scan's own scale",
    "plane_wave_spectrum": "the plane waves of the scan (zero outside it), carried to the target plane",
    "equivalent_dipoles": "the field of electric and magnetic dipoles below the scan that fit it",
    "linear_operator": "the complex matrix from scan to field that fits the training samples",
}
"""The baselines by name, in the order of the report, and what each is."""

Grouping = Literal["family_size", "depth", "elements"]

GROUPINGS: Final[dict[Grouping, str]] = {
    "family_size": "rows of the sample's scene family in the store's sample table, repeats and all sets included",
    "depth": "distance from the source plane down to the shallowest source, m, from the store's parameters whose "
    "name ends in _z",
    "elements": "current elements of the scene, the store's parameter of that name",
}
"""How samples are grouped, and by which number."""
