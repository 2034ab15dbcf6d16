"""颜色空间：与 colorsys、scikit-image 的记录、YUV 两个系数的推导比。"""

import colorsys
import json
from itertools import count
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dlnotes.vision.color import RGB_TO_YUV, hsv_to_rgb, rgb_to_gray, rgb_to_hsv, rgb_to_yuv, yuv_to_rgb

RECORDED = json.loads((Path(__file__).parents[1] / "oracles" / "vision" / "color.json").read_text())
unit = st.floats(0, 1)
colors = st.tuples(unit, unit, unit)
coarse = st.tuples(*[st.sampled_from([0.0, 0.25, 0.5, 1.0])] * 3)  # 常有相等的分量


def test_scikit_image():
    """它的两个系数只有 6 位：0.492111 与 0.877283，矩阵再写到 8 位小数。"""
    rgb = np.array(RECORDED["rgb"])
    rounded = [1, 0.492111 / (RGB_TO_YUV[1, 2] / 0.886), 0.877283 / (RGB_TO_YUV[2, 0] / 0.701)]
    assert np.allclose(rounded, 1, rtol=0, atol=3e-7)
    assert np.allclose(rgb_to_yuv(rgb) * rounded, RECORDED["yuv"], rtol=0, atol=1e-8)
    back = yuv_to_rgb(np.array(RECORDED["yuv"]) / rounded)
    assert np.allclose(back, RECORDED["rgb_from_yuv"], rtol=0, atol=2e-8)
    assert np.allclose(rgb_to_hsv(rgb), RECORDED["hsv"], rtol=0, atol=1e-14)
    assert np.allclose(hsv_to_rgb(RECORDED["hsv"]), RECORDED["rgb_from_hsv"], rtol=0, atol=1e-14)
    assert np.allclose(rgb_to_gray(rgb), np.array(RECORDED["yuv"])[:, 0], rtol=0, atol=1e-12)


def test_the_two_scales_follow_from_the_composite_peak():
    """纯黄、纯青的 Y + √(U²+V²) 等于 4/3：对 u²、v² 是两个线性方程。"""
    chroma = np.array([[0.886**2, 0.114**2], [0.299**2, 0.701**2]])
    room = (4 / 3 - np.array([0.886, 0.701])) ** 2
    u, v = np.sqrt(np.linalg.solve(chroma, room))
    assert RGB_TO_YUV[1, 2] == pytest.approx(u * 0.886, rel=1e-12)
    assert RGB_TO_YUV[2, 0] == pytest.approx(v * 0.701, rel=1e-12)
    assert RGB_TO_YUV[0].tolist() == [0.299, 0.587, 0.114]
    assert np.allclose(RGB_TO_YUV[1:].sum(1), 0, atol=1e-16)  # 灰色没有色差
    peak = abs(rgb_to_yuv(np.array(np.meshgrid([0, 1], [0, 1], [0, 1])).reshape(3, -1).T)).max(0)
    assert peak.round(3).tolist() == [1.0, 0.436, 0.615]


@given(colors)
def test_yuv_and_back(rgb):
    assert np.allclose(yuv_to_rgb(rgb_to_yuv(rgb)), rgb, rtol=0, atol=1e-15)


@given(st.one_of(colors, coarse))
def test_colorsys(rgb):
    hsv = colorsys.rgb_to_hsv(*rgb)
    got = rgb_to_hsv(rgb)
    assert np.allclose(got[1:], hsv[1:], rtol=0, atol=1e-15)
    apart = abs(got[0] - hsv[0])
    assert min(apart, 1 - apart) < 1e-15  # 色相绕一圈：0 与 1 相同
    assert 0 <= got[0] < 1
    assert np.allclose(hsv_to_rgb(got), rgb, rtol=0, atol=1e-15)


@given(st.one_of(colors, coarse))
def test_colorsys_back(hsv):
    assert np.allclose(hsv_to_rgb(hsv), colorsys.hsv_to_rgb(*hsv), rtol=0, atol=4e-15)


def test_hue_goes_round():
    base = hsv_to_rgb([0.3, 0.7, 0.9])
    assert np.allclose(hsv_to_rgb([1.3, 0.7, 0.9]), base)
    assert np.allclose(hsv_to_rgb([-0.7, 0.7, 0.9]), base)
    assert rgb_to_hsv([0.5, 0.5, 0.5]).tolist() == [0, 0, 0.5]
    assert rgb_to_hsv([0.0, 0.0, 0.0]).tolist() == [0, 0, 0]
    assert rgb_to_hsv([1.0, 0.0, 1e-18])[0] == 0  # 不是 1


def test_shapes_and_types():
    image = np.random.default_rng(0).random((2, 4, 5, 3))
    for function in (rgb_to_yuv, yuv_to_rgb, rgb_to_hsv, hsv_to_rgb):
        got = function(image)
        assert got.shape == image.shape
        assert np.array_equal(got[1, 2, 3], function(image[1, 2, 3])) or np.allclose(
            got[1, 2, 3], function(image[1, 2, 3]), rtol=1e-15
        )
        single = function(image.astype(np.float32))
        assert single.dtype == np.float32
        exact = function(image.astype(np.float32).astype(np.float64))
        assert np.array_equal(single, exact.astype(np.float32))  # 中间是 float64，只舍入一次
        assert np.allclose(single, got, atol=1e-5)
        assert function(np.zeros((0, 3))).shape == (0, 3)
    assert rgb_to_gray(image).shape == (2, 4, 5)
    assert rgb_to_gray(image.astype(np.float32)).dtype == np.float32
    assert rgb_to_gray([255, 255, 255]) == pytest.approx(255)
    with pytest.raises(ValueError, match="read-only"):
        RGB_TO_YUV[0, 0] = 1


@pytest.mark.parametrize(
    ("call", "kind", "message"),
    [
        (lambda: rgb_to_yuv([1.0, 2.0]), ValueError, "`rgb` 应为形状 (…, 3) 的数组，得到 形状 (2,)"),
        (lambda: yuv_to_rgb(1.0), ValueError, "`yuv`"),
        (lambda: rgb_to_hsv([0, 0, 255]), ValueError, "0 到 255 的请先除以 255"),
        (lambda: rgb_to_hsv([0, 0, -0.1]), ValueError, "`rgb` 应为 0 到 1 之间的数，得到 -0.1"),
        (lambda: rgb_to_hsv([0, 0, np.nan]), ValueError, "`rgb`"),
        (lambda: hsv_to_rgb([0, 2, 0]), ValueError, "`hsv`"),
        (lambda: hsv_to_rgb([0, 0, 2]), ValueError, "`hsv`"),
        (lambda: hsv_to_rgb([np.inf, 0, 0]), ValueError, "色相有限"),
        (lambda: rgb_to_gray(["a", "b", "c"]), TypeError, "`rgb`"),
    ],
    ids=count(),
)
def test_errors(call, kind, message):
    with pytest.raises(kind) as raised:
        call()
    assert message in str(raised.value)
