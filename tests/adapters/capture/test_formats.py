"""Each format, on documents of the shape that its system publishes (the URL is the format's `source`)."""

from __future__ import annotations

import base64
import gzip
import json
from typing import Any

import polars as pl
import pytest
from tests.adapters.capture.shapes import any_value, captured, event, export, read, span, without_time

import retrue as rt
from retrue.adapters.capture import registered

CSV = ("text/csv", "text/csv")


def iris() -> rt.Schema:
    """A model of two features with a score."""
    table = {"at": ["2023-01-01"], "key": ["a"], "length": [1.0], "width": [2.0], "p": [0.5], "kind": ["setosa"]}
    return rt.Schema.infer(
        rt.read_table(table), id="key", time="at", score="p", prediction="kind", task="binary", label=None
    )


def test_every_format_says_where_its_shape_is_published() -> None:
    names = {one.name for one in registered()}
    assert names == {"azureml", "bentoml", "json", "kserve", "mlflow", "otel", "sagemaker", "seldon", "vertex"}
    assert all(one.source.startswith("https://") and one.description for one in registered())


def test_kserve_joins_request_and_response_by_id_in_any_order() -> None:
    body = '{"instances": [[6.8,  2.8,  4.8,  1.4],[6.0,  3.4,  4.5,  1.6]]}'
    asked = event("request", body, time="2023-04-05T07:39:53.5Z")
    found = read([event("response", {"predictions": [1, 1]}), asked], "kserve")
    assert [row["id"] for row in found] == ["689b15e7/0", "689b15e7/1"]
    assert found[1]["input_1"] == 3.4
    assert found[1]["output"] == 1
    assert found[0]["latency"] == pytest.approx(0.005997)


def test_open_inference_protocol_v2_tensors_are_columns_by_name() -> None:
    """The example of the protocol: https://kserve.github.io/website (data plane, v2), with a column for each tensor."""
    asked = {
        "id": "42",
        "inputs": [
            {"name": "length", "shape": [2], "datatype": "FP32", "data": [6.8, 6.0]},
            {"name": "origin", "shape": [2, 1], "datatype": "BYTES", "data": ["JFK", "LGA"]},
        ],
    }
    told = {
        "model_name": "iris",
        "model_version": "7",
        "outputs": [{"name": "predict", "shape": [2], "datatype": "FP32", "data": [0.25, 0.75]}],
    }
    found = without_time(read([event("request", asked), event("response", told)], "kserve"))
    assert found[1] == {"id": "689b15e7/1", "version": "7", "length": 6.0, "origin": "LGA", "output": 0.75}


def test_a_flat_tensor_is_cut_by_its_shape() -> None:
    asked = {"inputs": [{"name": "x", "shape": [2, 2], "datatype": "FP32", "data": [1, 2, 3, 4]}]}
    told = {"outputs": [{"name": "p", "shape": [2, 2], "datatype": "FP32", "data": [0.1, 0.9, 0.2, 0.8]}]}
    found = without_time(read([event("request", asked), event("response", told)], "kserve"))
    assert found[1] == {"id": "689b15e7/1", "input_0": 3, "input_1": 4, "output_0": 0.2, "output_1": 0.8}


def test_seldon_joins_by_requestid_and_reads_ndarray_and_tensor() -> None:
    own = {"requestid": "m1"}
    asked = {"data": {"names": ["SL", "SW"], "ndarray": [[6.8, 2.8], [6.1, 3.4]]}}
    told = {"data": {"names": ["a", "b"], "tensor": {"shape": [2, 2], "values": [0.1, 0.9, 0.4, 0.6]}}, "meta": {}}
    request = event("request", asked, type="io.seldon.serving.inference.request", id="1", **own)
    response = event("response", told, type="io.seldon.serving.inference.response", id="2", **own)
    found = without_time(read([request, response], "seldon"))
    assert found[1] == {"id": "m1/1", "SL": 6.1, "SW": 3.4, "a": 0.4, "b": 0.6}


def seldon_call(asked: dict[str, Any], told: dict[str, Any]) -> list[dict[str, Any]]:
    """The two CloudEvents of a call of Seldon Core 1."""
    kinds = zip(("request", "response"), (asked, told), strict=True)
    return [event(kind, data, type=f"io.seldon.serving.inference.{kind}", requestid="m1") for kind, data in kinds]


