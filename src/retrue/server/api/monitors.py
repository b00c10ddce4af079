"""Monitors: the rules and the budget that a model is watched by; what others would have done; watching by them."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field, model_validator

from retrue.refine.signals import named
from retrue.server.api.shapes import BacktestShape, JsonObject
from retrue.server.api.shared import ERRORS, PREFIX, Editor, ModelName, Moment, Served, Viewer, asked
from retrue.slices import Slice
from retrue.workspace.collect.watching import USUAL
from retrue.workspace.names import LONGEST

router = APIRouter(prefix=PREFIX, tags=["monitors"], responses=ERRORS)

RuleText = Annotated[str, Field(min_length=1, max_length=1_000)]


class Proposal(BaseModel):
    """What is proposed in place of what there is; what is left out stays."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"rules": ["missing(precip) <= 0.02"], "alarm_budget": "1 per 30d"}]},
    )

    rules: Annotated[list[RuleText] | None, Field(max_length=500)] = None
    alarm_budget: Annotated[str | None, Field(max_length=100)] = None
    calm: Annotated[int | None, Field(ge=1, le=1_000)] = None
    grace: Annotated[str | float | None, Field()] = None

    def said(self) -> dict[str, Any]:
        """What it says."""
        return {name: value for name, value in self.model_dump(include=PROPOSED).items() if value is not None}


PROPOSED = {"rules", "alarm_budget", "calm", "grace"}


class AskedSignal(BaseModel):
    """A signal that might be watched: a slice and what to call it, or a built-in one by its name."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"where": "precip > 0.1"}]})

    where: Annotated[str | None, Field(min_length=1, max_length=10_000)] = None
    signal: Annotated[str | None, Field(min_length=1, max_length=100)] = None
    name: Annotated[str | None, Field(min_length=1, max_length=LONGEST)] = None

    @model_validator(mode="after")
    def _one(self) -> AskedSignal:
        if (self.where is None) == (self.signal is None):
            raise ValueError("one of where and signal")
        return self

    def part(self) -> Slice:
        """It as a slice.

        Raises:
            SliceError: it doesn't parse, or there is none of that name.
        """
        part = named(self.signal) if self.signal is not None else Slice.parse(str(self.where))
        return part if self.name is None else part.named(self.name)


class BacktestQuestion(Proposal):
    """A proposal, signals that might be watched, and the incidents that are known.

    Incidents are a list with `since`, perhaps `until` and `name`; or "store".
    """

    signals: Annotated[list[AskedSignal], Field(max_length=100)] = []
    policy: Annotated[str, Field(min_length=1, max_length=300)] = USUAL
    incidents: list[JsonObject] | Literal["store"] | None = None  # any other text would be read as a path
    now: Moment | None = None


@router.get(
    "/models/{model}/monitors", response_model=JsonObject, operation_id="get_monitors", summary="How it is watched"
)
def get_monitors(model: ModelName, served: Served, _: Viewer) -> dict[str, Any]:
    """Give its options: rules, alarm budget, windows ..."""
    return served.model(model).options.to_dict()


@router.put(
    "/models/{model}/monitors", response_model=JsonObject, operation_id="adopt", summary="Watch it by other rules"
)
def adopt(model: ModelName, served: Served, _: Editor, body: Proposal) -> dict[str, Any]:
    """Watch the model by these rules from the next check on, and give its options."""
    found = served.model(model)
    found.adopt(**body.said())
    return found.options.to_dict()


@router.post(
    "/models/{model}/backtest", response_model=BacktestShape, operation_id="backtest",
    summary="What other rules would have done",
)  # fmt: skip
def backtest(model: ModelName, served: Served, _: Viewer, body: BacktestQuestion | None = None) -> dict[str, Any]:
    """Replay a proposed set of monitors over the stored history, beside the present one. Nothing is written."""
    asks = body or BacktestQuestion()
    with asked(409):
        signals = [one.part() for one in asks.signals]
        told: dict[str, Any] = {"signals": signals, "policy": asks.policy, "incidents": asks.incidents, "now": asks.now}
        return served.model(model).backtest(**told, **asks.said()).to_dict()
