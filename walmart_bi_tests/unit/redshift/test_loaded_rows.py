"""How a month's rows come into Redshift: the manifest, and what stops a load whose rows are not those of the object."""

from __future__ import annotations

import dataclasses
import json
from unittest import mock

import pytest
from botocore.exceptions import ClientError

from walmart_bi.records import ControlTotals
from walmart_bi.stores.s3 import S3Store
from walmart_bi.stores.s3_client import s3_client
from walmart_bi.warehouse.base import TotalsMismatch
from walmart_bi.warehouse.copy import LoadFailed
from walmart_bi.warehouse.redshift_connection import session
from walmart_bi.warehouse.redshift_warehouse import RedshiftWarehouse
from walmart_bi_tests.builders import make_month, make_rows
from walmart_bi_tests.redshift_standin import backend
from walmart_bi_tests.redshift_standin.front import Fault
from walmart_bi_tests.unit.redshift.test_warehouse import MONTH, load, loaded, statements

# The manifest


def test_the_manifest_names_one_object_that_must_be_there_and_its_length(site, standin):
    month, seen = make_month(site.store(), MONTH, 3), []

    def look() -> None:
        (key,) = [
            entry["Key"] for entry in standin.s3.list_objects_v2(Bucket=site.bucket, Prefix="staging/copy")["Contents"]
        ]
        seen.append(json.loads(standin.s3.get_object(Bucket=site.bucket, Key=key)["Body"].read()))

    standin.front.faults.append(Fault("^COPY", meanwhile=look, cut=False))
    load(site.warehouse(), month)

    url = f"s3://{site.bucket}/{month.key}"
    assert seen == [{"entries": [{"url": url, "mandatory": True, "meta": {"content_length": month.size}}]}]


@pytest.mark.parametrize("copied", [True, False], ids=["COPY went well", "COPY failed"])
def test_a_manifest_that_cannot_be_removed_changes_nothing_about_the_load(site, standin, caplog, copied):
    client = mock.Mock(wraps=s3_client())
    client.delete_object.side_effect = ClientError(
        {"Error": {"Code": "AccessDenied"}, "ResponseMetadata": {"HTTPStatusCode": 403}}, "DeleteObject"
    )
    warehouse = RedshiftWarehouse(site.settings(), S3Store(site.bucket, client=client))
    month = make_month(site.store(), MONTH, 3)
    if copied:
        assert load(warehouse, month).action == "loaded"
    else:
        standin.front.roles.clear()
        with pytest.raises(LoadFailed, match="not authorized to assume IAM Role"):
            load(warehouse, month)
    assert "staging/copy/" in caplog.text and "AccessDenied" in caplog.text


# The rows in the stage and in the table


@pytest.mark.parametrize("total", [field.name for field in dataclasses.fields(ControlTotals)])
def test_rows_that_are_not_those_of_the_description_stop_the_load_before_anything_is_locked(site, standin, total):
    month = make_month(site.store(), MONTH, 3)
    is_date = total.endswith("date")
    other = f"{MONTH}-28" if is_date else getattr(month.totals, total) + 1
    wrong = dataclasses.replace(month, totals=dataclasses.replace(month.totals, **{total: other}))

    with pytest.raises(TotalsMismatch, match="The content of the object differs"):
        load(site.warehouse(), wrong)
    assert not {"BEGIN", "LOCK load_ledger"} & set(statements(standin))


def test_rows_that_copy_counted_otherwise_stop_the_load_before_anything_is_locked(site, standin):
    with backend.session(standin.front.postgres, site.database) as admin:
        admin.query(
            "SET allow_system_table_mods = on; CREATE OR REPLACE FUNCTION pg_catalog.pg_last_copy_count()"
            " RETURNS BIGINT LANGUAGE SQL STABLE AS $$ SELECT CAST(2 AS BIGINT) $$"
        )
    with pytest.raises(TotalsMismatch, match=r"What COPY counted differs .*rows is 2 instead of 3"):
        load(site.warehouse(), make_month(site.store(), MONTH, 3))
    assert "LOCK load_ledger" not in statements(standin)


@pytest.mark.parametrize("change", ["RETURN NULL", "NEW.purchase_amount := 0.01; RETURN NEW"], ids=["lost", "changed"])
def test_rows_that_do_not_arrive_in_the_table_as_they_were_in_the_stage_leave_the_old_month(site, standin, change):
    load(site.warehouse(), make_month(site.store(), MONTH, make_rows(MONTH, 3, city="old")))
    with backend.session(standin.front.postgres, site.database) as admin:
        admin.query(
            "CREATE FUNCTION standin.spoil() RETURNS TRIGGER LANGUAGE plpgsql AS"
            f" $$ BEGIN IF NEW.source_line = 3 THEN {change}; END IF; RETURN NEW; END $$;"
            "CREATE TRIGGER spoil BEFORE INSERT ON walmart_sales FOR EACH ROW EXECUTE FUNCTION standin.spoil()"
        )

    with pytest.raises(TotalsMismatch, match=r"The month in the table differs.*Nothing was changed"):
        load(site.warehouse(), make_month(site.store(), MONTH, make_rows(MONTH, 4, city="new")))
    assert [row[1:] for row in loaded(site)] == [("old", 3)]
    assert [(entry.version, entry.is_active) for entry in site.warehouse().ledger()] == [(1, True)]


def test_a_restored_load_must_bring_what_the_ledger_says_of_it(site, standin):
    for city in ("first", "second"):
        load(site.warehouse(), make_month(site.store(), MONTH, make_rows(MONTH, 3, city=city)))
    with session(site.settings()) as admin:
        admin.execute("UPDATE load_ledger SET total_cents = total_cents + 1 WHERE version = 1")
    standin.front.log.clear()

    with pytest.raises(TotalsMismatch, match=r"The content of the object differs.*purchase_amount in cents"):
        site.warehouse().restore_load(MONTH, f"{MONTH}-v1")
    assert "LOCK load_ledger" not in statements(standin)
    assert [row[1:] for row in loaded(site)] == [("second", 3)]


def test_a_reader_goes_on_seeing_the_month_that_a_load_has_replaced_meanwhile(site):
    counted = "SELECT city, COUNT(*) FROM walmart_sales GROUP BY city"
    load(site.warehouse(), make_month(site.store(), MONTH, make_rows(MONTH, 3, city="old")))
    with site.warehouse().read() as reader:
        assert reader.query(counted).rows == [("old", 3)]
        load(site.warehouse(), make_month(site.store(), MONTH, make_rows(MONTH, 4, city="new")))
        assert reader.query(counted).rows == [("old", 3)]
    assert [row[1:] for row in loaded(site)] == [("new", 4)]