def test_seldon_s_json_and_text_are_unpacked_on_both_sides() -> None:
    """`jsonData` is any JSON, `strData` one text; as columns of these names, the answer took the request's place."""
    call = seldon_call({"jsonData": {"length": 1, "width": 0.2}}, {"jsonData": {"p": 0.25}, "meta": {}})
    assert without_time(read(call, "seldon")) == [{"id": "m1", "length": 1, "width": 0.2, "p": 0.25}]
    call = seldon_call({"strData": "so late again"}, {"strData": "complaint"})
    assert without_time(read(call, "seldon")) == [{"id": "m1", "input_0": "so late again", "output": "complaint"}]


def test_an_answer_does_not_take_the_place_of_what_was_asked_under_the_same_name() -> None:
    asked, told = event("request", {"instances": [{"key": "k", "price": 3}]}), [{"key": "k", "price": 4}]
    call = [asked, event("response", {"predictions": told})]
    assert without_time(read(call, "kserve")) == [{"id": "689b15e7", "key": "k", "price": 3, "output_price": 4}]
    assert read(call, "kserve", columns={"output_price": "p"})[0]["p"] == 4


@pytest.mark.parametrize("encoding", ["CSV", "BASE64"])
def test_sagemaker_reads_csv_and_base64(encoding: str) -> None:
    texts = ("0.5,JFK\n1.5,LGA", "30.25\n31.5")
    packed = texts if encoding == "CSV" else tuple(base64.b64encode(text.encode()).decode() for text in texts)
    found = read([captured(packed[0], packed[1], ("text/csv", "text/csv; charset=utf-8"), encoding)], "sagemaker")
    assert without_time(found)[1] == {"id": "8f45e35c/1", "input_0": 1.5, "input_1": "LGA", "output": 31.5}
    assert str(found[0]["time"]) == "2020-07-30 13:36:30+00:00"


def test_sagemaker_reads_json_with_several_named_answers() -> None:
    answer = '{"predictions":[1],"probabilities":[0.85]}'
    line = captured('{"instances": [{"a": 1}]}', answer, ("application/json",) * 2, "JSON")
    assert without_time(read([line], "sagemaker")) == [
        {"id": "8f45e35c", "a": 1, "predictions": 1, "probabilities": 0.85}
    ]


def test_sagemaker_s_id_is_the_one_that_the_caller_gave_where_there_is_one() -> None:
    """AWS: where `inferenceId` is present, Model Monitor uses it to merge captured data with the ground truth."""
    line = captured("0.5,JFK", "30.25", CSV, "CSV")
    line["eventMetadata"]["inferenceId"] = "booking-7"
    assert [row["id"] for row in read([line], "sagemaker")] == ["booking-7"]


def test_sagemaker_reads_the_answers_to_several_rows_in_one_line() -> None:
    found = read([captured("1,2\n3,4", "0.5,0.7", CSV, "CSV")], "sagemaker")
    assert [row["output"] for row in found] == [0.5, 0.7]
    (row,) = read([captured("1,2", "0.3,0.7", CSV, "CSV")], "sagemaker")
    assert (row["output_0"], row["output_1"]) == (0.3, 0.7)  # of one row, its classes


@pytest.mark.parametrize("asked", ["0.5,JFK", '{"instances": [[0.5, "JFK"]]}'])
def test_sagemaker_s_base64_of_no_particular_type_is_read_as_what_it_holds(asked: str) -> None:
    texts = [base64.b64encode(text.encode()).decode() for text in (asked, "0.25")]
    found = read([captured(texts[0], texts[1], ("application/octet-stream",) * 2, "BASE64")], "sagemaker")
    assert without_time(found) == [{"id": "8f45e35c", "input_0": 0.5, "input_1": "JFK", "output": 0.25}]
    picture = base64.b64encode(b"\x89PNG\r\n\x1a\n").decode()
    with pytest.raises(rt.TableError, match="content without a type"):
        read([captured(picture, texts[1], ("application/octet-stream",) * 2, "BASE64")], "sagemaker")


