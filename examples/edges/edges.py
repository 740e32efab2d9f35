"""Learn an edge detector from a picture, then filter a photograph, with emitted kernels alone.

    python edges.py -o DIR

writes DIR/edges.png. Every value and every gradient comes from a definition: EDGES, LOSS and
MAGNITUDE below, and two operators of the catalogue. symconv derives, emits and compiles them;
scikit-learn lends the photograph and Pillow writes the file.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont
from sklearn.datasets import load_sample_image

import symconv as sc

EDGES = """
x: [H, W]
k: [A, B]
y[i,j] = sum[a,b](x[i+a, j+b] * k[a,b])
"""
LOSS = EDGES + "loss = sum[i,j]((y[i,j] - t[i,j])**2)"
MAGNITUDE = """
g: [N, 2, H, W]
y[n,i,j] = sqrt(g[n,0,i,j]**2 + g[n,1,i,j]**2)
"""

DIFFERENCE = np.array([[1.0, -1.0]])        # the kernel to be learned: a pixel minus the next
ROW = np.array([1.0, 4.0, 6.0, 4.0, 1.0]) / 16
SMALL_BLUR = np.outer(ROW, ROW)
BLUR = np.outer(np.convolve(ROW, ROW), np.convolve(ROW, ROW))
SHARPEN = 3 * np.pad([[1.0]], 2) - 2 * SMALL_BLUR       # unsharp mask: x + 2*(x - blurred x)
SOBEL = np.array([[[-1.0, 0, 1], [-2, 0, 2], [-1, 0, 1]],
                  [[-1.0, -2, -1], [0, 0, 0], [1, 2, 1]]])

LEARNING = "float64"        # element type of the kernels that learn
PICTURES = "float32"        # element type of the kernels that filter


def classical_image() -> np.ndarray:
    """Six rows and eight columns of ones, with zeros in columns 2 to 5."""
    image = np.ones((6, 8))
    image[:, 2:6] = 0
    return image


def photograph() -> np.ndarray:
    """The photograph as colour planes (3, H, W) between 0 and 1."""
    pixels = np.asarray(load_sample_image("china.jpg"))
    return pixels.transpose(2, 0, 1).astype(PICTURES) / np.float32(255)


def standardised(planes: np.ndarray) -> np.ndarray:
    """Grey values with mean 0 and variance 1, the scale on which one learning rate fits all."""
    red, green, blue = planes.astype(LEARNING)
    grey = 0.299 * red + 0.587 * green + 0.114 * blue
    return np.asarray((grey - grey.mean()) / grey.std())


def applied(op: sc.Operator, target: str, **operands: np.ndarray) -> np.ndarray:
    """The output of an operator, from a kernel that is emitted for the shapes of its operands."""
    shapes = {name: array.shape for name, array in operands.items()}
    (dtype,) = {array.dtype.name for array in operands.values()}
    kernel = sc.build(op, target=target, dtype=dtype, shapes=shapes)
    return np.asarray(kernel.forward(**operands))


def edge_map(image: np.ndarray, kernel: np.ndarray, target: str = "c") -> np.ndarray:
    """The image under the kernel, every window inside the image."""
    return applied(sc.parse(EDGES), target, x=image, k=kernel)


def learn(image: np.ndarray, edges: np.ndarray, rate: float, steps: int,
          target: str = "c") -> tuple[np.ndarray, list[float]]:
    """Gradient descent on a kernel of shape (1, 2), from zero.

    Returns the kernel and the loss before each step.
    """
    kernel = np.zeros((1, 2))
    loss = sc.build(sc.parse(LOSS), target=target, dtype=LEARNING,
                    shapes={"x": image.shape, "k": kernel.shape, "t": edges.shape})
    losses = []
    for _ in range(steps):
        losses.append(float(np.asarray(loss.forward(x=image, k=kernel, t=edges))))
        gradient = loss.vjp(np.array(1.0), x=image, k=kernel, t=edges, wrt="k")
        kernel = kernel - rate * gradient["k"]
    return kernel, losses


def convolved(planes: np.ndarray, kernels: np.ndarray, target: str = "c") -> np.ndarray:
    """Every plane (P, H, W) under every kernel (O, K, K): (P, O, H, W), mirrored at the border."""
    op = sc.ops.conv2d(padding=kernels.shape[-1] // 2, padding_mode="symmetric", bias=False)
    return applied(op, target, x=planes[:, None], w=kernels[:, None].astype(PICTURES))


def sobel(planes: np.ndarray, target: str = "c") -> np.ndarray:
    """The length of the gradient of every plane."""
    return applied(sc.parse(MAGNITUDE), target, g=convolved(planes, SOBEL, target))


def max_pooled(planes: np.ndarray, target: str = "c") -> np.ndarray:
    """The largest of every 2x2 pixels; an odd last row or column is left out."""
    return applied(sc.ops.max_pool2d(kernel_size=2), target, x=planes[:, None])[:, 0]


def picture(planes: np.ndarray) -> Image.Image:
    """Values between 0 and 1, (3, H, W) or (H, W), as an image; others are clipped."""
    pixels = np.rint(255 * np.clip(planes, 0, 1)).astype(np.uint8)
    return Image.fromarray(pixels if pixels.ndim == 2 else pixels.transpose(1, 2, 0))


def sheet(panels: dict[str, Image.Image]) -> Image.Image:
    """The panels in two columns, each under its title."""
    width, height = next(iter(panels.values())).size
    gap, title = 12, 34
    font = ImageFont.load_default(size=20)
    rows = -(-len(panels) // 2)
    page = Image.new("RGB", (2 * width + 3 * gap, rows * (height + title) + gap), "white")
    draw = ImageDraw.Draw(page)
    for place, (text, panel) in enumerate(panels.items()):
        left = gap + place % 2 * (width + gap)
        top = place // 2 * (height + title)
        draw.text((left, top + 6), text, fill="black", font=font)
        page.paste(panel, (left, top + title))
    return page


def learn_both(planes: np.ndarray, target: str) -> np.ndarray:
    """Learn from the classical image, then from the photograph; returns the edges found there."""
    image = classical_image()
    kernel, losses = learn(image, edge_map(image, DIFFERENCE, target), 3e-2, 10, target)
    turned = edge_map(image.T, DIFFERENCE, target)
    print(f"""classical image, 10 steps at rate 0.03
  loss {losses[0]:.4f} -> {losses[-1]:.4f}, kernel {np.round(kernel[0], 4)}
  largest value in the edge map of the transposed image: {np.abs(turned).max():g}""")

    grey = standardised(planes)
    edges = edge_map(grey, DIFFERENCE, target)
    kernel, losses = learn(grey, edges, 0.4 / edges.size, 150, target)
    first, last = losses[0] / edges.size, losses[-1] / edges.size
    print(f"""photograph of {grey.shape[0]}x{grey.shape[1]} pixels, 150 steps at rate 0.4 per pixel
  loss per pixel {first:.2g} -> {last:.2g}, kernel {np.round(kernel[0], 4)}""")
    return edge_map(grey, kernel, target)


def before_and_after(planes: np.ndarray, found: np.ndarray, target: str) -> Image.Image:
    """The photograph, the edges found in it, and the photograph under four filters."""
    blurred = convolved(planes, BLUR[None], target)[:, 0]
    sharpened = convolved(planes, SHARPEN[None], target)[:, 0]
    pooled = picture(max_pooled(planes, target))
    twice = (2 * pooled.width, 2 * pooled.height)
    return sheet({
        "before": picture(planes),
        "edges under the learned kernel": picture(0.5 + found / 2),
        "blur, 9x9 binomial": picture(blurred),
        "sharpen, 5x5 unsharp mask": picture(sharpened),
        "Sobel, each colour": picture(sobel(planes, target) / 3),
        "2x2 max pooling, shown twice as large": pooled.resize(twice, Image.Resampling.NEAREST),
    })


def main(arguments: list[str]) -> int:
    """The command line: 0 when the picture is written, 2 with a message when it cannot be."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("-o", "--output", type=Path, required=True, help="folder for edges.png")
    parser.add_argument("--target", choices=("c", "numpy"), default="c",
                        help="emitted C (the default) or emitted NumPy")
    options = parser.parse_args(arguments)
    try:
        options.output.mkdir(parents=True, exist_ok=True)
        planes = photograph()
        page = before_and_after(planes, learn_both(planes, options.target), options.target)
        page.save(options.output / "edges.png")
    except (sc.SymconvError, OSError) as error:
        print(f"edges: {error}", file=sys.stderr)
        return 2
    print(f"wrote {options.output / 'edges.png'}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
