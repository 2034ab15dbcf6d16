"""固定的卷积核：与 SciPy 的滤波器、逐个循环、精确的分数比。"""

from itertools import count

import numpy as np
import pytest
from scipy import ndimage, signal

from dlnotes.vision.filters import (
    LAPLACE,
    SOBEL_X,
    SOBEL_Y,
    apply,
    difference_of_gaussians,
    gaussian1d,
    gaussian2d,
    laplacian_of_gaussian,
)

IMAGE = np.random.default_rng(0).random((23, 31))
MODES = ["reflect", "mirror", "nearest", "wrap", "constant"]


@pytest.mark.parametrize("mode", MODES)
def test_fixed_kernels_against_scipy(mode):
    for kernel, reference in (
        (SOBEL_X, ndimage.sobel(IMAGE, axis=1, mode=mode)),
        (SOBEL_Y, ndimage.sobel(IMAGE, axis=0, mode=mode)),
        (LAPLACE, ndimage.laplace(IMAGE, mode=mode)),
    ):
        assert np.allclose(apply(IMAGE, kernel, mode=mode), reference, rtol=0, atol=1e-13)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(("sigma", "truncate"), [(0.5, 4.0), (1.0, 4.0), (1.3, 2.5), (2.0, 3.0)])
def test_gaussian_filters_against_scipy(mode, sigma, truncate):
    options = {"mode": mode, "truncate": truncate}
    got = apply(IMAGE, gaussian2d(sigma, truncate=truncate), mode=mode)
    assert np.allclose(got, ndimage.gaussian_filter(IMAGE, sigma, **options), rtol=0, atol=1e-13)
    got = apply(IMAGE, laplacian_of_gaussian(sigma, truncate=truncate), mode=mode)
    assert np.allclose(got, ndimage.gaussian_laplace(IMAGE, sigma, **options), rtol=0, atol=1e-12)
    line = gaussian1d(sigma, truncate=truncate)
    along = apply(apply(IMAGE, line[np.newaxis], mode=mode), line[:, np.newaxis], mode=mode)
    assert np.allclose(along, ndimage.gaussian_filter(IMAGE, sigma, **options), rtol=0, atol=1e-13)


@pytest.mark.parametrize("shape", [(1, 1), (3, 5), (5, 1), (7, 3)])
def test_apply_is_a_correlation(shape):
    """不翻转：与 `correlate2d`、`ndimage.correlate` 相同，与 `convolve2d` 不同。"""
    kernel = np.random.default_rng(1).random(shape)
    got = apply(IMAGE, kernel, mode="constant")
    assert np.allclose(got, signal.correlate2d(IMAGE, kernel, mode="same"), rtol=0, atol=1e-12)
    for mode in MODES:
        reference = ndimage.correlate(IMAGE, kernel, mode=mode)
        assert np.allclose(apply(IMAGE, kernel, mode=mode), reference, rtol=0, atol=1e-12)
    if shape != (1, 1):
        assert not np.allclose(got, signal.convolve2d(IMAGE, kernel, mode="same"))


def test_kernels_larger_than_the_image():
    small = np.arange(4.0).reshape(2, 2)
    for mode in MODES:
        reference = ndimage.correlate(small, gaussian2d(1.0), mode=mode)
        assert np.allclose(apply(small, gaussian2d(1.0), mode=mode), reference, rtol=0, atol=1e-13)


def test_gaussian_from_the_definition():
    kernel = gaussian1d(1.5, truncate=3.0)
    assert len(kernel) == 2 * 5 + 1  # ⌊4.5 + 0.5⌋
    raw = [np.exp(-i * i / (2 * 1.5**2)) for i in range(-5, 6)]
    assert np.allclose(kernel, np.array(raw) / sum(raw), rtol=1e-14)
    assert gaussian1d(1e-200).tolist() == [1.0]
    assert gaussian1d(0.1, truncate=5.0).tolist() == pytest.approx([np.exp(-50), 1, np.exp(-50)])
    wide = gaussian1d(6.0, truncate=8.0)
    place = np.arange(len(wide)) - len(wide) // 2
    assert wide @ place**2 == pytest.approx(36, rel=1e-9)  # 方差
    assert gaussian2d(2.0).sum() == pytest.approx(1, rel=1e-14)


