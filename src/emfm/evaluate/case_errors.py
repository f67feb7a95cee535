"""The errors of single cases, as the results hold them."""

import numpy as np

from emfm.evaluate.set_metrics import SetMetrics
from emfm.results.schema import CaseErrors


def errors_of(measured: SetMetrics, place: int) -> CaseErrors:
    """Those made on the case at a place among those that were measured."""
    errors = measured.per_sample()
    return CaseErrors(rel_l2_e=float(errors.rel_l2_e[place]), rel_l2_h=float(errors.rel_l2_h[place]))


def errors_if_known(e_error: float, h_error: float) -> CaseErrors | None:
    """Those expected, or their bound; None for NaN, which stands beside a warning, or where there is no bound."""
    if np.isnan(e_error) or np.isnan(h_error):
        return None
    return CaseErrors(rel_l2_e=float(e_error), rel_l2_h=float(h_error))
