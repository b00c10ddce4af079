"""Hugging Face pipelines: what they are asked and what they answer, as rows.

classification, also zero-shot    the best label, and the score of each class where all of them are told
one number (regression)           the number
generated text                    the text
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from io import BytesIO
from typing import Any

from retrue.client.calls import CLASS, INPUT, OUTPUT, Row, RowMaker, joined
from retrue.errors import TableError


def is_pipeline(model: Any) -> bool:
    """Whether a model is a pipeline of transformers."""
    return any(
        kind.__name__ == "Pipeline" and kind.__module__.partition(".")[0] == "transformers"
        for kind in type(model).__mro__
    )


def pipeline_rows(pipe: Any) -> RowMaker:
    """What makes rows of a pipeline's calls."""
    config = getattr(getattr(pipe, "model", None), "config", None)
    names = getattr(config, "id2label", None) or {}
    labels = tuple(str(names[place]) for place in sorted(names))
    apart = getattr(config, "problem_type", None) == "multi_label_classification"
    sums_to_one = len(labels) == 2 and not apart and getattr(config, "function_to_apply", None) in (None, "softmax")

    def rows(inputs: Any, output: Any) -> list[Row]:
        one = not isinstance(inputs, list | tuple) or is_conversation(inputs)
        asked, answers = ([inputs], [output]) if one else (list(inputs), output)
        return joined(
            [asked_row(each) for each in asked], [answer_row(each, labels, sums_to_one=sums_to_one) for each in answers]
        )

    return rows


def is_conversation(inputs: Any) -> bool:
    """Whether a list is one chat, not one input after the other.

    >>> is_conversation([{"role": "user", "content": "Hello"}]), is_conversation(["Hello", "there"])
    (True, False)
    """
    chat = isinstance(inputs, list) and bool(inputs)
    return chat and all(isinstance(one, Mapping) and {"role", "content"} <= set(one) for one in inputs)


def asked_row(asked: Any) -> Row:
    """What a pipeline was asked once: a text, an image (as PNG), the last message of a chat, or inputs by their names.

    >>> asked_row("a film"), asked_row([{"role": "user", "content": "Hello"}])
    ({'_input': 'a film'}, {'_input': 'Hello'})
    """
    if is_conversation(asked):
        return {INPUT: asked[-1]["content"]}
    if isinstance(asked, Mapping):
        return dict(asked)
    if hasattr(asked, "save") and hasattr(asked, "tobytes"):  # an image of Pillow
        kept = BytesIO()
        asked.save(kept, "PNG")
        return {INPUT: kept.getvalue()}
    return {INPUT: asked}


def answer_row(answer: Any, labels: Sequence[str], *, sums_to_one: bool) -> Row:
    """What a pipeline answered to one input.

    Args:
        answer: it.
        labels: the model's classes in their order.
        sums_to_one: whether the score of one of its two classes tells the other's.

    Raises:
        TableError: it is several things, or nothing that is known.

    >>> answer_row([{"label": "good", "score": 0.75}], ["bad", "good"], sums_to_one=True)
    {'_output': 'good', '_class_bad': 0.25, '_class_good': 0.75}
    >>> answer_row({"sequence": "a film", "labels": ["film", "book"], "scores": [0.9, 0.1]}, [], sums_to_one=False)
    {'_output': 'film', '_class_book': 0.1, '_class_film': 0.9}
    >>> answer_row([{"generated_text": "Hello"}], [], sums_to_one=False)
    {'_output': 'Hello'}
    """
    answers = list(answer) if isinstance(answer, list | tuple) else [answer]
    if answers and all(isinstance(one, Mapping) and {"label", "score"} == set(one) for one in answers):
        return classes_row({str(one["label"]): float(one["score"]) for one in answers}, labels, sums_to_one=sums_to_one)
    only = answers[0] if len(answers) == 1 and isinstance(answers[0], Mapping) else {}
    if {"labels", "scores"} <= set(only):
        told = dict(zip(map(str, only["labels"]), map(float, only["scores"]), strict=True))
        return classes_row(told, sorted(told), sums_to_one=False)
    texts = [value for name, value in only.items() if name.endswith("_text")]
    if len(texts) == 1:
        return {OUTPUT: asked_row(texts[0])[INPUT]}
    raise TableError(
        "an answer of several things, or of a kind that isn't known", where="a watched pipeline",
        expected="labels and their scores, or one text", hint="say which column is which with row=...",
    )  # fmt: skip


def classes_row(told: Mapping[str, float], labels: Sequence[str], *, sums_to_one: bool) -> Row:
    """The best label, and the classes' scores in their order where all are told; a number where that is all there is.

    >>> classes_row({"LABEL_0": 12.5}, ["LABEL_0"], sums_to_one=False)
    {'_output': 12.5}
    >>> classes_row({"cat": 0.5}, ["bird", "cat", "dog"], sums_to_one=False)
    {'_output': 'cat'}
    """
    if len(labels) == 1:
        return {OUTPUT: next(iter(told.values()))}
    best = max(told, key=lambda label: told[label])
    if sums_to_one and len(told) == 1:
        told = {label: told.get(label, 1 - told[best]) for label in labels}
    return {OUTPUT: best} | ({f"{CLASS}_{label}": told[label] for label in labels} if set(told) == set(labels) else {})
