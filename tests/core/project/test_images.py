"""Images: measured alike in whatever form a table holds them."""

from __future__ import annotations

from functools import cache
from io import BytesIO
from itertools import pairwise
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import ndimage
from tests.conftest import needed

import retrue as rt
from retrue.comparing import make_reference
from retrue.core.project import REGISTRY, Learned, apply, images, learn, pixels, reason_of
from retrue.schema import Kind

DIGITS = Path(__file__).parents[4] / "shared" / "data" / "digits_mnist_usps" / "data.parquet"
RNG = np.random.default_rng(0)
GREY: NDArray[np.uint8] = RNG.integers(0, 256, (40, 12, 12), np.uint8)
COLOUR: NDArray[np.uint8] = RNG.integers(0, 256, (40, 12, 12, 3), np.uint8)


def seen(series: pl.Series, name: str, reference: pl.Series | None = None) -> list[float | None]:
    """A column of images through a projection."""
    learned = learn(REGISTRY[name].family, series if reference is None else reference, Kind.IMAGE)
    assert not learned.failed
    return list(apply(learned, [name], series)[name].to_list())


def shapes(batch: NDArray[np.uint8]) -> dict[str, pl.Series]:
    """The same images in several forms."""
    n = len(batch)
    return {
        "array": pl.Series(batch),
        "lists": pl.Series(batch.tolist()),
        "flat": pl.Series(batch.reshape(n, -1).tolist(), dtype=pl.List(pl.UInt8)),
        "bytes": pl.Series([one.tobytes() for one in batch]),
        "fractions": pl.Series((batch / 255).tolist()),
    }


@pytest.mark.parametrize("form", list(shapes(GREY)))
@pytest.mark.parametrize("batch", [GREY, COLOUR], ids=["grey", "colour"])
def test_any_form_gives_the_same_numbers(batch: NDArray[np.uint8], form: str) -> None:
    """Against NumPy and SciPy's Laplacian on the images themselves."""
    bright = batch / 255 if batch.ndim == 3 else batch @ [0.299, 0.587, 0.114] / 255
    inner = np.stack([ndimage.laplace(one)[1:-1, 1:-1] for one in bright])
    series = shapes(batch)[form]
    assert seen(series, "brightness") == pytest.approx(bright.mean(axis=(1, 2)), abs=2e-6)
    assert seen(series, "contrast") == pytest.approx(bright.std(axis=(1, 2)), abs=2e-6)
    assert seen(series, "sharpness") == pytest.approx(inner.var(axis=(1, 2)), abs=2e-6)
    assert set(seen(series, "pixels")) == {144.0}
    assert set(seen(series, "aspect")) == {1.0}


def test_colourfulness_is_that_of_the_paper() -> None:
    """Hasler and Süsstrunk 2003: pure red against grey; zero for grey images of either form."""
    red, grey = np.zeros((20, 4, 4, 3)), np.full((20, 4, 4, 3), 99)
    red[..., 0] = 255
    assert seen(pl.Series(red.tolist()), "colourfulness") == pytest.approx([0.3 * np.hypot(1, 0.5)] * 20, abs=1e-6)
    assert seen(pl.Series(grey.tolist()), "colourfulness") == pytest.approx([0.0] * 20, abs=1e-6)
    assert set(seen(shapes(GREY)["lists"], "colourfulness")) == {0.0}


def test_channels_may_come_first_and_transparency_is_left_out() -> None:
    first, seeing = np.moveaxis(COLOUR, 3, 1), np.concatenate([COLOUR, COLOUR[..., :1]], axis=3)
    for other in (first, seeing):
        assert seen(pl.Series(other.tolist()), "brightness") == seen(pl.Series(COLOUR.tolist()), "brightness")


def test_sizes_may_differ_from_row_to_row() -> None:
    wide = [[[10] * 20] * 10] * 30
    series = pl.Series([*wide, [[20] * 5] * 10, None, [[1, 2], [3]], []])
    assert seen(series, "aspect")[29:32] == [2.0, 0.5, None]
    assert np.isnan(np.array(seen(series, "aspect")[32:], float)).all()
    assert seen(series, "pc1", pl.Series(GREY.tolist()))[31] is None


