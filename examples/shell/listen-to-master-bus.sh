#!/bin/sh
# Listens on the event bus of this host's master. Optional argument: the tag to listen for.
exec saltbus listen "${1:-mytag}" --node master --ready
