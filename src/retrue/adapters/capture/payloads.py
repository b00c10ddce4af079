"""Payloads: the bodies of requests and answers, as rows. One reading for all systems, since they share a few shapes.

    {"inputs": [{"name", "shape", "datatype", "data"}]}     Open Inference Protocol v2 (KServe, Seldon, Triton)
    {"instances": [...]}, {"predictions": [...]}            TensorFlow Serving, KServe v1, Vertex AI
    {"dataframe_split": {"columns", "data"}}                MLflow; also `dataframe_records`
    {"data": {"names", "ndarray" | "tensor"}}               Seldon Core 1; also `jsonData`, `strData`
    {"classes": [...], "scores": [...]}                     Vertex AI's AutoML: one row's scores of named classes

Sources: https://kserve.github.io/website/docs/concepts/architecture/data-plane/v2-protocol,
https://www.tensorflow.org/tfx/serving/api_rest, https://mlflow.org/docs/latest/ml/deployment/deploy-model-locally/,
https://docs.seldon.ai/seldon-core-1/reference/prediction-apis/prediction (SeldonMessage),
https://docs.cloud.google.com/gemini-enterprise-agent-platform/reference/rest/Shared.Types/TabularClassificationPredictionResult.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping, Sequence
from math import prod
from typing import Any

from retrue.adapters.capture.exchange import BadDocumentError
from retrue.schema.values import text_of

ROWS = ("instances", "predictions", "dataframe_records", "inputs", "outputs", "rows")
"""Names under which bodies hold their rows."""
WRAPPED = ("jsonData", "strData")
"""Names under which a SeldonMessage holds a body that is no table: any JSON, or one text."""
CLASSES = ("classes", "labels", "displayNames")
SCORES = ("scores", "probabilities", "confidences")
"""Names under which an answer for one row holds its classes, and the score of each."""


def from_text(text: str, field: str) -> Any:
    """JSON of a text.

    Raises:
        BadDocumentError: it is none.
    """
    try:
        said = json.loads(text)
        if "\\ud" in text.lower():
            json.dumps(said, ensure_ascii=False).encode()  # half a character is no text that a table can hold
    except (ValueError, RecursionError) as error:
        raise BadDocumentError(f"it can't be read as JSON: {str(error)[:100]}", where=f"field {field!r}") from error
    return said


def from_csv(text: str) -> list[list[Any]]:
    """Rows of CSV without a header; what looks like a number is one.

    >>> from_csv("1,2.5,JFK")
    [[1, 2.5, 'JFK']]
    """
    return [[number_or_text(cell) for cell in row] for row in csv.reader(io.StringIO(text)) if row]


def number_or_text(cell: str) -> Any:
    """A cell of CSV; an empty one is null."""
    text = cell.strip()
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text or None


def rows_of(payload: Any, field: str) -> list[Any]:
    """The rows of what a model was asked: dicts by name, or lists in the model's order.

    Raises:
        BadDocumentError: it is nothing of the kind.

    >>> rows_of({"instances": [[6.8, 2.8], [6.0, 3.4]]}, "data")
    [[6.8, 2.8], [6.0, 3.4]]
    >>> rows_of({"data": {"names": ["a", "b"], "ndarray": [[1, 2]]}}, "data")
    [{'a': 1, 'b': 2}]
    """
    return [one if isinstance(one, dict | list) else [one] for one in unpacked(payload, field, single=False)]


def answers_of(payload: Any, field: str) -> list[Any]:
    """What a model answered, one for each row: a value, a list (one for each class), or a dict by name.

    >>> answers_of({"predictions": [[0.25], [0.75]]}, "data")
    [0.25, 0.75]
    """
    return [bare(one) for one in unpacked(payload, field, single=True)]


def is_error(payload: Any) -> bool:
    """Whether it is no answer of a model but says why there is none: v1's and v2's `error`, a SeldonMessage's status.

    >>> is_error({"error": "Model with name m does not exist."}), is_error({"status": {"status": "FAILURE"}})
    (True, True)
    >>> is_error({"score": 0.5, "error": "none"})
    False
    """
    if not isinstance(payload, Mapping):
        return False
    if isinstance(status := payload.get("status"), Mapping) and status.get("status") in ("FAILURE", 1):
        return True
    return set(payload) == {"error"} and isinstance(payload["error"], str | Mapping)


def bare(answer: Any) -> Any:
    """A list of one value as that value."""
    return answer[0] if isinstance(answer, list) and len(answer) == 1 else answer


def unpacked(payload: Any, field: str, *, single: bool) -> list[Any]:
    """The rows of a body; `single` for answers, where a single tensor needs no name."""
    if isinstance(payload, list):
        return as_rows(payload, single=single)
    if not isinstance(payload, Mapping):
        return [payload]
    if isinstance(split := payload.get("dataframe_split"), Mapping):
        return split_rows(split, field)
    if isinstance(data := payload.get("data"), Mapping) and ({"ndarray", "tensor"} & set(data)):
        return seldon_rows(data, field)
    if (wrapped := next((name for name in WRAPPED if payload.get(name) is not None), None)) is not None:
        return unpacked(payload[wrapped], f"{field}.{wrapped}", single=single)
    name = next((name for name in ROWS if name in payload), None)
    if name is None or (single and several(payload)):
        return columns(payload, single=single)
    held = payload[name]
    if is_tensors(held):
        return tensor_rows(held, f"{field}.{name}", single=single)
    return (
        as_rows(held, single=single)
        if isinstance(held, list)
        else columns(held, single=single)
        if isinstance(held, Mapping)
        else [held]
    )


def several(payload: Mapping[str, Any]) -> bool:
    """Whether an answer has more than one list of equal length: its columns, such as predictions and probabilities."""
    lists = [value for value in payload.values() if isinstance(value, list)]
    return len(lists) > 1 and len({len(one) for one in lists}) == 1 and not any(map(is_tensors, lists))


def as_rows(held: list[Any], *, single: bool) -> list[Any]:
    """A list as rows: of plain values it is one row where something is asked, and one for each where it is answered."""
    plain = all(not isinstance(one, dict | list) for one in held)
    return [held] if plain and not single and held and not all(isinstance(one, str) for one in held) else held


def columns(held: Mapping[str, Any], *, single: bool) -> list[Any]:
    """A dict of columns as rows; a dict of values is one row, and so is an answer of classes with their scores.

    Of classes and scores only the number of rows that were asked tells which of the two it is: see `split`.
    """
    return [dict(held)] if single and len(class_scores(held)) > 1 else by_row(held)


def by_row(held: Mapping[str, Any]) -> list[Any]:
    """A dict of lists of one length as rows; any other is one row.

    >>> by_row({"a": [1, 2], "b": [3, 4]})
    [{'a': 1, 'b': 3}, {'a': 2, 'b': 4}]
    """
    lists = [value for value in held.values() if isinstance(value, list)]
    if lists and len(lists) == len(held) and len({len(one) for one in lists}) == 1:
        return [dict(zip(held, values, strict=True)) for values in zip(*held.values(), strict=True)]
    return [dict(held)]


def class_scores(answer: Any) -> dict[str, float]:
    """The scores of classes that an answer names, by class; none where it is something else.

    >>> class_scores({"classes": ["no", "yes"], "scores": [0.2, 0.8]}), class_scores({"classes": ["no"], "p": [0.2]})
    ({'no': 0.2, 'yes': 0.8}, {})
    """
    if not isinstance(answer, Mapping):
        return {}
    classes, scores = first_list(answer, CLASSES), first_list(answer, SCORES)
    good = all(type(one) in (int, float) for one in scores) and not any(isinstance(one, list | dict) for one in classes)
    named = {text_of(one): score for one, score in zip(classes, scores, strict=False)}
    return named if good and len(named) == len(classes) == len(scores) else {}


def first_list(held: Mapping[str, Any], names: Sequence[str]) -> list[Any]:
    """The list under the first of the names that has one; none, where none has."""
    return next((held[name] for name in names if isinstance(held.get(name), list)), list[Any]())


def split(answers: list[Any], asked: int) -> list[Any]:
    """Answers for as many rows as were asked, where only that number tells how they belong together.

    >>> split([0.2, 0.8], 1)
    [[0.2, 0.8]]
    >>> split([{"labels": ["a", "b"], "scores": [0.9, 0.7]}], 2)
    [{'labels': 'a', 'scores': 0.9}, {'labels': 'b', 'scores': 0.7}]
    """
    if asked == 1 != len(answers) and not any(isinstance(one, dict | list) for one in answers):
        return [answers]  # of one row, several values are that row's: its probabilities
    if asked > 1 == len(answers) and len(class_scores(answers[0])) > 1:
        return by_row(answers[0])
    return answers


def split_rows(split: Mapping[str, Any], field: str) -> list[Any]:
    """Rows of MLflow's `dataframe_split`."""
    names, data = split.get("columns"), split.get("data")
    if not isinstance(data, list):
        raise BadDocumentError("it has no such field", where=f"field '{field}.dataframe_split.data'")
    return named(names, data, f"{field}.dataframe_split")


