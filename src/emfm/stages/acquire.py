"""Stage ``acquire``: simulate or import the samples into the packed store, and simulate a set of each scene kind."""

import shutil
from pathlib import Path

from emfm.data.import_cases import open_import
from emfm.data.pack import pack
from emfm.data.sample import SampleSource
from emfm.data.scene_kinds.registered import SCENE_KINDS
from emfm.data.simulate import SimulatedSource, single_kind_source
from emfm.settings import Params
from emfm.stages.paths import KINDS, STORE
from emfm.stages.resume import code_digest, resume_folder


def run(params: Params) -> None:
    """Write ``data/store`` and ``data/kinds``; a run that was stopped goes on where it was."""
    acquire = params.acquire
    geometry = params.data.geometry()
    identity = [acquire.model_dump_json(exclude={"workers"}), repr(geometry), code_digest()]
    source: SampleSource
    if acquire.source == "simulate":
        source = SimulatedSource(geometry, acquire.simulate, acquire.seed)
        origin = source.origin
    else:
        cases = open_import([Path(root) for root in acquire.import_.roots], acquire.import_.reader, geometry)
        source, origin = cases, "imported"
        identity.append(cases.inventory_digest())
    with resume_folder("acquire_kinds", identity) as finished:
        finished.mkdir(parents=True, exist_ok=True)
        if acquire.source == "simulate":
            _pack_kinds(params, finished)
        with resume_folder("acquire", identity) as work:
            pack(source, geometry, origin, STORE, work, acquire.shard_samples, acquire.workers)
        shutil.rmtree(KINDS, ignore_errors=True)
        finished.rename(KINDS)


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
