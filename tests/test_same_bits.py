"""`compute.instruction_set: portable` gives the same bits on processors of both makers.

Libraries ask the processor for its maker and take another way on each. QEMU's user mode runs a program on a processor
that it emulates: the same libraries then meet an Intel and an AMD processor on one machine, and compute by IEEE 754.
"""

import subprocess
import sys
from itertools import chain, pairwise

import pytest

from programs import need
from tiny_project import make_project

MAKERS = {"Intel": "Haswell", "AMD": "EPYC-Rome"}
"""Processors that QEMU emulates."""
SMALLER = {
    "acquire.simulate.num_samples": 40,
    "acquire.simulate.kinds_samples": 1,
    "acquire.simulate.mix": {"boards": 0.2, "elements": 0.8},
    "acquire.simulate.scenes.boards.largest_mm": 9.0,
    "split.train_pool": 20,
    "split.val_fixed": 4,
    "split.test_final": 8,
    "stages.sizes": [4, 8, 12, 16, 20],
    "train.epochs": 1,
}
"""An emulated processor is ten times slower."""
NUMERICS = """
import sys
from ttt.pinning import ComputeParams, pin
pin(ComputeParams(threads=1, instruction_set=sys.argv[1]))
import hashlib, numpy as np, torch
generator = torch.Generator().manual_seed(0)
real = torch.randn(96, 200, generator=generator, dtype=torch.float64)
single = torch.randn(130, 90, generator=generator)
square = torch.randn(3, 40, 40, generator=generator, dtype=torch.complex128)
positive = square @ square.mH + 9 * torch.eye(40)
image, kernel = (torch.randn(shape, generator=generator) for shape in ((2, 8, 16, 16), (8, 8, 3, 3)))
results = {
    "product": real @ real.mT, "product in single precision": single @ single.mT, "complex product": positive @ square,
    "factor": torch.linalg.cholesky(positive), "inverse": torch.cholesky_inverse(torch.linalg.cholesky(positive)),
    "eigenvalues": torch.linalg.eigvalsh(positive),
    "solution": torch.linalg.solve(positive, square), "exponential": single.exp(), "tangent": single.tanh(),
    "sum": single.sum(0), "convolution": torch.nn.functional.conv2d(image, kernel), "spectrum": torch.fft.fft2(image),
    "numpy's product": real.numpy() @ real.numpy().T, "numpy's exponential": np.exp(1j * real.numpy()),
    "numpy's least squares": np.linalg.lstsq(real.numpy().T, np.eye(200), rcond=None)[0],
    "numpy's singular values": np.linalg.svd(real.numpy())[1], "numpy's spectrum": np.fft.fft(real.numpy()),
}
for name, result in results.items():
    print(name, hashlib.sha256(np.ascontiguousarray(result).tobytes()).hexdigest(), sep=": ")
"""


STAGES = (("acquire", "dedupe"), ("group_split",), ("compute_norm_stats", "train_stage 1"))
"""Those that one process runs: on an emulated processor it takes half a minute to load torch.

group_split does without torch, and where torch is loaded QEMU breaks off in numpy's sorting.
"""
RUN = """
import sys
from emfm.stages import main
for stage in sys.argv[1:]:
    assert main(stage.split()) == 0, stage
"""


def emulated(maker):
    return [need(["qemu-x86_64"], "qemu-user"), "-cpu", MAKERS[maker], sys.executable]


def numerics(python, instruction_set):
    command = [*python, "-c", NUMERICS, instruction_set]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return dict(line.split(": ") for line in done.stdout.splitlines())


@pytest.mark.slow
def test_makers_get_other_bits_by_default_and_the_same_if_portable():
    intel, amd = (numerics(emulated(maker), "avx2") for maker in MAKERS)
    assert [name for name in intel if intel[name] != amd[name]]  # else the emulation hides what it is to show
    processors = [[sys.executable], *map(emulated, MAKERS)]
    for one, other in pairwise(numerics(python, "portable") for python in processors):
        assert one == other


@pytest.mark.slow
def test_a_portable_pipeline_has_one_lock_file_on_the_processors_of_both_makers(tmp_path):
    start = make_project(tmp_path / "here", SMALLER | {"compute.instruction_set": "portable"})
    projects = {maker: start.copy(tmp_path / maker) for maker in MAKERS}
    start.run("dvc", "repro", "train_stage1")
    for maker, project in projects.items():
        for stages in STAGES:
            project.run(*emulated(maker), "-c", RUN, *stages)
        project.run("dvc", "commit", "-f", *(stage.replace(" ", "") for stage in chain(*STAGES)))
        assert project.read("dvc.lock") == start.read("dvc.lock"), maker
