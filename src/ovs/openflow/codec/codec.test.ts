/** Everything that is written is read again as it was; whatever bytes come, the answer is a message. */
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { check, fuzz } from '../../../../test/fuzz/openflow-fuzzer.ts';
import { arbitraryMessage, readable } from '../../../../test/support/openflow-arbitraries.ts';
import { FIELD_NAMES, fieldOf, fullMask } from '../../../flow/fields.ts';
import { matchOf } from '../../../flow/match.ts';
import { parseFlow } from '../../../flow/parse.ts';
import { parseGroup, parseMeter } from '../../../flow/parse-group.ts';
import { flowKey, sameFlow } from '../../../flow/same.ts';
import { formatFlow } from '../../../flow/text.ts';
import { formatGroup, formatMeter } from '../../../flow/text-group.ts';
import { fromHex, toHex } from '../../../packet/bytes.ts';
import { decode } from './decode.ts';
import { Encoder, encode } from './encode.ts';
import { readFields, writeMasked } from './match.ts';
import type { FlowMod, Message } from './message.ts';
import { Reader } from './reader.ts';
import { Writer } from './writer.ts';

const addFlow = (text: string): FlowMod => ({ type: 'flow-mod', command: 'add', flow: parseFlow(text) });

/** The message whose bytes are changed by `change`; its length is made right. */
function changed(message: Message, change: (bytes: Uint8Array) => Uint8Array): Message {
  const bytes = change(encode(1, message));
  bytes[2] = bytes.length >>> 8;
  bytes[3] = bytes.length;
  return decode(bytes).message;
}

/** Puts hexadecimal digits in the place of others that are there once. */
function replaced(bytes: Uint8Array, from: string, to: string): Uint8Array {
  const text = toHex(bytes);
  expect(text.split(from)).toHaveLength(2);
  return fromHex(text.replace(from, to))!;
}

describe('messages', () => {
  it('are read as they were written', () => {
    fc.assert(
      fc.property(arbitraryMessage(), fc.nat({ max: 0xffffffff }), (message, xid) => {
        const read = decode(encode(xid, message));
        expect(read).toEqual({ version: 6, xid, message: readable(message) });
      }),
      { numRuns: 2000 },
    );
  });

  it('follow each other in one buffer', () => {
    const encoder = new Encoder();
    encoder.add(1, addFlow('table=1,actions=drop'));
    const first = encode(1, addFlow('table=1,actions=drop'));
    encoder.add(2, { type: 'barrier-request' });
    expect(toHex(encoder.bytes())).toBe(`${toHex(first)}0614000800000002`);
    expect(encoder.bytes()).toHaveLength(0);
  });

  it('of more than 64 KB are refused, and leave nothing behind', () => {
    const actions = Array.from({ length: 5000 }, () => parseFlow('actions=output:1').actions[0]!);
    const flow = { ...parseFlow('table=1,actions=drop'), actions };
    const encoder = new Encoder();
    encoder.add(1, { type: 'barrier-request' });
    expect(() => encoder.add(2, { type: 'flow-mod', command: 'add', flow })).toThrow(
      'A flow-mod does not fit',
    );
    encoder.add(3, { type: 'barrier-request' });
    expect(toHex(encoder.bytes())).toBe('06140008000000010614000800000003');
  });
});

