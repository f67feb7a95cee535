"""The pages of this repository as a site, with the API from its docstrings.

``sphinx-build -W -c docs/site . build/site``, after ``pip install -c constraints.txt -e '.[docs]'``. A link to a page,
a heading or a file that is not there fails it. The site opens from its folder, without network.
"""

import ast
import fnmatch
import inspect
import sys
import textwrap
from pathlib import Path

from sphinx.application import Sphinx

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "src"))  # the code of this folder, whichever one is installed

project = "emfm"
author = "the authors of emfm"
language = "en"

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
root_doc = "README"
include_patterns = ["*.md", "docs/**", "reports/report.md", "reports/benchmarks/*.md"]
default_role = "py:obj"
autodoc_member_order = "bysource"
autodoc_typehints = "none"  # see _as_written
python_maximum_signature_line_length = 88  # longer ones have a line for each argument
myst_heading_anchors = 4  # as on the pages of a repository: page.md#a-heading

html_theme = "furo"
html_title = project
html_show_sphinx = False
html_copy_source = False
html_additional_pages = {"index": "to_readme.html"}  # what a folder opens with
templates_path = ["templates"]


def _contents(pages: set[str]) -> str:
    """The sidebar: pages in the order in which a newcomer needs them, as contents.txt has it, then all others."""
    text = (Path(__file__).parent / "contents.txt").read_text(encoding="utf-8")
    parts = [part.splitlines() for part in text.strip().split("\n\n")]
    named = {page for _, *names in parts for name in names for page in fnmatch.filter(pages, name)}
    parts.append(["Further pages", *sorted(pages - named)])
    return "".join(_LIST.format(caption=caption, pages="\n".join(names)) for caption, *names in parts)


_LIST = """
```{{toctree}}
:hidden:
:glob:
:caption: {caption}

{pages}
```
"""


def _add_contents(app: Sphinx, page: str, text: list[str]) -> None:
    """README gets the sidebar's contents here, for a repository's own page would show them as text."""
    if page == root_doc:
        text[0] += _contents(set(app.env.found_docs) - {root_doc})


def _keep_colons(_: Sphinx, what: str, _name: str, _object: object, _options: object, lines: list[str]) -> None:
    """A value's docstring is a sentence; napoleon would take what stands before its first colon for a type."""
    if what in ("attribute", "data", "property"):
        lines[:0] = ["..", ""]  # an empty comment is the first line


def _as_written(_app: Sphinx, what: str, _name: str, obj: object, *_: object) -> tuple[str, str] | None:
    """The signature as the code has it; Sphinx would write out what ArrayLike and NDArray stand for."""
    if not (inspect.isfunction(obj) or inspect.ismethod(obj)):
        return None
    (written,) = ast.parse(textwrap.dedent(inspect.getsource(obj))).body
    arguments = written.args
    if what == "method" and not any(ast.unparse(one) == "staticmethod" for one in written.decorator_list):
        del (arguments.posonlyargs or arguments.args)[0]  # self or cls
    returned = "" if written.returns is None else ast.unparse(written.returns)
    return f"({ast.unparse(arguments)})", returned


def setup(app: Sphinx) -> None:
    """Called by Sphinx."""
    app.connect("autodoc-process-docstring", _keep_colons, priority=400)  # before napoleon, at 500
    app.connect("autodoc-process-signature", _as_written)
    app.connect("source-read", _add_contents)
