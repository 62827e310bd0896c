"""Prints what Salt's file server answers: reads JSON {opts, requests: [[method, load]]} and prints a JSON list of replies."""

import base64
import json
import logging
import sys

import salt.config
import salt.fileserver

logging.disable(logging.CRITICAL)
asked = json.load(sys.stdin)

opts = salt.config.DEFAULT_MASTER_OPTS.copy()
opts["__role"] = "master"
opts["fileserver_backend"] = ["roots"]
opts["extension_modules"] = ""
opts.update(asked["opts"])
server = salt.fileserver.Fileserver(opts)


def said(value):
    return {"__bytes__": base64.b64encode(value).decode()} if isinstance(value, bytes) else str(value)


print(json.dumps([getattr(server, method)(load) for method, load in asked["requests"]], default=said))
