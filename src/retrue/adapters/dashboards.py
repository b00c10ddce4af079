"""The dashboard pack: the fleet, a model, its data, the machines that serve it, and Retrue itself."""

from __future__ import annotations

from retrue.adapters.grafana import MODEL, Board, Panel

PERFORMANCE = f'{MODEL}, metric="$metric"'
LOST = (
    '(retrue_performance_reference{metric="roc_auc"} - retrue_performance{metric="roc_auc"})'
    ' or (retrue_performance{metric="mae"} / retrue_performance_reference{metric="mae"} - 1)'
)

FLEET = Board(
    "fleet",
    "all models",
    "Who is out of true, and who was last heard of when. Start here.",
    (
        Panel("Models out of true", [("sum(retrue_model_out_of_true)", "out of true")], width=6, type="stat"),
        Panel("Models", [("count(retrue_model_out_of_true)", "models")], width=6, type="stat"),
        Panel("Events a second", [("sum(rate(retrue_events_total[15m]))", "events")], "rps", width=6, type="stat"),
        Panel(
            "Share of events that are labelled",
            [("sum(retrue_labelled_events) / sum(retrue_events_total)", "labelled")],
            "percentunit",
            width=6,
            type="stat",
        ),
        Panel(
            "Incidents that aren't over",
            [("sum by (model, kind, severity) (retrue_incidents)", "{{model}}: {{kind}}, {{severity}}")],
            type="table",
        ),
        Panel(
            "For how long?",
            [("time() - retrue_oldest_incident_timestamp_seconds", "{{model}}")],
            "s",
            type="table",
            help="Since the oldest incident of the model that isn't resolved opened.",
        ),
        Panel(
            "Who lost most against its reference?",
            [(f"topk(10, {LOST})", "{{model}} {{metric}} {{source}}")],
            help="ROC AUC: points of 1 that were lost. MAE: how much greater it is, as a share.",
        ),
        Panel(
            "When was the newest window?",
            [("time() - retrue_window_start_timestamp_seconds", "{{model}}")],
            "s",
            help="A model whose line rises for long is silent, or its events come late.",
        ),
        Panel("Events a second, by model", [("sum by (model) (rate(retrue_events_total[15m]))", "{{model}}")], "rps"),
        Panel(
            "Rows set aside, a second",
            [('sum by (model) (rate(retrue_rows_special_total{what="set aside"}[15m]))', "{{model}}")],
            "rps",
        ),
    ),
)

ONE_MODEL = Board(
    "model",
    "a model",
    "How well a model does, what moved, and what that costs.",
    (
        Panel(
            "Out of true",
            [(f"retrue_model_out_of_true{{{MODEL}}}", "{{model}}")],
            width=6,
            type="stat",
        ),
        Panel(
            "Incidents that aren't over",
            [(f"sum by (model, kind, severity) (retrue_incidents{{{MODEL}}})", "{{model}}: {{kind}}, {{severity}}")],
            width=18,
            type="table",
        ),
        Panel(
            "How well does it do?",
            [
                (f"retrue_performance{{{PERFORMANCE}}}", "{{model}} {{source}}"),
                (f"retrue_performance_low{{{PERFORMANCE}}}", "{{model}} {{source}}, low"),
                (f"retrue_performance_high{{{PERFORMANCE}}}", "{{model}} {{source}}, high"),
                (f"retrue_performance_reference{{{PERFORMANCE}}}", "{{model}} reference"),
            ],
            width=24,
            help="Realised by labels, or estimated without them; low and high are the ends of the 95 % interval.",
        ),
        Panel("Which columns cost most?", [(f"topk(10, abs(retrue_impact{{{MODEL}}}))", "{{model}} {{column}}")]),
        Panel("What do labels say beyond the estimate?", [(f"retrue_concept_drift{{{PERFORMANCE}}}", "{{model}}")]),
        Panel("Events a second", [(f"rate(retrue_events_total{{{MODEL}}}[15m])", "{{model}}")], "rps"),
        Panel(
            "What share of events is labelled?",
            [(f"retrue_labelled_events{{{MODEL}}} / retrue_events_total{{{MODEL}}}", "{{model}}")],
            "percentunit",
        ),
        Panel(
            "How long do predictions take?",
            [
                (f"histogram_quantile(0.5, retrue_latency_bucket{{{MODEL}}})", "{{model}} median"),
                (f"histogram_quantile(0.99, retrue_latency_bucket{{{MODEL}}})", "{{model}} p99"),
            ],
            help="In the newest window, in the model's own unit.",
        ),
        Panel("Rows in the newest window", [(f"retrue_window_rows{{{MODEL}}}", "{{model}}")]),
    ),
    ("model", "metric"),
)