def seldon_rows(data: Mapping[str, Any], field: str) -> list[Any]:
    """Rows of a SeldonMessage's `data`: an `ndarray`, or a `tensor` with its shape."""
    held = data.get("ndarray")
    if held is None:
        tensor = data["tensor"]
        if not isinstance(tensor, Mapping):
            raise BadDocumentError("no object", where=f"field '{field}.data.tensor'", expected="shape and values")
        held = shaped(tensor.get("values"), tensor.get("shape"), f"{field}.data.tensor")
    if not isinstance(held, list):
        raise BadDocumentError("no list", where=f"field '{field}.data.ndarray'")
    rows = held if held and isinstance(held[0], list | dict) else [held]
    return named(data.get("names"), rows, f"{field}.data")


def named(names: Any, rows: Sequence[Any], field: str) -> list[Any]:
    """Rows by the names of their columns, where there are names.

    Raises:
        BadDocumentError: there are more or fewer names than values.
    """
    if not isinstance(names, list) or not names:
        return list(rows)
    found = []
    for row in rows:
        if not isinstance(row, list) or len(row) != len(names):
            size = len(row) if isinstance(row, list) else 1
            raise BadDocumentError(f"{len(names)} names and {size} values", where=f"field {field!r}")
        found.append(dict(zip(map(str, names), row, strict=True)))
    return found


