"""Prints what a master of this release finds of a minion in the cache directory given: JSON {grains, mine}."""

import json
import logging
import sys

import salt.cache
import salt.config
import salt.utils.minions

logging.disable(logging.CRITICAL)
cachedir, minion, mine_bank, mine_key = sys.argv[1:]

opts = salt.config.DEFAULT_MASTER_OPTS.copy()
opts["__role"] = "master"
opts["cachedir"] = cachedir
opts["extension_modules"] = ""
_, grains, _ = salt.utils.minions.get_minion_data(minion, opts)
print(json.dumps({"grains": grains, "mine": salt.cache.factory(opts).fetch(mine_bank, mine_key)}))
