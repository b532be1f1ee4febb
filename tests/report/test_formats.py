"""Tables as Markdown, CSV and LaTeX: foreign text stays text in each."""

import csv
import io
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataenvgym_spec.report.formats import csv_cell, csv_text, latex, latex_text, markdown
from dataenvgym_spec.report.tables import Line, TextTable
from tests.support.reported import HOSTILE

FORMULAS = ["=1+1", "+1+1", "-1+1", "@SUM(A1)", '=HYPERLINK("http://evil.example")', "\t=1", "\r=1", " =1", "\n=1", "=cmd|' /C calc'!A0", "\uff1d1+1", "\uff0b1", "\uff0d1", " \uff20SUM(A1)"]  # fmt: skip


def table(*cells: str) -> TextTable:
    return TextTable(title="50% & more", head=("who", "#right"), lines=(Line(cells=cells),))


@pytest.mark.parametrize("formula", FORMULAS)
def test_no_cell_is_a_formula(formula: str) -> None:
    (_, row) = list(csv.reader(io.StringIO(csv_text(["a"], [[formula]]))))
    assert row[0].startswith("'") and row[0][1:] == formula.replace("\t", " ").replace("\r", " ")


@pytest.mark.parametrize("number", ["-2.5", "+3.0", "1,234", "-1e-05", "0"])
def test_a_number_stays_a_number(number: str) -> None:
    assert csv_cell(number) == number


@given(st.text())
def test_whatever_a_cell_holds_it_does_not_begin_as_a_formula(text: str) -> None:
    cell = csv_cell(text)
    number = re.fullmatch(r"[+-]?[0-9][0-9.,]*(e[+-]?[0-9]+)?", cell, re.IGNORECASE)
    assert number or not cell.lstrip().startswith(tuple("=+-@\uff1d\uff0b\uff0d\uff20"))


@given(st.text())
def test_whatever_latex_is_handed_it_is_no_command_and_ends_no_cell(text: str) -> None:
    words = r"\\(?:textbackslash|textasciicircum|textasciitilde|textless|textgreater|textbar|textquotedbl|textasciigrave)\{\}"
    rest = re.sub(rf"{words}|\\[{{}}$&#%_]|\{{-\}}", "", latex_text(text))
    assert not set("\\{}$&#%_^~\n") & set(rest)


def test_hostile_text_is_text_in_latex_and_in_markdown() -> None:
    said = latex(table(HOSTILE, r"\input{/etc/passwd}"), label="tab: it}")
    assert r"\textbackslash{}input\{/etc/passwd\}" in said and r"\caption{50\% \& more}" in said
    assert r"\label{tab:-it-}" in said and "\u202e" not in said
    (row,) = markdown(table(HOSTILE, "a|b\nc")).splitlines()[2:]
    assert row.endswith(r"| a\|b c |") and "<script>" not in row
    assert len(re.findall(r"(?<!\\)\|", row)) == 3


def test_columns_of_numbers_are_set_right() -> None:
    assert r"\begin{tabular}{lr}" in latex(table("a", "1.0"))
    assert markdown(table("a", "1.0")).splitlines()[1] == "| --- | ---: |"


def test_a_negative_number_has_a_minus_in_latex_and_a_name_its_hyphen() -> None:
    assert "with{-}state & $-$2.5 " in latex(table("with-state", "-2.5"))
