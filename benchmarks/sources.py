"""How near the search for sources comes to what noise allows, and how fast it is.

    python benchmarks/sources.py [--scenes 400] [--only_as_they_come]

draws scenes of 1 to 6 loose current elements, none of the pipeline's, and finds the elements from their scans alone:
without noise, and with noise 40 and 20 dB below. Each error stands beside the Cramer-Rao bound of the same scene; how
often number and kinds are right, and how often the true place lies in an element's 90 % ellipsoid, is counted. Then the
cases of NEC2: the field on the target plane, and far away. Then scans as they come: other points, other components, the
first 100 scenes each. Writes sources.md in reports/benchmarks/; with --only_as_they_come it puts that section alone
into the page that is there. It takes five minutes; let the machine do nothing else meanwhile.
"""

import argparse
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

from machine import OUT, ROOT, description, pin_libraries

from ttt.files import write_text

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from emfm.acquire.params import SimulateParams
    from emfm.acquire.scenes import Scene
    from emfm.core.grid import Geometry
    from emfm.core.measured import MeasuredField
    from emfm.sources.found import CurrentElements, PointSources
    from emfm.sources.search import PointSearch

NOISE_DB = {"no noise": None, "noise 40 dB below": 40.0, "noise 20 dB below": 20.0}
SEED = 1_000_000
"""Of the scenes: none of the pipeline's."""
CHI_SQUARE_90 = 6.251
"""90 % of a chi-square variable of three degrees of freedom."""
IN_SIGHT_DB = 20.0
"""Directions in which a field is weaker than so far below its strongest are left out."""

AS_THEY_COME = "## Scans as they come"
"""The title of that section."""
MOST = 100
"""Scenes of that section."""
OF_A_LAYOUT = 20
"""Scenes that are measured at the same points, or with the same ones missing; the next have other ones."""
COMPONENTS = ("Ex", "Ey", "Ez", "Hx", "Hy", "Hz")


@dataclass(frozen=True)
class Drawn:
    """Scenes, with their scans and fields."""

    scenes: "Sequence[Scene]"
    scans: "NDArray[np.complex128]"
    """``(n, 2, ny, nx)``, A/m, without noise."""
    fields: "NDArray[np.complex128]"
    """``(n, 6, P)`` on the target plane, V/m and A/m."""


