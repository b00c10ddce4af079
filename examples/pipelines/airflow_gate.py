"""A gate in Airflow: what follows runs only where today's rows are true to what the model was trained on.

The check is the command line's exit status: 0 true (notices included), 1 out of true, 2 wrong use or input. The Bash
operator fails its task on 1 and 2, and what is downstream doesn't run.
"""

from __future__ import annotations

import datetime as dt

from airflow.providers.standard.operators.bash import BashOperator
from airflow.sdk import DAG

with DAG("retrue_gate", start_date=dt.datetime(2026, 1, 1, tzinfo=dt.UTC), schedule="@daily", catchup=False):
    compare = BashOperator(
        task_id="compare",
        bash_command="retrue compare /data/train.parquet /data/{{ ds }}.parquet --html /reports/{{ ds }}.html",
    )
    score = BashOperator(task_id="score", bash_command="echo 'score the rows of {{ ds }}'")
    compare >> score
