/** What a guest hears of packets that the distributed router cannot pass on: the whole way, switch, agent and back. */
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { IcmpError } from '../guest/icmp-error.ts';
import { parseDocuments } from '../model/input.ts';
import { ipv4, type Mac } from '../packet/address.ts';
import { frame } from '../packet/build.ts';
import { toHex } from '../packet/bytes.ts';
import { formatFrame } from '../packet/notation.ts';
import { Lab } from './lab.ts';
import type { Machine } from './machine.ts';

const MTU = 1458;
const GATEWAY = ipv4('10.0.0.1');

describe('a guest', () => {
  let lab: Lab;
  let blue1: Machine;
  let blue2: Machine;
  /** Sends a frame as it is: the guest's own stack would keep to the MTU that DHCP told it. */
  let send: (bytes: Uint8Array) => void;
  const errors: IcmpError[] = [];
  const heard: Uint8Array[] = [];
  const arrived: string[] = [];

  beforeAll(async () => {
    const text = readFileSync(new URL('../../examples/blue-red.yaml', import.meta.url));
    lab = await Lab.open({ objects: parseDocuments(text, 'blue-red').objects.map(({ object }) => object) });
    await lab.ready();
    const machine = (name: string): Machine => {
      const found = [...lab.fabric.machines.values()].find(({ port }) => port.name === `${name}/eth0`);
      if (!found) throw new Error(`no ${name}`);
      return found;
    };
    [blue1, blue2] = [machine('blue1'), machine('blue2')];
    const soft = (of: Machine) => lab.fabric.hosts.get(of.host)!.soft;
    const tap = soft(blue1).plug(blue1.port.id, (bytes) => {
      heard.push(bytes);
      blue1.nic.receive(bytes);
    });
    send = (bytes) => tap.send(bytes);
    soft(blue2).plug(blue2.port.id, (bytes) => arrived.push(toHex(bytes)));
    blue1.nic.onError((error) => errors.push({ ...error, about: { ...error.about } }));
  });
  afterAll(() => lab.close());

  /** From blue1 to blue2; `size` bytes of IP packet. */
  const packet = (size: number, more: { df?: boolean; ttl?: number } = {}, to: Mac = blue2.port.mac) =>
    frame(
      { layer: 'eth', src: blue1.port.mac, dst: to },
      { layer: 'ipv4', src: ipv4('10.0.0.5'), dst: ipv4('10.0.0.7'), ...more },
      { layer: 'udp', sport: 4000, dport: 5000 },
      { layer: 'data', bytes: new Uint8Array(size - 28) },
    );
  const clear = () => {
    for (const list of [errors, heard, arrived]) list.length = 0;
  };

  it('that keeps to the MTU is heard by the other', async () => {
    clear();
    send(packet(MTU, { df: true }));
    await vi.waitFor(() => expect(arrived).toEqual([toHex(packet(MTU, { df: true }))]));
    expect(errors).toEqual([]);
  });

  it.each([
    ['forbids pieces', true],
    // A switch cannot cut packets into pieces, so their sender is told as well: see packet/router-error.ts.
    ['allows pieces', false],
  ])('that sends 1600 bytes and %s is told how much fits', async (_, df) => {
    clear();
    send(packet(1600, { df }));
    await vi.waitFor(() => expect(errors.length).toBe(1));
    expect(errors[0]).toMatchObject({
      from: GATEWAY,
      kind: 'too-big',
      mtu: MTU,
      about: { source: '10.0.0.5', destination: '10.0.0.7', protocol: 17 },
    });
    expect(arrived).toEqual([]);
    const [answer] = heard;
    expect(formatFrame(answer!)).toMatch(/^eth\(src=02:4e:4c:\S+\/ipv4\(src=10\.0\.0\.1,dst=10\.0\.0\.5/);
  });

  it('that sends to the router with a time to live of 1 is told that it is used up', async () => {
    clear();
    const gatewayMac = [...lab.fabric.hosts.values()]
      .flatMap(({ agent }) => [...agent.records().values()])
      .find((r) => r.kind === 'subnet' && r.vsid === 5001 && r.prefixes[0]?.gateway === GATEWAY);
    if (gatewayMac?.kind !== 'subnet') throw new Error('no subnet');
    send(packet(100, { ttl: 1 }, gatewayMac.gatewayMac));
    await vi.waitFor(() => expect(errors.length).toBe(1));
    expect(errors[0]).toMatchObject({ from: GATEWAY, kind: 'time-exceeded', code: 0 });
    expect(arrived).toEqual([]);
    send(packet(100, { ttl: 2 }, gatewayMac.gatewayMac));
    await vi.waitFor(() => expect(arrived.length).toBe(1));
  });

  it('that floods is told so often as the meter of its port lets through, and goes on', async () => {
    clear();
    const flood = Array.from({ length: 1000 }, () => packet(1600, { df: true }));
    for (const one of flood) send(one);
    send(packet(100));
    await vi.waitFor(() => expect(arrived.length).toBe(1));
    expect(errors.length).toBeGreaterThan(0);
    expect(errors.length).toBeLessThan(200);
  });
});
