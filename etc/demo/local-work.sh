#!/bin/sh
# Says how much work waits in the demo without HTCondor, as "queue status number".
# usage: local-work.sh FOLDER QUEUE...
folder=$1 && shift
for queue; do
    for status in ready running done; do
        echo "$queue $status $(find "$folder/$queue/$status" -type f | wc -l)"
    done
done
