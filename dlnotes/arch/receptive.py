r"""滑动窗口与感受野：一个轴上的整数算术。

卷积、池化在高、宽两个方向上互不相干，这里每个对象只描述一个方向。全库只用一套词：`rf`（感受野的大小）、
`jump`（相邻两个单元在输入图上相距几个像素）、`start`（第 0 个单元看到的第一个像素，补零使它为负）。
"""

from collections.abc import Iterable
from dataclasses import dataclass
from operator import index
from typing import Literal, get_args

from dlnotes._check import choice, integer, problem

Rounding = Literal["floor", "ceil", "ceil_caffe"]
"""除不尽时输出大小怎样取整，见 [`output_size`][dlnotes.arch.receptive.output_size]。"""


@dataclass(frozen=True, slots=True)
class Window:
    r"""一个方向上的滑动窗口：第 $t$ 个输出看到输入的 $ts-p,\ ts-p+d,\ \dots,\ ts-p+(k-1)d$。

    Attributes:
        kernel_size: 窗口里的点数 $k$。
        stride: 步长 $s$。
        padding: 两端各补的像素数 $p$；两端不同时写成 `(前, 后)`，上式里的 $p$ 是前端的。负数是裁去
            （`Pad` 和步长为 1 的转置卷积用得到；卷积层和池化层不接受负数）。
        dilation: 相邻两点相距 $d$，1 表示不膨胀。

    Raises:
        TypeError: 参数不是整数。
        ValueError: `kernel_size`、`stride` 或 `dilation` 小于 1，或 `padding` 不是一个或两个整数。

    References:
        Dumoulin & Visin (2016), arXiv:1603.07285, §2（步长、补零）与 §5.1（膨胀）。

    Examples:
        >>> Window(3, stride=2, padding=(0, 1)).ends, Window(3, dilation=2).extent
        ((0, 1), 5)
    """

    kernel_size: int
    stride: int = 1
    padding: int | tuple[int, int] = 0
    dilation: int = 1

    def __post_init__(self) -> None:
        for name in ("kernel_size", "stride", "dilation"):
            # 存下 Python 的整数：numpy 的整数位数有限，`jump` 乘几层就会溢出。
            object.__setattr__(self, name, integer(name, getattr(self, name), minimum=1))
        object.__setattr__(self, "padding", _padding(self.padding))

    @property
    def extent(self) -> int:
        """窗口从头到尾跨过的像素数 $d(k-1)+1$。"""
        return self.dilation * (self.kernel_size - 1) + 1

    @property
    def ends(self) -> tuple[int, int]:
        """前端、后端各补的像素数。"""
        return self.padding if isinstance(self.padding, tuple) else (self.padding, self.padding)


def _padding(padding: object) -> int | tuple[int, int]:
    """两端相同时只存一个数，这样 `Window(3, padding=(1, 1)) == Window(3, padding=1)`。"""
    if not isinstance(padding, tuple):
        return integer("padding", padding, minimum=None)
    if len(padding) != 2:
        raise ValueError(problem("padding", "一个整数或元组 (前, 后)", repr(padding), "请改成其中一种写法"))
    before, after = (integer(f"padding[{end}]", size, minimum=None) for end, size in enumerate(padding))
    return before if before == after else (before, after)


