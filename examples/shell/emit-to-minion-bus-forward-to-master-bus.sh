#!/bin/sh
# Fires on the minion bus what the minion forwards to the bus of its master: one event, then a list of five.
set -e
tag="${1:-mytag}"

# One event: it arrives with the minion's verified id around it, as {id, tag, data: {...}, ts, ...}.
saltbus fire "$tag" message='a single drop' --to-master

# A list: five events, in order, each with its own data and nothing else.
saltbus fire "$tag" --to-master '[
  {"message": "a drap in the bucket"},
  {"message": "a drep in the bucket"},
  {"message": "a drip in the bucket"},
  {"message": "a drop in the bucket"},
  {"message": "a drup in the bucket"}
]'
