"""Prints, for each JSON text in the list on stdin, what Salt's command line makes of it: a JSON list of [type, repr]."""

import json
import sys

import salt.utils.args


def show(value):
    if isinstance(value, dict):
        return ["map", [[show(key), show(element)] for key, element in value.items()]]
    if isinstance(value, (list, tuple)):
        return ["list", [show(element) for element in value]]
    if isinstance(value, bytes):
        return ["bytes", value.hex()]
    if isinstance(value, float):
        return ["float", repr(value)]
    if value is None or isinstance(value, bool):
        return ["word", str(value)]
    return [type(value).__name__, str(value)]


print(json.dumps([show(salt.utils.args.yamlify_arg(text)) for text in json.load(sys.stdin)]))
