"""非极大值抑制，与由定义写出的循环比较。"""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dlnotes.vision.boxes import NmsStep, iou, nms, nms_steps

thresholds = st.sampled_from([Fraction(0), Fraction(1, 4), Fraction(1, 3), Fraction(1, 2), Fraction(1)])


@st.composite
def detections(draw, distinct=False):
    """小整数格上的框（常常重合、恰好等于阈值）与分数（默认常常并列）。"""
    corner, side = st.integers(0, 4), st.integers(0, 4)
    parts = draw(st.lists(st.tuples(corner, corner, side, side), max_size=8))
    boxes = np.reshape([(x, y, x + w, y + h) for x, y, w, h in parts], (-1, 4))
    count = len(boxes)
    scores = draw(
        st.permutations(range(count))
        if distinct
        else st.lists(st.integers(0, 2), min_size=count, max_size=count)
    )
    return boxes, scores


def overlap(a, b, pixels):
    """按方格数出来的 IoU，有理数。"""

    def cells(box):
        x1, y1, x2, y2 = map(int, box)
        return {(x, y) for x in range(x1, x2 + pixels) for y in range(y1, y2 + pixels)}

    union = len(cells(a) | cells(b))
    return Fraction(len(cells(a) & cells(b)), union) if union else Fraction(0)


def by_definition(boxes, scores, threshold, pixels):
    """从高到低看每个框：与已留下的框都不超过阈值才留下。"""
    kept = []
    for index in sorted(range(len(boxes)), key=lambda i: (-scores[i], i)):
        if all(overlap(boxes[k], boxes[index], pixels) <= threshold for k in kept):
            kept.append(index)
    return kept


@given(detections(), thresholds, st.booleans())
def test_equals_the_definition(found, threshold, pixels):
    boxes, scores = found
    kept = nms(boxes, scores, float(threshold), pixels=pixels)
    # 1/3 不是 float64 的数，与它恰好相等的 IoU 也舍入成同一个数，所以两边仍一致。
    assert kept.tolist() == by_definition(boxes, scores, threshold, pixels)
    assert kept.dtype == np.intp


@given(detections(), thresholds, st.booleans())
def test_steps_explain_every_box(found, threshold, pixels):
    boxes, scores = found
    steps = nms_steps(boxes, scores, float(threshold), pixels=pixels)
    assert [step.kept for step in steps] == nms(boxes, scores, float(threshold), pixels=pixels).tolist()
    seen = sorted(index for step in steps for index in (step.kept, *step.suppressed))
    assert seen == list(range(len(boxes)))
    for step in steps:
        assert len(step.suppressed) == len(step.ious)
        for index, value in zip(step.suppressed, step.ious, strict=True):
            shared = overlap(boxes[step.kept], boxes[index], pixels)
            assert shared > threshold
            assert value == float(shared)
            assert (-scores[step.kept], step.kept) < (-scores[index], index)
        assert list(step.suppressed) == sorted(step.suppressed, key=lambda i: (-scores[i], i))


@given(detections(), thresholds)
def test_kept_boxes_overlap_at_most_the_threshold(found, threshold):
    boxes, scores = found
    kept = boxes[nms(boxes, scores, float(threshold))]
    for i in range(len(kept)):
        assert (iou(kept[i], kept[:i]) <= float(threshold)).all()


@given(detections(distinct=True), thresholds, st.randoms(use_true_random=False))
def test_unmoved_by_permutation_when_scores_differ(found, threshold, random):
    boxes, scores = found
    order = list(range(len(boxes)))
    random.shuffle(order)
    shuffled = nms(boxes[order], np.array(scores)[order], float(threshold))
    assert [order[i] for i in shuffled] == nms(boxes, scores, float(threshold)).tolist()


def test_by_hand():
    # 与 (0,0,4,4) 的 IoU：下标 1 是 8/16，下标 2 是 12/16，下标 3 不相交；1 与 2 之间 8/12。
    boxes = [(0, 0, 4, 4), (0, 0, 4, 2), (0, 0, 4, 3), (9, 9, 10, 10)]
    scores = [0.9, 0.8, 0.7, 0.95]
    assert nms_steps(boxes, scores, 0.5) == [
        NmsStep(kept=3, suppressed=(), ious=()),
        NmsStep(kept=0, suppressed=(2,), ious=(0.75,)),
        NmsStep(kept=1, suppressed=(), ious=()),
    ]
    assert nms(boxes, scores, 0.49).tolist() == [3, 0]


