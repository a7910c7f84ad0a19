import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BROADCAST_MAC, type Ipv4, ip, ipv4 } from '../packet/address.ts';
import { frame } from '../packet/build.ts';
import {
  addressOption,
  DHCP_MESSAGE,
  DHCP_OPTION,
  type DhcpOption,
  type DhcpView,
  longOption,
  shortOption,
} from '../packet/dhcp.ts';
import { dhcpLayers } from '../packet/dhcp-layers.ts';
import { type Layers, parseFrame } from '../packet/parse.ts';
import { ATTEMPTS, SEARCH_INTERVAL } from './dhcp-client.ts';
import { Hub, macOf, pingNow } from './testing.ts';

const YOURS = ipv4('10.10.1.100');
const SERVER = ipv4('10.10.0.2');
const GATEWAY = ipv4('10.10.0.1');
const ALL = ipv4('255.255.255.255');
const PROBING = 7000;

const USUAL: readonly DhcpOption[] = [
  addressOption(DHCP_OPTION.SERVER_ID, [SERVER]),
  addressOption(DHCP_OPTION.SUBNET_MASK, [ipv4('255.255.0.0')]),
  addressOption(DHCP_OPTION.ROUTER, [GATEWAY]),
  addressOption(DHCP_OPTION.DNS, [ipv4('10.10.0.3'), ipv4('10.10.0.4')]),
  shortOption(DHCP_OPTION.MTU, 1458),
  longOption(DHCP_OPTION.LEASE_TIME, 3600),
];

/** A DHCP server that does what the test says, and notes what it was asked. */
class Server {
  readonly heard: { type: number | undefined; frame: Layers; dhcp: DhcpView; at: number }[] = [];
  /** The answer to a message: its type and options; undefined = silence. */
  answer: (message: DhcpView) => { type: number; options?: readonly DhcpOption[]; yiaddr?: Ipv4 } | undefined;

  constructor(hub: Hub) {
    this.answer = (message) =>
      message.type === DHCP_MESSAGE.DISCOVER
        ? { type: DHCP_MESSAGE.OFFER }
        : message.type === DHCP_MESSAGE.REQUEST
          ? { type: DHCP_MESSAGE.ACK }
          : undefined;
    const send = hub.join((bytes) => {
      const layers = parseFrame(bytes);
      const dhcp = layers.dhcp;
      if (dhcp?.op !== 1) return;
      this.heard.push({ type: dhcp.type, frame: parseFrame(bytes.slice()), dhcp, at: hub.clock.now() });
      const answer = this.answer(dhcp);
      if (!answer) return;
      send(
        frame(
          { layer: 'eth', src: macOf(200), dst: BROADCAST_MAC },
          { layer: 'ipv4', src: SERVER, dst: ALL },
          { layer: 'udp' },
          ...dhcpLayers({
            type: answer.type,
            xid: dhcp.xid,
            chaddr: dhcp.chaddr,
            yiaddr: answer.yiaddr ?? YOURS,
            options: answer.options ?? USUAL,
          }),
        ),
      );
    });
  }

  /** Types of the messages since the last call. */
  asked(): (number | undefined)[] {
    return this.heard.splice(0).map((m) => m.type);
  }
}

const { DISCOVER, OFFER, REQUEST, DECLINE, ACK, NAK, RELEASE } = DHCP_MESSAGE;

function served() {
  const hub = new Hub();
  const server = new Server(hub);
  const nic = hub.nic(1);
  const states: string[] = [];
  nic.dhcp((state) => states.push(state.state));
  return { hub, server, nic, states };
}

