"""`dlnotes.vision.boxes` 的面积与四种交并比，与不共用代码的来源比较。"""

import doctest
import importlib
from fractions import Fraction
from itertools import product
from math import atan, inf, nan, pi

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dlnotes.vision import boxes as module
from dlnotes.vision.boxes import area, ciou, diou, giou, iou, pairwise

METRICS = [iou, giou, diou, ciou]

coordinates = st.floats(-1e3, 1e3)


def boxes_of(corners, sides):
    """左上角与宽高各自抽取的框。"""
    parts = st.tuples(corners, corners, sides, sides)
    return parts.map(lambda part: [part[0], part[1], part[0] + part[2], part[1] + part[3]])


grid_box = boxes_of(st.integers(-6, 6), st.integers(0, 6))
real_box = boxes_of(coordinates, st.floats(0, 1e3))
solid_box = boxes_of(coordinates, st.floats(1, 1e3))


def cells(box, pixels):
    """框盖住的单位方格：连续约定不含右下端，像素约定含两端。"""
    x1, y1, x2, y2 = box
    return set(product(range(x1, x2 + pixels), range(y1, y2 + pixels)))


def exact(a, b, pixels):
    """由定义直接写出的 IoU、GIoU、DIoU，有理数。"""
    inside, outside = cells(a, pixels), cells(b, pixels)
    union, overlap = len(inside | outside), len(inside & outside)
    width = max(a[2], b[2]) + pixels - min(a[0], b[0])
    height = max(a[3], b[3]) + pixels - min(a[1], b[1])
    across, down = Fraction(a[0] + a[2] - b[0] - b[2], 2), Fraction(a[1] + a[3] - b[1] - b[3], 2)
    plain = Fraction(overlap, union) if union else Fraction(0)
    hollow = 1 - Fraction(union, width * height) if width * height else Fraction(0)
    diagonal = width**2 + height**2
    apart = (across**2 + down**2) / diagonal if diagonal else Fraction(0)
    return plain, plain - hollow, plain - apart


@given(grid_box, st.booleans())
def test_area_counts_cells(box, pixels):
    assert area(box, pixels=pixels) == len(cells(box, pixels))


@given(grid_box, grid_box, st.booleans())
def test_iou_giou_diou_equal_exact_fractions(a, b, pixels):
    got = [metric(a, b, pixels=pixels) for metric in (iou, giou, diou)]
    assert got == pytest.approx([float(value) for value in exact(a, b, pixels)], abs=1e-15)


@pytest.mark.parametrize(
    ("a", "b", "continuous", "inclusive"),
    [
        ((0, 0, 2, 2), (1, 1, 3, 3), Fraction(1, 7), Fraction(2, 7)),
        ((0, 0, 2, 2), (0, 10, 2, 12), 0, 0),
        ((0, 0, 2, 2), (0, 2, 2, 4), 0, Fraction(1, 5)),
        ((0, 0, 2, 2), (2, 2, 4, 4), 0, Fraction(1, 17)),
        ((0, 0, 4, 4), (1, 1, 3, 3), Fraction(1, 4), Fraction(9, 25)),
        ((3, 3, 3, 3), (3, 3, 3, 3), 0, 1),
    ],
    ids=["overlap", "disjoint", "shared edge", "shared corner", "nested", "point"],
)
def test_iou_by_hand(a, b, continuous, inclusive):
    assert iou(a, b) == float(continuous)
    assert iou(a, b, pixels=True) == float(inclusive)


def test_giou_and_diou_by_hand():
    # 外接框 3×3，并集 7；中心距 (1, 1)，对角线 (3, 3)。
    assert giou((0, 0, 2, 2), (1, 1, 3, 3)) == pytest.approx(1 / 7 - 2 / 9, rel=1e-15)
    assert diou((0, 0, 2, 2), (1, 1, 3, 3)) == pytest.approx(1 / 7 - 2 / 18, rel=1e-15)
    assert giou((0, 0, 1, 1), (3, 0, 4, 1)) == -0.5
    assert diou((0, 0, 1, 1), (3, 0, 4, 1)) == -9 / 17


def test_ciou_by_hand():
    # 同心的 4×2 与 2×4：IoU 4/12，中心重合；arctan 2 - arctan 1/2 = arctan 3/4。
    v = 4 / pi**2 * atan(3 / 4) ** 2
    alpha = v / (2 / 3 + v)
    assert ciou((0, 1, 4, 3), (1, 0, 3, 4)) == pytest.approx(1 / 3 - alpha * v, rel=1e-14)
    # 像素约定下是 5×3 与 3×5，交 3×3：宽高也加 1。
    v = 4 / pi**2 * (atan(5 / 3) - atan(3 / 5)) ** 2
    alpha = v / (12 / 21 + v)
    expected = pytest.approx(9 / 21 - alpha * v, rel=1e-14)
    assert ciou((0, 1, 4, 3), (1, 0, 3, 4), pixels=True) == expected


