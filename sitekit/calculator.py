"""计算器页的表单；各个网络在建站时由 `dlnotes` 写成文字，选一个不必等 Python。"""

import json
from collections.abc import Iterable

from lxml.html import builder, tostring

EXAMPLE = """\
input = (3, 32, 32)
conv1 = Conv2d(16, 3, padding=1)
relu1 = ReLU()
pool = MaxPool2d(2)
flatten = Flatten()
fc = Linear(10)
"""
_COLUMNS = ("名字", "种类", "输出", "参数量", "乘加数", "感受野", "步距", "起点")


def form(networks: Iterable[str]) -> str:
    """表单与空的结果表；没有 JavaScript 时藏着，由 `calculator.js` 接上功能之后才露出来。"""
    from dlnotes.arch import zoo  # 预览时库改了，用的才是新的
    from dlnotes.arch.text import write

    texts = {name: write(zoo.load(name)) for name in networks}
    select = builder.E.select(builder.OPTION("自己写", value=""), name="network", id="calculator-network")
    text = builder.TEXTAREA(EXAMPLE, name="text", id="calculator-text", rows="9", spellcheck="false")
    heads = [builder.TH(name, scope="col") for name in _COLUMNS]
    element = builder.E(
        "dlnotes-calculator",
        builder.FORM(
            builder.LABEL("网络 ", select),
            builder.LABEL("一行一层", text),
            builder.BUTTON("计算", {"class": "md-button md-button--primary"}, name="run", type="submit"),
        ),
        builder.P(role="status"),
        builder.TABLE(builder.THEAD(builder.TR(*heads)), builder.TBODY(), hidden="hidden"),
        # 不放进 script 元素：即时导航会把页里的脚本都当程序再执行一遍。
        {"data-networks": json.dumps(texts), "data-search-exclude": "", "hidden": "hidden"},
    )
    # Markdown 不认得这个元素，外面是 div 才当作一整块，不套进段落。
    written: str = tostring(builder.DIV(element), encoding="unicode")
    return written
