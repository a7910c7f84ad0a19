#!/bin/sh
# Two machines that want one address. Read along while it runs; every step is a command that you can type yourself.
#
#     npx netloom up                         # in one terminal, on an empty data directory
#     sh examples/aaa-bbb/story.sh           # in another
#
# NETLOOM is the command to use, where it is not "npx netloom". The story stops where something is not as told here.
set -eu
cd "$(dirname "$0")"
NETLOOM="${NETLOOM:-npx netloom}"

say() { printf '\n# %s\n' "$*"; }

# Shows a command and runs it.
run() {
  printf '$ netloom %s\n' "$*"
  $NETLOOM "$@" 2>&1
}

# The same for a command that has to be refused, with these words in its answer.
refused() {
  words=$1
  shift
  printf '$ netloom %s\n' "$*"
  if answer=$($NETLOOM "$@" 2>&1); then
    printf '%s\nThis should have been refused.\n' "$answer"
    exit 1
  fi
  printf '%s\n' "$answer"
  case $answer in
  *"$words"*) ;;
  *)
    printf 'The reason should have been: %s\n' "$words"
    exit 1
    ;;
  esac
}

say 'Two hosts, and test01 and test02 on the logical network TDIv2 as it is.'
run apply -f fabric.yaml

say 'Inside test01 somebody sets 10.10.1.122 by hand. Inside test02 somebody does the same: it notices, and falls back.'
run guest test01 --address 10.10.1.122/16
refused '169.254.' guest test02 --address 10.10.1.122/16
run endpoints

say 'So test01 shall have a network of its own, AAA. What would be missing for that, all of it at once?'
refused 'has no subnet' vm connect test01 --network AAA --explain

say 'Step by step: the network.'
run apply -f 1-network.yaml

say 'The network has no subnet yet. test01 stays where it is.'
refused 'has no subnet' vm connect test01 --network AAA
run apply -f 2-subnet.yaml

say 'The subnet has no pool of addresses yet. test01 stays where it is.'
refused 'has no IP address pool' vm connect test01 --network AAA
refused 'has no IP address pool' vm connect test01 --network AAA --explain
run apply -f 3-pool.yaml

say 'Now it works: the first address of the pool, by DHCP.'
run vm connect test01 --network AAA --explain
run vm connect test01 --network AAA

say 'A second network BBB, with the same prefix and a pool of the same name and range.'
run apply -f 4-second-network.yaml
run vm connect test02 --network BBB --subnet test

say 'Both machines have 10.10.1.100, and nobody is in the way of anybody.'
run endpoints
run ping test01 10.10.0.1
run ping test02 10.10.0.1
refused 'which nothing from test01/eth0 reaches' ping test01 test02

say 'Every attempt is a job, the failed ones too. The log of the first one that failed says why, and what to do:'
run job list
run job log "$($NETLOOM job list | awk '$2 == "failed" { job = $1 } END { print job }')"

say 'When test01 is gone, its address is inactive for a while, and nobody else is given it.'
deleted=$(run delete vm test01)
printf '%s\n' "$deleted"
run pool show 'VmSubnet/AAA/test/CA Pool'

say 'Undoing that brings test01 back, with the address that it had.'
run undo "$(printf '%s\n' "$deleted" | sed -n 's/^Revision \([0-9]*\):.*/\1/p')"
run endpoints