@given(solid_box, solid_box)
def test_ciou_equals_the_formula_written_with_atan(a, b):
    widths, heights = (a[2] - a[0], b[2] - b[0]), (a[3] - a[1], b[3] - b[1])
    v = 4 / pi**2 * (atan(widths[0] / heights[0]) - atan(widths[1] / heights[1])) ** 2
    penalty = v * v / (1 - iou(a, b) + v) if v else 0
    assert ciou(a, b) == pytest.approx(diou(a, b) - penalty, abs=1e-12)


def test_degenerate_boxes():
    point, flat, tall, square = (0, 0, 0, 0), (0, 0, 2, 0), (0, 0, 0, 2), (0, 0, 2, 2)
    assert [area(box) for box in (point, flat, tall)] == [0, 0, 0]
    for metric in METRICS:
        assert metric(point, point) == 0, "分母全为 0"
        assert metric(flat, flat) == 0, "外接框的面积为 0，对角线不为 0"
    assert giou(flat, (5, 0, 6, 0)) == 0
    assert giou(point, (1, 1, 1, 1)) == -1
    assert diou(point, (1, 1, 1, 1)) == -1
    # 横线的角是 π/2，点与竖线的角是 0：v = 1，α = 1/2。
    assert ciou(point, flat) == diou(point, flat) - 0.5
    assert ciou(point, tall) == diou(point, tall)
    assert ciou(flat, tall) == diou(flat, tall) - 0.5 == -0.75
    assert ciou(square, square) == 1, "v 与 1 - IoU 都为 0 时 α 取 0"


@pytest.mark.parametrize("metric", METRICS)
@given(a=real_box, b=real_box, pixels=st.booleans())
def test_symmetric(metric, a, b, pixels):
    assert metric(a, b, pixels=pixels) == metric(b, a, pixels=pixels)


@given(real_box, real_box, st.booleans())
def test_ranges_and_order(a, b, pixels):
    plain, general, distance, complete = (metric(a, b, pixels=pixels) for metric in METRICS)
    assert 0 <= plain <= 1
    assert -1 <= general <= plain
    assert -1 <= distance <= plain
    assert -1.5 <= complete <= distance


@given(solid_box, solid_box)
def test_giou_of_solid_boxes_is_above_minus_one(a, b):
    assert giou(a, b) > -1


@pytest.mark.parametrize("metric", METRICS)
@given(box=solid_box, pixels=st.booleans())
def test_a_solid_box_equals_itself(metric, box, pixels):
    assert metric(box, box, pixels=pixels) == 1


@pytest.mark.parametrize("metric", METRICS)
@given(a=solid_box, b=solid_box, dx=coordinates, dy=coordinates, scale=st.floats(1e-3, 1e3))
def test_unmoved_by_translation_and_scale(metric, a, b, dx, dy, scale):
    expected = pytest.approx(metric(a, b), abs=1e-8)
    assert metric(np.add(a, [dx, dy, dx, dy]), np.add(b, [dx, dy, dx, dy])) == expected
    assert metric(np.multiply(a, scale), np.multiply(b, scale)) == expected


@pytest.mark.parametrize("metric", METRICS)
@given(a=real_box, b=real_box)
def test_unmoved_when_y_points_up(metric, a, b):
    def flip(box):
        return [box[0], -box[3], box[2], -box[1]]

    assert metric(flip(a), flip(b)) == metric(a, b)


def test_giou_approaches_minus_one():
    gaps = np.array([1.0, 10.0, 100.0, 1e6])
    away = np.stack([gaps, gaps, gaps + 1, gaps + 1], axis=-1)
    values = giou((0, 0, 1, 1), away)
    assert values == pytest.approx(2 / (gaps + 1) ** 2 - 1, rel=1e-12)
    assert values[-1] == pytest.approx(-1, abs=1e-11)


@pytest.mark.parametrize("metric", METRICS)
@given(st.data())
def test_pairwise_and_broadcasting_equal_loops(metric, data):
    a, b = (data.draw(st.lists(real_box, max_size=4)) for _ in "ab")
    rows, columns = np.reshape(a, (-1, 4)), np.reshape(b, (-1, 4))
    expected = np.array([[metric(p, q, pixels=True) for q in b] for p in a]).reshape(len(a), len(b))
    # 不要求逐位相等：numpy 的 arctan2 对数组与标量可以差一个末位。
    for got in (pairwise(rows, columns, metric, pixels=True), metric(rows[:, None], columns, pixels=True)):
        assert got.shape == (len(a), len(b))
        np.testing.assert_allclose(got, expected, rtol=0, atol=1e-14)


def test_pairwise_defaults_to_iou():
    assert pairwise([(0, 0, 1, 1)], [(3, 0, 4, 1)]).tolist() == [[0]], "GIoU 与 DIoU 在此都小于 0"


@pytest.mark.parametrize("metric", METRICS)
def test_dtype(metric):
    a, b = [0, 0, 2, 2], [1, 1, 3, 4]
    for kind in (np.uint8, np.int64, np.float16, np.float64):
        assert metric(np.array(a, kind), np.array(b, kind)).dtype == np.float64
    single = metric(np.array(a, np.float32), np.array(b, np.float32))
    assert single.dtype == np.float32
    assert single == np.float32(metric(a, b)), "先按 float64 算，最后舍入一次"
    assert metric(np.array(a, np.float32), np.array(b)).dtype == np.float64
    assert area(np.array(a, np.float32)).dtype == np.float32


