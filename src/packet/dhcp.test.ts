import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ipv4 } from './address.ts';
import { frame } from './build.ts';
import { toHex } from './bytes.ts';
import {
  addressOption,
  byteOption,
  DHCP_MESSAGE,
  DHCP_OPTION,
  type DhcpView,
  longOption,
  shortOption,
} from './dhcp.ts';
import type { DhcpLayer } from './layer.ts';
import { parseNotation } from './notation.ts';
import { parseFrame } from './parse.ts';

function built(fields: Omit<DhcpLayer, 'layer'>): DhcpView {
  return parseFrame(
    frame({ layer: 'eth' }, { layer: 'ipv4' }, { layer: 'udp' }, { layer: 'dhcp', ...fields }),
  ).dhcp!;
}

describe('DHCP', () => {
  it('options come out as they were put in, in order', () => {
    const option = fc.record({
      code: fc.integer({ min: 1, max: 254 }),
      data: fc.uint8Array({ maxLength: 255 }),
    });
    fc.assert(
      fc.property(fc.array(option, { maxLength: 6 }), (options) => {
        const view = built({ options });
        expect(view.options().map((o) => [o.code, toHex(o.data)])).toEqual(
          options.map((o) => [o.code, toHex(o.data)]),
        );
        for (const { code } of options) {
          const joined = options.filter((o) => o.code === code).map((o) => toHex(o.data));
          expect(toHex(view.option(code)!)).toBe(joined.join(''));
        }
      }),
    );
  });

  it('reads what an offer says', () => {
    const view = built({
      type: DHCP_MESSAGE.OFFER,
      xid: 0xfedcba98,
      yiaddr: ipv4('10.10.1.100'),
      options: [
        addressOption(DHCP_OPTION.SUBNET_MASK, [ipv4('255.255.0.0')]),
        addressOption(DHCP_OPTION.DNS, [ipv4('1.1.1.1'), ipv4('8.8.8.8')]),
        shortOption(DHCP_OPTION.MTU, 1458),
        longOption(DHCP_OPTION.LEASE_TIME, 0xffffffff),
        addressOption(DHCP_OPTION.SERVER_ID, [ipv4('192.0.2.253')]),
      ],
    });
    expect([view.op, view.type, view.xid, view.yiaddr]).toEqual([
      2,
      DHCP_MESSAGE.OFFER,
      0xfedcba98,
      '10.10.1.100',
    ]);
    expect(view.address(DHCP_OPTION.SUBNET_MASK)).toBe('255.255.0.0');
    expect(view.addresses(DHCP_OPTION.DNS)).toEqual(['1.1.1.1', '8.8.8.8']);
    expect(view.number(DHCP_OPTION.MTU, 2)).toBe(1458);
    expect(view.number(DHCP_OPTION.LEASE_TIME, 4)).toBe(0xffffffff);
    expect(view.address(DHCP_OPTION.SERVER_ID)).toBe('192.0.2.253');
    // Missing, or of another size than asked for.
    expect(view.address(DHCP_OPTION.REQUESTED_ADDRESS)).toBeUndefined();
    expect(view.number(DHCP_OPTION.MTU, 4)).toBeUndefined();
    expect(view.address(DHCP_OPTION.DNS)).toBeUndefined();
    expect(view.addresses(DHCP_OPTION.MTU)).toEqual([]);
  });

  it('takes no message without an end, with a cut option, a wrong cookie or other hardware', () => {
    const good = () => parseNotation('eth/ipv4/udp/dhcp(discover,o61=01020304)');
    const at = 14 + 20 + 8;
    const withByte = (offset: number, value: number) => {
      const bytes = good();
      bytes[offset] = value;
      return parseFrame(bytes).dhcp;
    };
    expect(parseFrame(good()).dhcp?.type).toBe(DHCP_MESSAGE.DISCOVER);
    expect(withByte(good().length - 1, DHCP_OPTION.PAD)).toBeUndefined();
    expect(withByte(at + 240 + 4, 5)).toBeUndefined();
    expect(withByte(at + 236, 0)).toBeUndefined();
    expect(withByte(at + 1, 6)).toBeUndefined();
    expect(withByte(at + 2, 16)).toBeUndefined();
  });

  it('refuses options that no message can hold', () => {
    expect(() => built({ options: [byteOption(0, 1)] })).toThrow(RangeError);
    expect(() => built({ options: [byteOption(255, 1)] })).toThrow(RangeError);
    expect(() => built({ options: [{ code: 1, data: new Uint8Array(256) }] })).toThrow('256 bytes');
  });
});