def test_thumbnails_keep_means_and_squares() -> None:
    """Averaging areas keeps the mean; an image of the thumbnail's size stays as it is."""
    large, same = pl.Series(RNG.uniform(size=(5, 40, 24)).tolist()), RNG.uniform(size=(5, 16, 16))
    small = pixels.thumbnails(large, 1.0)
    assert small.mean(axis=1) == pytest.approx(np.array(large.to_list()).mean(axis=(1, 2)))
    assert pixels.thumbnails(pl.Series(same.tolist()), 1.0) == pytest.approx(same.reshape(5, -1))


@settings(max_examples=20, deadline=None)
@given(st.integers(1, 50))
def test_shrinking_shares_every_pixel_out(n: int) -> None:
    assert pixels.shrinking(n).sum(axis=1) == pytest.approx(np.ones(16))
    assert pixels.shrinking(n).sum(axis=0) == pytest.approx(np.full(n, 16 / n))


@cache
def learned_of(name: str) -> Learned:
    """What a projection learns of the grey images."""
    return learn(REGISTRY[name].family, pl.Series(GREY), Kind.IMAGE)


@settings(max_examples=10, deadline=None)
@given(
    st.lists(st.integers(0, 40), max_size=4), st.sampled_from(["sharpness", "reconstruction_error", "cluster_distance"])
)
def test_an_image_has_the_same_value_in_any_batch(cuts: list[int], name: str) -> None:
    series, edges = pl.Series(GREY), [0, *sorted(cuts), 40]
    learned = learn(REGISTRY[name].family, series, Kind.IMAGE)
    parts = [apply(learned, [name], series[a:b])[name] for a, b in pairwise(edges)]
    assert pl.concat(parts).equals(apply(learned, [name], series)[name])


@pytest.mark.parametrize(
    ("series", "reason"),
    [
        (pl.Series(["a.png"] * 30), "values of type String are no images"),
        (pl.Series([[1.0] * 7] * 30), "7 numbers are no image"),
        (pl.Series(GREY[:9]), "only 9 images in the reference"),
    ],
)
def test_what_is_no_image_is_told(series: pl.Series, reason: str) -> None:
    learned = learn(images.FAMILY, series, Kind.IMAGE)
    assert reason in str(reason_of(apply(learned, ["brightness"], series)["brightness"]))


def encoded(one: NDArray[np.uint8], form: str) -> bytes:
    """An image as the bytes of a file."""
    image = needed("PIL.Image")
    buffer = BytesIO()
    image.fromarray(one).save(buffer, form)
    return buffer.getvalue()


def test_encoded_images_are_read() -> None:
    """PNG keeps every pixel, JPEG nearly; a damaged one is NaN."""
    reference = pl.Series(GREY)
    png = pl.Series([*(encoded(one, "PNG") for one in GREY), encoded(GREY[0], "PNG")[:60], None])
    found = seen(png, "brightness", reference)
    assert found[:40] == seen(reference, "brightness")
    assert (np.isnan(found[40] or 0), found[41]) == (True, None)
    smooth = np.full((20, 20), 100, np.uint8)
    assert seen(pl.Series([encoded(smooth, "JPEG")]), "brightness", reference) == pytest.approx([100 / 255], abs=0.01)


def test_without_pillow_encoded_images_say_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "PIL", None)
    with pytest.raises(rt.ProfileError, match=r"encoded images need Pillow. Hint: pip install .retrue\[images\]."):
        pixels.of_bytes(b"\x89PNG\r\n\x1a\n")


def test_raw_pixels_may_begin_like_a_file() -> None:
    """A bitmap's two letters are two grey pixels."""
    found = pixels.of_bytes(b"BM" + bytes(98))
    assert found is not None
    assert (found.shape, found[0, 0]) == ((10, 10), ord("B"))


@pytest.mark.slow
@pytest.mark.skipif(not DIGITS.exists(), reason="the shared data isn't here")
def test_another_scanner_is_told_at_once_and_the_same_one_never() -> None:
    """MNIST learned; 100 digits of USPS are told, and by what; three random parts of MNIST are in true."""
    frame = pl.read_parquet(DIGITS).select("source", "image")
    known, other = (frame.filter(pl.col("source") == name).select("image") for name in ("mnist", "usps"))
    known = known.sample(fraction=1, shuffle=True, seed=0)
    reference = make_reference(known[:6000])
    told = rt.compare(reference, other[:100])
    names = {verdict.column for verdict in told.alarms}
    assert names >= {"image.reconstruction_error", "image.cluster_distance", "image.brightness", "image.contrast"}
    for part in range(3):
        assert rt.compare(reference, known[6000 + part * 1300 : 7300 + part * 1300]).alarms == ()
