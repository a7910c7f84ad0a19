import fc from 'fast-check';
import { expect, it } from 'vitest';
import { domainOf } from './libvirt-domain.ts';

it('finds the taps of Open vSwitch and the QMP socket of a domain', () => {
  const xml = `<domain type='kvm' id='3' xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0'>
  <name>web</name>
  <devices>
    <!-- <interface type='bridge'><virtualport type='openvswitch'/><target dev='old0'/></interface> -->
    <interface type='bridge'>
      <mac address='00:1d:d8:b7:1c:00'/>
      <source bridge='nlplug0'/>
      <virtualport type='openvswitch'>
        <parameters interfaceid='3f2504e0-4f89-41d3-9a0c-0305e82c3301'/>
      </virtualport>
      <target dev='vnet3'/>
    </interface>
    <interface type='network'>
      <source network='default'/>
      <target dev='vnet4'/>
    </interface>
  </devices>
  <qemu:commandline>
    <qemu:arg value='-qmp'/>
    <qemu:arg value='unix:/run/netloom-qmp/web.sock,server=on,wait=off'/>
  </qemu:commandline>
</domain>`;
  expect(domainOf(xml)).toEqual({ name: 'web', taps: ['vnet3'], qmp: '/run/netloom-qmp/web.sock' });
  expect(domainOf(xml.replace(/<qemu:commandline>[\s\S]*<\/qemu:commandline>/u, ''))).not.toHaveProperty(
    'qmp',
  );
});

it('takes nothing from metadata, where everybody writes what he likes', () => {
  const lie = `<interface xmlns='urn:x'><virtualport type='openvswitch'/><target dev='eth0'/></interface>`;
  const socket = `<qemu:arg xmlns='urn:x' value='unix:/tmp/mine.sock'/>`;
  const devices = `<interface type='bridge'><virtualport type='openvswitch'/><target dev='vnet3'/></interface>`;
  const xml = (inside: string) =>
    `<domain><name>web</name><metadata>${inside}</metadata><devices>${devices}</devices></domain>`;
  for (const inside of [
    lie,
    `<metadata xmlns='urn:y'></metadata>${lie}${socket}`,
    `<a></metadata>${lie}${socket}<b>`,
  ])
    expect(domainOf(xml(inside))).toEqual({ name: 'web', taps: ['vnet3'] });
});

it('takes whatever it is given', () => {
  fc.assert(fc.property(fc.string(), (text) => void domainOf(text)));
  expect(
    domainOf("<interface ><virtualport type='openvswitch'/><target dev='a b; rm'/></interface>").taps,
  ).toEqual([]);
});
