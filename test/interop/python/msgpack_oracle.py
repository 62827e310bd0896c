"""Salt's own msgpack as an oracle: re-encodes what comes on stdin, then writes values of its own with a description of each.

Frames on both sides are a length (4 bytes, big-endian) and the bytes. Arguments: how many values to make, and a seed.
"""

import datetime
import random
import struct
import sys

import salt.payload


def load(data):
    return salt.payload.loads(data, encoding="utf-8")


def dump(value):
    return salt.payload.dumps(value, use_bin_type=True)


def write(data):
    sys.stdout.buffer.write(struct.pack(">I", len(data)) + data)


def answer(data):
    try:
        return b"=" + dump(load(data))
    except Exception as exc:  # what Salt cannot read or write is an answer too
        return b"!" + type(exc).__name__.encode()


def describe(value, out):
    """One token a value; the same as in msgpack.test.ts."""
    if value is None:
        out.append("nil")
    elif value is True:
        out.append("true")
    elif value is False:
        out.append("false")
    elif isinstance(value, int):
        out.append("i%d" % value)
    elif isinstance(value, float):
        out.append("f" + struct.pack(">d", value).hex())
    elif isinstance(value, str):
        out.append("s" + value.encode().hex())
    elif isinstance(value, bytes):
        out.append("b" + value.hex())
    elif isinstance(value, datetime.datetime):
        out.append("t" + value.isoformat())
    elif isinstance(value, dict):
        out.append("m%d" % len(value))
        for key, element in value.items():
            describe(key, out)
            describe(element, out)
    else:
        out.append("l%d" % len(value))
        for element in value:
            describe(element, out)


class Maker:
    def __init__(self, seed):
        self.random = random.Random(seed)

    def scalar(self):
        r = self.random
        return r.choice(
            (
                lambda: None,
                lambda: r.random() < 0.5,
                lambda: r.randint(-40, 300),
                lambda: r.randint(-(2 ** 63), 2 ** 64 - 1) >> r.randint(0, 63),
                lambda: r.choice((-(2 ** 63), 2 ** 64 - 1, 2 ** 63, 2 ** 53 + 1, -(2 ** 53) - 1, 2 ** 64, -(2 ** 63) - 1, 10 ** 30)),
                lambda: r.uniform(-1e6, 1e6),
                lambda: float(r.randint(-5, 5)),
                lambda: struct.unpack(">d", r.getrandbits(64).to_bytes(8, "big"))[0],
                lambda: r.choice((0.0, -0.0, float("inf"), float("-inf"), float("nan"), 5e-324)),
                self.text,
                self.text,
                lambda: r.getrandbits(8 * 300).to_bytes(300, "big")[: r.choice((0, 1, 5, 255, 256, 300))],
                lambda: datetime.datetime(
                    r.randint(1000, 9999), r.randint(1, 12), r.randint(1, 28), r.randint(0, 23),
                    r.randint(0, 59), r.randint(0, 59), r.choice((0, r.randint(0, 999999))),
                ),
                lambda: datetime.date(r.randint(1000, 9999), r.randint(1, 12), r.randint(1, 28)),
            )
        )()

    def text(self):
        r = self.random
        length = r.choice((0, 1, 3, 10, 23, 24, 31, 32, 33, 255, 256))
        points = (lambda: r.randint(32, 126), lambda: r.randint(0, 0x7FF), lambda: r.randint(0xE000, 0x10FFFF))
        one = r.choice(points)
        return "".join(chr(one()) for _ in range(length))

    def key(self):
        r = self.random
        return r.choice((self.text, self.text, self.text, lambda: r.randint(-300, 70000), lambda: None, lambda: b"k%d" % r.randint(0, 9)))()

    def value(self, depth):
        r = self.random
        kind = r.random()
        if depth == 0 or kind < 0.4:
            return self.scalar()
        if kind < 0.6:
            made = [self.value(depth - 1) for _ in range(r.choice((0, 1, 2, 3, 16)))]
            return r.choice((list, tuple))(made)
        if kind < 0.65:
            return {r.randint(0, 9) for _ in range(3)}
        return {self.key(): self.value(depth - 1) for _ in range(r.choice((0, 1, 2, 5, 16)))}


def main(count, seed):
    stdin = sys.stdin.buffer
    while True:
        head = stdin.read(4)
        if len(head) < 4:
            break
        write(answer(stdin.read(struct.unpack(">I", head)[0])))
    maker = Maker(seed)
    for _ in range(count):
        data = dump(maker.value(3))
        out = []
        describe(load(data), out)
        write(data)
        write(" ".join(out).encode())


main(int(sys.argv[1]), int(sys.argv[2]))
