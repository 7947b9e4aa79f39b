"""The templates keep the rules, and the rules notice when a template does not."""

from __future__ import annotations

import copy
from fnmatch import fnmatchcase
from pathlib import Path

import pytest
from cfnlint.api import lint
from cfnlint.core import get_rules

from walmart_bi_tests.deploy.mutants import MUTANTS, statements
from walmart_bi_tests.deploy.rules import broken_rules
from walmart_bi_tests.deploy.template import DATA, ECS, REGION, Values, listed, policies, read_template


@pytest.fixture(scope="module", params=[DATA, ECS], ids=lambda path: path.name)
def path(request: pytest.FixtureRequest) -> Path:
    found: Path = request.param
    return found


# What is given


def test_cfn_lint_finds_nothing_at_all(path: Path) -> None:
    rules = get_rules([], [], ["I", "W", "E"], {}, False)
    found = lint(path.read_text(), rules, [REGION, "eu-central-1"])
    assert [f"{match.rule.id} {match.message}" for match in found] == []


def test_cfn_lint_notices_a_property_that_is_not_there() -> None:
    wrong = DATA.read_text().replace("PubliclyAccessible:", "PubliclyAccesible:")
    assert [match.rule.id for match in lint(wrong, get_rules([], [], ["W", "E"], {}, False), [REGION])] == ["E3002"]


def test_every_rule_is_kept(path: Path) -> None:
    assert broken_rules(read_template(path)) == []


# What a change would break


@pytest.mark.parametrize("name", MUTANTS)
def test_a_template_that_is_changed_for_the_worse_is_noticed(name: str) -> None:
    path, change, expected = MUTANTS[name]
    template = copy.deepcopy(read_template(path))
    change(template)
    found = broken_rules(template)
    assert any(expected in problem for problem in found), found


# What the roles may do, in the words of IAM


def allowed(role: str, action: str, resource: str) -> bool:
    """Whether the resource's policy in the data template allows this, its conditions apart."""
    values = Values(read_template(DATA))
    found = [s for name, place, group in policies(values) if name == role and "Assume" not in place for s in group]
    return any(
        action in listed(statement["Action"])
        and any(fnmatchcase(resource, pattern) for pattern in listed(statement["Resource"]))
        for statement in found
        if statement["Effect"] == "Allow"
    )


BUCKET = "arn:aws:s3:::walmart-bi-123456789012-us-east-1"


@pytest.mark.parametrize(
    "key", ["raw_data/a.csv", "monthly_data/2025-03/a.parquet", "quarantine/a", "dashboard_data/x/a"]
)
def test_the_pipeline_reads_and_writes_but_never_deletes_what_cannot_be_made_again(key: str) -> None:
    assert allowed("PipelinePolicy", "s3:GetObject", f"{BUCKET}/{key}")
    assert allowed("PipelinePolicy", "s3:PutObject", f"{BUCKET}/{key}")
    assert not allowed("PipelinePolicy", "s3:DeleteObject", f"{BUCKET}/{key}")


@pytest.mark.parametrize("key", ["staging/.write-once-probe", "staging/copy/a.manifest", "dashboard_data/latest/a.csv"])
def test_the_pipeline_deletes_what_it_makes_again(key: str) -> None:
    assert allowed("PipelinePolicy", "s3:DeleteObject", f"{BUCKET}/{key}")


def test_nobody_gets_at_other_objects_or_at_the_settings_of_the_bucket() -> None:
    assert not allowed("PipelinePolicy", "s3:GetObject", f"{BUCKET}/somewhere/else")
    assert not allowed("PipelinePolicy", "s3:PutBucketPolicy", BUCKET)


def test_copy_reads_published_months_and_manifests_alone() -> None:
    assert allowed("CopyRole", "s3:GetObject", f"{BUCKET}/monthly_data/2025-03/a.parquet")
    assert allowed("CopyRole", "s3:GetObject", f"{BUCKET}/staging/copy/a.manifest")
    for key in ("raw_data/a.csv", "quarantine/a.csv", "staging/a.parquet", "dashboard_data/latest/a.csv"):
        assert not allowed("CopyRole", "s3:GetObject", f"{BUCKET}/{key}")
    assert not allowed("CopyRole", "s3:PutObject", f"{BUCKET}/monthly_data/a")


def test_copy_lists_the_same_prefixes_alone() -> None:
    (listing,) = (s for s in statements(read_template(DATA), "CopyRole") if s["Action"] == "s3:ListBucket")
    assert listing["Condition"] == {"StringLike": {"s3:prefix": ["monthly_data/*", "staging/copy/*"]}}
