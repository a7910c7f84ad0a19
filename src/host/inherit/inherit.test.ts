import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { interfaceName } from '../../agent/ports.ts';
import { heirOf } from './bearer.ts';
import { nic, uplinked } from './fixture.ts';
import { EMPTY_JOURNAL, isRefused, type Journal, kept, undone } from './journal.ts';
import { movingCalls, readSettings, settingsSchema } from './network.ts';
import { beginTrial, judge, TRIAL_MS } from './trial.ts';

describe('the heir of a management NIC', () => {
  const settings = new Map([[nic.device, nic]]);

  it('is the host vNIC that has an address which a NIC of its switch has', () => {
    expect(heirOf(uplinked(), settings)).toMatchObject({
      nic: 'eth0',
      device: interfaceName('v', 'e1'),
      name: 'h1/Management',
    });
  });

  it('is none where the NIC is of no switch, or the addresses are others', () => {
    const [ofSwitch, port] = uplinked();
    const { uplink: _, ...without } = ofSwitch;
    expect(heirOf([without, port], settings)).toBeUndefined();
    expect(heirOf(uplinked(), new Map([['eth9', { ...nic, device: 'eth9' }]]))).toBeUndefined();
    const fabric = new Map([['eth0', { ...nic, addresses: [] }]]);
    expect(heirOf([ofSwitch, port], fabric)).toBeUndefined();
  });

  it('is the NIC itself where a switch takes it and nobody inherits', () => {
    const [ofSwitch, port] = uplinked();
    const itself = { nic: 'eth0', device: 'eth0', name: 'main' };
    expect(heirOf([ofSwitch], settings)).toMatchObject(itself);
    expect(heirOf([ofSwitch, { ...port, owner: 'vm' }], settings)).toMatchObject(itself);
  });

  it('stays the one who bears where several could, whatever the order of the records', () => {
    const [ofSwitch, port] = uplinked();
    const other = { ...port, id: 'e0', name: 'h1/Other' };
    for (const records of [
      [ofSwitch, port, other],
      [other, port, ofSwitch],
    ]) {
      expect(heirOf(records, settings)?.name).toBe('h1/Other');
      expect(heirOf(records, settings, interfaceName('v', 'e1'))?.name).toBe('h1/Management');
    }
  });

  it('is another attempt whenever something changes that may cut the host off', () => {
    expect(heirOf(uplinked(7), settings)?.signature).not.toBe(heirOf(uplinked(), settings)?.signature);
    expect(heirOf(uplinked(), settings)?.signature).toBe(heirOf(uplinked().reverse(), settings)?.signature);
  });
});

describe('what moves addresses and routes', () => {
  it('gives a host vNIC the routes; its addresses it has from the agent', () => {
    expect(movingCalls(nic, 'eth0', 'nlv1', false).map((call) => call.join(' '))).toEqual([
      'address del 10.0.0.5/24 dev eth0',
      'address del 2001:db8::5/64 dev eth0',
      'link set dev eth0 arp off',
      'link set dev nlv1 arp on',
      'link set dev nlv1 up',
      '-4 route del 10.9.0.0/16 metric 50 dev eth0',
      '-4 route replace 10.9.0.0/16 metric 50 dev nlv1',
      '-4 route del default via 10.0.0.1 dev eth0',
      '-4 route replace default via 10.0.0.1 dev nlv1',
    ]);
  });

  it('gives a NIC back all that it had', () => {
    expect(movingCalls(nic, 'nlv1', 'eth0', true).map((call) => call.join(' '))).toEqual(
      expect.arrayContaining([
        'address replace 10.0.0.5/24 dev eth0',
        'address replace 2001:db8::5/64 dev eth0 nodad',
        '-4 route replace default via 10.0.0.1 dev eth0',
      ]),
    );
  });

  it('reads what iproute2 prints', () => {
    const address = (local: string, prefixlen: number, scope: string) => ({
      family: 'inet',
      local,
      prefixlen,
      scope,
    });
    const read = readSettings(
      [
        {},
        {
          ifindex: 2,
          ifname: 'eth0',
          addr_info: [address('10.0.0.5', 24, 'global'), address('fe80::1', 64, 'link'), {}],
        },
      ],
      [
        { dst: 'default', gateway: '10.0.0.1', dev: 'eth0', flags: [] },
        {
          dst: '10.0.0.0/24',
          dev: 'eth0',
          protocol: 'kernel',
          scope: 'link',
          prefsrc: '10.0.0.5',
          flags: [],
        },
        { dst: '10.8.0.0/16', dev: 'gone', flags: [] },
      ],
      [
        {
          dst: 'default',
          gateway: 'fe80::2',
          dev: 'eth0',
          protocol: 'static',
          metric: 1024,
          flags: [],
          pref: 'medium',
        },
      ],
    );
    expect(read.get('eth0')).toEqual({
      device: 'eth0',
      addresses: [{ address: '10.0.0.5', prefixLength: 24 }],
      routes: [
        { to: 'default', family: 4, via: '10.0.0.1' },
        { to: 'default', family: 6, via: 'fe80::2', metric: 1024, protocol: 'static' },
      ],
    });
  });
});

