import { afterEach, describe, expect, it } from 'vitest';
import { countingAgent, NOTHING_COUNTED } from '../../test/support/counting-agent.ts';
import { hello } from '../../test/support/policy-stream.ts';
import { hostScope, type PortRecord } from '../policy/records.ts';
import type { HostCounters, Tally } from '../stream/counted.ts';
import { openTenants, type Tenants } from './tenants-fixture.ts';

let api: Tenants;
afterEach(() => api.close());

const tally: Tally = { packets: 7n, bytes: 2n ** 63n, errors: 0n, drops: 1n };
const both = { link: true, received: tally, sent: tally };
const rule = { rule: 'inbound 10', direction: 'inbound', verdict: 'allow' } as const;

/** The vNIC of a VM on host1, as its agent knows it. */
function portOf(vm: string): PortRecord {
  const records = api.controller.feed.policy.scope(hostScope('host1')).values();
  const record = records.find((each) => each.kind === 'port' && each.name === `${vm}/eth0`);
  if (record?.kind !== 'port') throw new Error(`host1 has no ${vm}`);
  return record;
}

/** Names of rules are given by the controller where there are none. */
function ruleOf(acl: string) {
  const record = api.controller.feed.policy.get(hostScope('host1'), `acl/${acl}`);
  if (record?.kind !== 'acl') throw new Error(`host1 has no ${acl}`);
  return { ...rule, acl, rule: record.rules[0]?.name ?? '' };
}

/** What the two hosts say: each what is its own, and host1 a good deal that is not. */
function connect(): void {
  const [red, blue] = [portOf('red:vm1'), portOf('blue:vm1')];
  const [redRule, blueRule] = [ruleOf('red:acl'), ruleOf('blue:acl')];
  const lies: HostCounters = {
    ports: [
      { port: 'vnic/nobody', ...both },
      { port: 'vnic/../x', ...both },
      { port: `vnic/${red.id}`, nic: 'eth0', ...both },
      { port: 'uplink/hide', nic: 'eth0', ...both },
      { port: `uplink/${red.switch}`, nic: 'nobody', ...both },
      { port: '', ...both },
    ],
    acls: [
      { ...redRule, acl: 'hide', packets: 1n, bytes: 1n },
      { ...redRule, rule: 'lie', packets: 1n, bytes: 1n },
      { ...redRule, rule: 'default', packets: 1n, bytes: 1n },
    ],
    drops: [
      { switch: 'hide', object: '', words: 'lie', packets: 1 },
      { switch: red.switch, object: 'VirtualMachine/red:vm9', words: 'lie', packets: 1 },
    ],
    log: [
      { ...redRule, time: 1, port: 'nobody', frame: 'lie' },
      { ...redRule, time: 1, port: blue.id, frame: 'lie' },
    ],
    complete: true,
  };
  countingAgent(api.controller.feed, 'host1', {
    ports: [...lies.ports, { port: `vnic/${red.id}`, ...both }, { port: `vnic/${blue.id}`, ...both }],
    acls: [...lies.acls, { ...redRule, packets: 3n, bytes: 4n }, { ...blueRule, packets: 5n, bytes: 6n }],
    drops: [...lies.drops, { switch: red.switch, object: red.origin, words: 'it is a router', packets: 2 }],
    log: [
      ...lies.log,
      { ...redRule, time: 2000, port: red.id, frame: 'of red' },
      { ...blueRule, time: 1000, port: blue.id, frame: 'of blue' },
    ],
    complete: true,
  });
  countingAgent(api.controller.feed, 'host2', NOTHING_COUNTED);
}

const itemsOf = (json: unknown) => (json as { items: Record<string, unknown>[] }).items;

describe('counters', () => {
  it('[P24] are of what hosts have, whatever their agents say', async () => {
    api = await openTenants();
    connect();
    const { json } = await api.as('operator', 'GET', '/api/v1/counters?of=host1');
    expect(itemsOf(json).map(({ name }) => name)).toEqual(['blue:vm1/eth0', 'red:vm1/eth0']);
    expect(itemsOf(json)[1]).toEqual({
      host: 'host1',
      name: 'red:vm1/eth0',
      type: 'vm',
      switch: portOf('red:vm1').switch,
      link: true,
      received: { packets: '7', bytes: '9223372036854775808', errors: '0', drops: '1' },
      sent: { packets: '7', bytes: '9223372036854775808', errors: '0', drops: '1' },
    });
    expect(json).toMatchObject({
      drops: [{ host: 'host1', object: 'VirtualMachine/red:vm1', words: 'it is a router', packets: 2 }],
      silent: [],
      partial: [],
      complete: true,
    });
    const acls = await api.as('operator', 'GET', '/api/v1/acl-counters');
    expect(itemsOf(acls.json).map(({ acl, packets }) => `${acl} ${packets}`)).toEqual([
      'red:acl 3',
      'blue:acl 5',
    ]);
    const log = await api.as('operator', 'GET', '/api/v1/acl-log');
    expect(itemsOf(log.json).map(({ time, port, frame }) => `${time} ${port} ${frame}`)).toEqual([
      '1970-01-01T00:00:01.000Z blue:vm1/eth0 of blue',
      '1970-01-01T00:00:02.000Z red:vm1/eth0 of red',
    ]);
  });

  it('are, to a tenant, of its own vNICs, without a word about hosts', async () => {
    api = await openTenants();
    connect();
    for (const who of ['tenant-administrator', 'self-service', 'blue'] as const) {
      const tenant = who === 'blue' ? 'blue' : 'red';
      const answers = await Promise.all(
        ['counters', 'acl-counters', 'acl-log', 'counters?of=vm1'].map((url) =>
          api.as(who, 'GET', `/api/v1/${url}`),
        ),
      );
      for (const { status, json, text } of answers) {
        expect([status, itemsOf(json).length], text).toEqual([200, 1]);
        expect(text).toContain(`${tenant}:`);
        expect(text).not.toMatch(/host1|router|switch|silent|partial/);
        expect(text).not.toContain(tenant === 'red' ? 'blue' : 'red');
      }
      for (const foreign of ['host1', 'hide', `${tenant === 'red' ? 'blue' : 'red'}:vm1`]) {
        const { status } = await api.as(who, 'GET', `/api/v1/counters?of=${foreign}`);
        expect(status).toBe(404);
      }
    }
  });

  it('say which hosts have not answered, also one that answers with nonsense', async () => {
    api = await openTenants();
    countingAgent(api.controller.feed, 'host1', new TextEncoder().encode('{"ports": 7}'));
    countingAgent(api.controller.feed, 'host2', { ...NOTHING_COUNTED, complete: false });
    const { json } = await api.as('operator', 'GET', '/api/v1/counters');
    expect(json).toMatchObject({ items: [], silent: ['hide', 'host1'], partial: ['host2'], complete: false });
    const own = await api.as('self-service', 'GET', '/api/v1/counters');
    expect(own.json).toEqual({ items: [], complete: false });
  });

  it('are not waited for beyond ten seconds', async () => {
    api = await openTenants();
    // Connected, and silent.
    api.controller.feed.connect(hello('host1'));
    const answer = api.as('operator', 'GET', '/api/v1/counters?of=host1');
    const limit = setInterval(() => api.clock.advance(1_000), 5);
    expect((await answer).json).toMatchObject({ silent: ['host1'], complete: false });
    clearInterval(limit);
  });
});
