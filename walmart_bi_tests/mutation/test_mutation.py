"""That mutants are made of what decides, that survivors are told and explained, and that the figures add up."""

import dataclasses
import itertools
import re
from pathlib import Path

import pytest

from walmart_bi_tests.mutation import __main__ as main
from walmart_bi_tests.mutation import document, mutants
from walmart_bi_tests.mutation.modules import GROUPS, MODULES, Module
from walmart_bi_tests.mutation.mutants import Record, undecorated
from walmart_bi_tests.mutation.survivors import KINDS, Explanation, function_of, outlived, read, survivors, unexplained
from walmart_bi_tests.proof.document import CHECKOUT

DECORATED = '''
import contextlib
import functools


@functools.lru_cache(maxsize=None)
def doubled(number):
    return 2 * number


class Shop:
    @property
    def name(self):
        return "shop"

    @contextlib.contextmanager
    def open(self):
        """Open."""
        yield "open"


@functools.wraps(doubled)
@contextlib.contextmanager
def twice():
    yield 2
'''
RECORD = Record(
    source="0123456789abcdef",
    total=5,
    verdicts={
        "walmart_bi.sales.gates.x_refusals__mutmut_1": "killed",
        "walmart_bi.sales.gates.x_refusals__mutmut_2": "survived",
        "walmart_bi.sales.gates.xǁShopǁopen__mutmut_1": "timeout",
        "walmart_bi.sales.gates.xǁShopǁopen__mutmut_2": "not tried",
    },
    changes={
        "walmart_bi.sales.gates.x_refusals__mutmut_2": "a < b -> a <= b",
        "walmart_bi.sales.gates.xǁShopǁopen__mutmut_1": "while x: -> while not x:",
        "walmart_bi.sales.gates.xǁShopǁopen__mutmut_2": "1 -> 2",
    },
    python="3.11.7",
    mutmut="3.8.1",
)
EXPLAINED = Explanation("gates", "refusals", "equivalent", "They are never equal.", ("a < b -> a <= b",))


def test_given_decorated_functions_then_they_are_the_same_without_a_decorator_and_without_a_cache() -> None:
    source = undecorated(DECORATED)
    assert "@" not in source
    made: dict[str, object] = {}
    exec(source, made)
    assert [made["doubled"](2), made["Shop"]().name] == [4, "shop"]  # type: ignore[operator]
    assert not hasattr(made["doubled"], "cache_info")
    with made["Shop"]().open() as opened, made["twice"]() as number:  # type: ignore[operator]
        assert (opened, number) == ("open", 2)
    assert made["twice"].__name__ == "doubled"  # type: ignore[attr-defined]


def test_every_module_and_every_test_that_judges_it_is_there() -> None:
    assert GROUPS == ("rules", "loader", "ledger")
    paths = [path for module in MODULES.values() for path in (module.path, *module.tests)]
    assert [path for path in paths if not (CHECKOUT / path).is_file()] == []


def test_every_word_that_selects_or_leaves_out_tests_is_in_the_name_of_one() -> None:
    """A test that gets another name would judge no mutant any more, and nobody would see it."""
    paths = {path for module in MODULES.values() for path in module.tests}
    tests = [re.findall(r"^def (test_\w+)", (CHECKOUT / path).read_text(), flags=re.MULTILINE) for path in paths]
    names = [*paths, *itertools.chain.from_iterable(tests)]
    words = {word for module in MODULES.values() for word in re.findall(r"\w+", module.only)}
    words -= {"and", "or", "not", "duckdb", "redshift"}  # the last two are parameters
    assert [word for word in sorted(words) if not any(word in name for name in names)] == []


def test_every_explanation_has_a_reason_and_is_of_a_module_and_a_kind_and_there_once() -> None:
    explanations = read()
    assert [each for each in explanations if each.module not in MODULES or each.kind not in KINDS] == []
    assert [each for each in explanations if len(each.why) < 20 or not each.changes] == []
    changes = [(each.module, each.function, change) for each in explanations for change in each.changes]
    assert len(changes) == len(set(changes))


def test_a_mutant_names_its_function_and_that_its_class() -> None:
    assert [function_of(mutant) for mutant in RECORD.verdicts] == ["refusals", "refusals", "Shop.open", "Shop.open"]


def test_given_survivors_then_those_without_an_explanation_are_told_with_the_entry_to_fill_in(tmp_path: Path) -> None:
    found = survivors("gates", RECORD)
    (new,) = unexplained(found, [EXPLAINED])
    assert (new.function, new.verdict) == ("Shop.open", "timeout")
    file = tmp_path / "survivors.toml"
    file.write_text(new.entry(), encoding="utf-8")
    assert unexplained(found, [EXPLAINED, *read(file)]) == []


