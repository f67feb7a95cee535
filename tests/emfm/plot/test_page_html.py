"""The page as text: complete in itself, the same every time, and safe whatever the names are."""

import json
import re
from html.parser import HTMLParser
from urllib.parse import urlsplit

import numpy as np
import pytest

from emfm.plot.page_data import drawn
from emfm.plot.page_html import as_json
from small_page import CURVE, PLANE, RELATIVE_ERRORS, small_fields, small_page
from small_results import NOT_OPENED, val_results

HOSTILE = [
    "</script><script>window.hacked = 1</script>",
    '"><img src=x onerror="window.hacked = 1">',
    "<!-- <script>",
    "\u0645\u062c\u0627\u0644 \u78c1\u573a \U0001f9f2",
    "line\u2028separator & 'quote' \\",
]


class Elements(HTMLParser):
    """All elements of a page with their attributes, and the text inside scripts."""

    def __init__(self, page):
        super().__init__()
        self.found, self.scripts = [], []
        self._script = None
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, dict(attrs)))
        if tag == "script":
            self._script = []

    def handle_data(self, data):
        if self._script is not None:
            self._script.append(data)

    def handle_endtag(self, tag):
        if tag == "script":
            self.scripts.append("".join(self._script))
            self._script = None


def first_stage_called(name):
    val = val_results()
    stages = {name if stage == "stage1" else stage: model for stage, model in val.models.items()}
    return val.model_copy(update={"models": stages})


def test_the_same_results_give_the_same_bytes():
    assert small_page(small_fields(), NOT_OPENED) == small_page(small_fields(), NOT_OPENED)


def test_nothing_is_loaded_from_elsewhere():
    page = Elements(small_page(small_fields(), NOT_OPENED))
    assert {"a", "script", "style"} <= {tag for tag, _ in page.found}
    for tag, attributes in page.found:
        for name in ("src", "href", "action", "data", "srcset", "poster"):
            target = attributes.get(name, "")
            assert urlsplit(target).scheme in ("", "data"), (tag, target)
            assert not target or target.startswith(("#", "data:")), (tag, target)


def test_the_policy_forbids_every_request_and_every_script_but_the_pages_own():
    page = small_page(small_fields(), NOT_OPENED)
    policy = re.search('Content-Security-Policy" content="([^"]*)"', page)[1]
    rules = dict(rule.strip().split(" ", 1) for rule in policy.split(";"))
    assert rules["default-src"] == "'none'"
    assert re.fullmatch(r"('sha256-[A-Za-z0-9+/]{43}=' ?){2}", rules["script-src"])


@pytest.mark.parametrize("hostile", HOSTILE)
def test_hostile_names_add_no_element_and_come_back_as_they_are(hostile):
    harmless = Elements(small_page(small_fields(), NOT_OPENED))
    names = [hostile, *list(RELATIVE_ERRORS)[1:]]
    page = Elements(small_page(small_fields(ids=("s0", hostile), names=names), NOT_OPENED, first_stage_called(hostile)))
    without_policy = [found for found in page.found if found[0] != "meta"]
    assert [tag for tag, _ in without_policy if tag != "wbr"] == [
        tag for tag, _ in harmless.found if tag not in ("meta", "wbr")
    ]
    data = json.loads(page.scripts[0])
    assert data["samples"][1]["title"] == hostile
    assert hostile in data["samples"][0]["predictions"]
    assert data["stages"][0]["name"] == hostile


def test_the_text_of_hostile_names_is_escaped_in_tables():
    fields = small_fields(names=[HOSTILE[0], *list(RELATIVE_ERRORS)[1:]])
    page = small_page(fields, NOT_OPENED, first_stage_called(HOSTILE[0]))
    assert HOSTILE[0] not in page
    assert "&lt;/script&gt;&lt;script&gt;window.hacked = 1&lt;/script&gt;" in page


def test_what_is_not_finite_is_null_in_the_data():
    fields = small_fields()
    fields.predictions["stage1"][0, 3, 1, 2] = np.inf
    data = json.loads(as_json(drawn(val_results(), {"stage1": CURVE}, fields, PLANE)))
    assert data["curves"][0]["train"] == [None, 0.5, 0.3]
    assert data["samples"][0]["predictions"]["stage1"]["rel_l2_e"] is None


def test_the_library_is_in_the_page_once_with_its_licence():
    page = small_page(small_fields(), NOT_OPENED)
    assert page.count("plotly.js (cartesian - minified)") == 1
    assert "Permission is hereby granted, free of charge" in page
