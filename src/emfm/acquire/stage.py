"""Stage ``acquire``: simulate or import the samples into the packed store, and simulate a set of each scene kind."""

import shutil
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

import numpy as np

from emfm.acquire.import_cases import ImportedCases, open_import
from emfm.acquire.kept_import import PartlyKept, find_kept, forget_import, keep_import, note_inventory
from emfm.acquire.pack import Slice, adopt, pack, pack_slice
from emfm.acquire.scan_report import warn_of_scans
from emfm.acquire.scene_kinds import SCENE_KINDS
from emfm.acquire.simulate import SimulatedSource, single_kind_source
from emfm.core.store import Store
from emfm.settings import Params, refuse_too_few
from emfm.workflow.paths import KEPT_IMPORT, KINDS, STORE
from emfm.workflow.unfinished import code_digest, kept_folder, resume_folder, unfinished
from ttt.config import ConfigError
from ttt.log import LOG

_SLICE = "acquire_slice"
_SHARDS = "shards"
_STAGE = "acquire"


def refuse_before_work(params: Params) -> None:
    """Raise ConfigError where the folders to import hold too few cases for the sets."""
    if params.acquire.source == "import":
        refuse_too_few(params, len(_cases(params)), "acquire.import.roots")


def run(params: Params) -> None:
    """Write ``data/store`` and ``data/kinds``; a run that was stopped goes on where it was.

    What `run_slice` has made of the same samples, here or on other machines, is taken up.
    """
    if params.acquire.source == "simulate":
        _simulate(params)
    else:
        with kept_folder(KEPT_IMPORT) as kept:
            _import(params, kept)


def run_slice(params: Params, number: int, of: int) -> None:
    """Make one slice of the samples and leave it in ``.resume`` for `run`, on this machine or another."""
    acquire, geometry, part = params.acquire, params.data.geometry(), Slice(number, of)
    source = _simulated(params) if acquire.source == "simulate" else _cases(params)
    with resume_folder(f"{_SLICE}{number}of{of}", _identity(params, source), keep=True) as work:
        count = pack_slice(source, geometry, part, work / _SHARDS, acquire.shard_samples, acquire.workers)
        LOG.info(
            "slice %d of %d: %d samples are in %s; copy that folder into .resume of the clone that joins the slices, "
            "and run `dvc repro acquire` there",
            *(number, of, count, work),
        )


def _simulate(params: Params) -> None:
    acquire, geometry, source = params.acquire, params.data.geometry(), _simulated(params)
    identity = _identity(params, source)
    with resume_folder("acquire_kinds", identity) as finished:
        finished.mkdir(parents=True, exist_ok=True)
        _pack_kinds(params, finished)
        with _work_of_all(identity) as work:
            pack(source, geometry, source.origin, STORE, work / _SHARDS, acquire.shard_samples, acquire.workers)
        shutil.rmtree(KINDS, ignore_errors=True)
        finished.rename(KINDS)


def _import(params: Params, kept: Path) -> None:
    """Import the cases; the store is kept for the next import before it gets to where DVC removes it."""
    acquire, geometry = params.acquire, params.data.geometry()
    cases, given = _cases(params), acquire.import_
    same_fields = f"{geometry!r} {given.position_tolerance} {given.accept_unphysical} {code_digest(_STAGE)}"
    with _work_of_all(_identity(params, cases)) as work:
        store = work / "store"
        if not store.exists():
            earlier = find_kept(cases, kept, same_fields, acquire.workers)
            _say_what_is_read(cases, earlier)
            pack(earlier or cases, geometry, "imported", store, work / _SHARDS, acquire.shard_samples, acquire.workers)
        try:
            keep_import(store, cases.case_keys, kept, same_fields, acquire.workers)
        except OSError as error:
            forget_import(kept)
            print(f"The import is not kept ({error}); the next one reads all cases anew.")
        shutil.rmtree(STORE, ignore_errors=True)
        STORE.parent.mkdir(parents=True, exist_ok=True)
        store.rename(STORE)
        note_inventory(kept, cases)
    warn_of_scans(Store(STORE))
    shutil.rmtree(KINDS, ignore_errors=True)
    KINDS.mkdir()


def _simulated(params: Params) -> SimulatedSource:
    return SimulatedSource(params.data.geometry(), params.acquire.simulate, params.acquire.seed)


def _cases(params: Params) -> ImportedCases:
    """The cases to import, of which none is read yet."""
    given = params.acquire.import_
    return open_import(
        [Path(root) for root in given.roots],
        given.reader,
        params.data.geometry(),
        given.position_tolerance,
        accept_unphysical=given.accept_unphysical,
    )


def _identity(params: Params, source: SimulatedSource | ImportedCases) -> list[str]:
    """All that the samples depend on."""
    told = [params.acquire.model_dump_json(exclude={"workers"}), repr(params.data.geometry()), code_digest(_STAGE)]
    return [*told, source.inventory_digest()] if isinstance(source, ImportedCases) else told


@contextmanager
def _work_of_all(identity: Sequence[str]) -> Iterator[Path]:
    """The folder for unfinished work, with the shards of all slices in it."""
    with ExitStack() as held:
        work = held.enter_context(resume_folder("acquire", identity))
        slices = [held.enter_context(resume_folder(name, identity)) for name in unfinished(_SLICE, identity)]
        adopt([part / _SHARDS for part in slices], work / _SHARDS)
        yield work


def _say_what_is_read(cases: ImportedCases, earlier: PartlyKept | None) -> None:
    taken = 0 if earlier is None else int(np.count_nonzero(earlier.rows >= 0))
    print(f"{taken} cases are taken over from the import before, {len(cases) - taken} are read.")


def _pack_kinds(params: Params, folder: Path) -> None:
    """A store of each registered scene kind in ``folder``, unless a run that was stopped has made it.

    A kind that cannot be drawn on these planes has none; the main set, which is opened first, refuses it.

    They come before the main store and stay out of DVC's sight until that is done: DVC removes what a killed stage
    has put out, and the main store must not be lost for them, nor they for it.
    """
    acquire, geometry = params.acquire, params.data.geometry()
    for name in SCENE_KINDS.names():
        if not (folder / name).exists():
            try:
                source = single_kind_source(name, geometry, acquire.simulate, acquire.seed)
            except ConfigError as error:
                LOG.warning("data/kinds has no set of %s: %s", name, error)
                continue
            work = folder.with_name(f"{folder.name}-{name}")
            pack(source, geometry, source.origin, folder / name, work, acquire.shard_samples, acquire.workers)
