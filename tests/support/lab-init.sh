#!/bin/sh
# Turns a fresh set of namespaces into a small machine, and boots the real systemd as its process 1.
# $1: an empty folder for its root. Everything lies in tmpfs, and goes when the namespaces go.
# Further arguments come in twos: a folder outside, and where it is seen inside, read-only.
set -eu
root=$1
shift
export PATH=/usr/sbin:/usr/bin:/sbin:/bin

mount --make-rprivate /
mount -t tmpfs -o mode=755 lab "$root"
cd "$root"
mkdir -p usr etc/systemd/system etc/pam.d var/lib var/tmp var/log/journal proc sys dev run tmp root home opt .old
chmod 1777 tmp var/tmp
for name in bin sbin lib lib32 lib64 libx32; do
    if [ -L "/$name" ]; then cp -P "/$name" "$name"; fi
done
mount --bind -o ro /usr usr
for name in passwd group shadow gshadow nsswitch.conf ld.so.cache ld.so.conf ld.so.conf.d alternatives dbus-1 polkit-1 pam.d security login.defs; do
    if [ -e "/etc/$name" ]; then cp -a "/etc/$name" etc/; fi
done
while [ $# -gt 0 ]; do
    mkdir -p ".$2"
    mount --bind -o ro "$1" ".$2"
    shift 2
done
tr -d - </proc/sys/kernel/random/uuid >etc/machine-id
echo lab >etc/hostname

mount -t proc proc proc
mount --bind -o ro proc/sys proc/sys
mount -t sysfs -o ro sysfs sys
mount -t cgroup2 cgroup2 sys/fs/cgroup
mount -t tmpfs -o mode=755 dev dev
mkdir dev/pts dev/shm
for name in null zero full random urandom tty; do
    touch "dev/$name"
    mount --bind "/dev/$name" "dev/$name"
done
mount -t devpts -o newinstance,ptmxmode=0666 devpts dev/pts
ln -s pts/ptmx dev/ptmx
mount -t tmpfs -o mode=1777 shm dev/shm
mount -t tmpfs -o mode=755 run run

pivot_root . .old
cd /
umount -l .old
mount --make-rshared / # without it, what systemd mounts for a unit is not seen there
exec env -i container=lab PATH=/usr/sbin:/usr/bin:/sbin:/bin \
    /lib/systemd/systemd --unit=multi-user.target --log-target=journal-or-kmsg --show-status=false
