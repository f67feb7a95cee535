"""The model card and the data card: prose in templates, every figure from the committed results and parameters."""

from collections.abc import Iterator
from dataclasses import dataclass
from importlib.resources import files
from typing import Any, Final

from jinja2 import Environment, FunctionLoader, StrictUndefined, UndefinedError

from emfm.cards.citation import Citation
from emfm.cards.outside_trust import OutsideTrust
from emfm.core.errors import DataError
from emfm.plot.numbers import NO_VALUE
from emfm.results.best import best_untrained
from emfm.results.definitions import BASELINES, REFERENCES
from emfm.results.schema import CaseErrors, Metrics, MilestoneResults, NotOpened, ReferenceCase, ValResults
from emfm.settings import Params

TEMPLATES: Final = {"model-card.md": "model_card.md.j2", "data-card.md": "data_card.md.j2"}
"""The cards by the names of their files."""
_BOARDS: Final = "boards"
_WIRES: Final = "nec"
_SIZES: Final = (1_000, 10_000, 100_000, 1_000_000)
_SIZE_NAMES: Final = ("n<1K", "1K<n<10K", "10K<n<100K", "100K<n<1M", "1M<n<10M")
"""How Hugging Face names the sizes of data sets, up to each of `_SIZES` and above."""


@dataclass(frozen=True)
class Known:
    """All that the cards are written from."""

    citation: Citation
    params: Params
    val: ValResults
    test: MilestoneResults | NotOpened
    outside: OutsideTrust


def render_cards(known: Known) -> dict[str, str]:
    """The text of each card by the name of its file; the same facts give the same text.

    Raises:
        DataError: for results that lack what a card tells, such as a reference set.
    """
    for name in (_BOARDS, _WIRES):
        if name not in known.val.references:
            raise DataError(
                f"val_fixed.json: has no reference set '{name}', which the cards show; run `dvc repro` with it"
            )
    environment = Environment(
        loader=FunctionLoader(_read), undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True,
        keep_trailing_newline=True,
    )  # fmt: skip
    environment.filters |= {"pair": _pair, "percent": _percent}
    try:
        return {name: environment.get_template(file).render(**_facts(known)) for name, file in TEMPLATES.items()}
    except UndefinedError as error:
        raise DataError(f"the cards: {error}; what they tell is of simulated samples and the default model") from error


def _facts(known: Known) -> dict[str, Any]:
    val, test = known.val, known.test
    stage, final = val.recommended, list(val.models)[-1]
    samples = known.params.acquire.simulate.num_samples
    boards, wires = val.references[_BOARDS], val.references[_WIRES]
    return {
        "citation": known.citation,
        "params": known.params.deciding(),
        "geometry": known.params.data.geometry(),
        "val": val,
        "stage": stage,
        "model": val.models[stage],
        "final": final,
        "untrained": best_untrained(val.baselines),
        "tested": test.models.get(stage) if isinstance(test, MilestoneResults) else None,
        "test": test,
        "baselines": BASELINES,
        "about": REFERENCES,
        "boards": boards,
        "wires": wires,
        "cables": {name: case for name, case in boards.cases.items() if case.properties.get("cable") is True},
        "misses": list(_outside_bound(boards.cases)),
        "outside": known.outside,
        "is_same_model": val.models[final].checkpoint_sha256.startswith(known.outside.model),
        "size_category": _SIZE_NAMES[sum(samples >= size for size in _SIZES)],
    }


def _outside_bound(cases: dict[str, ReferenceCase], /) -> Iterator[str]:
    """The cases whose error of E or of H is above the bound that the model gives without a warning."""
    for name, case in cases.items():
        made = next(iter(case.errors.values()))  # the final stage stands first
        if case.bound is not None and (made.rel_l2_e > case.bound.rel_l2_e or made.rel_l2_h > case.bound.rel_l2_h):
            yield name


def _pair(errors: Metrics | CaseErrors | None) -> str:
    """``0.155 / 0.144``, of E and of H, or a dash where they are not known."""
    return NO_VALUE if errors is None else f"{errors.rel_l2_e:#.3g} / {errors.rel_l2_h:#.3g}"


def _percent(share: float | None) -> str:
    return NO_VALUE if share is None else f"{100 * share:.3g} %"


def _read(name: str) -> str:
    return (files("emfm.cards") / name).read_text(encoding="utf-8")
