"""Asks Salt's own matchers whether targets match minions, as a minion does with a job it receives.

Reads base64 of msgpack from stdin: {minions: [{id, grains, pillar}], nodegroups, targets: [{tgt, tgt_type, [delimiter]}]}.
Prints JSON: for each minion a list with true, false or "error" for each target.
"""

import base64
import json
import logging
import sys

import msgpack
import salt.config
import salt.loader

logging.disable(logging.CRITICAL)


def ask(matchers, load):
    match = matchers.get("{}_match.match".format(load["tgt_type"]), None)
    if match is None:
        return False
    kwargs = {}
    # what the minion passes on, the same in 3006.30, 3007.17 and 3008.5
    if load["tgt_type"] in ("grain", "grain_pcre", "pillar"):
        kwargs["delimiter"] = load.get("delimiter", ":")
    try:
        return bool(match(load["tgt"], **kwargs))
    except Exception:
        return "error"


def answers_of(minion, case):
    # loaders share their modules: the newest is the only one with its own opts
    opts = salt.config.DEFAULT_MINION_OPTS.copy()
    opts.update(minion, nodegroups=case["nodegroups"])
    matchers = salt.loader.matchers(opts)
    return [ask(matchers, load) for load in case["targets"]]


case = msgpack.unpackb(base64.b64decode(sys.stdin.read()), raw=False, strict_map_key=False)
print(json.dumps([answers_of(minion, case) for minion in case["minions"]]))
