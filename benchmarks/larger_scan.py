"""What a larger scan is worth: the whole workflow with the keys of configs/larger_scan.yaml, and its report.

    python benchmarks/larger_scan.py [--set KEY=VALUE ...] [--out FILE.md]

copies the repository into a folder of its own, changes params.yaml there and runs `dvc repro`: every sample is scanned
on the larger plane, and the board cases have such scans, too. test_final stays closed, as in every experiment. Writes
larger_scan.md in reports/benchmarks/: the default training beside it, then all of its report but the pictures. It takes
half an hour; --set changes further keys, for instance to fewer samples.
"""

import argparse
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from machine import OUT, ROOT, description

from ttt.config import read_yaml
from ttt.files import write_text
from ttt.set_flag import add_set_flag, overrides_of

if TYPE_CHECKING:
    from emfm.results.schema import ValResults

sys.path.insert(0, str(ROOT / "tests"))

SETTINGS: Final = ROOT / "configs/larger_scan.yaml"
RESULTS: Final = "reports/val_fixed.json"
REPORT: Final = "reports/report.md"


def main() -> None:
    """Run the workflow and write the page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_set_flag(parser)
    parser.add_argument("--out", type=Path, default=OUT / "larger_scan.md", help="default: %(default)s")
    args = parser.parse_args()
    page = measure(dotted(read_yaml(SETTINGS)), overrides_of(args))
    write_text(args.out, page)
    sys.stdout.write(page)


def measure(settings: dict[str, Any], further: dict[str, Any]) -> str:
    """The page of the workflow with ``settings`` and ``further`` changes of params.yaml, by dotted key."""
    from emfm.results.schema import read_val_results
    from tiny_project import whole_project

    with tempfile.TemporaryDirectory(dir=ROOT, prefix=".benchmark-") as folder:
        project = whole_project(Path(folder) / "project")
        project.change_params(settings | further)
        started = time.monotonic()
        command = ["dvc", "repro"]  # with its messages on the terminal
        subprocess.run(command, cwd=project.folder, env=project.environment(), stdout=sys.stderr, check=True)
        minutes = (time.monotonic() - started) / 60
        results = read_val_results(ROOT / RESULTS), read_val_results(project.folder / RESULTS)
        return as_markdown(settings, further, minutes, *results, project.read(REPORT))


def dotted(content: Mapping[str, Any], path: str = "") -> dict[str, Any]:
    """The values in nested mappings by their dotted keys."""
    found: dict[str, Any] = {}
    for key, value in content.items():
        found |= dotted(value, f"{path}{key}.") if isinstance(value, Mapping) else {f"{path}{key}": value}
    return found


def as_markdown(
    settings: dict[str, Any],
    further: dict[str, Any],
    minutes: float,
    default: "ValResults",
    larger: "ValResults",
    report: str,
) -> str:
    """The page: both trainings beside each other, and the ``report`` of the second."""
    flags = "".join(f" --set {key}={value}" for key, value in further.items())
    keys = "\n".join(f"{key}: {value}" for key, value in (settings | further).items())
    _, _, after_title = report.partition("\n")
    kept = "\n".join(line for line in after_title.split("\n") if not line.startswith("!["))
    while "\n\n\n" in kept:
        kept = kept.replace("\n\n\n", "\n\n")
    return f"""# A larger scan

`python benchmarks/larger_scan.py{flags}` on {description()}.
`dvc repro` took {minutes:.0f} minutes, from nothing, with these keys of params.yaml:

```yaml
{keys}
```

Median relative L2 errors, E / H, of the best predictor that learns nothing and of the last stage. Nothing was chosen by
the cases of other programs.

{beside_each_other(default, larger)}

# The larger scan's own report

Without its pictures; `reports/` has the same of the default training.
{kept}"""


def beside_each_other(default: "ValResults", larger: "ValResults") -> str:
    """A table with a row for val_fixed and for each reference set."""
    heads = ["", "default scan, not learned", "default scan, learned", "larger, not learned", "larger, learned"]
    rows = [heads, ["---"] * len(heads)]
    for name in (larger.set, *larger.references):
        rows.append([name, *(errors for results in (default, larger) for errors in of_set(results, name))])
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def of_set(results: "ValResults", name: str) -> Iterator[str]:
    """The errors on a set, E / H, of the best that learns nothing and of the last stage."""
    from emfm.plot.further import final_and_baselines
    from emfm.results.best import ordered
    from emfm.results.definitions import UNTRAINED

    final, baselines = final_and_baselines(results)
    if name == results.set:
        metrics = {final: results.models[final].metrics} | {each: found.metrics for each, found in baselines.items()}
    else:
        metrics = results.references[name].metrics
    best = ordered({each: metrics[each] for each in UNTRAINED if each in metrics})[0]
    for predictor in (best, final):
        yield f"{metrics[predictor].rel_l2_e:.3f} / {metrics[predictor].rel_l2_h:.3f} ({predictor})"


if __name__ == "__main__":
    main()
