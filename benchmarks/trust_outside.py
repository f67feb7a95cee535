"""How honest a model's trust is outside the world that it was trained on.

    python benchmarks/trust_outside.py [--ckpt models/stage5/best.pth] [--scans 20] [--out FILE.md]

predicts from scans of kinds that the training did not have (sources elsewhere, more of them, ground planes and cables,
worse instruments, other conventions, cases of other programs) and compares the error that the model expects of itself
with the true one. A scan is treated honestly if it is refused or warned of, or if E and H are both wrong by no more
than three times what is expected. Scenes are drawn anew, so that no test set is opened. Writes trust_outside.md in
reports/benchmarks/. It takes some minutes.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from machine import OUT, ROOT, pin_libraries

from ttt.files import write_text

if TYPE_CHECKING:
    from outside_scans import Row
    from outside_trust import Verdicts
    from outside_world import World

    from emfm.model.trained import TrainedModel

SEED = 1_000_000
"""Of the scenes: none of the pipeline's."""


def main() -> None:
    """Measure and write the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--ckpt", type=Path, default=ROOT / "models/stage5/best.pth", help="default: %(default)s")
    parser.add_argument("--scans", type=int, default=20, help="scans of each kind; default: %(default)s")
    parser.add_argument("--seed", type=int, default=SEED, help="of the scenes; default: %(default)s")
    parser.add_argument("--out", type=Path, default=OUT / "trust_outside.md", help="default: %(default)s")
    args = parser.parse_args()
    if args.scans < 1:
        parser.error(f"--scans: found {args.scans}; give 1 or more")
    pin_libraries()
    page = measure(args.ckpt, args.scans, args.seed)
    write_text(args.out, page)
    sys.stdout.write(page)


def measure(checkpoint: Path, scans: int, seed: int) -> str:
    """The page of the model in ``checkpoint``; libraries must be pinned before."""
    from outside_scans import all_rows
    from outside_trust import as_markdown
    from outside_world import World

    from emfm.model.trained import TrainedModel, find_device
    from emfm.settings import load_params

    params = load_params(ROOT / "params.yaml")
    trained = TrainedModel(checkpoint, find_device("cpu"))
    world = World(trained.geometry, params.acquire.simulate, params.data.measurement, scans, seed)
    references = {name: str(ROOT / place) for name, place in params.eval.reference.items()}
    judged = judge(trained, world, all_rows(references, trained.geometry))
    command = f"python benchmarks/trust_outside.py --scans {scans} --seed {seed}"
    return as_markdown(judged, f"`{command}`, model `{trained.facts.sha256[:12]}` ({trained.facts.model}).")


def judge(trained: "TrainedModel", world: "World", rows: "Sequence[Row]") -> "list[tuple[Row, Verdicts]]":
    """What the model says of each kind of scans."""
    from outside_trust import ask
    from tqdm import tqdm

    from emfm.use.forward_model import ForwardModel

    model, planes, judged = ForwardModel(trained), trained.geometry, []
    with tqdm(rows, unit="kind") as bar:
        for row in bar:
            bar.set_description(row.name)
            scans = row.make(world, world.random(row.name))
            judged.append((row, ask(model, scans, planes.source, planes.frequency)))
    return judged


if __name__ == "__main__":
    main()
