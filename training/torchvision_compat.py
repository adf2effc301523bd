"""Make torchvision importable where its compiled operators don't load, as beside a CPU-only torch.

The wheels of torchvision that package indexes serve by default are built for CUDA. Beside a CPU build of torch their
operator library does not load, and importing torchvision, timm or segmentation_models_pytorch fails while Python-side
fake kernels are registered for operators that nobody declared. Declaring those operators, with a plain CPU kernel for
`nms`, makes the imports work; where the compiled operators load, nothing is done.
"""

from __future__ import annotations

import ctypes
import importlib.util
from functools import cache
from pathlib import Path

import torch

_declarations: list[torch.library.Library] = []  # a Library's declarations live as long as the object


@cache
def install() -> bool:
    """Declare torchvision's operators where the compiled ones are absent; call before importing torchvision.

    Returns:
        Whether the declarations were needed.
    """
    if _declared() or _compiled_operators_load():
        return False
    library = torch.library.Library("torchvision", "DEF")
    library.define("nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    library.define("qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    library.impl("nms", _nms, "CPU")
    _declarations.append(library)
    return True


def _declared() -> bool:
    return hasattr(torch.ops.torchvision, "nms")


def _compiled_operators_load() -> bool:
    package = importlib.util.find_spec("torchvision")
    if package is None or package.origin is None:
        return False
    for library in sorted(Path(package.origin).parent.glob("_C*.so")):
        try:
            ctypes.CDLL(str(library))
        except OSError:
            continue
        if _declared():
            return True
    return False


def _nms(boxes: torch.Tensor, scores: torch.Tensor, iou_threshold: float) -> torch.Tensor:
    """Greedy non-maximum suppression.

    Args:
        boxes: (N, 4) float, x0, y0, x1, y1.
        scores: (N,) float.
        iou_threshold: Boxes overlapping a better one by more than this are dropped.

    Returns:
        (K,) int64, indices of the boxes kept, best first.
    """
    order = scores.argsort(descending=True, stable=True)
    area = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
    kept = []
    while order.numel():
        best, rest = order[0], order[1:]
        kept.append(best)
        top_left = torch.maximum(boxes[best, :2], boxes[rest, :2])
        bottom_right = torch.minimum(boxes[best, 2:], boxes[rest, 2:])
        intersection = (bottom_right - top_left).clamp(min=0).prod(dim=1)
        order = rest[intersection / (area[best] + area[rest] - intersection) <= iou_threshold]
    return torch.stack(kept) if kept else torch.empty(0, dtype=torch.long)
