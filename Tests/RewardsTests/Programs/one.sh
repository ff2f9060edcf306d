#!/bin/sh
# A reward of 1 for one picture at a time, which starts at once. A file in FOLDER is left for each start.
# Usage: one.sh FOLDER
: >"$1/$$"
while read -r _; do echo '{"rewards": [1]}'; done
