#!/bin/sh
# Fires an event on the event bus of this host's master.
exec saltbus fire "${1:-mytag}" '{"sample-msg": "this is a test", "example": "this is the same test"}' --node master
