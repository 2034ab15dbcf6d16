"""搜索：用主题自己的搜索程序查成品站，读者打得出的词，该去的页要在前三条。

词按读者的写法：中英文、大小写、连写与空格、夹着数字。答案还没有写的题，随那一页一起加进来。
"""

import json
import random
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sitekit.math import NODE
from sitekit.theme import LUNR

SCRIPT = Path(__file__).with_name("search.mjs")
FIELD, IOU = "appendix/receptive-field/", "appendix/iou/"
CONVOLUTION = "basics/convolution/"
BASIC_FIELD = "basics/receptive-field/"
INPUT, SIZE = "basics/input-size/", "basics/feature-map-size/"
PARAMS = "basics/parameters/"
STRUCTURE, POOLING, HIERARCHY = (
    "basics/cnn-structure/",
    "basics/pooling/",
    "basics/feature-hierarchy/",
)
SOFTMAX, ENTROPY = "basics/softmax/", "basics/cross-entropy/"
ACTIVATIONS = "basics/activations/"
NORMS = "basics/norms/"
BATCH_NORM = "basics/batch-norm/"
CLASSICAL, CHANNELS, UNSUITABLE = (
    "basics/classical-vision/",
    "basics/input-channels/",
    "basics/unsuitable-data/",
)
CLI, ARCH, LAYERS, LEDGER = "api/cli/", "api/arch/", "api/layers/", "api/ledger/"
NORM = "api/nn-normalization/"