describe('fields', () => {
  it('have values and masks of every width', () => {
    for (const name of FIELD_NAMES) {
      const writer = new Writer();
      const mask = fieldOf(name).maskable ? fullMask(name) ^ 1n : fullMask(name);
      writeMasked(writer, name, { value: mask, mask });
      const { match, unknown } = readFields(new Reader(writer.bytes()));
      expect(unknown, name).toBe('');
      expect(match, name).not.toEqual({});
    }
  });

  it('are understood under their other names', () => {
    // OXM_OF_IN_PORT, OXM_OF_ETH_TYPE, OXM_OF_IP_PROTO, OXM_OF_TCP_DST, ONFOXM_ET_TCP_FLAGS
    const bytes =
      '8000000400000007' + '80000a020800' + '8000140106' + '80001c020050' + 'ffff55084f4e460000020fff';
    expect(readFields(new Reader(fromHex(bytes)!))).toEqual({
      match: matchOf({ in_port: 7, eth_type: 0x0800, ip_proto: 6, tcp_dst: 80, tcp_flags: 2 }),
      unknown: '',
    });
    // OXM_OF_VLAN_VID and OXM_OF_VLAN_PCP are parts of one.
    expect(readFields(new Reader(fromHex('80000c021007' + '80000e0103')!)).match).toEqual(
      matchOf({ vlan_vid: 0x1007, vlan_pcp: 3 }),
    );
  });

  it('that have no name here, come twice or cannot be are kept as they are', () => {
    const label = '80003804000000ff';
    const twice = '000006020800';
    const wide = '80000e0109';
    expect(readFields(new Reader(fromHex(`${twice}${label}${twice}${wide}`)!))).toEqual({
      match: matchOf({ eth_type: 0x0800 }),
      unknown: `${label}${twice}${wide}`,
    });
  });
});

describe('what is not known', () => {
  const ours = addFlow('table=3,priority=5,ip,ip_dst=10.0.0.1,actions=output:1,clone(output:2)');

  it('in a match makes another flow, which can be removed', () => {
    // NXM_OF_IP_DST becomes field 90 of the same class.
    const read = changed(ours, (bytes) => replaced(bytes, '000010040a000001', '0000b4040a000001'));
    const { flow } = read as FlowMod;
    expect(flow.unknown).toEqual({ match: '0000b4040a000001', actions: '' });
    expect(flowKey(flow)).not.toBe(flowKey(parseFlow('table=3,priority=5,ip,actions=drop')));
    const removal = toHex(encode(1, { type: 'flow-mod', command: 'delete-strict', flow }));
    expect(removal).toContain('0000b4040a000001');
  });

  it('among actions makes another flow, however deep it stands', () => {
    // The output in the clone becomes an action of type 99.
    const inner = '000000100000000200000000000000';
    const read = changed(ours, (bytes) => replaced(bytes, `${inner}00`, `0063${inner.slice(4)}00`));
    const { flow } = read as FlowMod;
    expect(flow.unknown?.actions).toContain('0063');
    expect(flow.actions).toEqual([{ type: 'output', port: 1 }]);
    expect(sameFlow(flow, ours.flow)).toBe(false);
    expect(formatFlow(flow)).toContain('actions=output:1,unknown(actions=ffff');
  });

  it('is an instruction, too', () => {
    // apply-actions becomes write-actions.
    const read = changed(ours, (bytes) => replaced(bytes, '00040038', '00030038'));
    expect((read as FlowMod).flow).toMatchObject({ actions: [] });
    expect((read as FlowMod).flow.unknown?.actions).toMatch(/^00030038/);
  });
});