def test_azureml_joins_inputs_and_outputs_by_correlationid() -> None:
    def line(kind: str, data: Any) -> dict[str, Any]:
        return {
            "specversion": "1.0", "id": f"id-{kind}", "type": f"azureml.inference.{kind}",
            "time": "2022-12-01T08:51:30Z",
            "source": "/subscriptions/s/onlineEndpoints/e/deployments/d", "datacontenttype": "application/json",
            "data": data, "correlationid": "3711655d", "xrequestid": "3711655d", "modelversion": "default",
            "collectdatatype": "pandas.core.frame.DataFrame", "agent": "monitoring-sdk/0.1.2",
            "contentrange": "bytes 0-116/117",
        }  # fmt: skip

    asked = line("inputs", [{"label": "DRUG", "pattern": "aspirin"}, {"label": "DRUG", "pattern": "trazodone"}])
    found = read([line("outputs", [{"p": 0.1}, {"p": 0.9}]), asked], "azureml")
    last = without_time(found)[1]
    assert last == {"id": "3711655d/1", "version": "default", "label": "DRUG", "pattern": "trazodone", "p": 0.9}


def test_vertex_reads_rows_of_request_response_logging() -> None:
    row = {
        "endpoint": "e", "deployed_model_id": "12", "logging_time": "2024-03-01 10:00:00.123456 UTC", "request_id": 77,
        "request_payload": ['{"length": 1.5, "origin": "JFK"}', '{"length": 2.5, "origin": "LGA"}'],
        "response_payload": ["0.25", "0.5"],
    }  # fmt: skip
    assert without_time(read([row], "vertex"))[1] == {
        "id": "77/1", "version": "12", "length": 2.5, "origin": "LGA", "output": 0.5,
    }  # fmt: skip


def test_mlflow_reads_inference_tables_and_leaves_failed_calls_out() -> None:
    row = {
        "databricks_request_id": "r1", "client_request_id": None, "timestamp_ms": 1_700_000_000_000, "status_code": 200,
        "execution_time_ms": 12,
        "request": json.dumps({"dataframe_split": {"columns": ["a", "b"], "data": [[1, "x"]]}}),
        "response": json.dumps({"predictions": [0.75]}),
    }  # fmt: skip
    broken = {**row, "databricks_request_id": "r2", "status_code": 500, "response": None}
    assert rt.read_capture([row, broken], "mlflow").told == {"failed calls": 1}
    found = read([row, broken], "mlflow")
    assert without_time(found) == [{"id": "r1", "a": 1, "b": "x", "output": 0.75}]
    assert (str(found[0]["time"]), found[0]["latency"]) == ("2023-11-14 22:13:20+00:00", 0.012)


ERROR = {"error": "Model with name sklearn-iris does not exist."}
FAILURE = {"status": {"code": -1, "info": "no model", "reason": "MICROSERVICE_BAD_DATA", "status": "FAILURE"}}


@pytest.mark.parametrize(("form", "told"), [("kserve", ERROR), ("seldon", FAILURE)])
def test_a_call_that_was_answered_with_an_error_is_counted_and_no_event(form: str, told: Any) -> None:
    """v2: https://kserve.github.io/website, `$inference_error_response`; Seldon: the Status of a SeldonMessage."""
    asked = event("request", {"instances": [[6.8, 2.8]]})
    found = rt.read_capture([asked, event("response", told)], form)
    assert (found.events.height, found.told) == (0, {"failed calls": 1})
    late = event("response", {"predictions": [0.5]}, id="2")
    found = rt.read_capture([event("response", told), late, asked, {**asked, "id": "2"}], form)
    assert (found.events["id"].to_list(), found.failed, found.waiting) == (["2"], 1, ())


def test_mlflow_reads_the_parquet_that_a_table_is(tmp_path: Any) -> None:
    row = {
        "databricks_request_id": "r1", "request_time": "2024-01-01T00:00:00Z", "execution_duration_ms": 5,
        "request": '{"dataframe_records": [{"a": 1}]}', "response": '{"predictions": [1]}', "status_code": 200,
    }  # fmt: skip
    pl.DataFrame([row]).write_parquet(tmp_path / "payload.parquet")
    assert rt.read_capture(tmp_path / "payload.parquet", "mlflow").events["a"].to_list() == [1]


