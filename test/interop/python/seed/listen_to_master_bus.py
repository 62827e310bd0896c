import sys

# debug logging to STDERR
import salt._logging

salt._logging.setup_console_handler("all")

# event libary for events over ZMQ
import salt.utils.event

# create event object, attach to master socket ...
event = salt.utils.event.MasterEvent(sys.argv[1] if len(sys.argv) > 1 else "/var/run/salt/master")

tag = "mytag"

print("Listening for events tagged '{}' on Salt Master bus.".format(tag), flush=True)

# generator iterator yields events forever, we filter on tag
for data in event.iter_events(tag=tag):
    print(data, flush=True)
