"""The section data.measurement with all errors, and any of them changed or alone."""

from emfm.core.measurement import MeasurementParams

NONE = {
    "snr_db": None,
    "probe_mm": [0.0, 0.0],
    "position_mm": 0.0,
    "height_mm": 0.0,
    "gain_db": 0.0,
    "phase_deg": 0.0,
    "redraw": True,
}
ALL = {
    "snr_db": [30.0, 60.0],
    "probe_mm": [0.0, 1.0],
    "position_mm": 0.02,
    "height_mm": 0.05,
    "gain_db": 0.2,
    "phase_deg": 1.0,
    "redraw": True,
}


def measurement_params(**changes) -> MeasurementParams:
    """Every error of a usual size."""
    return MeasurementParams(**(ALL | changes))


def only(**errors) -> MeasurementParams:
    """No error but those given."""
    return MeasurementParams(**(NONE | errors))
