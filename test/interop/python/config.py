"""Prints what Salt makes of the configuration directories named as arguments: a JSON list of [minion, master]."""

import json
import logging
import os
import sys

import salt.config

logging.disable(logging.CRITICAL)
KEYS = ("id", "sock_dir", "hash_type", "ipc_mode", "max_event_size", "tcp_pub_port", "tcp_master_pull_port")

result = []
for folder in sys.argv[1:]:
    os.environ.pop("SALT_MINION_CONFIG", None)
    # Any role: as role "minion" the id would be looked up, and cached, in the system's own configuration directory.
    minion = salt.config.minion_config(os.path.join(folder, "minion"), minion_id="guessed", ignore_config_errors=True)
    master = salt.config.master_config(os.path.join(folder, "master"), exit_on_config_errors=False)
    result.append([{key: opts.get(key) for key in KEYS} for opts in (minion, master)])
print(json.dumps(result))