def test_laplacian_is_the_second_derivative():
    """在二次函数 $x^2+y^2$ 上得 4；LoG 与先平滑、再求拉普拉斯一致；σ 大时与 DoG 的极限成比例。"""
    y, x = np.mgrid[-30:31, -30:31].astype(float)
    middle = apply(x**2 + y**2, laplacian_of_gaussian(3.0, truncate=6.0))[30, 30]
    assert middle == pytest.approx(4, rel=1e-6)
    assert apply(x**2 + y**2, LAPLACE)[30, 30] == 4
    ratio = 1.001
    thin = difference_of_gaussians(4.0, 4.0 * ratio, truncate=6.0)
    log = laplacian_of_gaussian(4.0, truncate=6.0)
    assert thin.shape == log.shape
    assert np.allclose(thin / -(16 * (ratio - 1)), log, atol=2e-3 * abs(log).max())


def test_documented_sums():
    assert laplacian_of_gaussian(1.0).sum() == pytest.approx(-1.4e-4, abs=5e-6)
    assert abs(difference_of_gaussians(1.0, 1.6).sum()) < 1e-15
    assert abs(sum(map(np.sum, (SOBEL_X, SOBEL_Y, LAPLACE)))) == 0


def test_difference_of_gaussians_against_scipy():
    got = apply(IMAGE, difference_of_gaussians(1.0, 1.6))
    reference = ndimage.gaussian_filter(IMAGE, 1.0) - ndimage.gaussian_filter(IMAGE, 1.6)
    assert np.allclose(got, reference, rtol=0, atol=1e-13)


def test_edges_of_a_ramp():
    y, x = np.mgrid[:9, :9].astype(float)
    assert (apply(x, SOBEL_X)[:, 1:-1] == 8).all()
    assert (apply(x, SOBEL_Y) == 0).all()
    assert (apply(y, SOBEL_Y)[1:-1] == 8).all()


def test_shapes_and_types():
    stack = np.stack([IMAGE, IMAGE[::-1]])[np.newaxis]
    got = apply(stack, SOBEL_X)
    assert got.shape == (1, 2, 23, 31)
    assert np.array_equal(got[0, 1], apply(IMAGE[::-1], SOBEL_X))
    single = apply(IMAGE.astype(np.float32), SOBEL_X.astype(np.float32))
    assert single.dtype == np.float32
    assert np.allclose(single, apply(IMAGE, SOBEL_X), atol=1e-5)
    assert apply(np.arange(9).reshape(3, 3), SOBEL_X).dtype == np.float64
    kept = IMAGE.copy()
    apply(kept, SOBEL_X)
    assert np.array_equal(kept, IMAGE)
    for kernel in (SOBEL_X, SOBEL_Y, LAPLACE):
        with pytest.raises(ValueError, match="read-only"):
            kernel[0, 0] = 1


@pytest.mark.parametrize(
    ("call", "kind", "message"),
    [
        (lambda: gaussian1d(0), ValueError, "`sigma` 应为大于 0 的实数"),
        (lambda: gaussian1d("1"), TypeError, "`sigma`"),
        (lambda: gaussian1d(1, truncate=-1), ValueError, "`truncate`"),
        (lambda: gaussian1d(1e9), ValueError, "一万像素"),
        (lambda: gaussian2d(300.0), ValueError, "一千像素"),
        (lambda: laplacian_of_gaussian(300.0), ValueError, "一千像素"),
        (lambda: difference_of_gaussians(2, 1), ValueError, "`sigma1` 应为小于 sigma2 = 1 的数"),
        (lambda: difference_of_gaussians(1, 1), ValueError, "`sigma1`"),
        (lambda: apply(IMAGE, SOBEL_X, mode="zero"), ValueError, "`mode`"),
        (lambda: apply([1.0, 2.0], SOBEL_X), ValueError, "`image`"),
        (lambda: apply(np.zeros((0, 3)), SOBEL_X), ValueError, "`image` 应为形状 (…, H, W) 的非空数组"),
        (lambda: apply(IMAGE, np.ones((2, 3))), ValueError, "`kernel`"),
        (lambda: apply(IMAGE, np.ones((3, 2))), ValueError, "`kernel`"),
        (lambda: apply(IMAGE, [1.0]), ValueError, "`kernel`"),
        (lambda: apply(IMAGE, [["1"]]), TypeError, "`kernel`"),
    ],
    ids=count(),
)
def test_errors(call, kind, message):
    with pytest.raises(kind) as raised:
        call()
    assert message in str(raised.value)
