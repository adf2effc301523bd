"""Renders a tiny picture with one Mitsuba variant and says what did it; the process ends badly where that fails.

Command line: `python -m unity_bridge.embedded.variant_probe llvm_ad_rgb`
"""

from __future__ import annotations

import sys


def main(variant: str) -> int:
    """Render 16x16 pixels with the kinds of surface and light that frames use; 0 when the picture is sound."""
    import drjit as dr
    import mitsuba as mi
    import numpy as np

    mi.set_variant(variant)
    sky = np.linspace(0.5, 1.5, 16 * 8 * 3, dtype=np.float32).reshape(8, 16, 3)
    scene = mi.load_dict(
        {
            "type": "scene",
            "integrator": {"type": "volpath", "max_depth": 4},
            "sensor": {"type": "perspective", "film": {"type": "hdrfilm", "width": 16, "height": 16}},
            "ball": {
                "type": "sphere",
                "center": [0, 0, 4],
                "bsdf": {"type": "principled", "clearcoat": 0.5, "sheen": 0.5},
            },
            "pane": {
                "type": "rectangle",
                "to_world": mi.ScalarTransform4f().translate([0, 0, 2]),
                "bsdf": {"type": "thindielectric"},
            },
            "sky": {"type": "envmap", "bitmap": mi.Bitmap(sky)},
            "sun": {"type": "directional", "direction": [0, -1, 0.2]},
        }
    )
    picture = np.array(mi.render(scene, spp=2))
    if not (np.isfinite(picture).all() and picture.mean() > 0.1):
        print(f"{variant} rendered an unsound picture", file=sys.stderr)
        return 1
    compiler = f", LLVM {dr.detail.llvm_version()}" if variant.startswith("llvm") else ""
    print(f"Mitsuba {mi.__version__}{compiler}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1]))
