"""Monitors: the rules and the budget that a model is watched by; what others would have done; watching by them."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from retrue.server.api.shapes import BacktestShape, JsonObject
from retrue.server.api.shared import ERRORS, PREFIX, Editor, ModelName, Moment, Served, Viewer, asked

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


class BacktestQuestion(Proposal):
    """A proposal, and the incidents that are known: a list with `since`, perhaps `until` and `name`; or "store"."""

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
        return served.model(model).backtest(incidents=asks.incidents, now=asks.now, **asks.said()).to_dict()
