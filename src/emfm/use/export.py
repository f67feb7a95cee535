"""Trained models as files that other programs run: a graph of PyTorch (.pt2) or ONNX (.onnx), for any number of scans.

A graph takes scans ``source_h (n, 4, ny, nx)`` float32, A/m, and returns ``target (n, 12, ny, nx)``, V/m and A/m,
``expected_rel_l2 (n, 2)`` of E and H, ``bound_rel_l2 (n, 2)``, which 90 % of errors do not exceed, and
``distance (n,)`` from the training samples; where it is above 1 the two before are NaN. What it is for, `facts`, is
stored in the file.
"""

import importlib
import io
import json
import logging
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch._dynamo.exc import TorchDynamoException

from emfm.core.channels import SOURCE_CHANNELS, TARGET_CHANNELS, UNITS, to_channels
from emfm.core.covered import COVERED_PERCENT
from emfm.core.elements import element_fields
from emfm.core.grid import Geometry, Grid
from emfm.model.trained import TrainedModel
from ttt.config import UserError
from ttt.files import write_bytes

FORMAT: Final = "emfm-export-2"
FACTS: Final = "emfm.json"
"""Where the facts are: the extra file of this name in a .pt2, the metadata property of this name in a .onnx."""
INPUT: Final = "source_h"
OUTPUTS: Final = ("target", "expected_rel_l2", "bound_rel_l2", "distance")
LARGEST_DIFFERENCE: Final = 1e-4
"""Of the written graph from the model, relative to the largest number of each output."""

_BATCHES: Final = (1, 5, 70)
_ELEMENTS: Final = 3
_ONNX_PACKAGES: Final = ("onnx", "onnxscript", "onnxruntime")

Arrays = tuple[NDArray[Any], ...]
Graph = Callable[[NDArray[np.float32]], Arrays]


def export_model(trained: TrainedModel, out: Path) -> float:
    """Write the model, which must be on the cpu, as a graph to ``out``; the suffix says which kind.

    The graph is read back and run on simulated scans before it is written; returned is the largest difference of its
    outputs from the model's, relative to the largest number of each.

    Raises:
        UserError: another suffix, packages that are missing, a model with operations that the kind of graph has no
            place for, or a graph that differs by more than `LARGEST_DIFFERENCE`. Nothing is written then.
    """
    makers = {".pt2": _to_pt2, ".onnx": _to_onnx}
    if out.suffix not in makers:
        raise UserError(f"--out: found '{out}'; the suffix says the kind of file: {' or '.join(makers)}")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch's exporters warn of their own code
        content, graph = makers[out.suffix](trained)
    difference = max(_difference(graph, trained, count) for count in _BATCHES)
    if not difference <= LARGEST_DIFFERENCE:
        raise UserError(
            f"{out}: the graph differs from the model by {difference:.2g}, more than {LARGEST_DIFFERENCE:g} of the "
            "largest number; nothing was written. Try the other kind of file"
        )
    write_bytes(out, content)
    return difference


def facts(trained: TrainedModel) -> dict[str, Any]:
    """What the graph takes and returns, as plain values."""
    geometry = trained.geometry
    return {
        "format": FORMAT,
        "model": trained.facts.model,
        "checkpoint_sha256": trained.facts.sha256,
        "torch": str(torch.__version__),
        "frequency_hz": geometry.frequency,
        "phasors": "peak, time factor exp(+jwt)",
        "calibrated": trained.facts.calibrated,
        INPUT: _plane(SOURCE_CHANNELS, geometry.source),
        OUTPUTS[0]: _plane(TARGET_CHANNELS, geometry.target),
        OUTPUTS[1]: {
            "columns": ["E", "H"],
            "meaning": "expected relative L2 error; NaN where distance is above 1 or the model is not calibrated",
        },
        OUTPUTS[2]: {
            "columns": ["E", "H"],
            "meaning": f"{COVERED_PERCENT} % of unseen samples like the training samples have at most this relative L2 "
            "error; NaN as expected_rel_l2",
        },
        OUTPUTS[3]: {"meaning": "above 1 a scan is unlike the training samples"},
    }