def main() -> None:
    """Measure and write the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scenes", type=int, default=400, help="scenes that are drawn; default: %(default)s")
    parser.add_argument(
        "--only_as_they_come", action="store_true", help="measure that section alone, and keep the rest of the page"
    )
    args = parser.parse_args()
    pin_libraries()
    section = as_they_come(min(args.scenes, MOST))
    if args.only_as_they_come:
        page = f"{(OUT / 'sources.md').read_text().partition(AS_THEY_COME)[0]}{section}"
    else:
        page = f"{measure(args.scenes)}\n{section}"
    write_text(OUT / "sources.md", page)
    sys.stdout.write(page)


def measure(count: int) -> str:
    """The tables; libraries must be pinned before."""
    from emfm.settings import load_params
    from emfm.sources.search import PointSearch

    params = load_params(ROOT / "params.yaml")
    geometry = params.data.geometry()
    search = PointSearch(geometry)
    drawn = draw(params.acquire.simulate, geometry, count)
    rows = [row(name, drawn, snr_db, search) for name, snr_db in NOISE_DB.items()]
    return "\n".join(
        [
            "# The search for sources, against what noise allows",
            "",
            f"`python benchmarks/sources.py --scenes {count}` on {description()}.",
            "Scenes of 1 to 6 loose elements in the box of `acquire.simulate`, scans of white noise. Relative L2",
            "errors on the target plane, E / H. The bound: the median over the same scenes of the Cramer-Rao bound,",
            "number and kinds known. Right: number and kinds as drawn. In the ellipsoid: true places of scenes that",
            "are right, in the 90 % ellipsoid of the element found. Covered: errors below the 90 % bound that the",
            "search names.",
            "",
            "| scans | median | 95 % | bound | times the bound | right | in the ellipsoid | covered | scans/s |",
            "|---|---|---|---|---|---|---|---|---|",
            *rows,
            "",
            *nec_rows(search, geometry, params.eval.reference["nec"]),
            "",
        ]
    )


def draw(simulate: "SimulateParams", geometry: "Geometry", count: int) -> Drawn:
    """So many scenes."""
    import numpy as np

    scenes = draw_scenes(simulate, count)
    points = np.concatenate([geometry.source.points(), geometry.target.points()])
    fields = fields_of(scenes, geometry, points)
    on_scan = len(geometry.source.points())
    return Drawn(scenes, scans_in(fields[:, :, :on_scan], geometry), fields[:, :, on_scan:])


def draw_scenes(simulate: "SimulateParams", count: int) -> list["Scene"]:
    """So many scenes of loose elements."""
    import numpy as np

    from emfm.acquire.scene_kinds.elements import LooseElements

    kind = LooseElements(simulate)
    return [kind.draw(np.random.default_rng((SEED, number))) for number in range(count)]


def fields_of(scenes: list["Scene"], geometry: "Geometry", points: "NDArray[np.float64]") -> "NDArray[np.complex128]":
    """E and H of each scene at ``points`` ``(P, 3)``, m: ``(scenes, 6, P)``."""
    import numpy as np

    fields = (elements_of(scene, geometry).fields(points) for scene in scenes)
    return np.stack([np.concatenate([part.T for part in of_scene]) for of_scene in fields])


def scans_in(fields: "NDArray[np.complex128]", geometry: "Geometry") -> "NDArray[np.complex128]":
    """Hx and Hy ``(scenes, 2, ny, nx)`` of fields ``(scenes, 6, ny nx)`` at the points of the source plane."""
    return fields[:, 3:5].reshape(len(fields), 2, *geometry.source.shape)


def elements_of(scene: "Scene", geometry: "Geometry") -> "CurrentElements":
    """The same elements, electric and magnetic moments apart."""
    import numpy as np

    from emfm.sources.found import CurrentElements

    magnetic = scene.magnetic[:, None]
    electric, of_magnetic = np.where(magnetic, 0, scene.moments), np.where(magnetic, scene.moments, 0)
    return CurrentElements(scene.positions, electric, of_magnetic, geometry.frequency)


def row(name: str, drawn: Drawn, snr_db: float | None, search: "PointSearch") -> str:
    """What is found at one level of noise."""
    import numpy as np

    channels = scanned(drawn.scans, snr_db, SEED)
    search.find(channels[:2])
    started = time.perf_counter()
    found = search.find(channels)
    speed = len(found) / (time.perf_counter() - started)
    points = search.geometry.target.points()
    fields = [np.concatenate([part.T for part in sources.all_elements.fields(points)]) for sources in found]
    errors = np.array([relative(field, true) for field, true in zip(fields, drawn.fields, strict=True)])
    right = np.array([alike(sources, scene) for sources, scene in zip(found, drawn.scenes, strict=True)])
    bounds = np.array([sources.bound_rel_l2 for sources in found])
    least = "0", "-"
    if snr_db is not None:
        of_scenes = [bound(scene, search, snr_db) for scene in drawn.scenes]
        limit = np.median(of_scenes, axis=0)
        least = pair(limit), "{:.2f} / {:.2f}".format(*np.median(errors, axis=0) / limit)
    of_right = [squared_distances(*each) for each in zip(found, drawn.scenes, strict=True) if alike(*each)]
    inside = np.concatenate(of_right) < CHI_SQUARE_90
    covered = 100 * np.mean(errors < bounds, axis=0)
    return (
        f"| {name} | {pair(np.median(errors, axis=0))} | {pair(np.percentile(errors, 95, axis=0))} | {least[0]} | "
        f"{least[1]} | {100 * right.mean():.1f} % | {100 * inside.mean():.1f} % | "
        f"{covered[0]:.0f} / {covered[1]:.0f} % | "
        f"{speed:.0f} |"
    )


def scanned(scans: "NDArray[np.complex128]", snr_db: float | None, seed: int) -> "NDArray[np.float32]":
    """Channels ``(n, 4, ny, nx)`` of scans ``(n, 2, ny, nx)`` with white noise, None: without."""
    import numpy as np

    rng = np.random.default_rng(seed)
    if snr_db is not None:
        size = np.sqrt(np.mean(np.abs(scans) ** 2, axis=(1, 2, 3), keepdims=True) * 10 ** (-snr_db / 10) / 2)
        scans = scans + size * (rng.standard_normal(scans.shape) + 1j * rng.standard_normal(scans.shape))
    return np.stack([scans.real, scans.imag], axis=2).reshape(len(scans), 4, *scans.shape[2:]).astype(np.float32)


def relative(field: "NDArray[np.complex128]", true: "NDArray[np.complex128]") -> list[float]:
    """Of E and of H."""
    import numpy as np

    return [float(np.linalg.norm((field - true)[of]) / np.linalg.norm(true[of])) for of in (slice(0, 3), slice(3, 6))]


def alike(sources: "PointSources", scene: "Scene") -> bool:
    """Whether as many of each kind were found as there are."""
    return sorted(sources.magnetic.tolist()) == sorted(scene.magnetic.tolist())


def bound(scene: "Scene", search: "PointSearch", snr_db: float) -> "NDArray[np.float64]":
    """The error of E and H that half of the errors of the best unbiased estimate are below."""
    import numpy as np
    import torch

    from emfm.core.constants import ETA_0

    moments = scene.moments / np.where(scene.magnetic, ETA_0, 1.0)[:, None]
    h = elements_of(scene, search.geometry).fields(search.geometry.source.points())[1][:, :2]
    noise = torch.tensor(np.mean(np.abs(h) ** 2) * 10 ** (-snr_db / 10))
    places, kinds, values = (torch.from_numpy(part)[None] for part in (scene.positions, scene.magnetic, moments))
    return search.precision.of(places, kinds, values, noise[None], torch.zeros_like(noise)[None]).expected[0]


def squared_distances(sources: "PointSources", scene: "Scene") -> "NDArray[np.float64]":
    """From each element found to the nearest true one, in the metric of its covariance."""
    import numpy as np

    from emfm.sources.found import FREEDOMS

    distances = []
    for element, place in enumerate(sources.positions):
        off = place - scene.positions[np.argmin(np.linalg.norm(scene.positions - place, axis=1))]
        own = slice(FREEDOMS * element, FREEDOMS * element + 3)
        distances.append(off @ np.linalg.solve(sources.covariance[own, own], off))
    return np.array(distances)


def nec_rows(search: "PointSearch", geometry: "Geometry", file: str) -> list[str]:
    """The cases of NEC2: the field on the target plane, and its level far away."""
    import numpy as np

    from emfm.evaluate.reference_cases import read_reference_cases
    from emfm.sources.far_field import far_field

    cases = read_reference_cases(ROOT / file)
    found = search.find(cases.source_h)
    theta, phi = (
        part.ravel() for part in np.meshgrid(np.deg2rad(np.arange(2.5, 180, 5)), np.deg2rad(np.arange(0, 360, 10)))
    )
    lines, apart, strongest = [], [], []
    for name, sources, true, target in zip(cases.ids, found, wires(ROOT / file, geometry), cases.target, strict=True):
        field = np.concatenate([part.T for part in sources.all_elements.fields(geometry.target.points())])
        e, h = relative(field, (target[0::2] + 1j * target[1::2]).reshape(6, -1))
        levels = [
            20 * np.log10(np.hypot(*np.abs(far_field(elements, theta, phi))))
            for elements in (sources.all_elements, true)
        ]
        off = np.abs(levels[0] - levels[1])[levels[1] > levels[1].max() - IN_SIGHT_DB]
        apart.append(off)
        strongest.append(abs(levels[0].max() - levels[1].max()))
        kind = f"{len(sources)} elements" + (", background" if len(sources.background) else "")
        lines.append(f"| {name} | {kind} | {e:.4f} / {h:.4f} | {strongest[-1]:.2f} | {np.median(off):.2f} |")
    everywhere = np.concatenate(apart)
    return [
        "## Cases of NEC2",
        "",
        "Of elements and background together, from scans without noise. The far field is that of NEC2's own currents,",
        f"in directions in which it is less than {IN_SIGHT_DB:g} dB below its strongest. Over all cases and directions",
        f"the level is off by {np.median(everywhere):.2f} dB in the median and {np.percentile(everywhere, 95):.2f} dB "
        f"in 95 %; the strongest level of a case by {np.median(strongest):.2f} dB",
        f"in the median, {max(strongest):.2f} dB at most.",
        "",
        "| case | found | error of E / H | strongest level off, dB | level off in the median, dB |",
        "|---|---|---|---|---|",
        *lines,
    ]


def wires(file: Path, geometry: "Geometry") -> "list[CurrentElements]":
    """The currents that NEC2 solved, as elements."""
    import numpy as np

    from emfm.sources.found import CurrentElements

    with np.load(file) as cases:
        places, moments, offsets = cases["element_pos"], cases["element_il"], cases["element_offset"]
    parts = [slice(*ends) for ends in pairwise(offsets)]
    nothing = np.zeros_like(moments)
    return [CurrentElements(places[part], moments[part], nothing[part], geometry.frequency) for part in parts]


@dataclass(frozen=True)
class Coming:
    """One way in which scans come."""

    components: tuple[str, ...] = ("Hx", "Hy")
    scattered: bool = False
    heights_mm: tuple[float, float] = (1.0, 1.0)
    missing: float = 0.0
    hidden: bool = True
    """Whether scenes hold currents that one component alone does not show."""

    def points(self, rng: "np.random.Generator", geometry: "Geometry") -> "NDArray[np.float64]":
        """As many as the grid has, ``(P, 3)``, m."""
        points = geometry.source.points()
        if self.scattered:
            points[:, :2] = rng.uniform(points[0, :2], points[-1, :2], (len(points), 2))
        points[:, 2] = 1e-3 * rng.uniform(*self.heights_mm, len(points))
        return points

    def scene(self, scene: "Scene") -> "Scene":
        """The same, perhaps without the moments that make nothing of the only component."""
        if self.hidden:
            return scene
        quantity, axis = self.components[0]
        moments = scene.moments.copy()
        moments[scene.magnetic if quantity == "E" else ~scene.magnetic, "xyz".index(axis)] = 0
        return replace(scene, moments=moments)


WAYS = {
    "Hx and Hy on the grid": Coming(),
    "10 % of the points missing": Coming(missing=0.1),
    "scattered points": Coming(scattered=True),
    "scattered points, 1 to 2 mm high": Coming(scattered=True, heights_mm=(1.0, 2.0)),
    "Ex, Ey and Ez on the grid": Coming(("Ex", "Ey", "Ez")),
    "Ex and Ey on the grid": Coming(("Ex", "Ey")),
    "Hz alone": Coming(("Hz",)),
    "Hz alone, no electric currents along z": Coming(("Hz",), hidden=False),
    "Hx alone": Coming(("Hx",)),
    "Hx alone, no electric currents along x": Coming(("Hx",), hidden=False),
}


def as_they_come(count: int) -> str:
    """The section on other points and components; libraries must be pinned before."""
    from emfm.settings import load_params

    params = load_params(ROOT / "params.yaml")
    geometry = params.data.geometry()
    drawn = draw(params.acquire.simulate, geometry, count)
    return "\n".join(
        [
            AS_THEY_COME,
            "",
            f"The first {count} of the same scenes, noise 40 dB below what is measured, as many points",
            "as the grid of the scan has. One component alone shows no electric (of E: no magnetic) currents along",
            "itself: they are lost, and what is expected allows for it. Expected: the median of the errors that the",
            "search names. Last columns as above.",
            "",
            "| scans | median | 95 % | expected, median | right | covered |",
            "|---|---|---|---|---|---|",
            *(way_row(name, way, drawn.scenes, geometry) for name, way in WAYS.items()),
            "",
        ]
    )


def way_row(name: str, way: Coming, scenes: "Sequence[Scene]", geometry: "Geometry") -> str:
    """What is found in scans that come one way."""
    import numpy as np

    rng = np.random.default_rng(SEED)
    points = geometry.target.points()
    errors, expected, bounds, right = [], [], [], []
    for start in range(0, len(scenes), OF_A_LAYOUT):
        some = [way.scene(scene) for scene in scenes[start : start + OF_A_LAYOUT]]
        for sources, scene in zip(found_below(way, some, geometry, rng), some, strict=True):
            true, field = (
                np.concatenate([part.T for part in elements.fields(points)])
                for elements in (elements_of(scene, geometry), sources.all_elements)
            )
            errors.append(relative(field, true))
            expected.append(sources.expected_rel_l2)
            bounds.append(sources.bound_rel_l2)
            right.append(alike(sources, scene))
    covered = 100 * np.mean(np.array(errors) < np.array(bounds), axis=0)
    return (
        f"| {name} | {pair(np.median(errors, axis=0))} | {pair(np.percentile(errors, 95, axis=0))} | "
        f"{pair(np.nanmedian(expected, axis=0))} | {100 * np.mean(right):.0f} % | "
        f"{covered[0]:.0f} / {covered[1]:.0f} % |"
    )


def found_below(
    way: Coming, scenes: "Sequence[Scene]", geometry: "Geometry", rng: "np.random.Generator"
) -> "list[PointSources]":
    """Of scenes measured at the same points: together, as the search is prepared once then."""
    import numpy as np
    import torch

    from emfm.sources.measured_search import row_of, view_of
    from emfm.sources.search import ElementSearch

    points = way.points(rng, geometry)
    there = rng.random(len(points)) >= way.missing
    fields = [measured(way, scene, points[there], geometry.frequency, rng) for scene in scenes]
    view = view_of(fields[0], torch.device("cpu"))
    search = ElementSearch(view, geometry.target.points()[::7])
    return search.find_in(np.concatenate([row_of(field, view) for field in fields]))


def measured(
    way: Coming, scene: "Scene", points: "NDArray[np.float64]", frequency: float, rng: "np.random.Generator"
) -> "MeasuredField":
    """A scan with noise."""
    import numpy as np

    from emfm.core.elements import element_fields
    from emfm.core.measured import MeasuredField

    magnetic = scene.magnetic[:, None]
    electric, of_magnetic = np.where(magnetic, 0, scene.moments), np.where(magnetic, scene.moments, 0)
    both = element_fields(points, scene.positions, electric, of_magnetic, frequency)
    field = dict(zip(COMPONENTS, np.concatenate([part.T for part in both]), strict=True))
    values = np.stack([field[name] for name in way.components])
    size = np.sqrt(np.mean(np.abs(values) ** 2) * 1e-4 / 2)
    noise = rng.standard_normal(values.shape) + 1j * rng.standard_normal(values.shape)
    return MeasuredField(points, way.components, values + size * noise, frequency)


def pair(errors: "NDArray[np.float64]") -> str:
    """E / H."""
    return f"{errors[0]:.2g} / {errors[1]:.2g}"


if __name__ == "__main__":
    main()
