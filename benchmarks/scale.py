"""What the full scale takes on this machine: every part of the workflow, measured one after the other.

    python benchmarks/scale.py [--quick] [--only PART ...]

Each part runs in a process of its own and can be run alone (`python benchmarks/PART.py NUMBERS`). Writes
reports/benchmarks/scale.json and scale.md. It takes about half an hour; let the machine do nothing else meanwhile.
``--quick`` runs every part at a small size and writes nothing. `python benchmarks/inference.py` measures predictions of
a model that is trained already, into a table of its own.
"""

import argparse
import json
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from machine import OUT, apart, description

Metrics = Mapping[str, Any]
FULL = 500_000


@dataclass(frozen=True)
class Part:
    """A script, the numbers that it is run with, and the lines of the table that its figures make."""

    script: str
    numbers: tuple[tuple[int, ...], ...]
    quick: tuple[tuple[int, ...], ...]
    lines: Callable[[list[Metrics]], list[tuple[str, str, str]]]


def simulate_lines(runs: list[Metrics]) -> list[tuple[str, str, str]]:
    run = runs[-1]
    rate, textbook = run["samples_per_second"], run["samples_per_second_of_the_textbook_formula"]
    memory = ", ".join(f"{run['largest_process_mb']:.0f} MB at {run['samples']:,}" for run in runs)
    return [
        ("simulate into the store, 2 processes", "1,500 samples/s", f"{rate:,.0f} samples/s"),
        ("500,000 samples at that speed", "6 minutes", f"{FULL / rate / 60:.1f} minutes"),
        (
            "simulate into the store, 2 processes / the textbook's formula in numpy, 1 process",
            "5.6 times (1,500 and 270)",
            f"{rate / textbook:.1f} times ({rate:,.0f} and {textbook:,.0f} samples/s)",
        ),
        ("largest process", "flat", memory),
    ]


def import_lines(runs: list[Metrics]) -> list[tuple[str, str, str]]:
    (run,) = runs
    ratios = [
        (
            f"import {kind}, 2 processes / three reads by pandas {version}",
            "5 times" if (number, kind) == (0, "csv") else "",
            f"{ratio:.1f} times",
        )
        for kind, versions in run["times_the_loop"].items()
        for number, (version, ratio) in enumerate(versions.items())
    ]
    named = [(way, "", f"{rate:,.0f} cases/s") for way, rate in run["cases_per_second"].items()]
    memory = ", ".join(f"{peak:.0f} MB at {int(size):,}" for size, peak in run["largest_process_mb"].items())
    return [*ratios, *named, ("largest process of an import", "flat", memory)]


def read_lines(runs: list[Metrics]) -> list[tuple[str, str, str]]:
    run = runs[-1]
    stored, held = run["training_from_store"], run["training_in_memory"]
    memory = ", ".join(f"{one['memory_mb']:.0f} MB at {one['samples']:,}" for one in runs)
    statistics = run["statistics_samples_per_second"]
    of_statistics = ", ".join(f"{one['statistics_memory_mb']:.0f} MB at {one['samples']:,}" for one in runs)
    return [
        *(
            (f"read the store in random batches of {size}", "25,000 samples/s", f"{rate:,.0f} samples/s")
            for size, rate in run["samples_per_second"].items()
        ),
        ("memory of reading, mapped pages aside", "flat", memory),
        ("U-Net epoch from the store / in memory", "within 10 %", f"{held / stored:.3f} of the time"),
        ("compute_norm_stats, page-cached", "near the memory's speed", f"{statistics:,.0f} samples/s"),
        ("memory of compute_norm_stats, mapped pages aside", "flat", of_statistics),
    ]


def table_lines(runs: list[Metrics]) -> list[tuple[str, str, str]]:
    asked = {FULL: "10 s", 10 * FULL: "2 minutes"}
    return [
        (
            f"dedupe + group_split of {run['samples']:,} rows",
            asked.get(run["samples"], ""),
            f"{run['dedupe_seconds'] + run['split_seconds']:.1f} s, {run['memory_mb']:,.0f} MB beside the tables",
        )
        for run in runs
    ]


def format_lines(runs: list[Metrics]) -> list[tuple[str, str, str]]:
    (run,) = runs
    return [
        (
            f"a target as {name}",
            "1e-4" if "store" in name else "",
            f"{of['bytes'] / 1000:.1f} kB, error {of['median']:.1e}, at most {of['largest']:.1e}",
        )
        for name, of in run.items()
    ]


