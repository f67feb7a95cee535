"""Pin what the bits of a result depend on: thread count and instruction set.

The libraries read these settings when they are loaded, so `pin` must run before the first import of
numpy or torch; it therefore imports neither.
"""

import os
import platform
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

import pydantic

from ttt.config import MAY_CHANGE, SCALES, Section, at_scale, parse_section, read_yaml, with_values

_AVX2 = {
    "ATEN_CPU_CAPABILITY": "avx2",  # torch's own kernels
    "ONEDNN_MAX_CPU_ISA": "AVX2",  # torch's convolutions
    "MKL_CBWR": "AVX2",  # torch's matrix products
    "OPENBLAS_CORETYPE": "Haswell",  # numpy's matrix products
}
# MKL takes another way on processors of other makers, whatever it is asked for, except this one.
_PORTABLE = _AVX2 | {"MKL_CBWR": "COMPATIBLE"}
_NUMPY_ABOVE_AVX2 = {"avx512_skx": "X86_V4", "avx512_icl": "AVX512_ICL", "avx512_spr": "AVX512_SPR"}
_NUMPY_NEEDS = {"avx512_skx": "avx512bw", "avx512_icl": "avx512_vbmi2", "avx512_spr": "avx512_fp16"}
# How long an idle thread of libgomp spins before it sleeps. Its default is for ever, which makes training up to 14
# times slower as soon as a second training runs on the cores; to sleep at once costs a third of the speed.
_SPINNING = {"GOMP_SPINCOUNT": "5000"}
# glibc gives the memory of freed arrays back to the kernel and then waits for it anew: a tenth of the time of work on
# many arrays of some 100 KB.
_KEPT_MEMORY = {"MALLOC_MMAP_THRESHOLD_": "67108864", "MALLOC_TRIM_THRESHOLD_": "134217728"}
_THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")


class ComputeParams(Section):
    """How numbers are computed, where that changes their last bits."""

    threads: int = pydantic.Field(
        ge=1, description="threads of every library in one process", json_schema_extra=MAY_CHANGE
    )
    instruction_set: Literal["avx2", "portable", "native"] = pydantic.Field(
        description="avx2: same bits on every x86-64 processor of one maker since 2013; portable: of Intel and of AMD, "
        "much slower; native: the fastest, other bits",
        json_schema_extra=MAY_CHANGE,
    )
    processes: int = pydantic.Field(
        default=1,
        ge=1,
        description="processes, each with these threads or its own GPU, that share a training stage",
        json_schema_extra=MAY_CHANGE,
    )
    compile: Literal["none", "default", "reduce-overhead"] = pydantic.Field(
        default="none",
        description="torch.compile of training steps: none, default, or reduce-overhead, which replays CUDA graphs",
        json_schema_extra=MAY_CHANGE,
    )


def pin(compute: ComputeParams) -> None:
    """Set the environment of this process and its children to ``compute``.

    Raises RuntimeError where numpy or torch is loaded already and would not take notice, and where the
    processor has no AVX2.
    """
    settings = dict.fromkeys(_THREADS, str(compute.threads)) | _SPINNING
    if compute.instruction_set != "native":
        settings |= (_AVX2 if compute.instruction_set == "avx2" else _PORTABLE) | _without_avx512(compute)
    stale = {key: value for key, value in settings.items() if os.environ.get(key) != value}
    loaded = {"numpy", "torch"} & set(sys.modules)
    if stale and loaded:
        raise RuntimeError(f"{', '.join(sorted(loaded))} was imported before its settings {stale} were made")
    os.environ.update(stale)
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # repeatable matrix products on cuda


@contextmanager
def one_thread_each() -> Iterator[None]:
    """Processes that are started in the block compute with one thread each: together they fill the cores."""
    settings = dict.fromkeys(_THREADS, "1") | _KEPT_MEMORY
    before = {name: os.environ.get(name) for name in settings}
    os.environ.update(settings)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def pin_for(config: Path, overrides: Mapping[str, Any] | None = None) -> None:
    """`pin` to the section ``compute`` of a configuration file, before anything else is read from it.

    ``overrides`` are values by dotted key that replace the file's.

    A section that is missing or wrong is left to `ttt.settings.load_config`, which names all mistakes. Raises
    ConfigError where the file cannot be read.
    """
    compute = compute_params(with_values(read_yaml(config), overrides or {}), [])
    if compute is not None:
        pin(compute)


def compute_params(raw: Mapping[str, Any], problems: list[str]) -> ComputeParams | None:
    """The section ``compute`` in a configuration file's content, at its scale; None, with ``problems``, for none."""
    scale = raw["scale"] if raw.get("scale") in SCALES else SCALES[0]
    return parse_section(ComputeParams, at_scale(raw.get("compute"), scale), "compute", problems)


def _without_avx512(compute: ComputeParams) -> dict[str, str]:
    flags = _processor_flags()
    if platform.machine() in ("x86_64", "AMD64") and flags and "avx2" not in flags:
        raise RuntimeError(
            "this processor has no AVX2, which compute.instruction_set: "
            f"{compute.instruction_set} needs; set it to native "
            "(the results are then right, but not the same to the last bit as elsewhere)"
        )
    present = [_NUMPY_ABOVE_AVX2[group] for group, flag in _NUMPY_NEEDS.items() if flag in flags]
    return {"NPY_DISABLE_CPU_FEATURES": " ".join(present)} if present else {}


def _processor_flags() -> frozenset[str]:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="ascii", errors="replace").splitlines()
    except OSError:
        return frozenset()
    found = next((line for line in lines if line.startswith("flags")), "")
    return frozenset(found.partition(":")[2].split())
