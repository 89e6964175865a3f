#!/bin/sh
# A pilot for the demo without HTCondor: takes jobs out of a folder, one by one, until none come for a while.
# usage: local-pilot.sh FOLDER IDLE_SECONDS
folder=$1 idle=$2 done=0 waited=0
while [ "$waited" -lt "$idle" ]; do
    taken=
    for job in "$folder"/ready/*; do
        # Whoever moves the file has the job: a rename succeeds for one only.
        [ -e "$job" ] && mv "$job" "$folder/running/" 2>/dev/null && taken=${job##*/} && break
    done
    if [ -z "$taken" ]; then
        sleep 1 && waited=$((waited + 1))
        continue
    fi
    waited=0
    sh "$folder/running/$taken" && mv "$folder/running/$taken" "$folder/done/" && done=$((done + 1))
done
echo "APF-WRAPPER: jobs=$done ok=$done failed=0"
