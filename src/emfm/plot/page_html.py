"""Render the report page: one HTML file with all that it needs in it, and the same bytes for the same results."""

import hashlib
from base64 import b64encode
from collections.abc import Sequence
from importlib.resources import files
from typing import Final

from jinja2 import Environment, FunctionLoader, StrictUndefined
from markupsafe import Markup, escape
from pydantic import TypeAdapter

from emfm.plot.page_data import Drawn, Overview

_FOLDER: Final = files("emfm.plot") / "page"
_LIBRARY: Final = "vendor/plotly-cartesian.min.js"
_LICENCE: Final = "vendor/LICENSE"
_SCRIPTS: Final = ("fields.js", "look.js", "charts.js", "viewer.js", "main.js")
_ESCAPES: Final = {ord(character): f"\\u{ord(character):04x}" for character in "<>&\u2028\u2029"}


def render_page(overview: Overview, drawn: Drawn) -> str:
    """The report page. It holds no time, path or host; it asks for nothing from a network, and could not get it."""
    return render("template.html", _SCRIPTS, data=as_json(drawn), overview=overview)


def render(template: str, scripts: Sequence[str], data: str, **content: object) -> str:
    """A page of this template that runs these scripts of the folder on ``data``, JSON as `as_json` makes it."""
    library, script = _read(_LIBRARY), "\n".join(_read(name) for name in scripts)
    environment = Environment(
        loader=FunctionLoader(_read), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters["breakable"] = _breakable
    environment.filters["interval_below"] = _interval_below
    return environment.get_template(template).render(
        **content,
        data=Markup(data),
        style=Markup(_read("page.css")),
        library=Markup(library),
        licence=Markup(_read(_LICENCE)),
        script=Markup(script),
        policy=Markup(_policy(library, script)),
    )


def as_json(value: object) -> str:
    """JSON of a dataclass that can stand in a script element: no ``<`` is left in it; what is not finite is null."""
    return TypeAdapter(type(value)).dump_json(value).decode().translate(_ESCAPES)


def _policy(*scripts: str) -> str:
    """What a browser may do for the page: run these scripts, and fetch nothing."""
    hashes = " ".join(f"'sha256-{b64encode(hashlib.sha256(text.encode()).digest()).decode()}'" for text in scripts)
    return f"default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src {hashes}"


def _breakable(name: str) -> Markup:
    """A name that may go on in the next line after an underscore."""
    return escape(name).replace("_", Markup("_<wbr>"))


def _interval_below(cell: str) -> Markup:
    """A number with its interval, which the style puts below it: ``0.15 (0.11 to 0.21)``."""
    number, bracket, interval = cell.partition(" (")
    if not bracket:
        return escape(cell)
    return Markup('<span>{} <span class="interval">({}</span></span>').format(number, interval)


def _read(name: str) -> str:
    """The text of a file of the page, with line ends as they are in it."""
    return _FOLDER.joinpath(name).read_bytes().decode()
