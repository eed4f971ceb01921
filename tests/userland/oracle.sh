#!/bin/sh
# Runs one command line on the oracle, in a root of its own that is gone afterwards. As root, and in namespaces of its own:
#
#   unshare --mount --pid --uts --fork --kill-child oracle.sh ROOT FILES SCRATCH HOSTNAME FOLDER COMMAND...
#
# ROOT is the unpacked layer and stays as it is, FILES a folder copied over it, SCRATCH an empty folder to mount things on,
# FOLDER where the command runs. SCRATCH.nanoseconds says how long the command took; its environment is the caller's.
set -eu
root=$1 files=$2 scratch=$3 hostname=$4 folder=$5
shift 5
tools=$PATH
mount -t tmpfs none "$scratch"
mkdir "$scratch/changes" "$scratch/work" "$scratch/root"
mount -t overlay overlay -o "lowerdir=$root,upperdir=$scratch/changes,workdir=$scratch/work" "$scratch/root"
cd "$scratch/root"
mount -t proc proc proc
mount -t sysfs -o ro sysfs sys
mount --rbind /dev dev
mount -t tmpfs -o mode=1777 tmpfs tmp
cp -a "$files/." .
hostname "$hostname"
start=$(date +%s%N)
code=0
# Leads a session, as a program that an application starts in Tidemark does.
env PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
    "$(command -v setsid)" --wait "$(command -v unshare)" --root "$scratch/root" --wd "$folder" "$@" || code=$?
end=$(PATH=$tools date +%s%N)
echo $((end - start)) >"$scratch.nanoseconds"
exit $code
