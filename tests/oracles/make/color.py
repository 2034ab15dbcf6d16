"""写出 `tests/oracles/vision/color.json`；手工运行，要 scikit-image：`python tests/oracles/make/color.py`。

记下随机的与几个特别的颜色，scikit-image 把它们变成 YUV、HSV 与变回来的结果；灰度用 `rgb2yuv` 的第一个分量
（`rgb2gray` 的权重是另一套）。
"""

import json
from pathlib import Path

import numpy as np
import skimage
from skimage import color

SPECIAL = [[0, 0, 0], [1, 1, 1], [0.5, 0.5, 0.5], [1, 0, 0], [0, 1, 0], [0, 0, 1]]
SPECIAL += [[1, 1, 0], [0, 1, 1], [1, 0, 1], [1, 0, 0.001], [0.2, 0.2, 0.1], [0.1, 0.2, 0.2]]

if __name__ == "__main__":
    random = np.random.default_rng(0).random((20, 3)).round(4)
    rgb = np.concatenate([np.array(SPECIAL, float), random])
    yuv, hsv = color.rgb2yuv(rgb), color.rgb2hsv(rgb)
    data = {
        "source": f"scikit-image {skimage.__version__}",
        "rgb": rgb.tolist(),
        "yuv": yuv.tolist(),
        "hsv": hsv.tolist(),
        "rgb_from_yuv": color.yuv2rgb(yuv).tolist(),
        "rgb_from_hsv": color.hsv2rgb(hsv).tolist(),
    }
    target = Path(__file__).parents[1] / "vision" / "color.json"
    target.write_text(json.dumps(data) + "\n")
