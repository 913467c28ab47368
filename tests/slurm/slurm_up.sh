#!/usr/bin/env bash
# A SLURM for the tests, on the loopback interface: no systemd, no cgroups, no accounting. Root, Debian.
# It has one node, or as many as its argument says: then several slurmd on this machine, with one GPU each.
# Nothing happens if it is up. Exit status 77: it cannot be had here (the last line says why).
set -euo pipefail
count=${1:-1}
here=$(cd "$(dirname "$0")" && pwd)
home=/var/lib/safelrm-slurm
mark="# SLURM of SafeLRM's tests: $here/slurm_down.sh removes it"

impossible() { echo "$1"; exit 77; }

[ "$(id -u)" = 0 ] || impossible "SLURM's daemons need root"
if [ -e /etc/slurm/slurm.conf ] && ! grep -q "^# SLURM of SafeLRM's tests" /etc/slurm/slurm.conf; then
    impossible "/etc/slurm/slurm.conf is of another SLURM"
fi
installed() { for tool in slurmctld slurmd sbatch munged setpriv; do command -v "$tool" >/dev/null || return 1; done; }
packages=(slurmctld slurmd slurm-client munge)
install_packages() { DEBIAN_FRONTEND=noninteractive apt-get install -yqq --no-install-recommends "${packages[@]}"; }
installed || { install_packages || { apt-get update -qq && install_packages; }; } >/dev/null 2>&1 || true
installed || impossible "apt-get cannot install ${packages[*]}"

mkdir -p /etc/slurm "$home/state" "$home/spool"
install -d -o munge -g munge -m 755 /run/munge
touch "$home/gpu0" "$home/gpu1"   # what SLURM counts as GPUs
node=""   # what tells the files of several slurmd apart
nodes="NodeName=localhost NodeAddr=127.0.0.1 CPUs=3 RealMemory=1000000 Gres=gpu:fake:2 State=UNKNOWN"
gpus="Name=gpu Type=fake File=$home/gpu[0-1]"
if [ "$count" -gt 1 ]; then
    node=".%n" nodes="" gpus=""
    for i in $(seq 0 $((count - 1))); do
        # only of what is a device SLURM tells jobs which they have
        [ -c "$home/gpu$i" ] || { rm -f "$home/gpu$i"; mknod "$home/gpu$i" c 1 3; }
        # its name is no host's, as sites may have it
        nodes+="NodeName=node$i NodeHostname=localhost NodeAddr=127.0.0.1 Port=$((17000 + i))"
        nodes+=" CPUs=3 RealMemory=1000000 Gres=gpu:fake:1 State=UNKNOWN"$'\n'
        gpus+="NodeName=node$i Name=gpu Type=fake File=$home/gpu$i"$'\n'
    done
fi
# Three jobs at a time, whatever the machine has: one of them may be waiting for its end. A job in the partition
# `scavenge` gives way to one in `urgent`, and has 20 s for it; any job that is ended has 30 s.
cat > /etc/slurm/slurm.conf <<CONF
$mark
ClusterName=safelrm
SlurmctldHost=localhost(127.0.0.1)
AuthType=auth/munge
SlurmUser=root
SlurmdUser=root
StateSaveLocation=$home/state
SlurmdSpoolDir=$home/spool$node
SlurmctldPidFile=$home/slurmctld.pid
SlurmdPidFile=$home/slurmd$node.pid
SlurmctldLogFile=$home/slurmctld.log
SlurmdLogFile=$home/slurmd$node.log
SlurmdParameters=config_overrides
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
MpiDefault=none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
SchedulerParameters=sched_min_interval=200000,batch_sched_delay=0
PreemptType=preempt/partition_prio
PreemptMode=CANCEL
KillWait=30
MinJobAge=3600
OverTimeLimit=0
ReturnToService=2
SlurmctldTimeout=300
SlurmdTimeout=300
GresTypes=gpu
$nodes
PartitionName=cpu Nodes=ALL Default=YES MaxTime=INFINITE PriorityTier=1 PreemptMode=OFF State=UP
PartitionName=scavenge Nodes=ALL MaxTime=INFINITE PriorityTier=1 PreemptMode=CANCEL GraceTime=20 State=UP
PartitionName=urgent Nodes=ALL MaxTime=INFINITE PriorityTier=2 State=UP
CONF
echo "$gpus" > /etc/slurm/gres.conf

alive() { [ -s "$1" ] && kill -0 "$(cat "$1")" 2>/dev/null; }
alive /run/munge/munged.pid || setpriv --reuid=munge --regid=munge --clear-groups /usr/sbin/munged
alive "$home/slurmctld.pid" || slurmctld
if [ "$count" = 1 ]; then
    alive "$home/slurmd.pid" || slurmd
else
    for i in $(seq 0 $((count - 1))); do
        mkdir -p "$home/spool.node$i"
        alive "$home/slurmd.node$i.pid" || slurmd -N "node$i"
    done
fi
for _ in $(seq 60); do
    ready=$(sinfo --noheader --Node --partition cpu --format %t 2>/dev/null | grep -Ec '^(idle|mix|alloc)' || true)
    [ "$ready" -ge "$count" ] && exit 0
    sleep 0.5
done
tail -n 20 "$home"/slurm*.log >&2
echo "SLURM does not come up" >&2
exit 1
