"""What a checker looks at once, and how much it says."""

from dataenvgym_spec.core.errors import Span
from dataenvgym_spec.language.source import Node, parse
from dataenvgym_spec.language.validate import MAX_FINDINGS, Checker, rules
from dataenvgym_spec.resolve.merge import merge, planted
from tests.support.counting import calls
from tests.support.specs import TINY


def test_what_trees_have_in_common_is_looked_at_once() -> None:
    rules.cache_clear()  # what another test looked at
    checker, spec = Checker(), parse(TINY, file="tiny.yaml")
    arm = merge(spec, parse("agent: {observe: nothing}", file="tiny.yaml"))
    first = calls(lambda: checker.validate(spec))
    assert calls(lambda: checker.validate(arm)) < first / 3
    assert calls(lambda: checker.validate(spec)) < 1000


def test_keys_at_other_places_have_findings_of_their_own() -> None:
    """The command line has one line for every setting: places differ in their text only."""
    checker = Checker()
    for text in ("unknown=1", "unknown=2"):
        key = Span(file="--set", line=1, column=1, end_column=8, text=text)
        tree = planted(("unknown",), Node(value=1, span=key), key)
        (finding,) = [item for item in checker.validate(tree) if item.code == "E102"]
        assert finding.span is not None
        assert finding.span.text == text


def test_nobody_reads_more_findings_than_so_many() -> None:
    spec = parse("\n".join(f"key{number}: 1" for number in range(1000)), file="many.yaml")
    assert len(Checker().validate(spec)) == MAX_FINDINGS
    assert len(Checker().fragment(spec)) == MAX_FINDINGS