describe('a DHCP client', () => {
  it('discovers, requests, probes, and has all that the server said', () => {
    const { hub, server, nic, states } = served();
    expect(nic.address).toBeUndefined();
    hub.clock.advance(PROBING);
    expect(states).toEqual(['selecting', 'requesting', 'probing', 'bound']);
    expect(server.asked()).toEqual([DISCOVER, REQUEST]);
    expect([nic.address, nic.mtu]).toEqual([YOURS, 1458]);
    expect(nic.lease).toMatchObject({
      settings: {
        address: YOURS,
        prefixLength: 16,
        gateway: GATEWAY,
        dns: ['10.10.0.3', '10.10.0.4'],
        mtu: 1458,
      },
      server: SERVER,
    });
    const { renewAt, rebindAt, expiresAt, obtainedAt } = nic.lease!;
    expect([renewAt, rebindAt, expiresAt].map((t) => (t - obtainedAt) / 1000)).toEqual([1800, 3150, 3600]);
  });

  it('asks from no address, to all, and names what it was offered and by whom', () => {
    const { hub, server } = served();
    hub.clock.advance(PROBING);
    const [discover, request] = server.heard;
    for (const { frame: f } of [discover!, request!]) {
      expect([f.eth?.dstMac, f.ipv4?.srcIp, f.ipv4?.dstIp]).toEqual([BROADCAST_MAC, '0.0.0.0', ALL]);
      expect([f.udp?.srcPort, f.udp?.dstPort]).toEqual([68, 67]);
    }
    expect(request?.dhcp.address(DHCP_OPTION.REQUESTED_ADDRESS)).toBe(YOURS);
    expect(request?.dhcp.address(DHCP_OPTION.SERVER_ID)).toBe(SERVER);
    expect(discover?.dhcp.option(DHCP_OPTION.PARAMETER_LIST)).toEqual(
      Uint8Array.of(1, 121, 3, 6, 26, 51, 54, 58, 59),
    );
    expect(request?.dhcp.xid).toBe(discover?.dhcp.xid);
  });

  it('renews at T1 by unicast, rebinds at T2 by broadcast, and lets go at the end', () => {
    const { hub, server, nic, states } = served();
    const neighbour = hub.nic(2);
    neighbour.configure({ address: SERVER, prefixLength: 16 });
    hub.clock.advance(PROBING);
    const start = nic.lease!.obtainedAt;
    server.asked();
    hub.clock.advance(start + 1_800_000 - hub.clock.now());
    expect(server.heard).toHaveLength(1);
    const [renewal] = server.heard;
    expect([renewal?.frame.ipv4?.dstIp, renewal?.frame.eth?.dstMac]).toEqual([SERVER, macOf(2)]);
    expect([renewal?.dhcp.ciaddr, renewal?.dhcp.option(50), renewal?.dhcp.option(54)]).toEqual([
      YOURS,
      undefined,
      undefined,
    ]);
    expect(states.slice(-2)).toEqual(['renewing', 'bound']);
    expect(nic.lease?.obtainedAt).toBe(start + 1_800_000);

    const silent = server.answer;
    server.answer = () => undefined;
    server.asked();
    hub.clock.advance(3_150_000);
    expect(nic.dhcpState.state).toBe('rebinding');
    const last = server.heard.at(-1)!;
    expect([last.frame.ipv4?.srcIp, last.frame.ipv4?.dstIp, last.dhcp.ciaddr]).toEqual([YOURS, ALL, YOURS]);
    // 22.5 minutes, halved each time, down to a minute: never a storm.
    expect(server.heard.length).toBeLessThan(12);
    expect(nic.address).toBe(YOURS);

    hub.clock.advance(450_000);
    expect(nic.address).toBeUndefined();
    expect(nic.dhcpState.state).toBe('selecting');
    server.answer = silent;
    hub.clock.advance(60_000);
    expect(nic.address).toBe(YOURS);
  });

  it('a renewal may bring other settings', () => {
    const { hub, server, nic } = served();
    hub.clock.advance(PROBING);
    server.answer = () => ({
      type: ACK,
      options: [...USUAL.filter((o) => o.code !== 26), shortOption(DHCP_OPTION.MTU, 1400)],
    });
    hub.clock.advance(3_200_000);
    expect([nic.address, nic.mtu]).toEqual([YOURS, 1400]);
  });

  it('a NAK sends it back to the start', () => {
    const { hub, server, nic, states } = served();
    hub.clock.advance(PROBING);
    server.asked();
    const usual = server.answer;
    server.answer = (m) => (m.type === REQUEST ? { type: NAK } : usual(m));
    const neighbour = hub.nic(2);
    neighbour.configure({ address: SERVER, prefixLength: 16 });
    hub.clock.advance(1_800_000);
    expect(nic.address).toBeUndefined();
    expect(server.asked().slice(0, 3)).toEqual([REQUEST, DISCOVER, REQUEST]);
    server.answer = usual;
    hub.clock.advance(20_000);
    expect(nic.address).toBe(YOURS);
    expect(states.at(-1)).toBe('bound');
  });

  it('declines an address that somebody uses, and helps itself meanwhile', () => {
    const { hub, server, nic } = served();
    const squatter = hub.nic(2);
    squatter.configure({ address: YOURS, prefixLength: 16 });
    hub.clock.advance(9000);
    expect(server.asked()).toEqual([DISCOVER, REQUEST, DECLINE]);
    expect(nic.conflicts).toMatchObject([{ address: YOURS, mac: macOf(2) }]);
    hub.clock.advance(1000);
    expect(nic.address?.startsWith('169.254.')).toBe(true);
    squatter.close();
    hub.clock.advance(20_000);
    expect(nic.address).toBe(YOURS);
    expect(nic.addresses.filter((a) => a.origin === 'link-local')).toHaveLength(1); // fe80:: alone
  });

  it('falls back to 169.254 when nobody answers, and takes the lease when somebody does', () => {
    const { hub, server, nic } = served();
    nic.stopDhcp();
    const usual = server.answer;
    server.answer = () => undefined;
    server.asked();
    nic.dhcp();
    hub.clock.advance(80_000);
    expect(server.heard.map((m) => Math.round((m.at - server.heard[0]!.at) / 4000))).toEqual([0, 1, 3, 7]);
    expect(server.asked()).toEqual(Array(ATTEMPTS).fill(DISCOVER));
    expect(nic.address?.startsWith('169.254.')).toBe(true);
    server.answer = usual;
    hub.clock.advance(SEARCH_INTERVAL);
    expect(nic.address).toBe(YOURS);
    expect(nic.addresses.some((a) => a.address.startsWith('169.254.'))).toBe(false);
  });

  it('gives the lease back when it is stopped', () => {
    const { hub, server, nic } = served();
    hub.nic(2).configure({ address: SERVER, prefixLength: 16 });
    hub.clock.advance(PROBING);
    server.asked();
    nic.stopDhcp();
    hub.clock.advance(0);
    expect(server.asked()).toEqual([RELEASE]);
    expect([nic.address, nic.lease, nic.dhcpState.state]).toEqual([undefined, undefined, 'off']);
    hub.clock.advance(10_000_000);
    expect(server.asked()).toEqual([]);
  });

  it('classless routes stand for the router option', () => {
    const { hub, server, nic } = served();
    nic.stopDhcp();
    // 0.0.0.0/0 by 10.10.0.9, 192.0.2.0/24 on the link, 10.20.0.0/15 by 10.10.0.8
    const routes = Uint8Array.of(0, 10, 10, 0, 9, 24, 192, 0, 2, 0, 0, 0, 0, 15, 10, 20, 10, 10, 0, 8);
    server.answer = (m) => ({
      type: m.type === DISCOVER ? OFFER : ACK,
      options: [...USUAL, { code: DHCP_OPTION.CLASSLESS_ROUTES, data: routes }],
    });
    nic.dhcp();
    hub.clock.advance(2 * PROBING);
    expect(nic.lease?.settings).toMatchObject({
      gateway: '10.10.0.9',
      routes: [{ prefix: '192.0.2.0/24' }, { prefix: '10.20.0.0/15', gateway: '10.10.0.8' }],
    });
    hub.passed();
    for (const far of ['8.8.8.8', '192.0.2.9', '10.21.0.1']) nic.sendIp(ip(far), 253, new Uint8Array(1));
    expect(hub.passed().map((f) => f.arp?.targetIp)).toEqual(['10.10.0.9', '192.0.2.9', '10.10.0.8']);
  });

  it('an endless lease is never renewed', () => {
    const { hub, server, nic } = served();
    nic.stopDhcp();
    server.answer = (m) => ({
      type: m.type === DISCOVER ? OFFER : ACK,
      options: [...USUAL.slice(0, -1), longOption(DHCP_OPTION.LEASE_TIME, 0xffffffff)],
    });
    nic.dhcp();
    hub.clock.advance(2 * PROBING + 5000);
    server.asked();
    expect(nic.lease?.expiresAt).toBe(Infinity);
    expect(hub.clock.next()).toBeUndefined();
  });

  it('a lease longer than a timer can run is renewed in its time', () => {
    const { hub, server, nic } = served();
    nic.stopDhcp();
    const days = 86_400;
    server.answer = (m) => ({
      type: m.type === DISCOVER ? OFFER : ACK,
      options: [...USUAL.slice(0, -1), longOption(DHCP_OPTION.LEASE_TIME, 100 * days)],
    });
    hub.nic(2).configure({ address: SERVER, prefixLength: 16 });
    nic.dhcp();
    hub.clock.advance(2 * PROBING);
    server.asked();
    hub.clock.advance(49 * days * 1000);
    expect(server.asked()).toEqual([]);
    hub.clock.advance(2 * days * 1000);
    expect(server.asked()).toEqual([REQUEST]);
  });

  it('ignores offers that lack what a lease needs', () => {
    const without = (code: number) => USUAL.filter((o) => o.code !== code);
    const bad: [readonly DhcpOption[], Ipv4?][] = [
      [without(DHCP_OPTION.SERVER_ID)],
      [without(DHCP_OPTION.LEASE_TIME)],
      [[...without(DHCP_OPTION.SUBNET_MASK), addressOption(DHCP_OPTION.SUBNET_MASK, [ipv4('255.0.255.0')])]],
      [USUAL, ipv4('0.0.0.0')],
      [USUAL, ipv4('127.0.0.1')],
      [USUAL, ipv4('224.0.0.1')],
      [USUAL, ALL],
    ];
    for (const [options, yiaddr] of bad) {
      const { hub, server, nic } = served();
      nic.stopDhcp();
      server.asked();
      server.answer = () => ({ type: OFFER, options, ...(yiaddr ? { yiaddr } : {}) });
      nic.dhcp();
      hub.clock.advance(3000);
      expect(server.asked()).toEqual([DISCOVER]);
      // Positive control: the same with what lacked is taken.
      server.answer = () => ({ type: OFFER });
      hub.clock.advance(5000);
      expect(server.asked().slice(0, 2)).toEqual([DISCOVER, REQUEST]);
    }
  });

  it('takes any options without harm', () => {
    const option = fc.record({
      code: fc.constantFrom(1, 3, 6, 26, 51, 58, 59, 121, 43),
      data: fc.uint8Array({ maxLength: 40 }),
    });
    fc.assert(
      fc.property(fc.array(option, { maxLength: 8 }), (options) => {
        const { hub, server, nic } = served();
        nic.stopDhcp();
        server.answer = (m) => ({
          type: m.type === DISCOVER ? OFFER : ACK,
          options: [USUAL[0]!, ...options],
        });
        nic.dhcp();
        hub.clock.advance(30_000);
        expect(['selecting', 'requesting', 'probing', 'bound', 'renewing', 'rebinding']).toContain(
          nic.dhcpState.state,
        );
        nic.close();
      }),
      { numRuns: 200 },
    );
  });

  it('hears only answers to its own question', () => {
    const hub = new Hub();
    const nic = hub.nic(1);
    nic.dhcp();
    const xid = parseFrame(hub.frames[0]!).dhcp!.xid;
    const offer = (more: { xid?: number; chaddr?: ReturnType<typeof macOf>; op?: number }) =>
      nic.receive(
        frame(
          { layer: 'eth', src: macOf(200), dst: BROADCAST_MAC },
          { layer: 'ipv4', src: SERVER, dst: ALL },
          { layer: 'udp', sport: 67, dport: 68 },
          ...dhcpLayers({ type: OFFER, xid, chaddr: macOf(1), yiaddr: YOURS, options: USUAL, ...more }),
        ),
      );
    offer({ xid: xid ^ 1 });
    offer({ chaddr: macOf(3) });
    offer({ op: 1 });
    expect(nic.dhcpState.state).toBe('selecting');
    offer({});
    expect(nic.dhcpState.state).toBe('requesting');
  });

  it('leads to pings between two that were served', () => {
    const hub = new Hub();
    const server = new Server(hub);
    const second = ipv4('10.10.1.101');
    server.answer = (m) => ({
      type: m.type === DISCOVER ? OFFER : ACK,
      yiaddr: m.chaddr === macOf(2) ? second : YOURS,
    });
    const [a, b] = [hub.nic(1), hub.nic(2)];
    a.dhcp();
    b.dhcp();
    hub.clock.advance(PROBING);
    expect(pingNow(hub, a, second, { count: 3 })).toMatchObject({ sent: 3, received: 3 });
    expect(b.lease?.settings.address).toBe(second);
  });
});