# --- Open Inference Protocol v2 ---------------------------------------------------------------------------------------


def is_tensors(held: Any) -> bool:
    """Whether a list is one of v2's tensors."""
    return bool(isinstance(held, list) and held and all(isinstance(one, Mapping) and "shape" in one for one in held))


def tensor_rows(tensors: Sequence[Mapping[str, Any]], field: str, *, single: bool) -> list[Any]:
    """Rows of v2's tensors: each is a column by its name, or several (`NAME_0` ...); a single table needs none.

    Raises:
        BadDocumentError: data that isn't in the body, or tensors with different numbers of rows.
    """
    held = [tensor_of(one, f"{field}[{number}]") for number, one in enumerate(tensors)]
    if len({len(one) for one in held}) > 1:
        sizes = ", ".join(str(len(one)) for one in held)
        raise BadDocumentError(f"tensors of {sizes} rows", where=f"field {field!r}", expected="one number of rows")
    if len(held) == 1 and (single or any(isinstance(row, list) and len(row) > 1 for row in held[0])):
        return held[0]
    found: list[Any] = []
    for rows in zip(*held, strict=True):
        row: dict[str, Any] = {}
        for tensor, value in zip(tensors, rows, strict=True):
            name = str(tensor.get("name", "tensor"))
            many = isinstance(value, list) and len(value) > 1
            row |= {f"{name}_{i}": one for i, one in enumerate(value)} if many else {name: bare(value)}
        found.append(row)
    return found


def tensor_of(tensor: Mapping[str, Any], field: str) -> list[Any]:
    """One tensor's rows."""
    if tensor.get("data") is None:
        hint = "log the JSON of a request, not its binary extension"
        raise BadDocumentError("its data isn't in the body", where=f"field '{field}.data'", hint=hint)
    return shaped(tensor["data"], tensor.get("shape"), field)


def shaped(values: Any, shape: Any, field: str) -> list[Any]:
    """Flat values by their shape: rows, and in each a list; nested ones as they are.

    >>> shaped([1, 2, 3, 4], [2, 2], "x"), shaped([1, 2], [2], "x")
    ([[1, 2], [3, 4]], [1, 2])
    """
    good = isinstance(shape, list) and shape and all(type(one) is int and one >= 0 for one in shape)
    if not isinstance(values, list) or not good:
        raise BadDocumentError("no list with a shape", where=f"field {field!r}", expected="data and shape")
    if any(isinstance(one, list) for one in values) or len(shape) == 1:
        held = values
    elif prod(shape) != len(values):
        raise BadDocumentError(f"{len(values)} values of shape {shape}", where=f"field {field!r}")
    else:
        wide = prod(shape[1:])
        held = [values[i * wide : (i + 1) * wide] for i in range(shape[0])]
    if len(held) != shape[0]:
        raise BadDocumentError(f"{len(held)} rows of shape {shape}", where=f"field {field!r}")
    return held