def _plane(channels: tuple[str, ...], grid: Grid) -> dict[str, Any]:
    return {
        "axes": ["sample", "channel", "y", "x"],
        "channels": list(channels),
        "units": [UNITS[channel[0]] for channel in channels],
        "x_m": grid.x.tolist(),
        "y_m": grid.y.tolist(),
        "z_m": grid.z,
    }


def _program(trained: TrainedModel) -> torch.export.ExportedProgram:
    """The model as a graph of PyTorch's operations, with any number of scans."""
    module = trained.module()
    example = torch.from_numpy(simulated_scans(trained.geometry, 2))
    with torch.no_grad():
        module(example)  # computes what is kept between calls, which then is a constant of the graph
        try:
            return torch.export.export(module, (example,), dynamic_shapes=({0: torch.export.Dim("n")},), strict=True)
        except TorchDynamoException as error:
            raise UserError(
                f"'{trained.facts.model}' cannot be written as a graph of PyTorch's operations "
                f"({str(error).partition(chr(10))[0]}); use it through emfm.load_model"
            ) from error


def _to_pt2(trained: TrainedModel) -> tuple[bytes, Graph]:
    buffer = io.BytesIO()
    torch.export.save(_program(trained), buffer, extra_files={FACTS: json.dumps(facts(trained))})
    content = buffer.getvalue()
    module = torch.export.load(io.BytesIO(content)).module()

    def run(scans: NDArray[np.float32]) -> Arrays:
        with torch.inference_mode():
            return tuple(output.numpy() for output in module(torch.from_numpy(scans)))

    return content, run


def _to_onnx(trained: TrainedModel) -> tuple[bytes, Graph]:
    for package in _ONNX_PACKAGES:
        try:
            importlib.import_module(package)
        except ImportError as error:
            raise UserError(
                f"to write ONNX needs the package {package} ({error}); install it with "
                "pip install -c constraints.txt -e '.[onnx]', or write a .pt2 file"
            ) from error
    onnxruntime = importlib.import_module("onnxruntime")
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)
    try:
        program = torch.onnx.export(
            _program(trained), (), dynamo=True, verbose=False, input_names=[INPUT], output_names=OUTPUTS
        )
    except torch.onnx.OnnxExporterError as error:
        raise UserError(
            f"ONNX has no place for some operation of '{trained.facts.model}'; write a .pt2 file instead"
        ) from error
    assert program is not None
    program.model.metadata_props[FACTS] = json.dumps(facts(trained))
    content: bytes = program.model_proto.SerializeToString()
    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])

    def run(scans: NDArray[np.float32]) -> Arrays:
        return tuple(session.run(list(OUTPUTS), {INPUT: scans}))

    return content, run


def _difference(graph: Graph, trained: TrainedModel, count: int) -> float:
    scans = simulated_scans(trained.geometry, count)
    largest = 0.0
    for found, expected in zip(graph(scans), trained.learned_with_trust(scans), strict=True):
        if found.shape != expected.shape or (np.isnan(found) != np.isnan(expected)).any():
            return float("inf")
        apart = np.nanmax(np.abs(found - expected), initial=0.0)
        largest = max(largest, float(apart / (np.nanmax(np.abs(expected), initial=0.0) or 1.0)))
    return largest


def simulated_scans(geometry: Geometry, count: int) -> NDArray[np.float32]:
    """Scans of a few random current elements each, always the same, ``(count, 4, ny, nx)``, A/m."""
    rng, plane = np.random.default_rng(0), geometry.source
    lowest = [plane.x[0], plane.y[0], plane.z - 2.5 * plane.pitch_x]
    highest = [plane.x[-1], plane.y[-1], plane.z - plane.pitch_x]
    scans = []
    for _ in range(count):
        positions = rng.uniform(lowest, highest, (_ELEMENTS, 3))
        moments = 1e-3 * rng.normal(size=(2, _ELEMENTS, 3)) @ np.diag([1, 1, 0.5]) * np.exp(1j * rng.normal())
        h_field = element_fields(plane.points(), positions, moments[0], 100 * moments[1], geometry.frequency)[1]
        scans.append(h_field[:, :2].T.reshape(2, *plane.shape))
    return to_channels(np.stack(scans)).astype(np.float32)
