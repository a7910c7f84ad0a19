import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type HostCounters, MOST, readCounted, type Tally, writeCounted } from './counted.ts';
import { MAX_AGENT_MESSAGE } from './messages.ts';

const bytes = (value: unknown) => new TextEncoder().encode(JSON.stringify(value));
const tally: Tally = { packets: 1n, bytes: 2n ** 64n - 1n, errors: 3n, drops: 4n };
const rule = { acl: 'red:web', rule: 'dns', direction: 'inbound', verdict: 'allow' } as const;
const COUNTERS: HostCounters = {
  ports: [
    { port: 'vnic/1', link: true, received: tally, sent: tally },
    { port: 'uplink/LS', nic: 'eth0', link: false, received: tally, sent: tally },
  ],
  acls: [{ ...rule, packets: 5n, bytes: 6n }],
  drops: [{ switch: 'LS', object: '', words: 'a guest may not be a DHCP server', packets: 7 }],
  log: [{ ...rule, time: 1000, port: '1', frame: 'eth(...)' }],
  complete: true,
};

describe('what an agent has counted', () => {
  it('[P23] is read as it was written, also numbers of 64 bits', () => {
    expect(readCounted(writeCounted(COUNTERS))).toEqual(COUNTERS);
  });

  it('[P24] fits into a message, whatever there is, and says when it is not all', () => {
    const long = 'ß€'.repeat(500);
    const many = <T>(item: T) => Array.from({ length: 5000 }, () => item);
    const written = writeCounted({
      ports: many({ ...COUNTERS.ports[0]!, port: long }),
      acls: many({ ...COUNTERS.acls[0]!, rule: long }),
      drops: many({ ...COUNTERS.drops[0]!, words: long }),
      log: many({ ...COUNTERS.log[0]!, frame: long }),
      complete: true,
    });
    expect(written.length).toBeLessThan(MAX_AGENT_MESSAGE);
    expect(readCounted(written)).toMatchObject({ complete: false });
    // A full host of usual names loses no port.
    const usual = { ...COUNTERS.ports[0]!, port: `vnic/${'0'.repeat(36)}` };
    const full = { ...COUNTERS, ports: Array.from({ length: MOST.ports }, () => usual) };
    expect(readCounted(writeCounted(full))?.ports).toHaveLength(MOST.ports);
  });

  it('[P24] is cut to size where the other side does not keep to it', () => {
    const port = { ...COUNTERS.ports[0], received: ['1', '2', '3', '4'], sent: ['1', '2', '3', '4'] };
    const ports = Array.from({ length: 3000 }, () => ({ ...port, port: 'x'.repeat(2000), more: 1 }));
    const read = readCounted(bytes({ ports, acls: [], drops: [], log: [], complete: true, newer: {} }));
    expect(read?.ports).toHaveLength(MOST.ports);
    expect(read?.ports[0]?.port).toHaveLength(300);
    expect(read?.ports[0]).not.toHaveProperty('more');
  });

  it('[P24] is nothing where it cannot be read', () => {
    const rest = { ports: [], acls: [], drops: [], log: [], complete: true };
    for (const bad of [
      undefined,
      [],
      { ...rest, complete: 'yes' },
      { ...rest, ports: [{ port: 'vnic/1', link: true, received: ['-1', '0', '0', '0'], sent: [] }] },
      { ...rest, acls: [{ ...rule, packets: '1e99', bytes: '0' }] },
      { ...rest, acls: [{ ...rule, packets: '9'.repeat(21), bytes: '0' }] },
      { ...rest, log: [{ ...rule, time: 1e300, port: '1', frame: '' }] },
      { ...rest, drops: [{ switch: '', object: '', words: '', packets: -1 }] },
    ])
      expect(readCounted(bytes(bad ?? null)), JSON.stringify(bad)).toBeUndefined();
    fc.assert(fc.property(fc.uint8Array(), (any) => readCounted(any) === undefined));
    fc.assert(fc.property(fc.jsonValue(), (any) => readCounted(bytes(any)) === undefined));
  });
});