DATA = Board(
    "data",
    "data quality",
    "What comes in: what is missing, out of range, never seen before, or distributed in another way.",
    (
        Panel("Which columns moved?", [(f"topk(10, retrue_drift{{{MODEL}}})", "{{model}} {{column}}, {{metric}}")]),
        Panel(
            "What is missing?",
            [(f'topk(10, retrue_quality{{{MODEL}, metric="missing"}})', "{{model}} {{column}}")],
            "percentunit",
        ),
        Panel(
            "What lies outside of what the reference has shown?",
            [(f'topk(10, retrue_quality{{{MODEL}, metric="out_of_range"}})', "{{model}} {{column}}")],
            "percentunit",
        ),
        Panel(
            "What was never seen before?",
            [(f'topk(10, retrue_quality{{{MODEL}, metric="unseen"}})', "{{model}} {{column}}")],
            "percentunit",
        ),
        Panel(
            "Incidents of the data",
            [(f'sum by (model, severity) (retrue_incidents{{{MODEL}, kind="broken"}})', "{{model}}: {{severity}}")],
            type="table",
        ),
        Panel(
            "Rows set aside, a second",
            [(f'rate(retrue_rows_special_total{{{MODEL}, what="set aside"}}[15m])', "{{model}}")],
            "rps",
        ),
        Panel(
            "What became of rows, besides",
            [(f"rate(retrue_rows_special_total{{{MODEL}}}[15m])", "{{model}} {{what}}")],
            "rps",
            width=24,
            help="Repeated, corrected, waiting for their event ...: see docs/store.md.",
        ),
    ),
    ("model",),
)

SYSTEM = Board(
    "system",
    "the machines that serve",
    "What rt.watch and retrue agent record of the services that run the models: means of the newest window.",
    tuple(
        Panel(title, [(f'retrue_system{{{MODEL}, signal=~"{signal}"}}', legend)], unit)
        for title, signal, legend, unit in (
            ("CPU", "cpu_percent|process_cpu_percent", "{{model}} {{signal}}", "percent"),
            ("Memory", "memory_percent|gpu_memory_percent", "{{model}} {{signal}}", "percent"),
            ("Requests a second", "requests_per_s", "{{model}}", "rps"),
            ("Errors", "errors_percent", "{{model}}", "percent"),
            ("Latency", "latency_p50_ms|latency_p99_ms", "{{model}} {{signal}}", "ms"),
            ("Disk and network", "disk_mb_per_s|network_mb_per_s", "{{model}} {{signal}}", "MBs"),
            ("Disk used", "disk_percent", "{{model}}", "percent"),
            ("GPU", "gpu_percent", "{{model}}", "percent"),
            ("Memory of the process", "process_memory_mb", "{{model}}", "decmbytes"),
            ("Threads of the process", "process_threads", "{{model}}", ""),
        )
    ),
    ("model",),
)

ITSELF = Board(
    "itself",
    "Retrue itself",
    "Whether what watches is well: rows on their way, jobs, answers, parts that died.",
    (
        Panel("Rows that wait for the lake", [("retrue_spool_rows", "{{model}}")]),
        Panel("Batches that can't be brought in", [("retrue_spool_stuck", "{{model}}")]),
        Panel("Jobs", [("sum by (kind, status) (retrue_jobs)", "{{kind}}: {{status}}")]),
        Panel(
            "Since a job last ended well",
            [("time() - retrue_job_last_success_timestamp_seconds", "{{kind}}")],
            "s",
        ),
        Panel(
            "How fast does it answer?",
            [("histogram_quantile(0.95, sum by (le, route) (rate(retrue_http_seconds_bucket[5m])))", "{{route}} p95")],
            "s",
        ),
        Panel(
            "Requests a second",
            [("sum by (route, status) (rate(retrue_http_seconds_count[5m]))", "{{route}} {{status}}")],
            "rps",
        ),
        Panel(
            "Rows taken a second",
            [("sum by (kind, outcome) (rate(retrue_ingest_rows_total[5m]))", "{{kind}}: {{outcome}}")],
            "rps",
        ),
        Panel("Parts that died and were started again", [("retrue_restarts_total", "{{part}}")]),
        Panel(
            "Figures that aren't exported",
            [("retrue_samples_left_out", "left out")],
            type="stat",
            help="There would be more than 20,000; those of columns that cost least are left out.",
        ),
    ),
)

PACK = (FLEET, ONE_MODEL, DATA, SYSTEM, ITSELF)
"""All of them, where to look first first."""
