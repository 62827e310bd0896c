"""
One process of a benchmark on a real Salt's bus, with Salt's own client: fires or listens, every event decoded on arrival.

    salt_part.py fire   SOCK_DIR COUNT
    salt_part.py listen SOCK_DIR COUNT
    salt_part.py echo   SOCK_DIR COUNT RATE

`fire` prints "fired" at its end, `listen` prints "up" when it is subscribed and the rate in events a second at its end. `echo` fires RATE events a second and prints the
round-trip times in microseconds, as a JSON list.
"""

import json
import sys
import time

import salt.utils.event

TAG = "salt/job/20241122101010123456/ret/web01.example.com"
DATA = {
    "cmd": "_return",
    "id": "web01.example.com",
    "success": True,
    "return": {"pid": 4711, "retcode": 0, "stdout": "OK: 123 processes with 0 zombies".ljust(96, "."), "stderr": ""},
    "retcode": 0,
    "jid": "20241122101010123456",
    "fun": "cmd.run_all",
    "fun_args": ["/usr/lib/nagios/plugins/check_procs -w 150 -c 200"],
    "user": "root",
    "ts": 1732288801,
}


def connect(sock_dir, listen):
    return salt.utils.event.MasterEvent(sock_dir, opts={"sock_dir": sock_dir, "id": ""}, listen=listen)


def subscribed(sock_dir):
    event = connect(sock_dir, True)
    while True:
        event.fire_event({}, "bench/ready")
        if event.get_event(wait=1, tag="bench/ready") is not None:
            return event


def fire(sock_dir, count):
    event = connect(sock_dir, False)
    for _ in range(count):
        event.fire_event(dict(DATA), TAG, timeout=5000)
    print("fired", flush=True)
    event.destroy()


def listen(sock_dir, count):
    event = subscribed(sock_dir)
    print("up", flush=True)
    begun = None
    for _ in range(count):
        event.get_event(wait=0, tag="salt/job/", full=True)
        if begun is None:
            begun = time.monotonic()
    print(count / (time.monotonic() - begun), flush=True)


def echo(sock_dir, count, rate):
    event = subscribed(sock_dir)
    times = []
    due = time.monotonic()
    for n in range(count):
        due += 1 / rate
        while time.monotonic() < due:
            pass
        begun = time.monotonic()
        event.fire_event({"n": n}, "bench/echo")
        event.get_event(wait=0, tag="bench/echo")
        times.append((time.monotonic() - begun) * 1e6)
    print(json.dumps(times), flush=True)


if __name__ == "__main__":
    role, place, number = sys.argv[1], sys.argv[2], int(sys.argv[3])
    if role == "fire":
        fire(place, number)
    elif role == "listen":
        listen(place, number)
    else:
        echo(place, number, int(sys.argv[4]))
