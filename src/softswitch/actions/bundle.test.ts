import { describe, expect, it } from 'vitest';
import type { BundleAction } from '../../flow/flow.ts';
import { parseActions } from '../../flow/parse-actions.ts';
import { ipv4, mac } from '../../packet/address.ts';
import { frame } from '../../packet/build.ts';
import { Packet } from '../frame/packet.ts';
import { chooseMember, isMemberUp, NO_PORT } from './bundle.ts';

const packet = (host: number) =>
  Packet.read(
    frame(
      { layer: 'eth', src: mac('02:00:00:00:00:01'), dst: mac('02:00:00:00:00:02') },
      { layer: 'ipv4', src: ipv4(`10.0.0.${host}`), dst: ipv4('10.0.0.200') },
      { layer: 'udp' },
    ),
  );
const bundle = (text: string) => parseActions(`bundle(${text})`)[0] as BundleAction;

describe('chooseMember', () => {
  it('takes the first that is up', () => {
    const action = bundle('eth_src,0,active_backup,ofport,members:4,7,2');
    expect(chooseMember(action, packet(1), () => true)).toBe(4);
    expect(chooseMember(action, packet(1), (port) => port < 4)).toBe(2);
    expect(chooseMember(action, packet(1), () => false)).toBe(NO_PORT);
  });

  it('moves only the flows of the member that went', () => {
    const action = bundle('nw_src,7,hrw,ofport,members:4,7,2');
    const all = Array.from({ length: 100 }, (_, host) => chooseMember(action, packet(host), () => true));
    const some = all.map((_, host) => chooseMember(action, packet(host), (port) => port !== 7));
    expect([...new Set(all)].sort()).toEqual([2, 4, 7]);
    for (const [host, port] of all.entries()) if (port !== 7) expect(some[host]).toBe(port);
    expect(some).not.toContain(7);
    expect(chooseMember(action, packet(1), () => false)).toBe(NO_PORT);
  });
});

describe('isMemberUp', () => {
  it('asks for the link of ports, and takes what is no port for up', () => {
    const ports = { isLive: (port: number) => port === 3 };
    const members = [3, 4, 0xfff8, 0xfffb, 0xffff, 0xfffd, 0xfffe];
    expect(members.map((member) => isMemberUp(member, ports))).toEqual([
      true,
      false,
      true,
      true,
      true,
      false,
      false,
    ]);
  });
});
