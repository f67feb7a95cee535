"""Render the report page: one HTML file with all that it needs in it, and the same bytes for the same results."""

import hashlib
from base64 import b64encode
from importlib.resources import files
from typing import Final

from jinja2 import Environment, StrictUndefined
from markupsafe import Markup, escape
from pydantic import TypeAdapter

from emfm.plot.page_data import Drawn, Overview

_FOLDER: Final = files("emfm.plot") / "page"
_LIBRARY: Final = "vendor/plotly-cartesian.min.js"
_LICENCE: Final = "vendor/LICENSE"
_SCRIPTS: Final = ("fields.js", "charts.js", "viewer.js", "main.js")
_ESCAPES: Final = {ord(character): f"\\u{ord(character):04x}" for character in "<>&\u2028\u2029"}


def render_page(overview: Overview, drawn: Drawn) -> str:
    """The page. It holds no time, path or host; it asks for nothing from a network, and could not get it."""
    library, script = _read(_LIBRARY), "\n".join(_read(name) for name in _SCRIPTS)
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    environment.filters["breakable"] = _breakable
    return environment.from_string(_read("template.html")).render(
        overview=overview,
        data=Markup(as_json(drawn)),
        style=Markup(_read("page.css")),
        library=Markup(library),
        licence=Markup(_read(_LICENCE)),
        script=Markup(script),
        policy=Markup(_policy(library, script)),
    )


def as_json(drawn: Drawn) -> str:
    """JSON that can stand in a script element: no ``<`` is left in it; what is not finite is null."""
    return TypeAdapter(Drawn).dump_json(drawn).decode().translate(_ESCAPES)


def _policy(*scripts: str) -> str:
    """What a browser may do for the page: run these scripts, and fetch nothing."""
    hashes = " ".join(f"'sha256-{b64encode(hashlib.sha256(text.encode()).digest()).decode()}'" for text in scripts)
    return f"default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src {hashes}"


def _breakable(name: str) -> Markup:
    """A name that may go on in the next line after an underscore."""
    return escape(name).replace("_", Markup("_<wbr>"))


def _read(name: str) -> str:
    """The text of a file of the page, with line ends as they are in it."""
    return _FOLDER.joinpath(name).read_bytes().decode()