def test_integers_and_large_coordinates_do_not_overflow():
    assert area(np.array([0, 0, 255, 255], np.uint8), pixels=True) == 65536
    assert area(np.array([0, 0, 4e9, 4e9], np.int64)) == 1.6e19
    assert area(np.array([-1e18, -1e18, 1e18, 1e18], np.float32)) == pytest.approx(4e36, rel=1e-6)
    for kind, huge in ((np.float32, 1e18), (np.float64, 1e150)):
        box = np.array([-huge, -huge, huge, huge], kind)
        assert [metric(box, box) for metric in METRICS] == [1, 1, 1, 1]


@pytest.mark.parametrize("metric", [*METRICS, pairwise])
def test_inputs_are_not_modified(metric):
    a, b = np.array([[0.0, 0, 2, 2]]), np.array([[1.0, 1, 3, 3]])
    before = a.copy(), b.copy()
    a.flags.writeable = b.flags.writeable = False
    metric(a, b, pixels=True)
    np.testing.assert_array_equal((a, b), before)


@pytest.mark.parametrize(
    ("box", "error", "message"),
    [
        (
            [2, 0, 0, 2],
            ValueError,
            r"^`a` 应为满足 x1 <= x2 且 y1 <= y2 的框，得到 \[2\.0, 0\.0, 0\.0, 2\.0\]；.*换算。$",
        ),
        ([[0, 0, 1, 1], [0, 2, 2, 1]], ValueError, r"得到 \[0\.0, 2\.0, 2\.0, 1\.0\]"),
        ([0, 0, nan, 2], ValueError, "^`a` 应为绝对值不超过 1e[+]150 的有限坐标，得到 nan；"),
        ([0, 0, inf, 2], ValueError, "得到 inf；"),
        ([-1e151, 0, 1, 2], ValueError, "得到 -1e[+]151；"),
        (np.array([0, 0, 2e18, 2], np.float32), ValueError, "不超过 1e[+]18 的有限坐标"),
        ([0, 0, 1], ValueError, r"^`a` 应为形状 \(\.\.\., 4\) 的数组，得到 形状 \(3,\)；"),
        (3.0, ValueError, r"得到 形状 \(\)；"),
        ([[0, 0, 1, 1], [0, 0]], ValueError, "^`a` 应为规则的数组，得到 长短不一的嵌套序列；"),
        (["a", "b", "c", "d"], TypeError, "^`a` 应为实数数组，得到 dtype 为 <U1 的数组；"),
        ([0, 0, 1j, 1], TypeError, "complex128"),
        ([False, False, True, True], TypeError, "bool"),
        ([0, 0, None, 1], TypeError, "object"),
    ],
)
@pytest.mark.parametrize("metric", METRICS)
def test_bad_boxes(metric, box, error, message):
    with pytest.raises(error, match=message):
        metric(box, [0, 0, 1, 1])
    with pytest.raises(error, match=message.replace("`a`", "`b`")):
        metric([0, 0, 1, 1], box)
    with pytest.raises(error, match=message.replace("`a`", "`boxes`")):
        area(box)


def test_bad_shapes_of_two_arguments():
    with pytest.raises(
        ValueError, match=r"^`b` 应为能与 `a` 的形状 \(3, 4\) 广播的数组，得到 形状 \(2, 4\)；.*pairwise。$"
    ):
        iou(np.zeros((3, 4)), np.zeros((2, 4)))
    with pytest.raises(ValueError, match=r"^`a` 应为形状 \(N, 4\) 的数组，得到 形状 \(4,\)；"):
        pairwise([0, 0, 1, 1], np.zeros((2, 4)))
    with pytest.raises(ValueError, match=r"^`b` 应为形状 \(N, 4\) 的数组"):
        pairwise(np.zeros((2, 4)), [0, 0, 1, 1])


@pytest.mark.parametrize("name", ["dlnotes.vision.boxes", "dlnotes.vision._nms"])
def test_doctests(name):
    outcome = doctest.testmod(importlib.import_module(name))
    assert outcome.attempted >= 3
    assert outcome.failed == 0


def test_everything_exported_exists():
    assert all(hasattr(module, name) for name in module.__all__)


@pytest.mark.parametrize("metric", [area, iou, giou, diou, ciou], ids=lambda metric: metric.__name__)
@pytest.mark.parametrize("pixels", [1, 0, None, "yes"])
def test_pixels_is_a_switch(metric, pixels):
    """`iou(a, b, pixels=1.0)` 若照收，写错的参数就悄悄换了一种坐标。"""
    boxes = [[0, 0, 2, 2]] * (1 if metric is area else 2)
    with pytest.raises(TypeError, match=r"^`pixels` 应为 True 或 False，得到 "):
        metric(*boxes, pixels=pixels)
