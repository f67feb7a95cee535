"""A test that needs a program which is not there."""

import pytest

from programs import need, need_module


def test_a_missing_program_fails_the_test_in_ci(monkeypatch):
    monkeypatch.setenv("CI", "true")
    with pytest.raises(pytest.fail.Exception, match="no-such-browser is not installed .*apt-get install chromium"):
        need(["no-such-browser"], "chromium")


def test_a_missing_package_fails_the_test_in_ci_and_is_skipped_elsewhere(monkeypatch):
    monkeypatch.setenv("CI", "true")
    with pytest.raises(pytest.fail.Exception, match=r"no_such_package .*pip install -c constraints.txt -e '.\[onnx\]'"):
        need_module("no_such_package", "onnx")
    monkeypatch.delenv("CI")
    with pytest.raises(pytest.skip.Exception, match="no_such_package cannot be imported"):
        need_module("no_such_package", "onnx")


def test_elsewhere_it_is_skipped_with_the_remedy(monkeypatch):
    monkeypatch.delenv("CI", raising=False)
    with pytest.raises(pytest.skip.Exception, match="no-such-browser is not installed .*apt-get install chromium"):
        need(["no-such-browser"], "chromium")


def test_the_first_program_that_is_there_is_taken():
    assert need(["no-such-shell", "sh", "python3"], "dash").endswith("/sh")
