import { execFileSync } from 'node:child_process';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ipv4, ipv6, mac } from '../../../packet/address.ts';
import type { PortRecord } from '../../../policy/records.ts';
import { type QemuMachine, qemuArguments } from './command-line.ts';
import { cpio } from './cpio.ts';
import { guestTable } from './guest-config.ts';
import { initScript } from './guest-init.ts';
import { MarkedOutput, markedCommand } from './guest-shell.ts';

describe('an archive', () => {
  it('has what other tools find in it', () => {
    const archive = cpio([
      { type: 'directory', path: 'bin' },
      { type: 'file', path: 'bin/tool', content: Buffer.from('#!/bin/sh\n'), executable: true },
      { type: 'file', path: 'odd', content: new Uint8Array(5) },
    ]);
    expect(archive.length % 4).toBe(0);
    const text = Buffer.from(archive).toString('latin1');
    // Each member begins on a word, with the magic number of the format.
    expect([...text.matchAll(/070701/gu)].map(({ index }) => index % 4)).toEqual([0, 0, 0, 0]);
    expect(text).toContain('TRAILER!!!\0');
    // Mode and size of the program: regular file, executable by all.
    expect(text.slice(text.indexOf('bin/tool') - 110, text.indexOf('bin/tool'))).toMatch(
      /^070701.{8}000081ed.{32}0000000a/u,
    );
  });
});

describe('what a guest is told', () => {
  const PORT: PortRecord = {
    kind: 'port',
    id: '3f2504e0-4f89-41d3-9a0c-0305e82c3301',
    name: 'web/eth0',
    owner: 'vm',
    switch: 'Tenant switch',
    mac: mac('00:1d:d8:b7:1c:00'),
    addresses: [{ address: ipv4('10.0.0.5'), prefixLength: 24, gateway: ipv4('10.0.0.1'), dns: [] }],
    attachment: { type: 'virtual', vsid: 5001 },
    security: { macSpoofing: false, dhcpGuard: true, routerGuard: true, guestSpecifiedAddresses: false },
    mtu: 1450,
    origin: 'VirtualMachine/web',
  };

  it('is only what the network does not give', () => {
    expect(guestTable([{ name: 'eth0', port: PORT }])).toBe(
      'eth0 00:1d:d8:b7:1c:00 1450 static 10.0.0.5/24,10.0.0.1\n',
    );
    const dhcp = { ...PORT, dhcpServer: ipv4('10.0.0.1') };
    expect(guestTable([{ name: 'eth0', port: dhcp }])).toBe('eth0 00:1d:d8:b7:1c:00 1450 dhcp\n');
    const six = { address: ipv6('2001:db8::5'), prefixLength: 64, gateway: ipv6('fe80::1'), dns: [] };
    const dual = { ...dhcp, addresses: [...PORT.addresses, six], dhcpv6Server: ipv6('fe80::1') };
    // The router says itself that it is one.
    expect(guestTable([{ name: 'eth0', port: dual }])).toBe(
      'eth0 00:1d:d8:b7:1c:00 1450 dhcp 2001:db8::5/64\n',
    );
  });

  it('has a line for each VLAN of a trunk', () => {
    const tagged = { address: ipv4('10.3.0.5'), prefixLength: 24, dns: [], vlan: 30 };
    expect(guestTable([{ name: 'eth1', port: { ...PORT, addresses: [tagged] } }])).toBe(
      'eth1 00:1d:d8:b7:1c:00 1450 static\neth1.30 - 1450 static 10.3.0.5/24\n',
    );
  });

  it('is a script that a shell can read', () => {
    expect(() => execFileSync('sh', ['-n'], { input: initScript(['virtio', 'virtio_net']) })).not.toThrow();
  });
});

describe('a command in a guest', () => {
  it('prints the same however the line is cut, whatever it is made of', () => {
    const mark = 'c0ffee00-0000-4000-8000-000000000001';
    // Spoken by a shell of this machine: the guest's is one too.
    const spoken = (...command: readonly string[]) =>
      execFileSync('sh', { input: markedCommand(mark, command), encoding: 'utf8' });
    const word = fc.string({ minLength: 1, maxLength: 12, unit: 'grapheme-ascii' });
    fc.assert(
      fc.property(word, fc.array(fc.nat(200), { maxLength: 5 }), (text, cuts) => {
        const whole = `garbage of an earlier one\n${spoken('printf', '%s', text)}`;
        const places = [
          0,
          ...cuts.map((cut) => Math.min(cut, whole.length)).sort((a, b) => a - b),
          whole.length,
        ];
        let output = '';
        const reader = new MarkedOutput(mark, (piece) => {
          output += piece;
        });
        const codes = places.slice(1).map((end, i) => reader.read(whole.slice(places[i], end)));
        expect(output).toBe(text);
        expect(codes.find((code) => code !== undefined)).toBe(0);
      }),
      { numRuns: 25 },
    );
    const reader = new MarkedOutput(mark, () => {});
    expect(reader.read(spoken('false'))).toBe(1);
    // What only repeats the line does not have the mark.
    expect(new MarkedOutput(mark, () => {}).read(markedCommand(mark, ['true']))).toBeUndefined();
  });
});

describe('a command line of QEMU', () => {
  const machine: QemuMachine = {
    name: 'red:web,1',
    directory: '/run/lab,x/web',
    consoleLog: '/run/lab,x/console.log',
    accelerator: 'tcg',
    memoryMb: 128,
    kernel: '/k',
    initrd: '/i',
    append: 'quiet',
    nics: [
      { tap: 'web.eth0', mac: '02:00:00:00:00:01', mtu: 1450, model: 'virtio' },
      { tap: 'web.eth1', mac: '02:00:00:00:00:02', mtu: 1500, model: 'e1000' },
    ],
  };

  it('has each NIC with its tap, its MAC address and, where the card can be told, its MTU', () => {
    const args = qemuArguments(machine);
    expect(args.filter((arg) => arg.startsWith('tap,'))).toHaveLength(2);
    expect(args).toContain('virtio-net-pci,id=nic0,netdev=net0,mac=02:00:00:00:00:01,host_mtu=1450');
    expect(args).toContain('e1000,id=nic1,netdev=net1,mac=02:00:00:00:00:02');
    expect(args).not.toContain('-incoming');
    expect(qemuArguments({ ...machine, incoming: true }).slice(-2)).toEqual(['-incoming', 'defer']);
  });

  it('lets no name become an option', () => {
    const args = qemuArguments(machine);
    expect(args[args.indexOf('-name') + 1]).toBe('red:web,,1');
    expect(args).toContain('unix:/run/lab,,x/web/qmp.sock,server=on,wait=off');
  });
});
