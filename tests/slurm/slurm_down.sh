#!/usr/bin/env bash
# Ends what slurm_up.sh started, jobs included, and removes its configuration: with a configured SLURM whose
# controller is down, every start of Snakemake waits for it.
set -euo pipefail
home=/var/lib/safelrm-slurm
conf=/etc/slurm/slurm.conf
grep -qs "^# SLURM of SafeLRM's tests" "$conf" || exit 0

stop() {
    [ -s "$1" ] || return 0
    pid=$(cat "$1")
    kill "$pid" 2>/dev/null || return 0
    for _ in $(seq 50); do kill -0 "$pid" 2>/dev/null || return 0; sleep 0.1; done
    kill -KILL "$pid"
}

timeout 10 scancel --user=root --signal=KILL 2>/dev/null || true
timeout 10 scancel --user=root 2>/dev/null || true
for _ in $(seq 10); do
    [ -n "$(timeout 5 squeue --noheader 2>/dev/null)" ] || break
    sleep 0.5
done
for file in "$home"/slurmd*.pid; do stop "$file"; done
stop "$home/slurmctld.pid"
stop /run/munge/munged.pid
rm -rf "$conf" /etc/slurm/gres.conf "$home"
