#!/bin/sh
# Fires an event on the event bus of this host's minion.
exec saltbus fire "${1:-mytag}" message='a drop in the bucket' --node minion
