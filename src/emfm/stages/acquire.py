"""Stage ``acquire``: simulate or import the samples into the packed store."""

from pathlib import Path

from emfm.data.import_cases import open_import
from emfm.data.pack import pack
from emfm.data.sample import SampleSource
from emfm.data.simulate import SimulatedSource
from emfm.settings import Params
from emfm.stages.paths import STORE
from emfm.stages.resume import code_digest, resume_folder


def run(params: Params) -> None:
    """Write ``data/store``; a run that was stopped goes on where it was."""
    acquire = params.acquire
    geometry = params.data.geometry()
    identity = [acquire.model_dump_json(exclude={"workers"}), repr(geometry), code_digest()]
    source: SampleSource
    if acquire.source == "simulate":
        source = SimulatedSource(geometry, acquire.simulate, acquire.seed)
        origin = f"simulated: {acquire.simulate.kind}"
    else:
        cases = open_import([Path(root) for root in acquire.import_.roots], acquire.import_.reader, geometry)
        source, origin = cases, "imported"
        identity.append(cases.inventory_digest())
    with resume_folder("acquire", identity) as work:
        pack(source, geometry, origin, STORE, work, acquire.shard_samples, acquire.workers)
