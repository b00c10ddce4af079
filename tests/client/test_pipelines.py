"""Hugging Face pipelines in one line: real ones, with tiny models that are made here."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from tests.client.conftest import logged
from tests.conftest import needed

import retrue as rt
from retrue.client.pipelines import pipeline_rows

transformers = needed("transformers")
torch = needed("torch")
ROWS = 60
pytestmark = pytest.mark.slow  # transformers and torch take 10 s to import
TEXTS = [f"{'good' if row % 2 else 'bad'} film {'the ' * (row % 5)}{row}" for row in range(ROWS)]
WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "good", "bad", "film", "a", "the", "was"]
SIZES = {"hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 8}
Told = Callable[..., list[dict[str, Any]]]


def labelled(*names: str) -> dict[str, Any]:
    """A model's classes, as its settings have them."""
    return {"id2label": dict(enumerate(names)), "label2id": {name: place for place, name in enumerate(names)}}


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """What knows a few words."""
    path = tmp_path_factory.mktemp("words") / "vocab.txt"
    path.write_text("\n".join(WORDS))
    return transformers.BertTokenizerFast(str(path))


@pytest.fixture(scope="module")
def classifier(tokenizer: Any) -> Callable[..., Any]:
    """Text classification by a model with these classes."""

    def made(*names: str, **options: Any) -> Any:
        torch.manual_seed(0)
        settings = transformers.BertConfig(vocab_size=len(WORDS), **SIZES, **labelled(*names), **options)
        model = transformers.BertForSequenceClassification(settings).eval()
        return transformers.pipeline("text-classification", model=model, tokenizer=tokenizer)

    return made


@pytest.fixture
def told(tmp_path: Path) -> Iterator[Told]:
    """Call a watched pipeline of a model with this reference and roles; gives what was logged."""
    watched: list[Any] = []

    def tell(
        pipe: Any, calls: Callable[[Any], object], reference: Mapping[str, Any], **roles: Any
    ) -> list[dict[str, Any]]:
        ids, at = [str(row) for row in range(ROWS)], [datetime(2026, 1, 5, 10, tzinfo=UTC)] * ROWS
        with rt.open(tmp_path / "store") as store:
            table = pl.DataFrame({"id": ids, "at": at, **reference})
            store.register("flights", table, id="id", time="at", estimate="off", **roles)
        over = tmp_path / "over"
        watched.append(pipe := rt.watch(pipe, to=tmp_path / "store", model="flights", overflow=over, signals=None))
        calls(pipe)
        assert pipe.watch.flush(30)
        assert pipe.watch.stats().quarantined == 0
        found = logged(tmp_path / "store")
        return found.drop("id", "at").to_dicts()

    yield tell
    for one in watched:
        one.watch.close()


BINARY = {"text": TEXTS, "p": np.linspace(0, 1, ROWS), "y": [row % 2 for row in range(ROWS)]}


def test_the_score_of_the_class_that_means_yes_is_logged_whichever_is_told(
    classifier: Callable[..., Any], told: Told
) -> None:
    """One text, several, all classes or the best one only: of two classes one tells the other."""
    pipe = classifier("NEGATIVE", "POSITIVE")
    scores = {text: {one["label"]: one["score"] for one in pipe(text, top_k=None)} for text in ("good film", "bad")}

    def calls(watched: Any) -> None:
        assert watched("good film") == pipe("good film")
        watched(["good film", "bad"])
        watched("bad", top_k=None)
        watched(["bad"], top_k=None)
        watched({"text": "bad"})
        assert watched.task == "text-classification"

    found = told(pipe, calls, BINARY, score="p", label="y", features=["text"])
    assert sorted(row["text"] for row in found) == ["bad"] * 4 + ["good film"] * 2
    assert all(row["p"] == pytest.approx(scores[row["text"]]["POSITIVE"], abs=1e-6) for row in found)