def test_given_an_explanation_of_what_does_not_survive_any_more_then_it_is_told_once_the_module_was_tried() -> None:
    old = dataclasses.replace(EXPLAINED, changes=("a < b -> a <= b", "a < b -> a > b"))
    found = survivors("gates", RECORD)
    assert [each.change for each in outlived(found, [old], ["gates"])] == ["a < b -> a > b"]
    assert outlived(found, [old], ["values"]) == []


def test_the_document_has_the_figures_of_each_module_and_group_and_each_explained_survivor() -> None:
    records = {name: Record("s") for name in MODULES} | {"gates": RECORD}
    text = document.text(records, [EXPLAINED, dataclasses.replace(EXPLAINED, changes=("gone -> away",))])
    assert "| `gates` | 5 | 3 | 1 | 1 | 1 | 0 | 0 | 33.3% | `0123456789ab` |" in text
    assert "**Killed: rules 33.3%, loader not tried, ledger not tried of the 3 mutants that were tried, of 5; " in text
    assert "of 5; 1 of the others are not explained.**" in text
    assert "- `refusals`, equivalent: They are never equal.\n  - `a < b -> a <= b`" in text
    assert "gone -> away" not in text
    assert document.groups_below_the_limit(records) == ["rules"]
    assert not RECORD.complete()


@pytest.mark.parametrize(
    ("tried", "asked", "code", "told"),
    [
        (["gates", "values"], ["gates", "values"], 0, ""),
        (["gates"], ["gates"], 0, ""),
        (["gates"], ["gates", "values"], 1, "not tried, or not to the end: values;"),
        ([], ["gates", "values"], 1, "not tried, or not to the end: gates, values;"),
    ],
)
def test_given_a_module_that_was_not_tried_to_its_end_when_concluded_then_it_is_told_and_the_run_fails(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tried: list[str],
    asked: list[str],
    code: int,
    told: str,
) -> None:
    """`RECORD` has one mutant left; a record without any is of a module that nobody tried."""
    done = dataclasses.replace(RECORD, verdicts={"walmart_bi.sales.gates.x_refusals__mutmut_1": "killed"})
    records = {name: done if name in tried else RECORD if name == "values" else Record("") for name in MODULES}
    explained = [
        Explanation("values", each.function, "equivalent", "They are never equal.", (each.change,))
        for each in survivors("values", RECORD)
    ]
    monkeypatch.setattr(mutants, "load", lambda name, _: records[name])
    monkeypatch.setattr(main, "read", lambda: explained)
    monkeypatch.setattr(document, "groups_below_the_limit", lambda _: [])
    monkeypatch.setattr(document, "DOCUMENT", tmp_path / "docs.md")
    monkeypatch.setattr(mutants, "FOLDER", tmp_path / "build")

    assert main.conclude(asked) == code
    assert told in capsys.readouterr().out
    assert not (tmp_path / "docs.md").exists() and (tmp_path / "build" / "docs.md").exists()


def test_given_every_module_tried_when_concluded_then_the_page_in_docs_is_the_new_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = dataclasses.replace(RECORD, verdicts=dict.fromkeys(RECORD.verdicts, "killed"))
    monkeypatch.setattr(mutants, "load", lambda name, _: done)
    monkeypatch.setattr(document, "DOCUMENT", tmp_path / "docs.md")
    monkeypatch.setattr(mutants, "FOLDER", tmp_path / "build")
    main.conclude([])
    assert (tmp_path / "docs.md").read_text().startswith("# ")


def test_given_a_module_when_judged_then_its_mutants_are_killed_and_not_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mutants, "FOLDER", tmp_path / "build")
    monkeypatch.setattr(mutants, "RECORDS", tmp_path / "records")
    module = Module("rules", "walmart_bi/sales/coverage.py", ("walmart_bi_tests/unit/sales/test_coverage.py",), 3)
    told: list[str] = []
    record = mutants.judge("coverage", module, anew=False, processes=1, tell=told.append)
    assert (record.counts(), record.complete()) == ({"killed": 3}, True)
    assert mutants.load("coverage", module) == record
    assert mutants.judge("coverage", module, anew=False, processes=1, tell=told.append) == record
    assert [line.rpartition(", ")[2] for line in told] == [
        "3 of them not known to be killed",
        "0 of them not known to be killed",
    ]
