"""The page's script and the Python insights say the same: numbers and texts, over many states of the filters."""

from __future__ import annotations

import json
import random
from typing import Any

import pytest
from playwright.sync_api import Browser

from walmart_bi.kpis.insights.analysis import analyse
from walmart_bi.kpis.insights.model import Selection, as_plain
from walmart_bi.kpis.insights.personas import box_of
from walmart_bi.kpis.insights.statistics import t_quantile
from walmart_bi.reporting.page.document import modules
from walmart_bi_tests.browser.pages import Built, opened

PURE = ("format", "cube", "statistics", "analysis", "wording", "findings", "state")
STATES = 150
PLAIN = {"Yes": True, "No": False, "Repeat": True, "New": False}

ANSWER = (
    "async ([story, states]) => {"
    + modules(PURE)
    + """
    const cubes = Object.fromEntries(await Promise.all(
      Object.entries(story.cubes).map(async ([name, packed]) => [name, await unpackCube(packed)])));
    const plain = (key, value) => (typeof value === 'bigint' ? Number(value)
      : value instanceof Map ? Object.fromEntries(value) : value);
    return JSON.stringify(states.map((filters) => {
      const numbers = analyse(story, cubes, filters);
      const boxes = Object.fromEntries(story.insights.boxes.map(({ persona }) => (
        [persona, boxOf(numbers, persona, story.phrases)])));
      return { numbers, boxes };
    }), plain);
  }"""
)


def random_states(built: Built, count: int) -> list[dict[str, str]]:
    rng = random.Random(2)
    names = [name for name in built.story["members"] if name not in ("age_group", "city")]
    states: list[dict[str, str]] = [{}, *({"month": month} for month in built.story["members"]["month"])]
    while len(states) < count:
        chosen = rng.sample(names, rng.randint(1, len(names)))
        states.append({name: rng.choice(built.story["members"][name]) for name in chosen})
    return states


def selection(filters: dict[str, str]) -> Selection:
    kept = {
        name: (PLAIN[value] if name in ("discount_applied", "repeat_customer") else value,)
        for name, value in filters.items()
        if name != "month"
    }
    return Selection(month=filters.get("month"), **kept)  # type: ignore[arg-type]


def texts(box: dict[str, Any], parts: dict[str, Any]) -> dict[str, list[str]]:
    return {part: [sentence["text"] for sentence in box[part]] for part in parts}


@pytest.mark.parametrize("names", ["ordinary", "hostile"])
def test_given_any_filters_then_script_and_python_give_equal_numbers_and_equal_sentences(
    names: str, chromium_browser: Browser, request: pytest.FixtureRequest
) -> None:
    built: Built = request.getfixturevalue(names)
    states = random_states(built, STATES)
    with opened(chromium_browser) as tab:
        answers = json.loads(tab.page.evaluate(ANSWER, [built.story, states]))
    assert len(answers) == len(states)
    statuses = set()
    for filters, answer in zip(states, answers, strict=True):
        numbers = analyse(built.facts, selection(filters))
        statuses.add(numbers.status)
        assert_equal_numbers(answer["numbers"], as_plain(numbers), filters)
        for persona, box in answer["boxes"].items():
            assert texts(box, box) == texts(as_plain(box_of(numbers, persona)), box), (persona, filters)
    assert "compared" in statuses
    assert len(statuses) >= 3


def assert_equal_numbers(found: dict[str, Any], expected: dict[str, Any], filters: dict[str, str]) -> None:
    assert found["status"] == expected["status"], filters
    assert (found["month"], found["previous"]) == (expected["month"], expected["previous"])
    if expected["split"]:
        assert found["split"] == {name: expected["split"][name] for name in ("change", "orders_effect", "aov_effect")}
    assert found["range"] == pytest.approx(expected["range"])
    assert found["confidence"] == pytest.approx(expected["confidence"])
    for dimension, breakdown in expected["breakdowns"].items():
        given = found["breakdowns"][dimension]
        assert [part["segment"] for part in given["contributions"]] == [
            part["segment"] for part in breakdown["contributions"]
        ]
        assert [(part["before"], part["now"]) for part in given["contributions"]] == [
            (part["before"], part["now"]) for part in breakdown["contributions"]
        ]
        assert given["mix"] == (pytest.approx(breakdown["mix"], abs=1e-6) if breakdown["mix"] else None)
        for one, other in zip(given["comparisons"], breakdown["comparisons"], strict=True):
            assert {key: one[key] for key in other if isinstance(other[key], str)} == {
                key: value for key, value in other.items() if isinstance(value, str)
            }
            numbers = [key for key in other if not isinstance(other[key], str)]
            assert [one[key] for key in numbers] == pytest.approx([other[key] for key in numbers], abs=1e-6)


def test_given_probabilities_and_freedoms_then_the_script_has_the_quantiles_of_python(
    chromium_browser: Browser,
) -> None:
    cases = [(p, f) for p in (0.5, 0.6, 0.9, 0.975, 0.9975, 0.99999, 1 - 1e-9, 1 - 1e-14) for f in (29, 100.5, 1e6)]
    code = (
        "(cases) => {" + modules(("format", "cube", "statistics")) + "return cases.map(([p, f]) => tQuantile(p, f)); }"
    )
    with opened(chromium_browser) as tab:
        found = tab.page.evaluate(code, cases)
    assert found == pytest.approx([t_quantile(p, f) for p, f in cases], rel=1e-12, abs=1e-15)