def test_of_several_classes_all_scores_are_logged_by_name_and_the_best_label(
    classifier: Callable[..., Any], told: Told
) -> None:
    """The model's classes have another order; where only the best one is told, no score is made up."""
    pipe, names = classifier("world", "sport", "art"), ["art", "sport", "world"]
    columns = {name: f"p_{name}" for name in names}
    reference = {"text": TEXTS, "said": names * 20, "y": names * 20, **{f"p_{name}": [1 / 3] * ROWS for name in names}}
    answers = {one["label"]: one["score"] for one in pipe("good film", top_k=None)}

    def calls(watched: Any) -> None:
        watched("good film", top_k=None)
        watched("good film")

    whole, best = sorted(
        told(pipe, calls, reference, score=columns, prediction="said", label="y", features=["text"]),
        key=lambda row: row["p_art"] is None,
    )
    assert {name: whole[f"p_{name}"] for name in names} == pytest.approx(answers)
    assert whole["said"] == best["said"] == max(answers, key=lambda name: answers[name])
    assert [best[f"p_{name}"] for name in names] == [None] * 3


def test_a_number_is_the_prediction(classifier: Callable[..., Any], told: Told) -> None:
    pipe = classifier("LABEL_0")
    reference = {"text": TEXTS, "said": np.linspace(0, 1, ROWS), "y": np.linspace(0, 2, ROWS)}
    (row,) = told(pipe, lambda one: one("bad"), reference, prediction="said", label="y", features=["text"])
    assert row["said"] == pytest.approx(pipe("bad")[0]["score"])


def test_generated_text_is_the_prediction(tokenizer: Any, told: Told) -> None:
    settings = transformers.GPT2Config(
        vocab_size=len(WORDS), n_positions=32, n_embd=8, n_layer=1, n_head=2, eos_token_id=2, bos_token_id=2
    )
    pipe = transformers.pipeline(
        "text-generation", model=transformers.GPT2LMHeadModel(settings).eval(), tokenizer=tokenizer
    )
    answers: list[Any] = []
    found = told(
        pipe, lambda one: answers.extend(one(["good film", "bad"], max_new_tokens=3, do_sample=False)),
        {"text": TEXTS, "said": TEXTS}, prediction="said", features=["text"], kinds={"said": "text"},
    )  # fmt: skip
    expected = [one["generated_text"] for (one,) in answers]
    assert {row["text"]: row["said"] for row in found} == dict(zip(["good film", "bad"], expected, strict=True))


def test_pictures_are_logged_as_png(told: Told) -> None:
    image = needed("PIL.Image")
    shown = [
        image.fromarray(np.random.default_rng(row).integers(0, 255, (8, 8, 3)).astype(np.uint8)) for row in range(ROWS)
    ]

    def png(one: Any) -> bytes:
        one.save(kept := BytesIO(), "PNG")
        return kept.getvalue()

    torch.manual_seed(0)
    settings = transformers.ViTConfig(image_size=8, patch_size=4, **SIZES, **labelled("no", "yes"))
    pipe = transformers.pipeline(
        "image-classification", model=transformers.ViTForImageClassification(settings).eval(),
        image_processor=transformers.ViTImageProcessor(size={"height": 8, "width": 8}),
    )  # fmt: skip
    reference = {"image": [png(one) for one in shown], "p": BINARY["p"], "y": BINARY["y"]}
    found = told(pipe, lambda one: one([shown[0], shown[1]]), reference, score="p", label="y", features=["image"])
    expected = {png(one): {each["label"]: each["score"] for each in pipe(one)}["yes"] for one in shown[:2]}
    assert {row["image"]: row["p"] for row in found} == pytest.approx(expected)


def test_answers_of_several_things_say_that_row_must_tell(tokenizer: Any) -> None:
    settings = transformers.BertConfig(vocab_size=len(WORDS), **SIZES)
    model = transformers.BertForTokenClassification(settings).eval()
    pipe = transformers.pipeline("token-classification", model=model, tokenizer=tokenizer)
    with pytest.raises(rt.TableError, match=r"an answer of several things.*say which column is which with row="):
        pipeline_rows(pipe)("good film", pipe("good film"))
