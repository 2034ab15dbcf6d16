"""排成网格的词元：窗口里的注意力、合并相邻的 2×2 个。Swin 由它们组成。"""

from dataclasses import KW_ONLY, dataclass
from math import prod

from dlnotes._check import boolean, integer, per_axis, problem
from dlnotes.arch.fields import Reach, Unaligned
from dlnotes.arch.layers._base import (
    NOTHING,
    Layer,
    Operations,
    Parameters,
    Saved,
    Shape,
    Tokens,
    some,
    store,
)
from dlnotes.arch.layers._sliding import Size
from dlnotes.arch.layers.tokens import on_grid
from dlnotes.arch.receptive import Window


@dataclass(frozen=True)
class WindowAttention(Layer):
    r"""窗口注意力：把网格分成 $M\times M$ 的窗口，各窗口自己做多头自注意力，加相对位置偏置。

    $$\mathrm{softmax}\bigl(QK^\top/\sqrt{D/h}+B\bigr)V$$

    每个窗口 $N=M^2$ 个词元；先在右边、下边补零，使 $H,W$ 成为 $M$ 的倍数 $H',W'$，补的词元也参加运算。
    四个线性层的乘加 $4H'W'D^2$ 记在 `"linear"`，两个矩阵积 $2H'W'ND$ 记在 `"attention"`：它与面积成正比，
    全局注意力则与面积的平方成正比。softmax 与加 $B$ 各 $hH'W'N$ 个元素。$B$ 的值查表得到：表是可学习的
    $(2M-1)^2\times h$ 个数，记在 `"embedding"`；查表用的 $N^2$ 个序号是固定的，记在 `buffers`。

    窗口边上的单元只往一边看，所以感受野没有统一的起点，除非整个网格只有一个窗口。移位（把网格循环移动
    `shift_size` 再分窗口，移到一起的两头用掩码隔开）换了窗口的分界，不改任何计数；只有一个窗口的方向不移位。

    Attributes:
        num_heads: 头数 $h$，必须整除 D。
        window_size: 窗口的边长 $M$；一个整数，或 `(高, 宽)`。
        shift_size: 移位的格数，小于 `window_size`；0 是不移位。
        bias: 四个线性层是否有偏置。

    Raises:
        TypeError: 某个参数不是整数，或 `bias` 不是布尔值。
        ValueError: 参数小于允许的最小值，`shift_size` 不小于窗口，`num_heads` 不整除 D，或到达它的不是网格。

    References:
        Liu et al. (2021), *Swin Transformer*, arXiv:2103.14030, §3.2, 式 2 与式 4；
        torchvision `models/swin_transformer.py` 的 `shifted_window_attention`（补零）。

    Examples:
        >>> attention, shape = WindowAttention(3, 7), Tokens((56, 56, 96))
        >>> attention.params(shape), attention.operations(shape)["attention"] == 2 * 56 * 56 * 49 * 96
        (37755, True)
        >>> attention.reach(shape), attention.reach(Tokens((7, 7, 96)))
        (Unaligned(reason='同一个 7×7 窗口里的单元看到的范围相同，没有统一的起点'), 'all')
    """

    num_heads: int
    window_size: Size
    _: KW_ONLY
    shift_size: Size = 0
    bias: bool = True

    def __post_init__(self) -> None:
        store(self, num_heads=integer("num_heads", self.num_heads, minimum=1))
        boolean("bias", self.bias)
        shifts = per_axis("shift_size", self.shift_size, axes=2, minimum=0)
        for shift, window in zip(shifts, self._window(), strict=True):
            if shift >= window:
                raise ValueError(
                    problem("shift_size", f"小于窗口 {window} 的整数", shift, "通常取窗口的一半")
                )

    def output(self, shape: Shape, /) -> Shape:
        _, _, width = on_grid(shape)
        if width % self.num_heads:
            raise ValueError(problem("num_heads", f"维数 {width} 的约数", self.num_heads, "请改头数"))
        return shape

    def reach(self, shape: Shape, /) -> Reach:
        sizes = tuple(shape[:2])
        inside = tuple(map(min, self._window(), sizes))  # 一个窗口至多有几行、几列
        if inside == sizes:
            return "all"
        if inside == (1, 1):
            return "point"
        window = "×".join(map(str, self._window()))
        return Unaligned(f"同一个 {window} 窗口里的单元看到的范围相同，没有统一的起点")

    def parameters(self, shape: Shape, /) -> Parameters:
        width = shape[-1]
        table = prod(2 * extent - 1 for extent in self._window()) * self.num_heads
        return some({"weight": 4 * width * width, "bias": 4 * width * self.bias, "embedding": table})

    def buffers(self, shape: Shape, /) -> int:
        return prod(self._window()) ** 2

    def operations(self, shape: Shape, /) -> Operations:
        width, per_window = shape[-1], prod(self._window())
        # 补零之后的词元数：各方向向上取到窗口的倍数
        tokens = prod(
            -(-size // extent) * extent for size, extent in zip(shape[:2], self._window(), strict=True)
        )
        scores = self.num_heads * tokens * per_window
        counts: Operations = {
            "linear": 4 * tokens * width * width,
            "attention": 2 * tokens * per_window * width,
            "bias": 4 * tokens * width * self.bias,
            "activation": scores,
            "elementwise": scores,
        }
        return some(counts)

    def saved(self, shape: Shape, /) -> Saved:
        counts = self.operations(shape)
        projected = counts["linear"] // (4 * shape[-1])
        # 分成窗口的输入、查询、键、值、各头并排的输出，都是补零之后的；还有 softmax 的结果。
        # 只有一个头时，键、值不必抄出来，留着的是一起算出的那块：查询、键、值，外加缩放过的查询
        return Saved(numbers=(6 if self.num_heads == 1 else 5) * projected + counts["activation"])

    def _window(self) -> tuple[int, ...]:
        return per_axis("window_size", self.window_size, axes=2, minimum=1)


@dataclass(frozen=True)
class PatchMerging(Layer):
    """把相邻的 2×2 个词元拼成一个：`(H, W, D)` 成为 `(H/2, W/2, 4D)`；边长是奇数时先在右边、下边补零。

    只是挪动元素；论文与 torchvision 的 `PatchMerging` 还包括其后的层归一化和减半维数的线性层，这里分别写。

    Raises:
        ValueError: 到达它的不是网格 `(H, W, D)`。

    References:
        Liu et al. (2021), arXiv:2103.14030, §3.1；torchvision `models/swin_transformer.py` 的
        `_patch_merging_pad`（补零）。

    Examples:
        >>> PatchMerging().output(Tokens((56, 56, 96))), PatchMerging().output(Tokens((7, 7, 96)))
        (Tokens((28, 28, 384)), Tokens((4, 4, 384)))
    """

    def output(self, shape: Shape, /) -> Shape:
        height, width, features = on_grid(shape)
        return Tokens((-(-height // 2), -(-width // 2), 4 * features))

    def reach(self, shape: Shape, /) -> Reach:
        height, width, _ = on_grid(shape)
        return tuple(Window(2, 2, (0, size % 2)) for size in (height, width))

    def saved(self, shape: Shape, /) -> Saved:
        return NOTHING