def test_bentoml_reads_what_a_service_logged_by_name_and_numbers_the_rows_of_a_request() -> None:
    """`log_batch`, or `log` in a loop: the rows of a request share its id, and what isn't there is the text "None"."""
    line = {
        "sepal length": 4.9, "pred": "setosa", "timestamp": "2022-11-02T12:47:08.683455", "request_id": "10803923",
        "trace_id": "t",
    }  # fmt: skip
    assert without_time(read([line], "bentoml")) == [{"id": "10803923", "sepal length": 4.9, "pred": "setosa"}]
    other = {**line, "request_id": "None"}
    found = read([line, other, {**line, "sepal length": 5.1}, line], "bentoml")
    assert [(row["id"], row["sepal length"]) for row in found] == [
        ("10803923", 4.9), ("t", 4.9), ("10803923/1", 5.1), ("10803923/2", 4.9),
    ]  # fmt: skip
    assert read([line, other], "bentoml") == found[:2], "what was read before the request's other rows were written"


WEATHER = [
    {"role": "user", "parts": [{"type": "text", "content": "Weather in Paris?"}]},
    {"role": "assistant", "parts": [{"type": "tool_call", "id": "c1", "name": "get", "arguments": {"at": "Paris"}}]},
    {"role": "assistant", "parts": [{"type": "text", "content": "rainy, 57°F"}], "finish_reason": "stop"},
]
"""The example of the convention for `gen_ai.input.messages`, and its answer, shortened."""


@pytest.mark.parametrize("messages", [WEATHER, json.dumps(WEATHER)], ids=["structured", "as text"])
def test_otel_reads_spans_of_calls_to_models_and_passes_over_others(messages: Any) -> None:
    """Structured messages are what the convention asks for on spans; text of JSON is for libraries that can't."""
    mine = span(
        "eee1",
        **{
            "gen_ai.input.messages": messages,
            "gen_ai.usage.output_tokens": 8,
            "gen_ai.response.finish_reasons": ["stop", "length"],
            "gen_ai.tool.definitions": [{"type": "function", "name": "get"}],
        },
    )
    other = {**mine, "attributes": [{"key": "http.request.method", "value": any_value("GET")}]}
    (row,) = read([export(mine, other)], "otel")
    assert (row["id"], row["latency"], row["gen_ai.usage.output_tokens"]) == ("eee1", 1.5, 8)
    assert row["gen_ai.input.messages"] == "Weather in Paris?\nrainy, 57°F"
    assert row["gen_ai.response.finish_reasons"] == "stop, length"
    assert json.loads(row["gen_ai.tool.definitions"]) == [{"type": "function", "name": "get"}]


def test_a_span_that_can_not_be_read_costs_the_others_of_its_export_nothing() -> None:
    cut = span("b", **{"gen_ai.input.messages": '[{"role": "us'})
    found = rt.read_capture([export(span("a"), cut, {"attributes": 7}, span("c"))], "otel")
    assert found.events["id"].to_list() == ["a", "c"]
    assert [one.number for one in found.broken] == [0, 0]
    assert "field 'gen_ai.input.messages'" in found.broken[0].reason
    assert json.loads(str(found.broken[0].text))["spanId"] == "b"


def test_any_json_is_mapped_by_paths() -> None:
    document = {"who": "a1", "when": "2023-01-02", "in": {"sizes": [1.5, 2.5]}, "out": {"score": 0.25}, "note": "x"}
    paths = {"who": "key", "when": "at", "in.sizes.0": "length", "in.sizes.1": "width", "out.score": "p"}
    (row,) = read([document], "json", schema=iris(), columns=paths)
    assert {name: row[name] for name in ("key", "at", "length", "width", "p")} == {
        "key": "a1", "at": "2023-01-02", "length": 1.5, "width": 2.5, "p": 0.25,
    }  # fmt: skip


def test_values_without_names_are_the_model_s_features_in_order() -> None:
    asked, told = event("request", {"instances": [[6.8, 2.8]]}), event("response", {"predictions": [0.25]})
    (row,) = read([asked, told], "kserve", schema=iris())
    assert (row["key"], row["length"], row["width"], row["p"]) == ("689b15e7", 6.8, 2.8, 0.25)


