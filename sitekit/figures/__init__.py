"""网页里的图：matplotlib 的曲线图，和自己写的示意图。

每个函数都返回（`chart` 是印出）一个 `<figure>`，在 `html="on"` 的代码块里 `print` 出来就是。
"""

from sitekit.figures.bars import bars as bars
from sitekit.figures.boxes import two_boxes as two_boxes
from sitekit.figures.chart import chart as chart
from sitekit.figures.chords import chords as chords
from sitekit.figures.field import receptive_field as receptive_field
from sitekit.figures.graph import graph as graph
from sitekit.figures.grid import sliding_window as sliding_window
from sitekit.figures.matrix import matrix as matrix
from sitekit.figures.tiles import tiles as tiles
