"""Tables in asset metadata: what a person reads in the Dagster UI."""

import dagster as dg

from walmart_bi.assets.common import MARKDOWN_IN_PLACE, column_lineage, markdown_table, preview_table


def test_given_hostile_text_when_shown_then_it_stays_in_its_cell():
    text = markdown_table(["city"], [("a | b\n<script>*x*",)]).value
    assert text == "| city |\n| --- |\n| a \\| b \\<script\\>\\*x\\* |"


def test_given_a_fraction_when_shown_then_it_has_six_digits_and_nothing_is_shown_for_null():
    assert markdown_table(["share", "rating"], [(0.00016090621191544168, None)]).value.endswith("| 0.000160906 |  |")


def test_given_many_rows_when_previewed_then_as_many_as_the_ui_shows_in_place():
    rows = [(number, "x" * 40) for number in range(100)]
    text = preview_table(["number", "text"], rows).value
    shown = text.count("\n") - 1
    assert len(text) <= MARKDOWN_IN_PLACE < len(markdown_table(["number", "text"], rows[: shown + 1]).value)


def test_given_one_wide_row_when_previewed_then_it_is_kept():
    columns = [f"column_{number}" for number in range(60)]
    assert preview_table(columns, [tuple("x" * 60 for _ in columns)]).value.count("\n") == 2


def test_given_lineage_when_told_then_programs_and_people_learn_the_same():
    told = column_lineage({"aov": [("walmart_sales", "purchase_amount"), ("walmart_sales", "customer_id")], "one": []})
    lineage = told["dagster/column_lineage"].value
    assert isinstance(lineage, dg.TableColumnLineage)
    assert {dep.column_name for dep in lineage.deps_by_column["aov"]} == {"purchase_amount", "customer_id"}
    people = told["column lineage"].value
    assert "| aov | walmart\\_sales.purchase\\_amount, walmart\\_sales.customer\\_id |" in people
    assert "| one |  |" in people
