"""Stage ``acquire``: simulate or import the samples into the packed store, and simulate a set of each scene kind."""

import shutil
from pathlib import Path

import numpy as np

from emfm.data.import_cases import ImportedCases, open_import
from emfm.data.kept_import import PartlyKept, find_kept, forget_import, keep_import
from emfm.data.pack import pack
from emfm.data.scene_kinds.registered import SCENE_KINDS
from emfm.data.simulate import SimulatedSource, single_kind_source
from emfm.physics.grid import Geometry
from emfm.settings import Params
from emfm.stages.paths import KINDS, STORE
from emfm.stages.resume import code_digest, kept_folder, resume_folder

_IMPORT_CODE = ("emfm/data", "emfm/physics")


def run(params: Params) -> None:
    """Write ``data/store`` and ``data/kinds``; a run that was stopped goes on where it was."""
    acquire = params.acquire
    geometry = params.data.geometry()
    identity = [acquire.model_dump_json(exclude={"workers"}), repr(geometry), code_digest()]
    if acquire.source == "simulate":
        _simulate(params, geometry, identity)
    else:
        with kept_folder("imported") as kept:
            _import(params, geometry, identity, kept)


def _simulate(params: Params, geometry: Geometry, identity: list[str]) -> None:
    acquire = params.acquire
    source = SimulatedSource(geometry, acquire.simulate, acquire.seed)
    with resume_folder("acquire_kinds", identity) as finished:
        finished.mkdir(parents=True, exist_ok=True)
        _pack_kinds(params, finished)
        with resume_folder("acquire", identity) as work:
            pack(source, geometry, source.origin, STORE, work, acquire.shard_samples, acquire.workers)
        shutil.rmtree(KINDS, ignore_errors=True)
        finished.rename(KINDS)


def _import(params: Params, geometry: Geometry, identity: list[str], kept: Path) -> None:
    """Import the cases; the store is kept for the next import before it gets to where DVC removes it."""
    acquire = params.acquire
    cases = open_import([Path(root) for root in acquire.import_.roots], acquire.import_.reader, geometry)
    same_fields = f"{geometry!r} {code_digest(_IMPORT_CODE)}"
    with resume_folder("acquire", [*identity, cases.inventory_digest()]) as work:
        store = work / "store"
        if not store.exists():
            earlier = find_kept(cases, kept, same_fields, acquire.workers)
            _say_what_is_read(cases, earlier)
            pack(earlier or cases, geometry, "imported", store, work / "shards", acquire.shard_samples, acquire.workers)
        try:
            keep_import(store, cases.case_keys, kept, same_fields, acquire.workers)
        except OSError as error:
            forget_import(kept)
            print(f"The import is not kept ({error}); the next one reads all cases anew.")
        shutil.rmtree(STORE, ignore_errors=True)
        STORE.parent.mkdir(parents=True, exist_ok=True)
        store.rename(STORE)
    shutil.rmtree(KINDS, ignore_errors=True)
    KINDS.mkdir()


def _say_what_is_read(cases: ImportedCases, earlier: PartlyKept | None) -> None:
    taken = 0 if earlier is None else int(np.count_nonzero(earlier.rows >= 0))
    print(f"{taken} cases are taken over from the import before, {len(cases) - taken} are read.")


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
