"""What the weight of H in the loss does: the exchange between the errors of E and of H.

    python benchmarks/h_weight.py [--size 10000] [--work FOLDER]

trains pod_net, with and without its prior, with loss.h_weight 1, 2 and 3 on the same samples, and judges each on
samples that no training saw. Writes h_weight.md in reports/benchmarks/.
"""

import argparse
import sys
from pathlib import Path

from machine import OUT, ROOT, description, pin_libraries
from scaling import VAL, VARIANTS, measure, simulate

WEIGHTS = (1.0, 2.0, 3.0)
MODELS = ("pod_net", "pod_net_without_prior")
EPOCHS = 20


def main() -> None:
    """Train and write the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", type=int, default=10000, help="training samples; default: %(default)s")
    parser.add_argument("--work", type=Path, default=ROOT / "runs" / "h_weight", help="samples and models")
    args = parser.parse_args()
    pin_libraries()
    simulate(args.work, args.size, "elements")
    rows = []
    for name in MODELS:
        for weight in WEIGHTS:
            changes = VARIANTS[name].changes | {"train.epochs": EPOCHS, "loss.h_weight": weight}
            val = measure(args.work, f"{name}-{weight:g}", args.size, changes)["val"]
            row = " | ".join(f"{val[key]:.5f}" for key in ("rel_l2_e", "rel_l2_h", "rel_l2_e_p95", "rel_l2_h_p95"))
            rows.append(f"| {name} | {weight:g} | {row} |")
    lines = [
        "# The weight of H in the loss",
        "",
        f"`python benchmarks/h_weight.py`: {description()}.",
        f"{args.size:,} training samples, {EPOCHS} epochs, from scratch; relative L2 errors on {VAL:,} samples that no "
        "training saw.",
        "",
        "| model | loss.h_weight | E, median | H, median | E, 95th percentile | H, 95th percentile |",
        "|---|---|---|---|---|---|",
        *rows,
        "",
    ]
    (OUT / "h_weight.md").write_text("\n".join(lines))
    sys.stdout.write("\n".join(lines))


if __name__ == "__main__":
    main()
