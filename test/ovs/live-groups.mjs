// Joins groups and leaves them again. Usage: live-groups.mjs ADDRESS INTERFACE [sources]
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';

const [, , address, nic, sources] = process.argv;
const four = createSocket('udp4').bind(0);
const six = createSocket('udp6').bind(0);
await Promise.all([once(four, 'listening'), once(six, 'listening')]);
four.addMembership('239.1.1.1', address);
six.addMembership('ff05::1234', `::%${nic}`);
if (sources) {
  four.addSourceSpecificMembership('192.0.2.1', '232.1.1.1', address);
  six.addSourceSpecificMembership('2001:db8:1::1', 'ff35::1', `::%${nic}`);
}
await sleep(500);
four.close();
six.close();
await sleep(500);
