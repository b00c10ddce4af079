"""Colours, in one place: the page's variables and the charts' configuration both come from here.

Reference is grey, production blue; orange marks what needs a person, red only what is broken; green isn't used for
"fine".
"""

from __future__ import annotations

from typing import Any

Palette = dict[str, str]
REFERENCE, WINDOW = "reference", "window"
"""What the two sides are called in every chart: the reference is grey, the window (production) blue."""

THEMES: dict[str, Palette] = {
    "light": {
        "ink": "#1b1f24",
        "soft": "#5b6470",
        "line": "#e3e6ea",
        "bg": "#ffffff",
        "ref": "#9aa3ad",
        "prod": "#2f6fde",
        "warn": "#b95c06",
        "bad": "#c62828",
        "tint": "#fff6ec",
        "calm": "#f1f4f8",
        "mid": "#7aa7e8",
        "far": "#16387a",
    },
    "dark": {
        "ink": "#e8eaed",
        "soft": "#9aa3ad",
        "line": "#2b3036",
        "bg": "#14171a",
        "ref": "#6d7680",
        "prod": "#7aa7ff",
        "warn": "#f0a04b",
        "bad": "#ff7b72",
        "tint": "#2a2118",
        "calm": "#1d2126",
        "mid": "#3b68b8",
        "far": "#c9dcff",
    },
}

FONT = "system-ui, sans-serif"


def css(palette: Palette) -> str:
    """Give the palette as CSS variables.

    >>> css({"ink": "#000"})
    '--ink:#000'
    """
    return ";".join(f"--{name}:{colour}" for name, colour in palette.items())


def config(palette: Palette) -> dict[str, Any]:
    """Give the Vega-Lite configuration for a palette; templates name styles and hold no colours."""
    return {
        "background": "transparent",
        "font": FONT,
        "view": {"stroke": None},
        "padding": 2,
        "title": {
            "anchor": "start",
            "color": palette["ink"],
            "fontSize": 15,
            "fontWeight": 600,
            "offset": 10,
            "subtitleColor": palette["soft"],
            "subtitleFontSize": 12,
        },
        "axis": {
            "domain": False,
            "ticks": False,
            "grid": False,
            "gridColor": palette["line"],
            "labelColor": palette["soft"],
            "labelFontSize": 12,
            "labelPadding": 6,
            "titleColor": palette["soft"],
            "titleFontSize": 12,
            "titleFontWeight": "normal",
        },
        "text": {"color": palette["soft"], "fontSize": 12},
        "legend": {
            "labelColor": palette["soft"],
            "titleColor": palette["soft"],
            "titleFontWeight": "normal",
            "offset": 4,
        },
        "range": {"heatmap": [palette[name] for name in ("calm", "mid", "far")]},
        "style": styles(palette),
    }


def styles(palette: Palette) -> dict[str, Any]:
    """Give the marks' styles by what they mean (`color`, because Vega-Lite lets its own default win over `fill`)."""
    ref, prod, warn, soft, ink = (palette[name] for name in ("ref", "prod", "warn", "soft", "ink"))
    area, line, point = {"opacity": 1.0}, {"strokeWidth": 1.75, "opacity": 1.0}, {"filled": True, "opacity": 1.0}
    return {
        "reference-area": {**area, "color": ref, "fillOpacity": 0.35},
        "reference-bar": {"color": ref},
        "reference-line": {**line, "color": ref},
        "reference-point": {**point, "color": ref},
        "reference-text": {"color": soft},
        "window-area": {**area, "color": prod, "fillOpacity": 0.16},
        "window-bar": {"color": prod},
        "window-line": {**line, "color": prod},
        "window-point": {**point, "color": prod},
        "window-text": {"color": prod},
        "warn-area": {**area, "color": warn, "fillOpacity": 0.12},
        "warn-bar": {"color": warn},
        "warn-line": {**line, "color": warn},
        "warn-point": {**point, "color": warn},
        "warn-text": {"color": warn},
        "ink-text": {"color": ink},
        "warn-frame": {"fillOpacity": 0, "stroke": warn, "strokeWidth": 2, "opacity": 1.0},
        "heat": {"opacity": 1.0},
        "marker": {"color": ink, "opacity": 0.55, "strokeDash": [1, 3], "strokeWidth": 1},
        "marker-area": {**area, "color": ref, "fillOpacity": 0.18},
        "marker-point": {**point, "color": soft},
        "marker-text": {"color": soft},
        "zero": {"color": ref, "strokeDash": [2, 3], "strokeWidth": 1},
        "hover": {"color": ink, "opacity": 0},
    }
