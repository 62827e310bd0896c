#!/bin/sh
# Listens on the event bus of this host's minion. Optional argument: the tag to listen for.
exec saltbus listen "${1:-mytag}" --node minion --ready