def ladder_lines(runs: list[Metrics]) -> list[tuple[str, str, str]]:
    (run,) = runs
    stage, unets = run["stages"][-1], run["unets"]
    steps, whole = stage["samples_per_second"], run["samples_per_second_with_all_that_is_computed_once"]
    pair = "{rel_l2_e:.4f} / {rel_l2_h:.4f}"
    return [
        (
            f"the whole ladder at 1/{run['divisor']} of its sizes, {stage['epochs']} epochs",
            "",
            f"{run['seconds']:,.0f} s",
        ),
        ("the whole ladder at full size, in proportion", "3 hours", f"{run['hours_at_full_scale']:.1f} hours"),
        *(
            (
                f"steps of the default model / of {name}",
                "100 times" if name == "plain_unet" else "",
                f"{steps / unet['samples_per_second']:,.0f} times ({steps:,.0f} and "
                f"{unet['samples_per_second']:,.0f} samples/s)",
            )
            for name, unet in unets.items()
        ),
        *(
            (
                f"stage {len(run['stages'])} with all that the default model computes once / steps of {name}",
                "",
                f"{whole / unet['samples_per_second']:,.0f} times ({whole:,.0f} samples/s)",
            )
            for name, unet in unets.items()
        ),
        (
            f"error E / H on unseen samples: default model ({stage['samples']:,} samples), U-Nets after an epoch",
            "lower",
            ", ".join(pair.format(**one["errors"]) for one in (stage, *unets.values())),
        ),
        ("largest process of the ladder, mapped pages included", "", f"{run['largest_process_mb']:,.0f} MB"),
    ]


def repro_lines(runs: list[Metrics]) -> list[tuple[str, str, str]]:
    (run,) = runs
    text = f"{run['seconds']:.1f} s with {run['files']:,} files in data/store"
    return [("`dvc repro` with nothing to do, as many files as full scale", "10 s", text)]


PARTS = {
    "simulate": Part("simulate.py", ((4000,), (60000,)), ((200,),), simulate_lines),
    "import": Part("import_cases.py", ((),), (), import_lines),
    "read": Part("read_store.py", ((4000,), (20000,)), ((600,),), read_lines),
    "tables": Part("dedupe_split.py", ((FULL,), (10 * FULL,)), ((20000,),), table_lines),
    "format": Part("store_format.py", ((200,),), ((5,),), format_lines),
    "ladder": Part("ladder.py", ((10,),), ((1000,),), ladder_lines),
    "repro": Part("repro.py", ((127,),), (), repro_lines),
}


def main() -> None:
    """Run the parts and write the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="small sizes, no files")
    parser.add_argument("--only", nargs="+", choices=list(PARTS), default=list(PARTS), metavar="PART")
    args = parser.parse_args()
    known = OUT / "scale.json"
    found: dict[str, Any] = {} if args.quick or not known.exists() else json.loads(known.read_text())
    for name in args.only:
        part = PARTS[name]
        sizes = part.quick if args.quick else part.numbers
        found[name] = {"machine": description(), "runs": [apart(part.script, *numbers) for numbers in sizes]}
        sys.stderr.write(f"{name}: done\n")
    text = as_markdown(found)
    if not args.quick:
        ordered = {name: found[name] for name in PARTS if name in found}
        known.write_text(json.dumps(ordered, indent=2) + "\n")
        (OUT / "scale.md").write_text(text)
    sys.stdout.write(text)


def as_markdown(found: Metrics) -> str:
    """The table of the parts that were measured, and on which machine each was."""
    known = [name for name in PARTS if name in found and found[name]["runs"]]
    machines: dict[str, list[str]] = {}
    for name in known:
        machines.setdefault(found[name]["machine"], []).append(name)
    lines = [
        "# The full scale, part by part",
        "",
        "`python benchmarks/scale.py`, on",
        "",
        *(f"- {machine}: {', '.join(parts)}" for machine, parts in machines.items()),
        "",
        "| part | | asked | measured |",
        "|---|---|---|---|",
        *(
            f"| {name} | {what} | {asked} | {came} |"
            for name in known
            for what, asked, came in PARTS[name].lines(found[name]["runs"])
        ),
    ]
    return "\n".join([*lines, ""])


if __name__ == "__main__":
    main()
