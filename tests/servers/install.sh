#!/bin/sh
# The servers that the tests of this folder start, from the packages of Debian; none of them is started here.
set -e
packages="munge slurm-client slurmctld slurmd xrootd-client xrootd-server"
export DEBIAN_FRONTEND=noninteractive
# Packages of daemons start them where they can: here they only lie ready for the tests.
if [ ! -e /usr/sbin/policy-rc.d ]; then
    printf '#!/bin/sh\nexit 101\n' > /usr/sbin/policy-rc.d
    chmod 755 /usr/sbin/policy-rc.d
    trap 'rm -f /usr/sbin/policy-rc.d' EXIT
fi
apt-get update
# shellcheck disable=SC2086
apt-get install -y --no-install-recommends $packages
