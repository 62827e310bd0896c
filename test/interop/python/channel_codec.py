"""Does to each task on stdin (a JSON list) what Salt's own code does, and prints the results as a JSON list.

Bytes are {"__bytes__": "<base64>"} in both directions.
"""

import base64
import json
import sys

import salt.crypt
import salt.payload
import salt.utils.crypt

OPTS = {"__role": "minion", "id": "web1"}


def given(value):
    if isinstance(value, dict):
        if set(value) == {"__bytes__"}:
            return base64.b64decode(value["__bytes__"])
        return {key: given(element) for key, element in value.items()}
    if isinstance(value, list):
        return [given(element) for element in value]
    return value


def shown(value):
    if isinstance(value, bytes):
        return {"__bytes__": base64.b64encode(value).decode()}
    if isinstance(value, dict):
        return {str(key): shown(element) for key, element in value.items()}
    if isinstance(value, (list, tuple)):
        return [shown(element) for element in value]
    return value


def private_key(path):
    kind = salt.crypt.PrivateKey
    return kind.from_file(path) if hasattr(kind, "from_file") else kind(path)


def public_key(path):
    return salt.crypt.PublicKey.from_file(path)


def crypticle(key):
    return salt.crypt.Crypticle(OPTS, key)


TASKS = {
    "dumps": lambda value: salt.payload.dumps(value),
    "loads": lambda data: salt.payload.loads(data),
    "seal": lambda key, value, nonce: crypticle(key).dumps(value, nonce),
    "open": lambda key, blob, nonce: crypticle(key).loads(blob, nonce=nonce),
    "sign": lambda path, data, algorithm: private_key(path).sign(data, algorithm),
    "verify": lambda path, data, signature, algorithm: public_key(path).verify(data, signature, algorithm),
    "encrypt": lambda path, data, algorithm: public_key(path).encrypt(data, algorithm),
    "decrypt": lambda path, data, algorithm: private_key(path).decrypt(data, algorithm),
    "x931_sign": lambda path, data: private_key(path).encrypt(data),
    "x931_recover": lambda path, signature: public_key(path).decrypt(signature),
    "finger": lambda path, kind: salt.utils.crypt.pem_finger(path, sum_type=kind),
    "clean": lambda text: salt.crypt.clean_key(text),
    "key_string": lambda: salt.crypt.Crypticle.generate_key_string(),
}


def done(name, arguments):
    try:
        return shown(TASKS[name](*given(arguments)))
    except Exception as error:  # pylint: disable=broad-except
        return {"__error__": type(error).__name__}


print(json.dumps([done(name, arguments) for name, arguments in json.load(sys.stdin)]))
