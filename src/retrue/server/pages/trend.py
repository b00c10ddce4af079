"""A metric over time the size of a word, as plain SVG: the reference dashed, a dot where a figure is out of true."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

from retrue.server.pages.reading import Figure

WIDTH, HEIGHT, EDGE = 132, 28, 3


def trend(
    realised: Sequence[Figure], estimated: Sequence[Figure], since: float, until: float, *, loud: bool = False
) -> Markup:
    """Draw a metric over a stretch of time; what labels say as a line, the estimate dashed. Nothing without figures."""
    every = [*realised, *estimated]
    if not every:
        return Markup("")
    level = next((one.reference for one in reversed(every) if one.reference is not None), None)
    seen = [one.value for one in every] + ([] if level is None else [level])
    low, high = min(seen), max(seen)

    def place(at: float, value: float) -> str:
        x = (at - since) / max(until - since, 1) * (WIDTH - 2 * EDGE) + EDGE
        y = HEIGHT / 2 if high == low else HEIGHT - EDGE - (value - low) / (high - low) * (HEIGHT - 2 * EDGE)
        return f"{x:.1f},{y:.1f}"

    def path(points: Sequence[Figure]) -> str:
        return " ".join(place(one.start, one.value) for one in points)

    lines = [("te", estimated), ("tl", realised)]
    drawn = [f'<polyline class="{name}" points="{path(points)}"/>' for name, points in lines if len(points) > 1]
    if level is not None:
        drawn.insert(0, f'<path class="tr" d="M{place(since, level)}L{place(until, level)}"/>')
    last = (realised or estimated)[-1]  # what is shown beside it
    if loud or len(every) == 1:
        x, y = place(last.start, last.value).split(",")
        drawn.append(f"<circle class='{'tw' if loud else 'tp'}' cx='{x}' cy='{y}' r='3'/>")
    # Only numbers reach the markup: nothing of the data's own text does.
    size = f'viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}"'
    return Markup(f'<svg class="trend" {size} aria-hidden="true">' + "".join(drawn) + "</svg>")  # noqa: S704 - numbers