describe('hostile bytes', () => {
  const [seed = 0] = fc.sample(fc.integer({ min: 1, max: 2 ** 31 }), 1);

  it(`are answered with a message (seed ${seed})`, () => {
    const found = fuzz(10_000, seed);
    expect(found && `${toHex(found.input)}: ${found.what} (seed ${seed})`).toBeUndefined();
  });

  it('of every length up to a message are malformed or a message', () => {
    const whole = encode(
      1,
      addFlow('table=1,priority=5,tcp,tcp_dst=80,actions=ct(commit,table=2,nat(src=10.0.0.1))'),
    );
    for (let length = 0; length < whole.length; length++) {
      const cut = whole.slice(0, length);
      expect(check(cut), `${length} bytes`).toBeUndefined();
      if (length < 8) expect(decode(cut).message.type).toBe('malformed');
    }
  });

  it.each([
    ['a length that is not that of the bytes', '0614001000000001'],
    ['another version', '0414000800000001'],
    ['a match that leads out of the message', `060e00380000000${'1'.padEnd(81, '0')}0001ffff00000000`],
    ['a reason that there is none', '060c0010000000010900000000000000'],
    ['a bundle in a bundle', `062200200000000100000001000000030622001000000001${'0'.repeat(16)}`],
    ['a message of another transaction in a bundle', '0622001800000001000000010000000306140008000000ff'],
  ])('%s is malformed', (_, hex) => {
    expect(decode(fromHex(hex)!).message.type).toBe('malformed');
  });

  it('go no deeper than they are worth', () => {
    // clone(clone(clone(…: as deep as a message can be.
    const depth = 4000;
    const head = 16;
    const writer = new Writer();
    for (let i = 0; i < depth; i++) {
      writer.u16(0xffff);
      writer.u16((depth - i) * head);
      writer.u32(0x2320);
      writer.u16(42);
      writer.zeros(6);
    }
    const clones = writer.bytes();
    const read = changed(addFlow('table=1,actions=output:1'), (bytes) => {
      const start = bytes.length - 24;
      const all = new Uint8Array(start + 8 + clones.length);
      all.set(bytes.subarray(0, start + 8));
      all[start + 2] = (8 + clones.length) >>> 8;
      all[start + 3] = 8 + clones.length;
      all.set(clones, start + 8);
      return all;
    });
    expect((read as FlowMod).flow.unknown?.actions).toBe(toHex(clones));
  });
});

/** What Open vSwitch 3.1 wrote; test/ovs/openflow-capture.ts says how. */
const CAPTURED = readFileSync(new URL('../../../../test/fixtures/openflow.txt', import.meta.url), 'utf8')
  .split('\n')
  .filter((line) => line !== '' && !line.startsWith('#'))
  .map((line) => {
    const [kind = '', hex = '', text = ''] = line.split('\t');
    return { kind, text, read: decode(fromHex(hex)!).message };
  });

describe('bytes of Open vSwitch', () => {
  it.each(CAPTURED.filter(({ kind }) => kind === 'flow'))('are the flow $text', ({ text, read }) => {
    expect(read.type === 'flow-mod' && formatFlow(read.flow)).toBe(formatFlow(parseFlow(text)));
  });

  it.each(CAPTURED.filter(({ kind }) => kind === 'group'))('are the group $text', ({ text, read }) => {
    expect(read).toMatchObject({ type: 'group-mod', command: 'add' });
    expect('group' in read && typeof read.group === 'object' && formatGroup(read.group)).toBe(
      formatGroup(parseGroup(text)),
    );
  });

  it.each(CAPTURED.filter(({ kind }) => kind === 'meter'))('are the meter $text', ({ text, read }) => {
    expect('meter' in read && typeof read.meter === 'object' && formatMeter(read.meter)).toBe(
      formatMeter(parseMeter(text)),
    );
  });

  it.each(CAPTURED.filter(({ kind }) => kind === 'flows'))('are a table of flows', ({ text, read }) => {
    if (read.type !== 'reply' || read.about !== 'flows') throw new Error(read.type);
    expect(read.flows.map(({ flow }) => formatFlow(flow)).sort()).toEqual(
      text
        .split(' ; ')
        .map((each) => formatFlow(parseFlow(each)))
        .sort(),
    );
  });

  it.each(CAPTURED.filter(({ kind }) => kind === 'packet-in'))('are a packet-in', ({ text, read }) => {
    expect(read).toMatchObject({ type: 'packet-in', userdata: '0102', table: 3, cookie: 0x78n });
    expect(read.type === 'packet-in' && toHex(read.frame)).toBe(text);
    expect(read.type === 'packet-in' && read.metadata).toEqual(matchOf({ in_port: 1, reg1: 5 }));
  });

  it('are of every kind', () => {
    expect(new Set(CAPTURED.map(({ kind }) => kind))).toEqual(
      new Set(['flow', 'group', 'meter', 'flows', 'packet-in']),
    );
  });
});