PROBES = {
    "卷积的作用": CONVOLUTION,
    "平移等变": CONVOLUTION,
    "平移不变性": CONVOLUTION,
    "互相关": CONVOLUTION,
    "CNN平移不变性": STRUCTURE,
    "全连接层": CONVOLUTION,
    "卷积层和全连接层的区别": CONVOLUTION,
    "池化层有没有参数": CONVOLUTION,
    "卷积和池化的区别": CONVOLUTION,
    "全连接等于卷积": CONVOLUTION,
    "Toeplitz": CONVOLUTION,
    "感受野": BASIC_FIELD,
    "有效感受野": BASIC_FIELD,
    "理论感受野": BASIC_FIELD,
    "感受野公式": BASIC_FIELD,
    "effective receptive field": BASIC_FIELD,
    "膨胀卷积的感受野": BASIC_FIELD,
    "空洞卷积": SIZE,
    "锚框": BASIC_FIELD,
    "感受野计算": FIELD,
    "receptive field": LEDGER,
    "特征图大小": SIZE,
    "特征图大小计算": SIZE,
    "feature map 大小": SIZE,
    "向上取整": SIZE,
    "output_padding": LAYERS,
    "反卷积": SIZE,
    "膨胀卷积": SIZE,
    "棋盘格": SIZE,
    "为什么用224": INPUT,
    "输入大小": INPUT,
    "224": INPUT,
    "全局平均池化": CONVOLUTION,
    "步长": FIELD,
    "AlexNet": FIELD,
    "alexnet": FIELD,
    "ZF": FIELD,
    "卷积层参数量": PARAMS,
    "卷积参数量": PARAMS,
    "参数量怎么算": PARAMS,
    "逐通道卷积": PARAMS,
    "深度可分离卷积": PARAMS,
    "小卷积核": PARAMS,
    "小卷积核过拟合": PARAMS,
    "RepLKNet": PARAMS,
    "softmax": SOFTMAX,
    "温度缩放": SOFTMAX,
    "减去最大值": SOFTMAX,
    "交叉熵损失": ENTROPY,
    "标签平滑": ENTROPY,
    "交叉熵与均方误差": ENTROPY,
    "激活函数": ACTIVATIONS,
    "激活函数的作用": ACTIVATIONS,
    "批归一化的作用": BATCH_NORM,
    "BN 应在激活层之前还是之后": BATCH_NORM,
    "tanh": ACTIVATIONS,
    "ReLU梯度消失": ACTIVATIONS,
    "sigmoid 和 tanh 的区别": ACTIVATIONS,
    "SwiGLU": ACTIVATIONS,
    "范数": NORMS,
    "L1正则为什么稀疏": NORMS,
    "软阈值": NORMS,
    "权重衰减": NORMS,
    "岭回归": NORMS,
    "CNN术语": STRUCTURE,
    "超参数": STRUCTURE,
    "局部连接": STRUCTURE,
    "权值共享": STRUCTURE,
    "CNN的结构特点": STRUCTURE,
    "池化的作用": POOLING,
    "pooling": POOLING,
    "最大池化和平均池化": POOLING,
    "混叠": POOLING,
    "特征的层次性": HIERARCHY,
    "Gabor": HIERARCHY,
    "迁移学习": HIERARCHY,
    "传统图像处理": CLASSICAL,
    "高斯滤波": CLASSICAL,
    "输入必须是RGB吗": CHANNELS,
    "灰度图": CHANNELS,
    "不适合深度学习的数据": UNSUITABLE,
    "表格数据": UNSUITABLE,
    "计算器": "calculator/",
    "sigmoid和tanh的区别": ACTIVATIONS,
    "conv2d参数量": LAYERS,
    "感受野计算器": "calculator/",
    "IoU": IOU,
    "iou": IOU,
    "交并比": IOU,
    "两个框的IoU": IOU,
    "非极大值抑制": IOU,
    "NMS": IOU,
    "GIoU": IOU,
    "vgg16": "zoo/vgg16/",
    "VGG-16": "zoo/vgg16/",
    "ResNet-18": "zoo/resnet18/",
    "residual": ARCH,
    "resnet50": "zoo/resnet50/",
    "MobileNetV2": "zoo/mobilenet_v2/",
    "mobilenet_v3_small": "zoo/mobilenet_v3_small/",
    "DenseNet": "zoo/densenet121/",
    "Swin": "zoo/swin_t/",
    "U-Net": "zoo/unet/",
    "LeNet-5": "zoo/lenet5/",
    "网络手册": "zoo/",
    "FLOPs": "zoo/counting/",
    "为什么各家工具的总数不一样": "zoo/counting/",
    "ONNX": ARCH,
    "账本": LEDGER,
    "子图": ARCH,
    "转置卷积": SIZE,
    "ConvTranspose2d": LAYERS,
    "层归一化": BATCH_NORM,
    "组归一化": NORM,
    "归一化": NORM,
    "BatchNorm": LAYERS,
    "batch norm": BATCH_NORM,
    "BatchNorm2d": LAYERS,
    "多头注意力": "api/nn-attention/",
    "MultiheadAttention": LAYERS,
    "AdaptiveAvgPool2d": LAYERS,
    "GELU": LAYERS,
    "ChannelShuffle": LAYERS,
    "命令行": CLI,
    "命令行的选项": CLI,
    "交叉熵": ENTROPY,
    "cross_entropy": "api/nn-losses/",
    "LSTM": "api/nn-recurrent/",
    "rotary": "api/nn-positions/",
    "可信度": "credibility/",
    "json": CLI,
}
# 汉字与字母、数字连写：默认的分隔符一条也查不到
JOINED = {
    "Toeplitz矩阵": CONVOLUTION,
    "输入224": INPUT,
    "224输入": INPUT,
    "ceil_mode池化": SIZE,
    "same填充": SIZE,
    "VGG16参数量": PARAMS,
    "两个3×3代替5×5": PARAMS,
    "2个3x3代替5x5": PARAMS,
    "BN偏置": BATCH_NORM,
    "BN原理": BATCH_NORM,
    "softmax温度": SOFTMAX,
    "KL散度": ENTROPY,
    "L2正则": NORMS,
    "Sobel算子": CLASSICAL,
    "RGB和BGR": CHANNELS,
    "表格数据用XGBoost": UNSUITABLE,
    "AlexNet感受野": FIELD,
    "VGG16感受野": FIELD,
    "ResNet50感受野": BASIC_FIELD,
    "CNN感受野": BASIC_FIELD,
    "1×1卷积": FIELD,
    "3×3卷积": PARAMS,
    "IoU计算": IOU,
    "GIoU损失": IOU,
    "NMS阈值": IOU,
    "ResNet网络": ARCH,
    "MACs乘加": LEDGER,
    "GroupNorm层": LAYERS,
    "ViT类别标记": "zoo/vit_b_16/",
}
PROBES |= JOINED


