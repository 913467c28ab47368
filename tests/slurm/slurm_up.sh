#!/usr/bin/env bash
# A single-node SLURM for the tests, on the loopback interface: no systemd, no cgroups, no accounting. Root, Debian.
# Nothing happens if it is up. Exit status 77: it cannot be had here (the last line says why).
set -euo pipefail
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
SlurmdSpoolDir=$home/spool
SlurmctldPidFile=$home/slurmctld.pid
SlurmdPidFile=$home/slurmd.pid
SlurmctldLogFile=$home/slurmctld.log
SlurmdLogFile=$home/slurmd.log
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
NodeName=localhost NodeAddr=127.0.0.1 CPUs=3 RealMemory=1000000 Gres=gpu:fake:2 State=UNKNOWN
PartitionName=cpu Nodes=ALL Default=YES MaxTime=INFINITE PriorityTier=1 PreemptMode=OFF State=UP
PartitionName=scavenge Nodes=ALL MaxTime=INFINITE PriorityTier=1 PreemptMode=CANCEL GraceTime=20 State=UP
PartitionName=urgent Nodes=ALL MaxTime=INFINITE PriorityTier=2 State=UP
CONF
echo "Name=gpu Type=fake File=$home/gpu[0-1]" > /etc/slurm/gres.conf

alive() { [ -s "$1" ] && kill -0 "$(cat "$1")" 2>/dev/null; }
alive /run/munge/munged.pid || setpriv --reuid=munge --regid=munge --clear-groups /usr/sbin/munged
alive "$home/slurmctld.pid" || slurmctld
alive "$home/slurmd.pid" || slurmd
for _ in $(seq 60); do
    sinfo --noheader --format %t 2>/dev/null | grep -Eq '^(idle|mix|alloc)' && exit 0
    sleep 0.5
done
tail -n 20 "$home"/slurm*.log >&2
echo "SLURM does not come up" >&2
exit 1
