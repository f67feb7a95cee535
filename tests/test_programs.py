"""A test that needs a program which is not there."""

import pytest

from programs import need


def test_a_missing_program_fails_the_test_in_ci(monkeypatch):
    monkeypatch.setenv("CI", "true")
    with pytest.raises(pytest.fail.Exception, match="no-such-browser is not installed .*apt-get install chromium"):
        need(["no-such-browser"], "chromium")


def test_elsewhere_it_is_skipped_with_the_remedy(monkeypatch):
    monkeypatch.delenv("CI", raising=False)
    with pytest.raises(pytest.skip.Exception, match="no-such-browser is not installed .*apt-get install chromium"):
        need(["no-such-browser"], "chromium")


def test_the_first_program_that_is_there_is_taken():
    assert need(["no-such-shell", "sh", "python3"], "dash").endswith("/sh")
