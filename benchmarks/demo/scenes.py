"""Moving scenes, each told from the others at a glance. Pure: a scene is drawn at any moment, always the same."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from benchmarks.demo.drawing import (
    Colour,
    Mask,
    Picture,
    below,
    box,
    disc,
    ellipse,
    glow,
    gradient,
    paint,
    panned,
    polygon,
    ridge,
    texture,
)

WIDTH, HEIGHT = 480, 270
Scene = Callable[[float], Picture]
"""moment, seconds -> picture [HEIGHT, WIDTH, 3]."""

_HORIZON = 150


def harbour() -> Scene:
    """The sun goes down behind a boat."""
    dice = np.random.default_rng(11)
    sky = gradient(WIDTH, _HORIZON, [(58, 44, 110), (196, 84, 110), (250, 160, 84), (255, 210, 120)])
    sky += texture(dice, WIDTH, _HORIZON, 1.6)[:, :, None] * np.array([16, 10, 8], np.float32)
    sea = gradient(WIDTH, HEIGHT - _HORIZON, [(210, 120, 90), (70, 60, 110), (24, 28, 66)])
    swell = texture(dice, 2 * WIDTH, HEIGHT - _HORIZON, 1.0)

    def draw(moment: float) -> Picture:
        picture = np.concatenate([sky, sea])
        sun_y = 70 + 5.5 * moment
        glow(picture, 300, sun_y, 120, (255, 220, 150))
        disc(picture, 300, sun_y, 30, (255, 236, 180))
        picture[_HORIZON:] = (
            sea + 13 * (panned(swell, 22 * moment, WIDTH) + panned(swell, -15 * moment, WIDTH))[:, :, None]
        )
        for n in range(24):
            reach = 10 + 2.2 * n + 12 * np.sin(2.3 * moment + n)
            ellipse(picture, 300 + 6 * np.sin(3 * moment + n * 2), _HORIZON + 4 + n * 5, reach, 1.4, (255, 205, 140))
        x, y = 40 + 30 * moment, 182 + 4 * np.sin(1.7 * moment)
        tilt = 6 * np.sin(1.7 * moment + 1)
        polygon(picture, [(x - 38, y), (x + 42, y), (x + 28, y + 16), (x - 26, y + 16)], (66, 34, 40))
        polygon(picture, [(x + 2, y - 4), (x + 4 + tilt, y - 96), (x + 46, y - 8)], (246, 238, 226))
        polygon(picture, [(x - 2, y - 4), (x + tilt, y - 84), (x - 34, y - 8)], (214, 70, 60))
        for n in range(4):
            gull_x, gull_y = (80 + 90 * n + 38 * moment) % 560 - 40, 34 + 14 * n + 8 * np.sin(moment + n)
            wing = 6 * np.sin(7 * moment + n)
            polygon(picture, [(gull_x - 12, gull_y - wing), (gull_x, gull_y), (gull_x, gull_y + 3)], (40, 30, 50))
            polygon(picture, [(gull_x + 12, gull_y - wing), (gull_x, gull_y), (gull_x, gull_y + 3)], (40, 30, 50))
        return picture

    return draw


def city() -> Scene:
    """A skyline at night, its lights, and the traffic below it."""
    dice = np.random.default_rng(22)
    sky = gradient(WIDTH, HEIGHT, [(10, 12, 34), (30, 30, 78), (96, 60, 110)])
    houses = [(x, int(dice.integers(34, 62)), int(dice.integers(70, 170))) for x in range(-30, 900, 46)]
    windows = dice.uniform(size=(len(houses), 20, 6))
    cars = dice.uniform(size=(9, 3))

    def draw(moment: float) -> Picture:
        picture = sky.copy()
        disc(picture, 400 - 4 * moment, 46, 20, (240, 236, 214))
        for number, (x, wide, high) in enumerate(houses):
            left, top = x - 26 * moment, 226 - high
            box(picture, left, top, wide, high, (26 + number % 3 * 10, 28, 52 + number % 4 * 8))
            for row in range(int(high - 12) // 14):
                for column in range(int(wide - 8) // 10):
                    is_lit = (windows[number, row % 20, column] + 0.05 * moment) % 1 < 0.45
                    colour = (255, 214, 120) if is_lit else (40, 42, 70)
                    if -10 < left + 5 + 10 * column < WIDTH:
                        box(picture, left + 5 + 10 * column, top + 7 + 14 * row, 6, 8, colour)
        box(picture, 0, 226, WIDTH, 44, (34, 34, 42))
        for dash in range(-1, 10):
            box(picture, dash * 60 - 52 * moment % 60, 246, 30, 2, (190, 180, 120))
        for number, (start, speed, shade) in enumerate(cars):
            way = 1 if number % 2 else -1
            x = (start * 700 + way * (60 + 130 * speed) * moment) % 700 - 110
            y = 252 if way > 0 else 232
            paintwork = ((200, 50, 50), (60, 120, 210), (230, 230, 235), (240, 180, 40))[int(shade * 4)]
            box(picture, x, y, 46, 10, paintwork)
            box(picture, x + 9, y - 7, 26, 8, (150, 190, 220))
            glow(picture, x + (58 if way > 0 else -12), y + 5, 26, (255, 244, 190), 0.9)
            for wheel in (9, 37):
                disc(picture, x + wheel, y + 10, 4.5, (12, 12, 14))
        return picture

    return draw


def train() -> Scene:
    """A train through green hills; clouds, poles that pass."""
    dice = np.random.default_rng(33)
    sky = gradient(WIDTH, HEIGHT, [(96, 168, 232), (190, 222, 246), (236, 242, 240)])
    cloud = (texture(dice, 2 * WIDTH, 120, 1.7) * 0.45).clip(0, 1)
    far, near = ridge(dice, 3 * WIDTH, 96, 150), ridge(dice, 3 * WIDTH, 140, 190, 4)
    grass = texture(dice, 3 * WIDTH, HEIGHT, 0.9)

    def draw(moment: float) -> Picture:
        picture = sky.copy()
        paint(picture, panned(cloud, 14 * moment, WIDTH), (255, 255, 255))
        paint(picture, below(panned(far[None], 18 * moment, WIDTH)[0], HEIGHT), (104, 146, 130))
        meadow = np.array([96, 164, 74], np.float32) + 15 * panned(grass, 46 * moment, WIDTH)[:, :, None]
        paint(picture, below(panned(near[None], 46 * moment, WIDTH)[0], HEIGHT), meadow)
        box(picture, 0, 214, WIDTH, 8, (110, 92, 80))
        front = 520 - 24 * moment
        for number in range(6):
            left = front - 84 * number - 60
            colour: Colour = (186, 44, 50) if number == 0 else (238, 226, 196)
            box(picture, left, 170, 78, 38, colour)
            box(picture, left, 196, 78, 5, (40, 64, 110))
            for pane in range(4):
                box(picture, left + 7 + 17 * pane, 177, 12, 13, (60, 86, 120))
            for wheel in (14, 30, 50, 66):
                disc(picture, left + wheel, 211, 5.5, (40, 40, 44))
        for puff in range(9):
            age = (0.6 * moment + puff / 9) % 1
            disc(picture, front - 4 - 230 * age, 160 - 70 * age, 7 + 22 * age, (246, 246, 250))
        for pole in range(-1, 4):
            x = (pole * 180 - 210 * moment) % 720 - 60
            box(picture, x, 86, 6, 184, (66, 50, 40))
            box(picture, x - 15, 98, 36, 5, (66, 50, 40))
        return picture

    return draw


def balloons() -> Scene:
    """Striped balloons rise before mountains."""
    dice = np.random.default_rng(44)
    sky = gradient(WIDTH, HEIGHT, [(120, 190, 250), (250, 226, 190), (255, 240, 214)])
    peaks, hills = ridge(dice, WIDTH, 90, 190, 9), ridge(dice, WIDTH, 196, 236, 4)
    rock = np.array([120, 110, 130], np.float32) + 14 * texture(dice, WIDTH, HEIGHT, 0.9)[:, :, None]
    snow = (np.arange(HEIGHT)[:, None] < peaks[None] + 22).astype(np.float32) * below(peaks, HEIGHT)
    paints: list[tuple[Colour, Colour]] = [
        ((222, 54, 62), (250, 214, 80)),
        ((52, 110, 200), (244, 244, 250)),
        ((250, 140, 40), (120, 50, 120)),
        ((60, 160, 110), (246, 232, 150)),
        ((230, 90, 150), (255, 255, 255)),
    ]
    starts = dice.uniform(size=(len(paints), 4))

    def draw(moment: float) -> Picture:
        picture = sky.copy()
        paint(picture, below(peaks, HEIGHT), rock)
        paint(picture, snow, (248, 250, 255))
        paint(picture, below(hills, HEIGHT), (70, 120, 80))
        for number, ((first, second), (along, low, pace, big)) in enumerate(zip(paints, starts, strict=True)):
            radius = 24 + 26 * big
            x = 50 + 90 * number + 30 * along + 26 * np.sin(0.5 * moment + 6 * along)
            y = 150 + 130 * low - (13 + 14 * pace) * moment
            for stripe in range(5, 0, -1):
                ellipse(picture, x, y, radius * stripe / 5, radius * 1.12, first if stripe % 2 else second)
            polygon(
                picture,
                [(x - radius * 0.62, y + radius * 0.95), (x + radius * 0.62, y + radius * 0.95), (x, y + radius * 1.7)],
                first,
            )
            box(picture, x - radius * 0.2, y + radius * 1.6, radius * 0.4, radius * 0.3, (120, 80, 44))
            if np.sin(3 * moment + 9 * along) > 0.3:
                glow(picture, x, y + radius * 1.3, radius * 0.5, (255, 220, 120), 0.9)
        return picture

    return draw


def reef() -> Scene:
    """Fish over swaying weed, bubbles, light from above."""
    dice = np.random.default_rng(55)
    water = gradient(WIDTH, HEIGHT, [(70, 190, 214), (24, 110, 170), (10, 48, 96)])
    light = texture(dice, 2 * WIDTH, HEIGHT, 1.5)
    sand = ridge(dice, WIDTH, 226, 248, 3)
    fish, bubbles, weeds = dice.uniform(size=(10, 5)), dice.uniform(size=(26, 3)), dice.uniform(size=(11, 2))
    scales: list[Colour] = [(250, 130, 30), (250, 220, 60), (230, 60, 90), (250, 250, 250), (120, 80, 200)]

    def draw(moment: float) -> Picture:
        rays = panned(light, 16 * moment, WIDTH) + panned(light, -21 * moment, WIDTH)
        picture = np.asarray(water + 9 * rays[:, :, None], np.float32)
        paint(picture, below(sand, HEIGHT), (222, 200, 150))
        for along, tall in weeds:
            for joint in range(9):
                sway = 1.6 * joint * np.sin(1.3 * moment + 7 * along + 0.25 * joint)
                y = 244 - joint * (6 + 5 * tall)
                ellipse(picture, 20 + 440 * along + sway, y, 5, 9, (26, 120 + 8 * joint, 70))
        for start, high, pace, big, hue in fish:
            way = 1 if hue > 0.5 else -1
            size = 10 + 13 * big
            x = (start * 620 + way * (28 + 60 * pace) * moment) % 620 - 70
            y = 34 + 170 * high + 9 * np.sin(1.4 * moment + 8 * start)
            colour = scales[int(hue * 10) % 5]
            tail, flick = x - way * size, size * 0.45 * np.sin(9 * moment + 5 * start)
            polygon(
                picture,
                [(tail, y), (tail - way * size, y - size * 0.6 + flick), (tail - way * size, y + size * 0.6 + flick)],
                colour,
            )
            ellipse(picture, x, y, size * 1.35, size * 0.72, colour)
            ellipse(picture, x - way * size * 0.1, y, size * 0.2, size * 0.66, (250, 250, 250))
            disc(picture, x + way * size * 0.8, y - size * 0.15, size * 0.17, (20, 20, 30))
        for along, start, big in bubbles:
            y = 260 - (start * 280 + (34 + 30 * big) * moment) % 280
            disc(picture, 480 * along + 5 * np.sin(3 * moment + 9 * start), y, 2 + 4 * big, (190, 232, 246))
        return picture

    return draw


def orrery() -> Scene:
    """Planets around their sun, before a nebula."""
    dice = np.random.default_rng(66)
    space = np.zeros((HEIGHT, WIDTH, 3), np.float32) + np.array([14, 10, 30], np.float32)
    for tint in ((70, 20, 90), (16, 60, 100), (90, 40, 30)):
        space += (texture(dice, WIDTH, HEIGHT, 1.7) * 0.5).clip(0, 1.4)[:, :, None] * np.array(tint, np.float32)
    for x, y, bright in dice.uniform(size=(220, 3)):
        disc(space, x * WIDTH, y * HEIGHT, 0.6 + bright, (235, 235, 255))
    planets: list[tuple[float, float, float, Colour]] = [
        (58, 2.1, 8, (200, 180, 160)),
        (92, 1.4, 13, (236, 170, 90)),
        (132, 0.95, 15, (80, 150, 230)),
        (172, 0.7, 11, (220, 90, 60)),
        (222, 0.45, 25, (226, 190, 140)),
    ]

    def draw(moment: float) -> Picture:
        picture = space.copy()
        spots: list[tuple[float, float, float, Colour]] = []
        for number, (away, pace, radius, colour) in enumerate(planets):
            turn = 1.7 * number + pace * moment
            spots.append((240 + away * np.cos(turn), 135 + 0.45 * away * np.sin(turn), radius, colour))
        spots.append((240, 135, 31, (255, 214, 90)))
        glow(picture, 240, 135, 110, (255, 190, 90), 0.8)
        for x, y, radius, colour in sorted(spots, key=lambda spot: spot[1]):
            near = radius * (0.8 + 0.4 * (y / HEIGHT))
            disc(picture, x, y, near, colour)
            if radius == 25:
                ellipse(picture, x, y, near * 1.8, near * 0.16, (246, 226, 190))
            if radius == 15:
                disc(picture, x + 26 * np.cos(5 * moment), y + 11 * np.sin(5 * moment), 4, (220, 220, 226))
        comet = 30 * moment
        for trail in range(22):
            disc(
                picture, 470 - comet - -5 * trail, 20 + 0.5 * comet - 2.4 * trail, 5 * (1 - trail / 24), (200, 230, 255)
            )
        return picture

    return draw


def winter() -> Scene:
    """Snow over a cabin among firs, seen in passing."""
    dice = np.random.default_rng(77)
    sky = gradient(WIDTH, HEIGHT, [(120, 134, 160), (186, 196, 212), (226, 230, 238)])
    drift = ridge(dice, 3 * WIDTH, 176, 214, 5)
    places = [(x + dice.uniform(-20, 20), dice.uniform(60, 125), int(dice.integers(0, 3))) for x in range(0, 1100, 48)]
    firs = [(x, 5 * shade, 0.7 + 0.1 * shade, *_fir(tall, shade)) for x, tall, shade in places]
    flakes = dice.uniform(size=(110, 4))

    def draw(moment: float) -> Picture:
        picture = sky.copy()
        pan = 24 * moment
        for x, lower, pace, mask, colours in firs:
            paint(picture, mask, colours, round(x - pan * pace) - mask.shape[1] // 2, 200 + lower - mask.shape[0])
        paint(picture, below(panned(drift[None], pan, WIDTH)[0], HEIGHT), (238, 242, 250))
        x = 330 - pan
        box(picture, x, 168, 92, 50, (112, 72, 48))
        polygon(picture, [(x - 12, 170), (x + 46, 130), (x + 104, 170)], (248, 250, 255))
        box(picture, x + 14, 182, 22, 18, (255, 214, 110))
        box(picture, x + 56, 182, 20, 36, (70, 44, 32))
        for puff in range(7):
            age = (0.25 * moment + puff / 7) % 1
            disc(picture, x + 76 + 50 * age, 132 - 90 * age, 5 + 14 * age, (214, 218, 226))
        for along, start, big, sway in flakes:
            y = (start * 290 + (34 + 60 * big) * moment) % 290 - 10
            fall = (along * 520 + 22 * np.sin(0.9 * moment + 7 * sway) - 40 * moment * (0.4 + big)) % 520 - 20
            disc(picture, fall, y, 1.1 + 2.3 * big, (255, 255, 255))
        return picture

    return draw


def _fir(tall: float, shade: int) -> tuple[Mask, Picture]:
    """Where it covers the picture, and its colours."""
    height, width = round(tall) + 14, round(tall * 0.78) + 6
    outline, colours = (np.zeros((height, width, 3), np.float32) for _ in range(2))
    for tier in range(4):
        top, wide = tier * tall * 0.2, tall * (0.13 + 0.085 * tier)
        for share, colour in ((1.0, (28 + 12 * shade, 74 + 10 * shade, 66)), (0.4, (240, 246, 252))):
            reach, low = wide * share, top + tall * 0.36 * share
            corners = [(width / 2, top), (width / 2 - reach, low), (width / 2 + reach, low)]
            polygon(outline, corners, (1, 1, 1))
            polygon(colours, corners, colour)
    return outline[:, :, 0], np.asarray(colours / np.maximum(outline, 0.01), np.float32)


def billiards() -> Scene:
    """Balls on a green table, from above."""
    dice = np.random.default_rng(88)
    table = np.zeros((HEIGHT, WIDTH, 3), np.float32) + np.array([96, 54, 30], np.float32)
    table += 8 * texture(dice, WIDTH, HEIGHT, 0.8)[:, :, None]
    cloth = np.array([22, 122, 74], np.float32) + 5 * texture(dice, WIDTH - 44, HEIGHT - 44, 0.7)[:, :, None]
    table[22:-22, 22:-22] = cloth
    for x in (24, 240, 456):
        for y in (24, 246):
            disc(table, x, y, 13, (12, 12, 12))
    balls = dice.uniform(size=(12, 4))
    colours: list[Colour] = [(250, 250, 244), (240, 200, 40), (40, 80, 200), (214, 40, 40), (110, 50, 150)]
    colours += [
        (240, 120, 30),
        (20, 110, 60),
        (120, 30, 30),
        (24, 24, 28),
        (60, 170, 220),
        (236, 130, 170),
        (150, 200, 60),
    ]

    def bounced(at: float, room: float) -> float:
        return room - abs(at % (2 * room) - room)

    def draw(moment: float) -> Picture:
        picture = table.copy()
        for (x, y, across, down), colour in zip(balls, colours, strict=True):
            left = 36 + bounced(x * 408 + (across - 0.5) * 230 * moment, 408)
            top = 36 + bounced(y * 198 + (down - 0.5) * 190 * moment, 198)
            ellipse(picture, left + 4, top + 6, 15, 14, (10, 66, 40))
            disc(picture, left, top, 14.5, colour)
            disc(picture, left, top, 6, (246, 246, 240))
            glow(picture, left - 5, top - 6, 6, (255, 255, 255), 0.9)
        return picture

    return draw


def lamp(seed: int) -> Scene:
    """Wax that rises in a lamp of the seed's colours: what is shown beside the other scenes."""
    dice = np.random.default_rng((seed, 99))
    warm, cold = dice.uniform((200, 60, 20), (255, 150, 120)), dice.uniform((20, 10, 60), (70, 50, 120))
    blobs = dice.uniform(size=(9, 5))
    y, x = np.mgrid[:HEIGHT, :WIDTH].astype(np.float32)

    def draw(moment: float) -> Picture:
        field = np.zeros((HEIGHT, WIDTH), np.float32)
        for along, start, pace, big, sway in blobs:
            middle = 40 + 400 * along + 40 * np.sin((0.4 + sway) * moment + 6 * start)
            height = 135 + 150 * np.sin(2 * np.pi * start + (0.25 + 0.5 * pace) * moment)
            field += (30 + 30 * big) ** 2 / ((x - middle) ** 2 + (y - height) ** 2 + 60)
        share = ((field - 0.9) * 3).clip(0, 1)[:, :, None]
        shade = cold * (0.5 + y / HEIGHT)[:, :, None]
        return np.asarray(shade + share * (warm * (0.7 + 0.1 * field.clip(0, 3))[:, :, None] - shade), np.float32)

    return draw


SCENES: Mapping[str, Callable[[], Scene]] = {
    "harbour": harbour,
    "city": city,
    "train": train,
    "balloons": balloons,
    "reef": reef,
    "orrery": orrery,
    "winter": winter,
    "billiards": billiards,
}
