"""The sensor that tells people about a failed run: what failed, why, and the next step."""

# No postponed annotations here: Dagster reads those of decorated functions when it defines them.

import dagster as dg

from walmart_bi.alerts import Alert, AlertSettings, send
from walmart_bi.assets.common import FILE_TAG


def build_failure_sensor(alerts: AlertSettings) -> dg.SensorDefinition:
    """The failure sensor, reporting to the log and to the channels that are set."""

    @dg.run_failure_sensor(
        name="failure_sensor",
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Reports each failed run: what failed, why, and the next step.",
    )
    def failure_sensor(context: dg.RunFailureSensorContext) -> None:
        send(failure_alert(context), alerts)

    return failure_sensor


def failure_alert(context: dg.RunFailureSensorContext) -> Alert:
    """What to tell people about a failed run: the first failed step's cause, place and next step."""
    run = context.dagster_run
    title = f"{run.job_name} failed for {run.tags.get(FILE_TAG, 'run ' + run.run_id[:8])}"
    for event in context.get_step_failure_events():
        failure = event.step_failure_data.user_failure_data
        if failure is not None and {"cause", "place", "next step"} <= set(failure.metadata):
            cause, place, step = (str(failure.metadata[key].value) for key in ("cause", "place", "next step"))
            return Alert(title, cause, place, step, None)
    problems = _failed_checks(context)
    if problems:
        return Alert(title, "; ".join(problems), f"run {run.run_id}", "docs/runbook.md, A check failed.", None)
    return Alert(
        title,
        context.failure_event.message or "the run ended without a message",
        f"run {run.run_id}",
        "open the run in the Dagster UI; docs/runbook.md says what is safe to run again.",
        None,
    )


def _failed_checks(context: dg.RunFailureSensorContext) -> list[str]:
    """What the run's failed checks of severity error say."""
    evaluations = context.instance.get_records_for_run(
        context.dagster_run.run_id, of_type=dg.DagsterEventType.ASSET_CHECK_EVALUATION
    )
    found = []
    for record in evaluations.records:
        event = record.event_log_entry.dagster_event
        check = event.asset_check_evaluation_data if event else None
        if check and not check.passed and check.severity == dg.AssetCheckSeverity.ERROR:
            found.append(f"{check.asset_key.to_user_string()}: {check.check_name}: {check.description}")
    return found
