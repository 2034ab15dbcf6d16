"""Protocol Buffers 的线上格式：只拆开要用的消息，别的只记住它在文件里的起止，不读也不存。

ONNX 文件里权重占去几乎全部字节；跳过它们，读多大的文件都只用很少的内存。

References:
    Protocol Buffers, *Encoding*（"Message Structure"、"Base 128 Varints"、"Packed Repeated Fields"）。
"""

from mmap import mmap
from struct import unpack

Data = bytes | mmap
Span = tuple[int, int]
"""一段字节在文件里的起止。"""

FIELDS = 1_000_000
"""一个文件至多拆开多少个字段：几千个节点的网络不到它的一成，拆到这里就是坏文件。"""
_TEXT = 1000
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5


class DamagedError(ValueError):
    """文件断了，或根本不是 ONNX 文件。"""


class Budget:
    """还可以拆开多少个字段；用完就是坏文件，内存与时间都由它封顶。"""

    def __init__(self, left: int = FIELDS) -> None:
        self.left = left

    def spend(self, count: int = 1) -> None:
        self.left -= count
        if self.left < 0:
            raise DamagedError(f"拆出的字段超过 {FIELDS:,} 个，不像一个网络")


class Message:
    """一条拆开的消息：字段编号到它的各个值；数是整数，字符串、子消息、成串的数是起止。

    Args:
        data: 整个文件。
        span: 这条消息的起止。
        budget: 整个文件共用的额度。

    Raises:
        DamagedError: 这一段不合线上格式。
    """

    def __init__(self, data: Data, span: Span, budget: Budget) -> None:
        self._data, self._budget = data, budget
        self._fields: dict[int, list[int | Span]] = {}
        at, stop = span
        while at < stop:
            budget.spend()
            tag, at = _varint(data, at, stop)
            value, at = _value(data, tag & 7, at, stop)
            self._fields.setdefault(tag >> 3, []).append(value)

    def spans(self, number: int) -> list[Span]:
        """字符串、字节串或子消息的起止。"""
        found = self._fields.get(number, [])
        if not all(isinstance(value, tuple) for value in found):
            raise DamagedError(f"字段 {number} 应当是一段字节，却是一个数")
        return [value for value in found if isinstance(value, tuple)]

    def messages(self, number: int) -> list["Message"]:
        return [Message(self._data, span, self._budget) for span in self.spans(number)]

    def message(self, number: int) -> "Message | None":
        """只该出现一次的子消息；出现几次时取最后一个，没有则为 `None`。"""
        spans = self.spans(number)
        return Message(self._data, spans[-1], self._budget) if spans else None

    def texts(self, number: int) -> list[str]:
        return [self._text(span) for span in self.spans(number)]

    def text(self, number: int) -> str:
        """只该出现一次的字符串；没有则为空。"""
        return next(reversed(self.texts(number)), "")

    def integers(self, number: int) -> list[int]:
        """有符号的整数；逐个写的与成串（packed）写的都认得。"""
        numbers: list[int] = []
        for value in self._fields.get(number, []):
            if isinstance(value, int):
                numbers.append(_signed(value))
                continue
            at, stop = value
            while at < stop:
                self._budget.spend()
                unsigned, at = _varint(self._data, at, stop)
                numbers.append(_signed(unsigned))
        return numbers

    def integer(self, number: int, default: int = 0) -> int:
        return next(reversed(self.integers(number)), default)

    def floats(self, number: int, size: int = 4) -> list[float]:
        """4 或 8 个字节的小数；逐个写的与成串写的都认得。"""
        code = {4: "<f", 8: "<d"}[size]
        numbers: list[float] = []
        for value in self._fields.get(number, []):
            if isinstance(value, int):
                numbers.append(unpack(code, value.to_bytes(8, "little")[:size])[0])
                continue
            start, stop = value
            if (stop - start) % size:
                raise DamagedError(f"字段 {number} 不是整数个 {size} 字节的数")
            for at in range(start, stop, size):
                self._budget.spend()
                numbers.append(unpack(code, self._data[at : at + size])[0])
        return numbers

    def _text(self, span: Span) -> str:
        start, stop = span
        if stop - start > _TEXT:
            raise DamagedError(f"有一个名字长达 {stop - start:,} 字节")
        self._budget.spend((stop - start) // 32)  # 很长的名字也占内存，每 32 个字节算一个字段
        try:
            text = self._data[start:stop].decode()
        except UnicodeDecodeError:
            raise DamagedError("有一个名字不是 UTF-8") from None
        # 控制符写成转义：名字会印到终端上
        return text if text.isprintable() else text.encode("unicode_escape").decode()


def _value(data: Data, wire: int, at: int, stop: int) -> tuple[int | Span, int]:
    """一个字段的值，与它之后的位置。"""
    if wire == _VARINT:
        return _varint(data, at, stop)
    if wire == _BYTES:
        length, at = _varint(data, at, stop)
        return (at, _within(at + length, stop)), at + length
    if wire in (_FIXED64, _FIXED32):
        end = _within(at + (8 if wire == _FIXED64 else 4), stop)
        return int.from_bytes(data[at:end], "little"), end
    raise DamagedError(f"第 {at} 字节处的字段类型 {wire} 不认识")


def _varint(data: Data, at: int, stop: int) -> tuple[int, int]:
    """每字节存 7 位、低位在前的整数，与它之后的位置。"""
    value = 0
    for shift in range(0, 70, 7):
        _within(at + 1, stop)
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value & 0xFFFFFFFFFFFFFFFF, at
    raise DamagedError(f"第 {at} 字节处的整数太长")


def _within(end: int, stop: int) -> int:
    if end > stop:
        raise DamagedError(f"在第 {stop} 字节处断了")
    return end


def _signed(unsigned: int) -> int:
    return unsigned - (1 << 64) if unsigned >> 63 else unsigned
