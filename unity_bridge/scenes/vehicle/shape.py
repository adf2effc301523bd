"""What a vehicle looks like, in numbers: the continuous parameters of a parametric passenger vehicle.

Proportions follow common production cars of each body style (lengths 3.6-5.4 m, wheel diameters 0.58-0.80 m,
windscreens raked 52-64 degrees from the vertical). The frame is ISO 8855: x forward, y left, z up; the origin lies on
the ground, midway between the axles.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Literal, get_args

import numpy as np

from contracts.errors import ConfigurationError, nearest

BodyStyle = Literal["sedan", "hatchback", "wagon", "suv", "pickup", "coupe", "van"]
TailLightStyle = Literal["upright", "wedge", "round", "bar"]
Lettering = Literal["none", "small", "large"]
BODY_STYLES: tuple[str, ...] = get_args(BodyStyle)


@dataclass(frozen=True)
class VehicleShape:
    """Parameters of one vehicle; lengths in metres, angles in degrees.

    Heights are above the ground. Rakes are measured from the vertical. `*_m` of lamps are sizes seen from the front or
    from behind. Trim of 0 m is not there. The part of a tail light that is not red, for reversing and turning, is a
    band at `tail_light_clear_at` of its height from below that takes `tail_light_clear_share` of it.
    """

    body_style: BodyStyle
    length_m: float
    width_m: float
    height_m: float
    wheelbase_m: float
    front_overhang_m: float
    ground_clearance_m: float
    wheel_diameter_m: float
    tyre_width_m: float
    rim_share: float
    hood_front_height_m: float
    cowl_height_m: float
    cowl_behind_axle_m: float
    windshield_rake_deg: float
    rear_window_rake_deg: float
    belt_height_m: float
    belt_rise_deg: float
    deck_height_m: float
    deck_length_m: float
    tumblehome_deg: float
    shoulder_m: float
    front_plan_radius_m: float
    rear_plan_radius_m: float
    body_side_crease_m: float
    hood_crown_m: float
    a_pillar_m: float
    c_pillar_m: float
    b_pillar_share: float
    door_count: int
    mirror_scale: float
    head_lamp_width_m: float
    head_lamp_height_m: float
    head_lamp_slant_deg: float
    grille_width_m: float
    grille_height_m: float
    grille_bars: int
    tail_light_style: TailLightStyle
    tail_light_width_m: float
    tail_light_height_m: float
    tail_light_height_above_deck_m: float
    tail_light_clear_at: float
    tail_light_clear_share: float
    spoke_count: int
    spoke_width_share: float
    rear_spoiler_m: float
    black_pillars: bool
    cladding: bool
    roof_rails: bool
    intake_width_share: float
    fog_recess: bool
    dark_lower_m: float
    dark_rear_bumper: bool
    moulding_m: float
    side_band_m: float
    hood_stripe_m: float
    hood_scoop: bool
    screen_band_m: float
    lettering: Lettering
    rear_wiper: bool
    high_brake_light: bool
    side_step: bool

    def __post_init__(self) -> None:
        if self.body_style not in BODY_STYLES:
            raise ConfigurationError(
                f"there is no body style '{self.body_style}'",
                code="unknown_body_style",
                hint=nearest(self.body_style, BODY_STYLES),
            )
        for field in fields(self):
            value = getattr(self, field.name)
            if isinstance(value, float) and not np.isfinite(value):
                raise ConfigurationError(
                    f"{field.name} of the vehicle is not finite", code="vehicle_shape", hint="give a plain number"
                )
        if self.door_count not in (2, 4):
            raise ConfigurationError(
                f"a vehicle has 2 or 4 side doors, not {self.door_count}", code="vehicle_shape", hint="use 2 or 4"
            )
        if self.length_m < self.wheelbase_m + self.front_overhang_m + 0.4:
            raise ConfigurationError(
                f"a vehicle of {self.length_m:.2f} m has no room for a wheelbase of {self.wheelbase_m:.2f} m "
                f"behind a front overhang of {self.front_overhang_m:.2f} m",
                code="vehicle_shape",
                hint="make it longer, or bring the axles together",
            )

    @property
    def lid(self) -> Literal["trunk", "tailgate"]:
        """What closes the rear: the boot lid of a sedan or coupe, the tailgate of the others."""
        return "trunk" if self.body_style in ("sedan", "coupe") else "tailgate"

    @property
    def front_m(self) -> float:
        """x of the foremost point."""
        return self.wheelbase_m / 2 + self.front_overhang_m

    @property
    def rear_m(self) -> float:
        """x of the rearmost point."""
        return self.front_m - self.length_m

    @property
    def wheel_radius_m(self) -> float:
        return self.wheel_diameter_m / 2

    @property
    def arch_radius_m(self) -> float:
        """Radius of the wheel opening in the body side."""
        return self.wheel_radius_m + (0.055 if self.body_style in ("suv", "pickup") else 0.04)


# (low, high) for each style; one row a parameter that is drawn uniformly.
_RANGES: dict[str, dict[str, tuple[float, float]]] = {
    "sedan": {
        "length_m": (4.35, 4.95), "width_m": (1.70, 1.88), "height_m": (1.41, 1.50), "wheelbase_share": (0.575, 0.60),
        "front_overhang_m": (0.80, 0.92), "ground_clearance_m": (0.15, 0.19), "wheel_diameter_m": (0.60, 0.67),
        "hood_front_height_m": (0.77, 0.86), "cowl_rise_m": (0.15, 0.21), "cowl_behind_axle_m": (0.28, 0.45),
        "windshield_rake_deg": (58, 64), "rear_window_rake_deg": (58, 68), "belt_height_m": (0.90, 0.97),
        "belt_rise_deg": (0.3, 2.2), "deck_above_belt_m": (0.07, 0.16), "deck_length_m": (0.42, 0.68),
        "c_pillar_m": (0.10, 0.22), "tail_height_m": (0.17, 0.28),
    },
    "coupe": {
        "length_m": (4.2, 4.7), "width_m": (1.76, 1.92), "height_m": (1.28, 1.40), "wheelbase_share": (0.575, 0.60),
        "front_overhang_m": (0.82, 0.94), "ground_clearance_m": (0.13, 0.16), "wheel_diameter_m": (0.64, 0.70),
        "hood_front_height_m": (0.71, 0.8), "cowl_rise_m": (0.16, 0.22), "cowl_behind_axle_m": (0.45, 0.65),
        "windshield_rake_deg": (60, 65), "rear_window_rake_deg": (64, 72), "belt_height_m": (0.88, 0.95),
        "belt_rise_deg": (0.8, 2.5), "deck_above_belt_m": (0.05, 0.13), "deck_length_m": (0.30, 0.45),
        "c_pillar_m": (0.14, 0.26), "tail_height_m": (0.14, 0.22),
    },
    "hatchback": {
        "length_m": (3.55, 4.35), "width_m": (1.62, 1.82), "height_m": (1.44, 1.58), "wheelbase_share": (0.60, 0.64),
        "front_overhang_m": (0.74, 0.86), "ground_clearance_m": (0.15, 0.19), "wheel_diameter_m": (0.56, 0.65),
        "hood_front_height_m": (0.8, 0.91), "cowl_rise_m": (0.15, 0.21), "cowl_behind_axle_m": (0.20, 0.38),
        "windshield_rake_deg": (54, 62), "rear_window_rake_deg": (25, 50), "belt_height_m": (0.90, 1.0),
        "belt_rise_deg": (1.0, 4.0), "deck_above_belt_m": (0.04, 0.13), "deck_length_m": (0.03, 0.10),
        "c_pillar_m": (0.12, 0.24), "tail_height_m": (0.26, 0.44),
    },
    "wagon": {
        "length_m": (4.3, 4.9), "width_m": (1.72, 1.88), "height_m": (1.45, 1.62), "wheelbase_share": (0.575, 0.61),
        "front_overhang_m": (0.80, 0.92), "ground_clearance_m": (0.15, 0.19), "wheel_diameter_m": (0.60, 0.68),
        "hood_front_height_m": (0.78, 0.88), "cowl_rise_m": (0.15, 0.21), "cowl_behind_axle_m": (0.22, 0.42),
        "windshield_rake_deg": (56, 63), "rear_window_rake_deg": (28, 48), "belt_height_m": (0.90, 0.99),
        "belt_rise_deg": (0.3, 2.0), "deck_above_belt_m": (0.03, 0.1), "deck_length_m": (0.03, 0.10),
        "c_pillar_m": (0.10, 0.18), "tail_height_m": (0.28, 0.46),
    },
    "suv": {
        "length_m": (4.15, 4.95), "width_m": (1.76, 1.98), "height_m": (1.60, 1.88), "wheelbase_share": (0.57, 0.605),
        "front_overhang_m": (0.80, 0.94), "ground_clearance_m": (0.19, 0.26), "wheel_diameter_m": (0.68, 0.79),
        "hood_front_height_m": (0.97, 1.08), "cowl_rise_m": (0.11, 0.18), "cowl_behind_axle_m": (0.30, 0.50),
        "windshield_rake_deg": (48, 58), "rear_window_rake_deg": (18, 42), "belt_height_m": (1.04, 1.16),
        "belt_rise_deg": (0.3, 2.6), "deck_above_belt_m": (0.03, 0.12), "deck_length_m": (0.03, 0.10),
        "c_pillar_m": (0.10, 0.22), "tail_height_m": (0.26, 0.5),
    },
    "pickup": {
        "length_m": (5.0, 5.4), "width_m": (1.78, 1.96), "height_m": (1.70, 1.88), "wheelbase_share": (0.585, 0.61),
        "front_overhang_m": (0.84, 0.95), "ground_clearance_m": (0.22, 0.30), "wheel_diameter_m": (0.70, 0.80),
        "hood_front_height_m": (1.03, 1.13), "cowl_rise_m": (0.1, 0.16), "cowl_behind_axle_m": (0.34, 0.52),
        "windshield_rake_deg": (48, 57), "rear_window_rake_deg": (8, 20), "belt_height_m": (1.08, 1.18),
        "belt_rise_deg": (0.0, 1.2), "deck_above_belt_m": (-0.04, 0.04), "deck_length_m": (1.45, 1.75),
        "c_pillar_m": (0.10, 0.18), "tail_height_m": (0.34, 0.5),
    },
    "van": {
        "length_m": (4.2, 5.1), "width_m": (1.70, 1.95), "height_m": (1.66, 1.98), "wheelbase_share": (0.595, 0.625),
        "front_overhang_m": (0.76, 0.92), "ground_clearance_m": (0.15, 0.20), "wheel_diameter_m": (0.60, 0.68),
        "hood_front_height_m": (0.90, 1.02), "cowl_rise_m": (0.14, 0.22), "cowl_behind_axle_m": (-0.05, 0.16),
        "windshield_rake_deg": (48, 58), "rear_window_rake_deg": (8, 22), "belt_height_m": (0.98, 1.10),
        "belt_rise_deg": (-0.3, 1.5), "deck_above_belt_m": (0.0, 0.08), "deck_length_m": (0.03, 0.08),
        "c_pillar_m": (0.10, 0.20), "tail_height_m": (0.28, 0.42),
    },
}  # fmt: skip

_TAIL_STYLES: dict[str, tuple[float, float, float, float]] = {  # upright, wedge, round, bar
    "sedan": (0.08, 0.74, 0.10, 0.08),
    "coupe": (0.0, 0.60, 0.25, 0.15),
    "hatchback": (0.42, 0.47, 0.08, 0.03),
    "wagon": (0.58, 0.37, 0.0, 0.05),
    "suv": (0.47, 0.44, 0.04, 0.05),
    "pickup": (0.88, 0.12, 0.0, 0.0),
    "van": (0.85, 0.15, 0.0, 0.0),
}
_TWO_DOOR_SHARE = {"sedan": 0.0, "coupe": 1.0, "hatchback": 0.15, "wagon": 0.0, "suv": 0.03, "pickup": 0.0, "van": 0.0}


def draw_shape(
    body_style: str,
    detail_seed: int,
    *,
    length_scale: float = 1.0,
    height_scale: float = 1.0,
    mirror_scale: float = 1.0,
) -> VehicleShape:
    """A vehicle of a body style whose proportions follow from `detail_seed` alone.

    length_scale and height_scale stretch the drawn length (with its wheelbase) and the height above the belt. The same
    arguments always give the same shape. Raises ConfigurationError for an unknown body style.
    """
    if body_style not in BODY_STYLES:
        raise ConfigurationError(
            f"there is no body style '{body_style}'", code="unknown_body_style", hint=nearest(body_style, BODY_STYLES)
        )
    random = np.random.Generator(np.random.Philox(np.random.SeedSequence([detail_seed, BODY_STYLES.index(body_style)])))

    def between(low: float, high: float) -> float:
        return float(random.uniform(low, high))

    drawn = {name: between(*limits) for name, limits in _RANGES[body_style].items()}
    length = drawn["length_m"] * length_scale
    height = drawn["belt_height_m"] + (drawn["height_m"] - drawn["belt_height_m"]) * height_scale
    tall, open_bed, has_trunk = (
        body_style in ("suv", "pickup"),
        body_style == "pickup",
        body_style in ("sedan", "coupe"),
    )
    tail_style = str(random.choice(["upright", "wedge", "round", "bar"], p=_TAIL_STYLES[body_style]))
    return VehicleShape(
        body_style=body_style,  # type: ignore[arg-type]
        length_m=length,
        width_m=drawn["width_m"],
        height_m=height,
        wheelbase_m=length * drawn["wheelbase_share"],
        front_overhang_m=drawn["front_overhang_m"],
        ground_clearance_m=drawn["ground_clearance_m"],
        wheel_diameter_m=drawn["wheel_diameter_m"],
        tyre_width_m=between(0.18, 0.22) + (0.03 if tall else 0.0),
        rim_share=between(0.60, 0.72),
        hood_front_height_m=drawn["hood_front_height_m"],
        cowl_height_m=drawn["hood_front_height_m"] + drawn["cowl_rise_m"],
        cowl_behind_axle_m=drawn["cowl_behind_axle_m"],
        windshield_rake_deg=drawn["windshield_rake_deg"],
        rear_window_rake_deg=drawn["rear_window_rake_deg"],
        belt_height_m=drawn["belt_height_m"],
        belt_rise_deg=drawn["belt_rise_deg"],
        deck_height_m=drawn["belt_height_m"] + drawn["deck_above_belt_m"],
        deck_length_m=drawn["deck_length_m"],
        tumblehome_deg=between(9, 16) - (3 if tall else 4 if body_style == "van" else 0),
        shoulder_m=between(0.02, 0.05),
        front_plan_radius_m=between(0.17, 0.27) if tall else between(0.22, 0.36),
        rear_plan_radius_m=between(0.10, 0.16) if body_style == "pickup" else between(0.18, 0.30),
        body_side_crease_m=between(0.003, 0.020),
        hood_crown_m=between(0.03, 0.06),
        a_pillar_m=between(0.03, 0.05),
        c_pillar_m=drawn["c_pillar_m"],
        b_pillar_share=between(0.50, 0.55),
        door_count=2 if random.random() < _TWO_DOOR_SHARE[body_style] else 4,
        mirror_scale=mirror_scale * between(0.92, 1.12) * (1.12 if tall else 1.0),
        head_lamp_width_m=between(0.34, 0.52),
        head_lamp_height_m=between(0.14, 0.23) + (0.03 if tall else 0.0),
        head_lamp_slant_deg=between(-4, 22),
        grille_width_m=between(0.7, 1.3),
        grille_height_m=between(0.14, 0.30) + (0.10 if tall else 0.0),
        grille_bars=int(random.integers(2, 7)),
        tail_light_style=tail_style,  # type: ignore[arg-type]
        tail_light_width_m=between(0.24, 0.36) if tail_style == "upright" else between(0.36, 0.60),
        tail_light_height_m=drawn["tail_height_m"] * (1.6 if tail_style == "upright" else 1.0),
        tail_light_height_above_deck_m=between(-0.02, 0.05),
        tail_light_clear_at=between(0.22, 0.6),
        tail_light_clear_share=between(0.1, 0.4),
        spoke_count=int(random.choice([5, 5, 6, 7, 8, 10])),
        spoke_width_share=between(0.35, 0.75),
        rear_spoiler_m=between(0.04, 0.16) if random.random() < 0.5 else 0.0,
        black_pillars=bool(random.random() < 0.55),
        cladding=bool(random.random() < (0.5 if tall else 0.08)),
        roof_rails=bool(random.random() < {"suv": 0.6, "wagon": 0.6, "van": 0.2}.get(body_style, 0.0)),
        intake_width_share=between(0.26, 0.37),
        fog_recess=bool(random.random() < 0.6),
        dark_lower_m=between(0.02, 0.10) if random.random() < 0.5 else 0.0,
        dark_rear_bumper=bool(random.random() < (0.55 if open_bed else 0.03)),
        moulding_m=between(0.025, 0.06) if random.random() < 0.3 else 0.0,
        side_band_m=between(0.04, 0.22) if random.random() < 0.10 else 0.0,
        hood_stripe_m=between(0.08, 0.26) if random.random() < 0.04 else 0.0,
        hood_scoop=bool(random.random() < (0.2 if tall else 0.02)),
        screen_band_m=between(0.08, 0.16) if random.random() < 0.08 else 0.0,
        lettering=str(random.choice(["none", "small", "large"], p=[0.2, 0.3, 0.5] if open_bed else [0.25, 0.75, 0.0])),  # type: ignore[arg-type]
        rear_wiper=bool(random.random() < 0.8 and not has_trunk and not open_bed),
        high_brake_light=bool(random.random() < 0.6),
        side_step=bool(random.random() < (0.45 if tall else 0.0)),
    )
