/** The programs that a guest of a lab begins with: scripts of its busybox. */

/** What is on the kernel command line to make a guest run them. */
export const GUEST_COMMAND_LINE = 'console=ttyS0 quiet panic=-1 rdinit=/init';
/** What the guest says on its console once its NICs are set up, and its shell answers. */
export const GUEST_READY = 'guest ready';

/** Loads the drivers, sets up each NIC of guest-config.ts, and offers a shell on the second serial line. */
export function initScript(modules: readonly string[]): string {
  return `#!/bin/busybox sh
/bin/busybox --install -s /bin
export PATH=/bin
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs dev /dev
for module in ${modules.join(' ')}; do insmod /modules/$module.ko 2>/dev/null; done
ip link set lo up

# Which interface has this MAC address.
find_nic() {
  for each in /sys/class/net/*; do
    [ "$(cat $each/address)" = "$1" ] && basename $each && return
  done
}

# Names that are taken already are in the way of those that are wanted.
i=0
for each in /sys/class/net/*; do
  name=$(basename $each)
  [ $name = lo ] || ip link set $name name nic$i
  i=$((i + 1))
done

while read -r name mac mtu how addresses; do
  case $mac in
    -) ip link add link \${name%.*} name $name type vlan id \${name##*.} ;;
    *) ip link set $(find_nic $mac) name $name ;;
  esac
  ip link set $name mtu $mtu
  ip link set $name up
  for address in $addresses; do
    family=-4
    case $address in *:*) family=-6 ;; esac
    ip addr add \${address%,*} dev $name
    case $address in *,*) ip $family route add default via \${address#*,} dev $name ;; esac
  done
  [ $how = dhcp ] && udhcpc -i $name -s /etc/netloom/dhcp -x hostname:$(hostname) -O 121 -O mtu -b -t 3 -T 1 >/dev/null 2>&1
done < /etc/netloom/nics

# Commands come in by the second serial line. Who connects can end with ^C what an earlier client has left running.
stty -F /dev/ttyS1 -echo -icanon -opost -icrnl min 1
while :; do
  setsid -c sh /etc/netloom/commands < /dev/ttyS1 > /dev/ttyS1 2>&1
done
`;
}

/** What busybox's DHCP client calls: the address, the MTU (option 26), and routes (options 3 and 121). */
export const DHCP_SCRIPT = `#!/bin/busybox sh
case $1 in
  deconfig) ip link set $interface up; ip -4 addr flush dev $interface ;;
  bound | renew)
    [ -n "$mtu" ] && ip link set $interface mtu $mtu
    ip -4 addr replace $ip/$mask dev $interface
    if [ -n "$staticroutes" ]; then
      set -- $staticroutes
      while [ $# -ge 2 ]; do
        if [ $2 = 0.0.0.0 ]; then ip route replace $1 dev $interface
        else ip route replace $1 via $2 dev $interface onlink; fi
        shift 2
      done
    else
      for each in $router; do ip route replace default via $each dev $interface onlink; break; done
    fi ;;
esac
`;

/** Runs what comes in, line after line. From the first line on it stands a ^C. */
export const COMMAND_LOOP = `trap : INT
echo ${GUEST_READY} > /dev/ttyS0
while :; do
  read -r line && eval "$line"
done
`;
