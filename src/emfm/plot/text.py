"""Pieces of the report's text: tables in Markdown and numbers of things."""

from dataclasses import dataclass

from tabulate import tabulate


@dataclass(frozen=True)
class Table:
    """A table of results; the first column names the row."""

    heads: list[str]
    rows: list[list[str]]


def table(rows: list[list[str]], headers: list[str]) -> str:
    """A Markdown table whose first column is text and whose others are numbers."""
    align = ["left", *["right"] * (len(headers) - 1)]
    return tabulate(rows, headers, tablefmt="pipe", disable_numparse=True, colalign=align)


def markdown(found: Table) -> str:
    """A table in Markdown; empty without rows."""
    return table(found.rows, found.heads) if found.rows else ""


def count(number: int, noun: str) -> str:
    """``(1, "sample")`` -> ``1 sample``; ``(1500, "sample")`` -> ``1,500 samples``."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"