def test_a_suppressed_box_suppresses_nothing():
    # 首尾不相交，都与中间的框重叠 1/3：中间的框被去掉后，末尾的框留下。
    chain = [(0, 0, 2, 1), (1, 0, 3, 1), (2, 0, 4, 1)]
    assert nms(chain, [3, 2, 1], 0.3).tolist() == [0, 2]


def test_threshold_is_strict_in_every_dtype():
    # IoU 恰为 3/5；若按 float32 比较，0.6 - 1e-9 与它分不开。
    boxes = [(0, 0, 5, 1), (0, 0, 3, 1)]
    for kind in (np.float32, np.float64, np.int64):
        for threshold in (0.6, np.float64(0.6)):
            assert nms(np.array(boxes, kind), [2, 1], threshold).tolist() == [0, 1]
        assert nms(np.array(boxes, kind), [2, 1], 0.6 - 1e-9).tolist() == [0]


def test_pixels_change_the_outcome():
    boxes = [(0, 0, 2, 2), (1, 0, 3, 2)]  # 连续 2/6，像素 6/12
    assert nms(boxes, [2, 1], 0.4).tolist() == [0, 1]
    assert nms(boxes, [2, 1], 0.4, pixels=True).tolist() == [0]


def test_ties_keep_the_lower_index_first():
    boxes = np.tile([0, 0, 1, 1], (40, 1)) + 2 * np.arange(40)[:, None]
    assert nms(boxes, np.zeros(40), 0.5).tolist() == list(range(40))
    assert nms(np.tile([0, 0, 1, 1], (40, 1)), np.zeros(40), 0.5).tolist() == [0]


def test_corners():
    assert nms(np.empty((0, 4)), [], 0.5).tolist() == []
    assert nms(np.empty((0, 4)), [], 0.5).dtype == np.intp
    assert nms([(0, 0, 1, 1)], [-3], 0).tolist() == [0]
    assert nms([(1, 1, 1, 1)] * 2, [1, 2], 0).tolist() == [1, 0], "面积为 0 的框总会留下"
    assert nms([(0, 0, 1, 1)] * 2, [1, 2], 1).tolist() == [1, 0], "IoU 不大于 1"
    assert nms([(0, 0, 1, 1)] * 2, np.array([1, 2], np.uint8), 0.5).tolist() == [1]


def test_inputs_are_not_modified():
    boxes, scores = np.array([[0.0, 0, 2, 2], [0, 0, 2, 1]]), np.array([1.0, 2.0])
    before = boxes.copy(), scores.copy()
    boxes.flags.writeable = scores.flags.writeable = False
    nms(boxes, scores, 0.4, pixels=True)
    np.testing.assert_array_equal(boxes, before[0])
    np.testing.assert_array_equal(scores, before[1])


@pytest.mark.parametrize("function", [nms, nms_steps])
@pytest.mark.parametrize(
    ("boxes", "scores", "threshold", "error", "message"),
    [
        (
            [0, 0, 1, 1],
            [1],
            0.5,
            ValueError,
            r"^`boxes` 应为形状 \(N, 4\) 的数组，得到 形状 \(4,\)；单个框请写成",
        ),
        ([[1, 0, 0, 1]], [1], 0.5, ValueError, "^`boxes` 应为满足 x1 <= x2"),
        ([[0, 0, 1, 1]], [1, 2], 0.5, ValueError, r"^`scores` 应为形状 \(1,\) 的数组，得到 形状 \(2,\)；"),
        ([[0, 0, 1, 1]], [[1]], 0.5, ValueError, r"得到 形状 \(1, 1\)；"),
        ([[0, 0, 1, 1]], [np.nan], 0.5, ValueError, "^`scores` 应为有限的实数，得到 nan；"),
        ([[0, 0, 1, 1]], [np.inf], 0.5, ValueError, "得到 inf；"),
        ([[0, 0, 1, 1]], ["a"], 0.5, TypeError, "^`scores` 应为实数数组"),
        ([[0, 0, 1, 1]], [1], 1.5, ValueError, r"^`iou_threshold` 应为 \[0, 1\] 内的实数，得到 1\.5；"),
        ([[0, 0, 1, 1]], [1], -0.1, ValueError, "得到 -0.1；"),
        ([[0, 0, 1, 1]], [1], np.nan, ValueError, "得到 nan；"),
        ([[0, 0, 1, 1]], [1], "0.5", TypeError, "得到 '0.5'；"),
        ([[0, 0, 1, 1]], [1], True, TypeError, "得到 True；"),
    ],
)
def test_bad_input(function, boxes, scores, threshold, error, message):
    with pytest.raises(error, match=message):
        function(boxes, scores, threshold)
