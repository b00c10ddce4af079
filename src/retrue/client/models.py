"""Models as they are: `rt.watch(model)` watches what it predicts by, and leaves everything else of it alone.

scikit-learn, LightGBM, XGBoost, Keras    predict_proba where there is one, else predict
ONNX Runtime                              run
PyTorch modules, Hugging Face pipelines   calling it
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from retrue.client.calls import INPUT, OUTPUT, Row, RowMaker, as_rows, columns_as_rows, joined, outputs_of
from retrue.client.pipelines import is_pipeline, pipeline_rows

if TYPE_CHECKING:
    from retrue.client.watch import Watch

METHODS = ("predict_proba", "predict", "run")
"""What models predict by, the first that they have."""
LIBRARIES = ("sklearn", "lightgbm", "xgboost", "keras", "torch", "onnxruntime")
"""Libraries whose models are known, though some of them can be called, too."""
OPTIONS = ("output_names", "run_options")
"""What ONNX Runtime's `run` is given besides the inputs."""


class WatchedModel:
    """A model as it was, with one of its methods watched, and its `watch` beside it.

    Args:
        model: the model.
        method: the name of that method.
        function: the method, watched.
        watch: what watches it.
    """

    def __init__(self, model: Any, method: str, function: Callable[..., Any], watch: Watch) -> None:
        self._model, self._method, self._function, self.watch = model, method, function, watch

    def __getattr__(self, name: str) -> Any:
        """Anything else of the model."""
        if name.startswith("_") and name in ("_model", "_method", "_function"):  # while it is being unpickled
            raise AttributeError(name)
        return self._function if name == self._method else getattr(self._model, name)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Call the model."""
        return (self._function if self._method == "__call__" else self._model)(*args, **kwargs)


def method_of(model: Any) -> str | None:
    """What a model predicts by; None of a function, and of anything that is called and isn't known.

    >>> method_of(print) is None
    True
    """
    if is_pipeline(model):  # its `predict` only calls it
        return "__call__"
    if inspect.isroutine(model) or inspect.isclass(model) or (callable(model) and not is_known(model)):
        return None
    named = next((name for name in METHODS if callable(getattr(model, name, None))), None)
    return named or ("__call__" if callable(model) else None)


def is_known(model: Any) -> bool:
    """Whether a model is of a library that is known here."""
    return bool({kind.__module__.partition(".")[0] for kind in type(model).__mro__} & set(LIBRARIES))


def takes_options(model: Any, method: str) -> bool:
    """Whether all but the first argument say how to predict, such as Keras' `verbose` and a pipeline's `top_k`."""
    return (method.startswith("predict") and is_known(model)) or is_pipeline(model)


def names_of(model: Any) -> Sequence[str]:
    """What a model calls its features, where it says so."""
    for name in ("feature_names_in_", "feature_name_", "feature_names", "feature_name"):
        try:
            found = getattr(model, name, None)
            found = found() if callable(found) else found
        except Exception:  # noqa: BLE001, S112 - a model that was fitted without names may raise anything
            continue
        if found is not None and len(found):
            return [str(one) for one in found]
    return ()


def rows_by(model: Any, method: str) -> RowMaker | None:
    """What makes rows of a model's calls, where they aren't read as any other's."""
    if is_pipeline(model):
        return pipeline_rows(model)
    return onnx_rows if method == "run" and hasattr(model, "get_inputs") else None


def onnx_rows(inputs: Any, output: Any) -> list[Row]:
    """Rows of `session.run(names, {"x": array})`: one input of many columns, or one for each; the last output."""
    fed = {name: value for name, value in inputs.items() if name not in OPTIONS}
    one = next(iter(fed.values())) if len(fed) == 1 else None
    wide = one is not None and len(getattr(one, "shape", ())) == 2
    flat = {name: value.reshape(-1) if hasattr(value, "reshape") else value for name, value in fed.items()}
    rows = as_rows(one, INPUT) if wide else columns_as_rows(flat)
    last = output[-1] if isinstance(output, list | tuple) else output
    if isinstance(last, list) and last and isinstance(last[0], dict):  # a probability for each class
        last = [{f"{OUTPUT}_{i}": value for i, value in enumerate(each.values())} for each in last]
    return joined(rows, outputs_of(last, len(rows)))
