import sys

# debug logging to STDERR
import salt._logging

salt._logging.setup_console_handler("all")

# event libary for events over ZMQ
import salt.utils.event

payload = {"sample-msg": "this is a test", "example": "this is the same test"}

sock_dir = sys.argv[1] if len(sys.argv) > 1 else "/var/run/salt/master"

# create event object, attach to master socket ...
event = salt.utils.event.SaltEvent("master", sock_dir, listen=False)

# post the event
event.fire_event(payload, "mytag")
event.destroy()
