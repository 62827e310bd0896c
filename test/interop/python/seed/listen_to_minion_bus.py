# needed for config to opts processing
import os
import salt.syspaths as syspaths
import salt.config

# get opts from minion config file, this function also looks in drop dir!
opts = salt.config.minion_config(
    os.path.join(os.environ.get("SALT_CONFIG_DIR", syspaths.CONFIG_DIR), "minion")
)

# debug to STDERR
import salt._logging

salt._logging.setup_console_handler("all")

# event libary for events over ZMQ
import salt.utils.event

# opts must have the valid minion ID else it binds to invalid socket
event = salt.utils.event.MinionEvent(opts)

tag = "mytag"

print("Listening for events tagged '{}' on Salt Minion bus.".format(tag), flush=True)

# generator iterator yields events forever, we filter on tag
for data in event.iter_events(tag=tag):
    print(data, flush=True)
