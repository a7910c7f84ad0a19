import { describe, expect, it } from 'vitest';
import { ip, ipv4, ipv4ToNumber, type Mac, mac, macToNumber, solicitedNodeOf } from '../packet/address.ts';
import { parseFrame } from '../packet/parse.ts';
import { host1Records } from '../pipeline/fixture.ts';
import { type LookupRecord, type PolicyRecord, type ProviderRecord, recordKey } from '../policy/records.ts';
import { Agent } from './agent.ts';
import { changesOf, Machine } from './fixture.ts';
import { neighbourQuestion, Peers } from './neighbours.ts';

const RDID = 'a';
const provider = (pa: string, prefixLength: number, gateway?: string): ProviderRecord => ({
  kind: 'provider',
  logicalNetwork: 'Fabric',
  switch: 'Fabric',
  encapsulation: 'nvgre',
  pa: ip(pa),
  prefixLength,
  ...(gateway === undefined ? {} : { gateway: ip(gateway) }),
  mac: mac('02:00:00:00:00:01'),
  vlan: 0,
  origin: 'Host/host1',
});
const DOMAIN: PolicyRecord = {
  kind: 'domain',
  rdid: RDID,
  number: 1,
  name: 'Blue',
  logicalNetwork: 'Fabric',
  origin: 'VmNetwork/Blue',
};
const lookup = (ca: string, pa: string, standby?: string): LookupRecord => ({
  kind: 'lookup',
  rdid: RDID,
  vsid: 5001,
  ca: ip(ca),
  mac: mac('02:00:00:00:00:10'),
  pa: ip(pa),
  ...(standby === undefined ? {} : { standby: ip(standby) }),
  port: ca,
  origin: 'VirtualMachine/x',
});

function peersOf(...records: readonly PolicyRecord[]) {
  const peers = new Peers();
  const all = new Map(records.map((record) => [recordKey(record), record]));
  for (const record of records) peers.take(undefined, record);
  return { peers, addresses: () => peers.neighbours(all).map(({ address }) => address) };
}

describe('the neighbours of a host', () => {
  const fabric = [provider('10.0.0.1', 24, '10.0.0.254'), DOMAIN];

  it('are the hosts of the same link, each once, and the gateway for all others; not the host itself', () => {
    const { addresses } = peersOf(
      ...fabric,
      lookup('192.168.0.1', '10.0.0.1'),
      lookup('192.168.0.2', '10.0.0.2'),
      lookup('192.168.0.3', '10.0.0.2', '10.0.0.3'),
      lookup('192.168.0.4', '10.9.0.4'),
      lookup('192.168.0.5', '10.9.0.5'),
    );
    expect(addresses()).toEqual(['10.0.0.2', '10.0.0.3', '10.0.0.254']);
  });

  it('are nobody without a gateway, on a fabric of another IP version, and without a provider address', () => {
    const far = lookup('192.168.0.4', '10.9.0.4');
    expect(peersOf(provider('10.0.0.1', 24), DOMAIN, far).addresses()).toEqual([]);
    expect(peersOf(provider('fd00::1', 64, 'fd00::ff'), DOMAIN, far).addresses()).toEqual([]);
    expect(peersOf(DOMAIN, far).addresses()).toEqual([]);
  });

  it('change when an address is named that was not, and when nobody names it any more', () => {
    const { peers } = peersOf(...fabric, lookup('192.168.0.2', '10.0.0.2'));
    const [second, moved] = [lookup('192.168.0.3', '10.0.0.2'), lookup('192.168.0.3', '10.0.0.3')];
    expect(peers.take(undefined, second)).toBe(false);
    expect(peers.take(second, moved)).toBe(true);
    expect(peers.take(moved, undefined)).toBe(true);
    expect(peers.take(lookup('192.168.0.2', '10.0.0.2'), undefined)).toBe(true);
    expect(peers.neighbours(new Map(fabric.map((record) => [recordKey(record), record])))).toEqual([]);
  });
});

describe('the question', () => {
  const from = mac('02:00:00:00:00:01');
  it('is a broadcast of ARP', () => {
    const { eth, arp } = parseFrame(neighbourQuestion(provider('10.0.0.1', 24), ip('10.0.0.2')));
    expect([eth?.srcMac, eth?.dstMac]).toEqual([from, 'ff:ff:ff:ff:ff:ff' as Mac]);
    expect([arp?.operation, arp?.sha, arp?.spa, arp?.tpa]).toEqual([
      1,
      macToNumber(from),
      ipv4ToNumber(ipv4('10.0.0.1')),
      ipv4ToNumber(ipv4('10.0.0.2')),
    ]);
  });

  it('is a neighbour solicitation to the group of the address', () => {
    const { eth, ipv6, icmpv6 } = parseFrame(neighbourQuestion(provider('fd00::1', 64), ip('fd00::22')));
    const group = solicitedNodeOf(ip('fd00::22') as Parameters<typeof solicitedNodeOf>[0]);
    expect([eth?.srcMac, eth?.dstMac]).toEqual([from, '33:33:ff:00:00:22']);
    expect([ipv6?.srcIp, ipv6?.dstIp, ipv6?.hopLimit]).toEqual(['fd00::1', group, 255]);
    expect(icmpv6?.type).toBe(135);
    expect(icmpv6?.checksum).toBe(icmpv6?.expectedChecksum(ipv6?.offset ?? 0));
  });
});

describe('an agent', () => {
  it('says when its neighbours change, and asks by the provider interface', async () => {
    const machine = new Machine();
    const agent = new Agent('host1', machine);
    const told: string[] = [];
    agent.onNeighbours((what) => told.push(`${what} ${agent.neighbours().map(({ address }) => address)}`));
    await agent.apply(changesOf(host1Records()));
    const [first] = agent.neighbours();
    expect(told).toEqual([`changed ${first?.address}`]);
    await agent.ask(agent.neighbours());
    await agent.ask([{ logicalNetwork: 'nowhere', address: ip('10.0.0.9') }]);
    await agent.apply([{ key: recordKey(host1Records().find(({ kind }) => kind === 'route')!) }]);
    expect(told).toHaveLength(1);
  });
});
