import { describe, expect, it } from 'vitest';
import { ip, prefix } from '../packet/address.ts';
import { formatFrame, parseNotation } from '../packet/notation.ts';
import { host1Records } from '../pipeline/fixture.ts';
import { EXPIRED, TOO_BIG } from '../pipeline/registers.ts';
import { type PolicyRecord, type PortRecord, recordKey } from '../policy/records.ts';
import { answerError } from './error-responder.ts';

/** Blue, with a second subnet of IPv6 on the way to which less fits. */
const RECORDS: readonly PolicyRecord[] = host1Records().flatMap((record) =>
  record.kind === 'subnet' && record.vsid === 5001
    ? [
        record,
        {
          ...record,
          vsid: 5002,
          prefixes: [{ prefix: prefix('fd00::/64'), gateway: ip('fd00::1') }],
          mtu: 1300,
        },
      ]
    : [record],
);
const records = new Map(RECORDS.map((record) => [recordKey(record), record]));
const blue1 = RECORDS.find((r): r is PortRecord => r.kind === 'port' && r.id === 'blue1-eth0')!;

const V4 = parseNotation(
  `eth(src=02:4e:4c:00:13:89,dst=00:1d:d8:b7:1c:12)/ipv4(src=10.0.0.5,dst=10.0.0.7)/udp()/data(${'00'.repeat(1500)})`,
);
const V6 = parseNotation(
  `eth(src=02:4e:4c:00:13:89,dst=00:1d:d8:b7:1c:12)/ipv6(src=fd00::5,dst=fd00::7)/udp()/data(${'00'.repeat(1500)})`,
);
const answer = (port: PortRecord, frame: Uint8Array, reg0: bigint, reg1: bigint) => {
  const reply = answerError(port, { frame, metadata: { reg0, reg1 } }, records);
  return reply && formatFrame(reply);
};

describe('the router of a virtual subnet', () => {
  it('says what fits on the subnet that the packet was on its way to, from the gateway of its sender', () => {
    expect(answer(blue1, V4, TOO_BIG, 5001n)).toMatch(
      /^eth\(src=02:4e:4c:00:13:89,dst=00:1d:d8:b7:1c:11\)\/ipv4\(src=10\.0\.0\.1,dst=10\.0\.0\.5\S*\/icmp\(\S*mtu=1458/,
    );
    expect(answer(blue1, V4, TOO_BIG, 5002n)).toMatch(/mtu=1300/);
  });

  it('speaks IPv6 where the subnet does', () => {
    const onV6: PortRecord = { ...blue1, attachment: { type: 'virtual', vsid: 5002 } };
    expect(answer(onV6, V6, TOO_BIG, 5002n)).toMatch(/ipv6\(src=fd00::1,dst=fd00::5\S*\/icmpv6\(\S*mtu=1300/);
    expect(answer(onV6, V6, EXPIRED, 5002n)).toMatch(/ipv6\(src=fd00::1,dst=fd00::5\S*\/icmpv6\(/);
    expect(answer(onV6, V4, TOO_BIG, 5002n)).toBeUndefined();
  });

  it('says nothing where the switch noted nothing, or the policy is gone', () => {
    expect(answer(blue1, V4, EXPIRED, 9999n)).toBeDefined();
    expect(answer(blue1, V4, TOO_BIG, 9999n)).toBeUndefined();
    expect(answer(blue1, V4, 0n, 5001n)).toBeUndefined();
    const moved: PortRecord = { ...blue1, attachment: { type: 'virtual', vsid: 9999 } };
    expect(answer(moved, V4, EXPIRED, 5001n)).toBeUndefined();
    const onVlan: PortRecord = { ...blue1, attachment: { type: 'vlan', vlan: 7 } };
    expect(answer(onVlan, V4, EXPIRED, 5001n)).toBeUndefined();
  });
});