def same(size: int, kernel_size: int, stride: int = 1, dilation: int = 1) -> Window:
    r"""`padding="same"` 的窗口：补到输出恰好是 $\lceil i/s\rceil$，单数的一个补在后端。

    $$P=\max\bigl((\lceil i/s\rceil-1)\,s+d(k-1)+1-i,\ 0\bigr),\qquad
    \text{前}=\lfloor P/2\rfloor,\quad\text{后}=P-\lfloor P/2\rfloor$$

    步长大于 1 时补多少随输入大小 $i$ 而变，两端可以不同：同一个网络换一种输入，各单元的位置就移动。
    步长为 1 时 $P=d(k-1)$，与 PyTorch 的 `padding="same"` 相同（PyTorch 只许步长 1）。

    Args:
        size: 输入的像素数 $i$。
        kernel_size: 窗口里的点数 $k$。
        stride: 步长 $s$。
        dilation: 相邻两点相距 $d$。

    Returns:
        补好的窗口。

    Raises:
        TypeError: 参数不是整数。
        ValueError: 参数小于 1。

    References:
        TensorFlow API `tf.nn`，"Notes on padding" 的 "SAME"。

    Examples:
        >>> same(224, 3, stride=2)
        Window(kernel_size=3, stride=2, padding=(0, 1), dilation=1)
        >>> same(225, 3, stride=2).padding
        1
    """
    window = Window(kernel_size, stride, 0, dilation)
    size = integer("size", size, minimum=1)
    total = max((-(-size // window.stride) - 1) * window.stride + window.extent - size, 0)
    return Window(window.kernel_size, window.stride, (total // 2, total - total // 2), window.dilation)


def output_size(size: int, window: Window, rounding: Rounding = "floor") -> int:
    r"""窗口在 `size` 个像素上滑动，得到几个输出。

    $$o=\left\lfloor\frac{i+2p-d(k-1)-1}{s}\right\rfloor+1$$

    这是 `"floor"`；两端补得不同时，$2p$ 换成两端之和。另两种规则把除法改为向上取整，让最后一个窗口可以伸出
    右端，再去掉起点落在右侧补零里的窗口：`"ceil"`（PyTorch 的 `ceil_mode=True`）总去掉它，
    `"ceil_caffe"` 只在 `padding > 0` 时去掉它。
    两者只在步长大于窗口、且 `padding` 为 0 时不同：`size=3, kernel_size=1, stride=3` 分别得 1 和 2。
    （Caffe 只要高、宽中有一个方向补零，两个方向就都去掉；这里各方向自己判断。）

    Args:
        size: 输入的像素数 $i$（未补零）。
        window: 滑动窗口，给出 $k, s, p, d$。
        rounding: 取整的规则，`"floor"`、`"ceil"` 或 `"ceil_caffe"`。

    Returns:
        输出的个数 $o$，至少为 1。

    Raises:
        TypeError: `size` 不是整数，或 `window` 不是 `Window`。
        ValueError: 窗口比补零后的输入还大（向上取整时，大出一步以上），不认识 `rounding`，或向上取整而
            `padding` 不小于窗口。

    References:
        Dumoulin & Visin (2016), *A guide to convolution arithmetic for deep learning*, arXiv:1603.07285,
        Relationship 6（膨胀见 Relationship 15）；Caffe `src/caffe/layers/pooling_layer.cpp` 的
        `PoolingLayer::Reshape`。

    Examples:
        >>> output_size(224, Window(11, stride=4))
        54
        >>> output_size(224, Window(11, stride=4, padding=2))
        55
        >>> [output_size(112, Window(3, stride=2), rule) for rule in ("floor", "ceil")]
        [55, 56]
    """
    size = integer("size", size, minimum=1)
    _check_window(window)
    choice("rounding", rounding, get_args(Rounding))
    return outputs(size, window, rounding)


def fits(size: int, window: Window, rounding: Rounding) -> bool:
    """窗口放得下一个；向上取整时可以伸出去，只要少的不到一步，如 3×3、步长 2 的池化收得下 2×2 的输入。"""
    room = size + sum(window.ends) - window.extent
    return room >= 0 or (rounding != "floor" and room > -window.stride)


def outputs(size: int, window: Window, rounding: Rounding) -> int:
    """[`output_size`][dlnotes.arch.receptive.output_size] 的算法，类型都已检查过（层写下时就查了）。"""
    before, after = window.ends
    if rounding != "floor" and max(before, after) >= window.extent:
        # 此时去掉的不止一个窗口，两种规则的公式都不再对；池化层也不许这样补。
        expected = f"小于窗口 {window.extent} 的整数（`rounding` 为 {rounding!r} 时）"
        raise ValueError(problem("padding", expected, window.padding, "请减小补零或加大窗口"))
    padded = size + before + after
    room = padded - window.extent
    if not fits(size, window, rounding):
        dilated = f"（膨胀后 {window.extent}）" if window.dilation > 1 else " "
        reached = f"输入 {size}" if padded == size else f"补零后的输入 {padded}"
        raise ValueError(f"窗口 {window.kernel_size}{dilated}大于{reached}；请加大输入或 `padding`。")
    if rounding == "floor":
        return room // window.stride + 1
    count = -(-room // window.stride) + 1
    starts_beyond_input = (count - 1) * window.stride >= size + before
    if starts_beyond_input and (rounding == "ceil" or before > 0 or after > 0):
        count -= 1
    return count


@dataclass(frozen=True, slots=True)
class Field:
    r"""一个方向上的感受野：第 $t$ 个单元看到输入的像素 `start + t*jump` 到 `start + t*jump + rf - 1`。

    默认值是输入图自己：每个像素只看到它自己。

    Attributes:
        rf: 感受野的大小，单位是像素。
        jump: 相邻两个单元的感受野相距的像素数，即到这一层为止步长之积。
        start: 第 0 个单元的感受野的第一个像素；为负时，它伸进了左（上）边的补零。

    References:
        Araujo, Norris & Sim (2019), *Computing Receptive Fields of Convolutional Neural Networks*, Distill,
        doi:10.23915/distill.00021, "Computing the receptive field region"。

    Examples:
        >>> Field().through(Window(11, stride=4, padding=2)).through(Window(3, stride=2))
        Field(rf=19, jump=8, start=-2)
    """

    rf: int = 1
    jump: int = 1
    start: int = 0

    def __post_init__(self) -> None:
        if type(self.rf) is type(self.jump) is type(self.start) is int and self.rf > 0 < self.jump:
            return  # 一层一层推出来的都是这样，不必再存一遍
        for name, minimum in (("rf", 1), ("jump", 1)):
            object.__setattr__(self, name, integer(name, getattr(self, name), minimum=minimum))
        try:
            object.__setattr__(self, "start", index(self.start))
        except TypeError:
            raise TypeError(problem("start", "整数", repr(self.start), "请传入整数")) from None

    @property
    def centre(self) -> float:
        """第 0 个单元的感受野的中心，以像素的序号计；`rf` 为偶数时是半整数。"""
        return self.start + (self.rf - 1) / 2

    def through(self, window: Window) -> "Field":
        r"""再经过一个窗口之后的感受野。

        $$r'=r+d(k-1)\,j,\qquad j'=s\,j,\qquad \mathrm{start}'=\mathrm{start}-p\,j$$

        三式右边的 $j$ 都是**进入**这一层时的 `jump`，不含这一层自己的步长；$p$ 是前端补的像素数。

        Args:
            window: 这一层在同一个方向上的窗口。

        Returns:
            这一层的单元的感受野，单位是像素。
        """
        _check_window(window)
        return Field(
            rf=self.rf + (window.extent - 1) * self.jump,
            jump=self.jump * window.stride,
            start=self.start - window.ends[0] * self.jump,
        )


def _check_window(window: object) -> None:
    if not isinstance(window, Window):
        raise TypeError(problem("window", "Window", repr(window), "请写成 Window(3, stride=2) 这样"))


def forward(windows: Iterable[Window]) -> Field:
    r"""自下而上：从输入出发，逐层累加，得到最后一层的感受野。

    $$r_n=1+\sum_{m=1}^{n}d_m(k_m-1)\prod_{l<m}s_l$$

    乘积不含第 $m$ 层自己的步长；没有前面的层时它是 1。

    Args:
        windows: 各层在一个方向上的窗口，从靠近输入的一层起；没有层时得到输入自己（`rf` 为 1）。

    Returns:
        最后一层的感受野，单位是像素。

    References:
        Araujo, Norris & Sim (2019), Distill, doi:10.23915/distill.00021，
        "Computing the receptive field size" 与 "Computing the receptive field region"。

    Examples:
        >>> forward([Window(3, padding=1), Window(3, padding=1), Window(2, stride=2)])
        Field(rf=6, jump=2, start=-2)
    """
    field = Field()
    for window in windows:
        field = field.through(window)
    return field


def backward(windows: Iterable[Window]) -> int:
    r"""自上而下：从最后一层的一个单元出发，逐层问“看到下一层的几个单元”，得到它在输入图上的大小。

    $$r\leftarrow(r-1)\,s+d(k-1)+1,\qquad r=1\ \text{（最后一层）}$$

    与 [`forward`][dlnotes.arch.receptive.forward] 的 `rf` 总相等，但每换一层都要从头再算一遍，也得不到位置。

    Args:
        windows: 各层在一个方向上的窗口，从靠近输入的一层起。

    Returns:
        最后一层的一个单元看到的像素数；没有层时是 1。

    References:
        Araujo, Norris & Sim (2019), Distill, doi:10.23915/distill.00021，
        "Computing the receptive field size"。

    Examples:
        >>> backward([Window(3, padding=1), Window(3, padding=1), Window(2, stride=2)])
        6
    """
    rf = 1
    for window in reversed(list(windows)):
        _check_window(window)
        rf = (rf - 1) * window.stride + window.extent
    return rf