def test_the_scores_of_two_classes_are_told_by_the_second() -> None:
    asked, told = event("request", {"instances": [[6.8, 2.8]]}), event("response", {"predictions": [[0.75, 0.25]]})
    assert read([asked, told], "kserve", schema=iris())[0]["p"] == 0.25


TIMELESS = {**captured("1", "2", CSV, "CSV"), "eventMetadata": {"eventId": "1"}}
SPAN = {
    "attributes": [{"key": "ml.x", "value": {"intValue": "1"}}], "startTimeUnixNano": "1", "endTimeUnixNano": "1",
}  # fmt: skip
BAD: dict[str, tuple[str, dict[str, Any], str]] = {
    "no type": ("kserve", {"id": "1"}, "field 'type'"),
    "no data": ("kserve", event("request", None), "field 'data'"),
    "no JSON": ("kserve", event("request", "{"), "can't be read as JSON"),
    "a wrong shape": (
        "kserve", event("request", {"inputs": [{"name": "x", "shape": [3], "data": [1]}]}), "field 'data.inputs[0]'",
    ),
    "no time": ("sagemaker", TIMELESS, "eventMetadata.inferenceTime"),
    "an image": ("sagemaker", captured("AAAA", "2", ("application/x-image",) * 2, "BASE64"), "observedContentType"),
    "no base64": ("sagemaker", captured("%%%", "2", ("text/csv",) * 2, "BASE64"), "endpointInput.data"),
    "too few answers": ("sagemaker", captured("1\n2", "3", CSV, "CSV"), "2 rows were asked and 1 answered"),
    "a list for an object": ("sagemaker", {"captureData": []}, "field 'captureData'"),
    "a span without an id": ("otel", {"resourceSpans": [{"scopeSpans": [{"spans": [SPAN]}]}]}, "field 'spanId'"),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD)
def test_a_bad_document_says_its_field_and_costs_the_others_nothing(case: str) -> None:
    form, document, said = BAD[case]
    with pytest.raises(rt.TableError, match="document 1 of 1") as error:
        rt.read_capture([document], form)
    assert said in str(error.value)
    good = {"who": "a"}
    found = rt.read_capture(json.dumps(good).encode() + b"\n{oops\n" + json.dumps(good).encode(), "json")
    assert (found.events.height, [one.number for one in found.broken]) == (2, [1])


def test_more_values_than_features_are_an_error_that_says_how_to_name_them() -> None:
    asked, told = event("request", {"instances": [[1, 2, 3]]}), event("response", {"predictions": [0.25]})
    with pytest.raises(rt.TableError, match="3 values without names, and the model has 2 features"):
        rt.read_capture([asked, told], "kserve", schema=iris())
    named = {"input_0": "length", "input_1": "width", "input_2": "extra"}
    (row,) = read([asked, told], "kserve", schema=iris(), columns=named)
    assert row["width"] == 2


def test_an_unknown_format_names_the_nearest() -> None:
    with pytest.raises(rt.ConfigError, match="did you mean 'sagemaker'"):
        rt.read_capture([{}], "sagemakr")


def test_half_a_character_and_endless_brackets_are_bad_documents_and_no_crash() -> None:
    found = rt.read_capture(b'{"a": "\\ud800"}\n' + b"[" * 100_000 + b'\n{"a": "x"}', "json")
    assert (found.events["a"].to_list(), len(found.broken)) == (["x"], 2)


def test_files_are_read_by_pattern_packed_or_not(tmp_path: Any) -> None:
    (tmp_path / "10").mkdir()
    (tmp_path / "10" / "a.jsonl").write_text('{"a": 1}\n\n{"a": 2}\n')
    (tmp_path / "b.jsonl.gz").write_bytes(gzip.compress(b'{"a": 3}'))
    (tmp_path / "c.json").write_text('[\n {"a": 4},\n {"a": 5}\n]')
    found = [
        rt.read_capture(str(tmp_path / pattern), "json").events["a"].to_list() for pattern in ("**/*.jsonl*", "c.json")
    ]
    assert found == [[1, 2, 3], [4, 5]]
    with pytest.raises(rt.TableError, match="no file matches"):
        rt.read_capture(str(tmp_path / "*.nothing"), "json")
