"""Stage ``acquire``: simulate or import the samples into the packed store, and simulate a set of each scene kind."""

import shutil
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from emfm.data.import_cases import open_import
from emfm.data.pack import Slice, adopt, pack, pack_slice
from emfm.data.sample import SampleSource
from emfm.data.scene_kinds.registered import SCENE_KINDS
from emfm.data.simulate import SimulatedSource, single_kind_source
from emfm.physics.grid import Geometry
from emfm.settings import Params
from emfm.stages.paths import KINDS, STORE
from emfm.stages.resume import code_digest, resume_folder, unfinished
from ttt.engine.progress import LOG

_SLICE = "acquire_slice"


def run(params: Params) -> None:
    """Write ``data/store`` and ``data/kinds``; a run that was stopped goes on where it was.

    What `run_slice` has made of the same samples, here or on other machines, is taken up.
    """
    acquire, samples = params.acquire, _Samples.of(params)
    with ExitStack() as held:
        finished = held.enter_context(resume_folder("acquire_kinds", samples.identity))
        finished.mkdir(parents=True, exist_ok=True)
        if acquire.source == "simulate":
            _pack_kinds(params, finished)
        work = held.enter_context(resume_folder("acquire", samples.identity))
        slices = unfinished(_SLICE, samples.identity)
        adopt([held.enter_context(resume_folder(name, samples.identity)) for name in slices], work)
        pack(samples.source, samples.geometry, samples.origin, STORE, work, acquire.shard_samples, acquire.workers)
        shutil.rmtree(KINDS, ignore_errors=True)
        finished.rename(KINDS)


def run_slice(params: Params, number: int, of: int) -> None:
    """Make one slice of the samples and leave it in ``.resume`` for `run`, on this machine or another."""
    acquire, samples, part = params.acquire, _Samples.of(params), Slice(number, of)
    with resume_folder(f"{_SLICE}{part.number}of{part.of}", samples.identity, keep=True) as work:
        count = pack_slice(
            samples.source, samples.geometry, samples.origin, part, work, acquire.shard_samples, acquire.workers
        )
        LOG.info(
            "slice %d of %d: %d samples are in %s; copy that folder into .resume of the clone that joins the slices, "
            "and run `dvc repro acquire` there",
            *(part.number, part.of, count, work),
        )


@dataclass(frozen=True)
class _Samples:
    """What there is to pack."""

    source: SampleSource
    geometry: Geometry
    origin: str
    identity: list[str]

    @classmethod
    def of(cls, params: Params) -> Self:
        acquire, geometry = params.acquire, params.data.geometry()
        identity = [acquire.model_dump_json(exclude={"workers"}), repr(geometry), code_digest()]
        if acquire.source == "simulate":
            simulated = SimulatedSource(geometry, acquire.simulate, acquire.seed)
            return cls(simulated, geometry, simulated.origin, identity)
        cases = open_import([Path(root) for root in acquire.import_.roots], acquire.import_.reader, geometry)
        return cls(cases, geometry, "imported", [*identity, cases.inventory_digest()])


def _pack_kinds(params: Params, folder: Path) -> None:
    """A store of each registered scene kind in ``folder``, unless a run that was stopped has made it.

    They come before the main store and stay out of DVC's sight until that is done: DVC removes what a killed stage
    has put out, and the main store must not be lost for them, nor they for it.
    """
    acquire, geometry = params.acquire, params.data.geometry()
    for name in SCENE_KINDS.names():
        if not (folder / name).exists():
            source = single_kind_source(name, geometry, acquire.simulate, acquire.seed)
            work = folder.with_name(f"{folder.name}-{name}")
            pack(source, geometry, source.origin, folder / name, work, acquire.shard_samples, acquire.workers)