def found(site: Path, queries: list[str], index: Path | None = None) -> dict[str, list[Any]]:
    command = [NODE, SCRIPT, site, *([index] if index else [])]
    done = subprocess.run(
        command, input=json.dumps(queries), capture_output=True, encoding="utf-8", check=False, timeout=60
    )
    assert done.returncode == 0, done.stderr
    return dict(zip(queries, json.loads(done.stdout), strict=True))


def pages(hits: list[Any]) -> list[str]:
    """命中的页，依次，同一页只算一次：网页上同一页的命中并在一起。"""
    return list(dict.fromkeys(hit["location"].partition("#")[0] for hit in hits))


@pytest.fixture(scope="module")
def results(built_site: Path) -> dict[str, list[Any]]:
    return found(built_site, list(PROBES))


@pytest.mark.parametrize("query", PROBES)
def test_the_page_is_among_the_first_three(query: str, results: dict[str, list[Any]]) -> None:
    assert PROBES[query] in pages(results[query])[:3]


@pytest.mark.parametrize(
    "query",
    [
        "感受野",
        "特征图大小",
        "交并比",
        "非极大值抑制",
        "IoU",
        "AlexNet",
        "卷积参数量",
        "小卷积核",
        "softmax",
        "交叉熵",
        "范数",
    ],
)
def test_questions_come_before_the_manual(query: str, results: dict[str, list[Any]]) -> None:
    """问一个概念，先看到的应当是讲它的题，而不是函数的手册。"""
    assert not pages(results[query])[0].startswith("api/")


def test_hits_are_titled_by_their_question(results: dict[str, list[Any]]) -> None:
    titles = {hit["title"].replace("\u200b", "") for hits in results.values() for hit in hits}
    assert titles
    assert not titles & {"详解", "算一算", "追问", "易错", "参考", "勘误"}


def changed(site: Path, folder: Path, change: Callable[[dict[str, Any]], None]) -> Path:
    index = json.loads((site / "search" / "search_index.json").read_text(encoding="utf-8"))
    change(index)
    path = folder / "index.json"
    path.write_text(json.dumps(index, ensure_ascii=False), encoding="utf-8")
    return path


def test_without_segmentation_words_inside_a_sentence_are_lost(built_site: Path, tmp_path: Path) -> None:
    """反例：去掉 jieba 插入的分隔，句子中间的词就查不到了。"""

    def join(index: dict[str, Any]) -> None:
        for entry in index["docs"]:
            for key in ("title", "text"):
                entry[key] = entry[key].replace("\u200b", "")

    words = ["归一化", "重排", "抑制"]
    plain, cut = found(built_site, words, changed(built_site, tmp_path, join)), found(built_site, words)
    assert all(cut.values())
    assert sum(map(len, plain.values())) < sum(map(len, cut.values())) / 2


def test_with_the_default_separator_words_next_to_latin_letters_are_lost(
    built_site: Path, tmp_path: Path
) -> None:
    """反例：换成主题默认的分隔符，夹着字母、数字的写法就查不到该去的页。"""

    def default(index: dict[str, Any]) -> None:
        index["config"]["separator"] = r"[\s\u200b\u3000\-]+"

    plain = found(built_site, list(JOINED), changed(built_site, tmp_path, default))
    lost = [query for query, page in JOINED.items() if page not in pages(plain[query])]
    assert lost == list(JOINED), "默认的分隔符若也够用，就不必另设"


def test_numbers_do_not_break_the_search(built_site: Path, tmp_path: Path) -> None:
    """lunr 本来会把几个数字开头的词并错，一搜就出错；主题原来的程序是反例。"""
    rng = random.Random(1)  # noqa: S311
    numbers = [" ".join(str(rng.randrange(10**6)) for _ in range(2000)) for _ in range(3)]

    def replace(index: dict[str, Any]) -> None:
        index["docs"] = [{"location": f"{n}/", "title": "t", "text": text} for n, text in enumerate(numbers)]

    index = changed(built_site, tmp_path, replace)
    assert len(found(built_site, ["7"], index)["7"]) == 3
    scripts = shutil.copytree(built_site / "assets" / "javascripts", tmp_path / "assets" / "javascripts")
    worker = next((scripts / "workers").glob("search.*.min.js"))
    text = worker.read_text(encoding="utf-8")
    assert text.count(LUNR.mended) == 1
    worker.write_text(text.replace(LUNR.mended, LUNR.broken), encoding="utf-8")
    assert found(tmp_path, ["7"], index)["7"] == []
