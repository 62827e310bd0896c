"""
Salt's own Python client, side by side with ours: listens to or fires on the bus of a master or a minion.

    salt_client.py listen --node minion --sock-dir DIR --id ID [--count N] [--tag T] [--match TYPE] [--timeout S]
    salt_client.py fire   --node master --sock-dir DIR

Runs with Salt 3006, 3007 and 3008. `listen` prints one JSON map a line, {"tag": ..., "data": ...}, after a first line
{"ready": true} when its subscription is known to see events; it ends with 0 after N events and with 3 when the time is up.
`fire` reads such lines, fires each, and prints {"fired": N}; it ends with 1 when one could not be fired.

JSON has no bytes and no dates: bytes are {"__bytes__": "<base64>"} both ways, and what else JSON cannot hold is printed as
its text.
"""

import argparse
import base64
import json
import os
import signal
import sys
import uuid

import salt.utils.event

READY_TAG = "saltbus/interop/ready/"


def to_json(value):
    if isinstance(value, bytes):
        return {"__bytes__": base64.b64encode(value).decode()}
    return str(value)


def from_json(value):
    if set(value) == {"__bytes__"}:
        return base64.b64decode(value["__bytes__"])
    return value


def say(line):
    print(json.dumps(line, default=to_json), flush=True)


def connect(args, listen):
    opts = {"sock_dir": args.sock_dir, "id": args.id}
    if args.node == "master":
        return salt.utils.event.MasterEvent(args.sock_dir, opts=opts, listen=listen)
    return salt.utils.event.MinionEvent(opts, listen=listen)


def listen(args):
    if args.timeout:
        # get_event() loses what arrives between two of its time-outs (3007 opens a new connection after each), so it is asked
        # to wait for ever, and the time limit ends the process.
        signal.signal(signal.SIGALRM, lambda *_: os._exit(3))
        signal.setitimer(signal.ITIMER_REAL, args.timeout)
    event = connect(args, listen=True)
    echo = READY_TAG + uuid.uuid4().hex
    while True:
        event.fire_event({}, echo)
        if event.get_event(wait=1, tag=echo, match_type="startswith") is not None:
            break
    say({"ready": True})
    seen = 0
    while args.count == 0 or seen < args.count:
        got = event.get_event(wait=0, tag=args.tag, match_type=args.match, full=True)
        if got is None:
            # the bus is gone
            return 4
        if got["tag"].startswith(READY_TAG):
            continue
        say({"tag": got["tag"], "data": got["data"]})
        seen += 1
    event.destroy()
    return 0


def fire(args):
    event = connect(args, listen=False)
    fired = 0
    for line in sys.stdin:
        item = json.loads(line, object_hook=from_json)
        if not event.fire_event(item["data"], item["tag"], timeout=5000):
            return 1
        fired += 1
    event.destroy()
    say({"fired": fired})
    return 0


def main():
    parser = argparse.ArgumentParser()
    commands = parser.add_subparsers(dest="command", required=True)
    for name in ("listen", "fire"):
        command = commands.add_parser(name)
        command.add_argument("--node", choices=("master", "minion"), required=True)
        command.add_argument("--sock-dir", required=True)
        command.add_argument("--id", default="")
    listening = commands.choices["listen"]
    listening.add_argument("--count", type=int, default=0, help="0: for ever")
    listening.add_argument("--tag", default="")
    listening.add_argument("--match", default="startswith")
    listening.add_argument("--timeout", type=float, default=0, help="seconds; 0: none")
    args = parser.parse_args()
    return listen(args) if args.command == "listen" else fire(args)


if __name__ == "__main__":
    sys.exit(main())