describe('routes', () => {
  it('are read with all that makes them what they are, and set again so', () => {
    const via = { gateway: '172.31.1.1', dev: 'eth0', flags: ['onlink'] };
    const metrics = [{ mtu: 1400, initcwnd: 20, rtt: 7, congctl: 'bbr' }];
    const read = readSettings(
      [{ ifname: 'eth0' }, { ifname: 'eth1' }],
      [
        { dst: 'default', ...via, protocol: 'dhcp', metric: 100, metrics },
        { dst: '10.9.0.0/16', flags: [], nexthops: [via, { gateway: '10.1.0.1', dev: 'gone' }] },
      ],
      [],
    ).get('eth0');
    expect(read?.isMultipath).toBe(true);
    expect(read && movingCalls(read, 'nlv1', 'eth0', true).at(-1)?.join(' ')).toBe(
      '-4 route replace default via 172.31.1.1 onlink proto dhcp metric 100 mtu 1400 initcwnd 20 dev eth0',
    );
    expect(read && settingsSchema.parse(JSON.parse(JSON.stringify(read)))).toEqual(read);
  });
});

describe('a trial', () => {
  it('waits for its time and no longer, and keeps whoever was reached', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 1e6 }),
        fc.integer({ min: 0, max: 2 * TRIAL_MS }),
        (begin, passed) => {
          const trial = beginTrial(begin);
          expect(judge(trial, 'reached', begin + passed)).toBe('keep');
          expect(judge(trial, 'tick', begin + passed)).toBe(passed < TRIAL_MS ? 'wait' : 'undo');
        },
      ),
    );
  });
});

describe('the journal of trials', () => {
  const trial = { device: 'nlv1', signature: 'one' };
  const tried: Journal = { version: 1, original: nic, trial };

  it('remembers how the NIC was for as long as a host vNIC has its addresses', () => {
    expect(kept(tried)).toEqual({ version: 1, original: nic, confirmed: trial });
    const back: Journal = { ...kept(tried), trial: { device: 'eth0', signature: '' } };
    expect(kept(back)).toEqual(EMPTY_JOURNAL);
  });

  it('does not try again what cut the host off, and tries once more what was interrupted', () => {
    const cut = undone(tried, 'cut off', true);
    expect(cut).toEqual({ version: 1, failed: { signature: 'one', attempts: 2, why: 'cut off' } });
    expect(isRefused(cut, 'one')).toBe(true);
    expect(isRefused(cut, 'another')).toBe(false);
    const once = undone(tried, 'interrupted', false);
    expect(isRefused(once, 'one')).toBe(false);
    const twice = undone({ ...once, original: nic, trial }, 'interrupted', false);
    expect(isRefused(twice, 'one')).toBe(true);
  });

  it('goes back to the heir that had been confirmed', () => {
    const confirmed = { device: 'nlv0', signature: 'zero' };
    expect(undone({ ...tried, confirmed }, 'cut off', true)).toMatchObject({ original: nic, confirmed });
  });
});
