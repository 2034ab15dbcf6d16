"""感受野经过一层、几条分支汇合：手算的例子，和几条应当成立的律。"""

from itertools import permutations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dlnotes.arch import Field, Unaligned, Window
from dlnotes.arch.fields import Fields, Reach, through, union

PLANE = (Field(3, 2, -1), Field(5, 1, 0))
WINDOWS = (Window(3, 2, 1), Window(2))
REACHES: list[Reach] = ["point", "gate", "all", WINDOWS, Unaligned("层")]
UNALIGNED = Unaligned("先前")


@pytest.mark.parametrize("reach", REACHES, ids=repr)
@pytest.mark.parametrize("gates", [True, False])
def test_the_whole_input_stays_the_whole_input(reach: Reach, gates: bool) -> None:
    assert through("all", reach, gates=gates) == "all"


@pytest.mark.parametrize("fields", [PLANE, UNALIGNED], ids=["numbers", "unaligned"])
def test_global_layers_see_everything_even_after_an_irregular_one(fields: Fields) -> None:
    assert through(fields, "all") == through(fields, "all", gates=False) == "all"
    assert through(fields, "gate") == through(fields, "gate", gates=True) == "all"
    assert through(fields, "gate", gates=False) == fields


@pytest.mark.parametrize("reach", ["point", WINDOWS, Unaligned("后来")], ids=repr)
def test_the_first_reason_stays(reach: Reach) -> None:
    assert through(UNALIGNED, reach) == through(UNALIGNED, reach, gates=False) == UNALIGNED


def test_each_axis_goes_through_its_own_window() -> None:
    assert through(PLANE, "point") == PLANE
    assert through(PLANE, WINDOWS) == (Field(3 + 2 * 2, 4, -1 - 2), Field(5 + 1, 1, 0))
    assert through(PLANE, Unaligned("层")) == Unaligned("层")
    assert through((Field(),), (Window(3, dilation=2),)) == (Field(5, 1, 0),)
    assert isinstance(through((Field(),), WINDOWS), Unaligned)  # 一维的位置接不上二维的窗口


def test_the_ends_may_come_from_different_branches() -> None:
    """左边的分支看到 t-2..t，右边的看到 t..t+2，合起来是 t-2..t+2；中间有空隙也算在内。"""
    assert union([(Field(3, 1, -2),), (Field(3, 1, 0),)]) == (Field(5, 1, -2),)
    assert union([(Field(1, 4, -9),), (Field(2, 4, 5),)]) == (Field(16, 4, -9),)
    assert union([(Field(9, 2, -4),), (Field(3, 2, -1),)]) == (Field(9, 2, -4),)
    assert union([(Field(9, 1, 0), Field(1, 3, -2)), (Field(1, 1, 4), Field(7, 3, 0))]) == (
        Field(9, 1, 0),
        Field(9, 3, -2),
    )


@pytest.mark.parametrize("branches", list(permutations(["all", UNALIGNED, PLANE])), ids=repr)
def test_everything_outweighs_a_reason_and_a_reason_outweighs_numbers(branches: tuple[Fields, ...]) -> None:
    assert union(branches) == "all"
    assert union(fields for fields in branches if fields != "all") == UNALIGNED


def test_the_reason_of_the_first_branch_is_kept() -> None:
    assert union([PLANE, Unaligned("一"), Unaligned("二")]) == Unaligned("一")


def test_one_branch_is_itself() -> None:
    for fields in ("all", UNALIGNED, PLANE):
        assert union([fields]) == union([fields, fields]) == fields


def test_different_jumps_have_no_common_size() -> None:
    """步距由小到大列出，各写一次；一个方向不同就够了。"""
    jumps = [(Field(9, jump, 0),) for jump in (10, 2, 2, 4)]
    assert union(jumps) == Unaligned("各分支的步距不同（2 与 4 与 10 像素）")
    rows, columns = (Field(1, 2, 0), Field()), (Field(), Field(1, 3, 0))
    assert union([rows, (Field(), Field())]) == Unaligned("各分支的步距不同（1 与 2 像素）")
    assert union([columns, (Field(), Field())]) == Unaligned("各分支的步距不同（1 与 3 像素）")
    assert union([(Field(5, 1, 0),), (Field(5, 2, 0),)]) != union([(Field(5, 2, 0),), (Field(5, 2, 0),)])


def test_lines_and_planes_do_not_meet() -> None:
    assert union([(Field(),), (Field(), Field())]) == Unaligned("各分支的位置排法不同（一维与二维）")


numbers = st.builds(Field, st.integers(1, 30), st.sampled_from([1, 1, 2, 4]), st.integers(-30, 30))
branches = st.lists(st.tuples(numbers, numbers) | st.just("all"), min_size=1, max_size=4)
windows = st.builds(Window, st.integers(1, 4), st.integers(1, 3), st.integers(-2, 3), st.integers(1, 3))


@settings(max_examples=200, deadline=None)
@given(branches=branches)
def test_union_holds_exactly_the_pixels_between_the_ends(branches: list[Fields]) -> None:
    merged = union(branches)
    if "all" in branches:
        assert merged == "all"
        return
    axes = list(zip(*branches, strict=True))
    if any(len({field.jump for field in fields}) > 1 for fields in axes):
        assert isinstance(merged, Unaligned)
        return
    assert isinstance(merged, tuple)
    for field, fields in zip(merged, axes, strict=True):
        for unit in (0, 7):
            pixels = [each.start + unit * each.jump + pixel for each in fields for pixel in range(each.rf)]
            start = field.start + unit * field.jump
            assert (min(pixels), max(pixels)) == (start, start + field.rf - 1)


@settings(max_examples=200, deadline=None)
@given(branches=branches, pair=st.tuples(windows, windows))
def test_a_window_after_the_join_equals_the_window_on_each_branch(
    branches: list[Fields], pair: tuple[Window, Window]
) -> None:
    """汇合之后的卷积，等于每条分支各做同样的卷积再汇合；次序、分几次汇合都不影响是不是数、是什么数。"""
    merged = union(branches)
    together, apart = through(merged, pair), union(through(fields, pair) for fields in branches)
    stepwise = branches[-1]
    for fields in branches[-2::-1]:
        stepwise = union([stepwise, fields])
    if isinstance(merged, Unaligned):  # 原因的措辞可以不同：步距乘了步长
        assert isinstance(together, Unaligned)
        assert isinstance(apart, Unaligned)
        assert isinstance(stepwise, Unaligned)
    else:
        assert together == apart
        assert merged == stepwise
