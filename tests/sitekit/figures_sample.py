"""每种图各一张，图的测试共用；运行它就把它们全印出来。"""

import numpy as np

from dlnotes.arch import ledger, zoo
from sitekit.figures import (
    bars,
    chart,
    chords,
    graph,
    matrix,
    receptive_field,
    sliding_window,
    tiles,
    two_boxes,
)

RESIDUAL = {"conv1": ["x"], "relu1": ["conv1"], "conv2": ["relu1"], "+": ["conv2", "x"]}


def curves() -> str:
    """四条线、对数轴和图例。"""
    with chart(id="curves", title="四条线", alt="四条递增的线。", caption="线、标记各不相同。") as drawn:
        for power in range(4):
            drawn.axes.plot([1, 10, 100], [10 ** (power * n / 2) for n in (0, 1, 2)], label=f"k={power}")
        drawn.axes.set_xscale("log")
        drawn.axes.set_yscale("log")
        drawn.axes.set_xlabel("n")
        drawn.axes.grid()
        drawn.axes.legend()
    return str(drawn)


def columns() -> str:
    """两组柱子和一条水平线。"""
    with chart(id="columns", title="两组柱", alt="两组柱。", caption="柱子有斜线之别。", height=160) as drawn:
        drawn.axes.bar([0, 1], [3, 2], width=0.4, label="a")
        drawn.axes.bar([0.4, 1.4], [1, 2], width=0.4, label="b", hatch="//")
        drawn.axes.axhline(1.5)
        drawn.axes.legend()
    return str(drawn)


def samples() -> dict[str, str]:
    """图的 id 到它的 HTML。"""
    vgg = ledger(zoo.load("vgg16"))
    pools = [f"pool{n}" for n in range(1, 6)]
    params = {row.name: row.params for row in vgg.rows if row.params}
    return {
        "curves": curves(),
        "columns": columns(),
        "conv": sliding_window(5, kernel_size=3, stride=2, padding=1, id="conv", caption="步长 2。"),
        "dilated": sliding_window(7, kernel_size=3, dilation=2, at=(1, 0), id="dilated", caption="膨胀。"),
        "uneven": sliding_window(
            (4, 6), kernel_size=(2, 3), padding=((0, 1), (2, 0)), at=(3, 2), id="uneven", caption="不对称。"
        ),
        "transposed": sliding_window(
            3,
            kernel_size=3,
            stride=2,
            padding=1,
            transposed=True,
            at=(1, 1),
            id="transposed",
            caption="转置。",
        ),
        "centre": receptive_field(vgg, pools, id="centre", caption="正中。"),
        "corner": receptive_field(vgg, pools, unit=(0, 0), id="corner", caption="左上角。"),
        "params": bars(params, id="params", title="参数量", caption="参数量。"),
        "links": chords(
            {"Q1": ["Q2", "Q3"], "Q2": ["Q1"], "Q3": []}, id="links", title="联系", caption="弦。"
        ),
        "residual": graph(RESIDUAL, id="residual", title="残差", caption="残差。"),
        "zf5": graph(zoo.load("zf5"), id="zf5", title="ZF-5", caption="ZF-5。"),
        "tiles": tiles(
            [("wave", np.sin(np.arange(128.0)).reshape(2, 8, 8))],
            id="tiles",
            title="小图",
            alt="两张波纹。",
            caption="墨色越浓数越大。",
        ),
        "toeplitz": matrix(
            [["a1", "a2", "", None], ["", "a1", "a2", "−1"]],
            rows=["x", "f(Tx)"],
            id="toeplitz",
            title="矩阵",
            caption="矩阵。",
        ),
        "boxes": two_boxes((0, 0, 4, 3), (2, 2, 7, 5), id="boxes", caption="两个框。"),
    }


if __name__ == "__main__":
    print("\n".join(samples().values()))
