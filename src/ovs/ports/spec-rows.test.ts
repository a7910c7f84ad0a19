// A port -> rows -> the same port; rows that differ from what a port comes to are seen, whatever it is.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { seed } from '../../../test/support/seed.ts';
import type { PortSpec, PortVlan } from '../../flow/datapath.ts';
import { ip } from '../../packet/address.ts';
import type { Row, TableName } from '../ovsdb/columns.ts';
import { TABLES } from '../ovsdb/columns.ts';
import { defaultValue } from '../ovsdb/values.ts';
import { registeredVifs, vifEntry } from './registry.ts';
import { newRow, setRight, type WantedColumns, type WantedPort, wrongColumns } from './rows.ts';
import { type FixedSpec, rowsOf, specOf } from './spec-rows.ts';

const AROUND = { datapathType: 'netdev' };
const optional = <K extends string, T>(key: K, value: fc.Arbitrary<T>) =>
  fc.option(value, { nil: undefined }).map((v) => (v === undefined ? {} : { [key]: v }) as { [P in K]?: T });

const tag = fc.integer({ min: 0, max: 4095 });
// A trunk of the dead VLAN alone is what a port in the dead VLAN is.
const tags = fc
  .uniqueArray(fc.integer({ min: 0, max: 4094 }), { maxLength: 5 })
  .map((list) => list.sort((a, b) => a - b));
const vlan: fc.Arbitrary<PortVlan> = fc
  .tuple(
    fc.oneof(
      fc.record({ mode: fc.constant('access' as const), tag }),
      fc.record({ mode: fc.constant('trunk' as const), trunks: tags }),
      fc.record({
        mode: fc.constantFrom('native-tagged' as const, 'native-untagged' as const),
        tag,
        trunks: tags,
      }),
      fc
        .tuple(
          fc.record({ mode: fc.constant('dot1q-tunnel' as const), tag, cvlans: tags }),
          optional('ethertype', fc.constantFrom(0x88a8 as const, 0x8100 as const)),
        )
        .map(([a, b]) => ({ ...a, ...b })),
    ),
    optional('priorityTags', fc.constantFrom('if-nonzero' as const, 'always' as const)),
  )
  .map(([mode, tagging]) => ({ ...mode, ...tagging }));

const policing = optional(
  'policing',
  fc.record({ rateKbps: fc.integer({ min: 1, max: 1e6 }), burstKb: fc.nat(1e6) }),
);
const bandwidth = optional(
  'bandwidth',
  fc
    .tuple(optional('minimumKbps', fc.nat(1e6)), optional('weight', fc.nat(100)))
    .map(([a, b]) => ({ ...a, ...b })),
);
const word = fc.string({ minLength: 1, maxLength: 20 });
const address = fc
  .tuple(
    fc.constantFrom(ip('10.0.0.1'), ip('fd00::1'), ip('192.168.4.11')),
    fc.nat(32),
    optional('gateway', fc.constantFrom(ip('10.0.0.254'), ip('fd00::fe'))),
  )
  .map(([a, prefixLength, gateway]) => ({ address: a, prefixLength, ...gateway }));
const nics = fc.uniqueArray(fc.constantFrom('eth0', 'eth1', 'ens3', 'a'), { minLength: 1, maxLength: 4 });

const fixed: fc.Arbitrary<FixedSpec> = fc.oneof(
  fc
    .tuple(
      fc.record({ id: word, mac: fc.constantFrom('02:00:00:00:00:01', '00:1d:d8:b7:1c:00'), vlan }),
      optional('addresses', fc.array(address, { maxLength: 3 })),
      optional('mtu', fc.integer({ min: 68, max: 9000 })),
      policing,
      bandwidth,
    )
    .map((parts) => Object.assign({ type: 'internal' as const, name: 'nlv1' }, ...parts) as FixedSpec),
  fc
    .tuple(
      fc.record({
        nics,
        mode: fc.constantFrom('active-backup' as const, 'balance-slb' as const, 'balance-tcp' as const),
        lacp: fc.constantFrom('off' as const, 'active' as const, 'passive' as const),
        vlan,
      }),
      policing,
      optional('capacityKbps', fc.integer({ min: 1, max: 1e8 })),
    )
    .map((parts) => Object.assign({ type: 'uplink' as const, name: 'nlu1' }, ...parts) as FixedSpec),
  fc
    .tuple(
      fc.record({
        encapsulation: fc.constantFrom('nvgre' as const, 'vxlan' as const, 'geneve' as const),
        local: fc.constantFrom('10.0.0.1', 'fd00::1'),
      }),
      optional(
        'tos',
        fc.oneof(
          fc.constant('inherit' as const),
          fc.nat(63).map((n) => n * 4),
        ),
      ),
      optional('ttl', fc.oneof(fc.constant('inherit' as const), fc.integer({ min: 1, max: 255 }))),
      optional('dontFragment', fc.boolean()),
      optional('carrier', word),
    )
    .map((parts) => Object.assign({ type: 'tunnel' as const, name: 'nlt1' }, ...parts) as FixedSpec),
);

let uuids = 0;

/** The row that the database has when these columns are written into a new one. */
function rowWith<T extends TableName>(table: T, wanted: WantedColumns<T>, more: object): Row<T> {
  const columns = Object.entries(TABLES[table].watched).map(([name, type]) => [name, defaultValue(type)]);
  const written = Object.entries(newRow(wanted)).map(([name, value]) => [
    name,
    typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Map)
      ? new Map(Object.entries(value))
      : value,
  ]);
  uuids++;
  const row = {
    _uuid: `uuid${uuids}`,
    ...Object.fromEntries(columns),
    ...Object.fromEntries(written),
    ...more,
  };
  return row as Row<T>;
}

function stored(port: WantedPort) {
  const interfaces = port.interfaces.map(({ name, columns }) => rowWith('Interface', columns, { name }));
  return { port: rowWith('Port', port.columns, { name: port.name }), interfaces };
}

describe('ports and rows', () => {
  it('a port comes back from its rows as it was', () => {
    fc.assert(
      fc.property(fixed, (spec) => {
        const { port, team } = rowsOf(spec, 0x1234, AROUND);
        const bond = team?.ports.find(({ interfaces }) => interfaces.length > 1);
        const present = { ...stored(port), ...(bond ? { bond: stored(bond) } : {}) };
        expect(specOf(present)).toEqual(spec);
        expect(wrongColumns<'Port'>(present.port, port.columns)).toEqual([]);
        expect(setRight<'Port'>('Port', present.port, port.columns)).toEqual([]);
      }),
      { seed },
    );
  });

  it('what is changed in a row is named', () => {
    fc.assert(
      fc.property(fixed, fc.nat(), (spec, choice) => {
        const { port } = rowsOf(spec, 0x1234, AROUND);
        const columns = Object.keys(port.columns);
        const column = columns[choice % columns.length] ?? '';
        const { port: row } = stored(port);
        const value = row[column as keyof typeof row];
        const other =
          value instanceof Map
            ? new Map()
            : Array.isArray(value)
              ? [...value, 4096]
              : value === null
                ? 'x'
                : null;
        const changed = { ...row, [column]: other };
        const isEmptied = value instanceof Map && value.size === 0;
        const named = wrongColumns<'Port'>(changed, port.columns).some(
          (name) => name.split(':')[0] === column,
        );
        expect(named).toBe(!isEmptied);
      }),
      { seed },
    );
  });

  it('a vNIC comes back from the row of its bridge', () => {
    const vif = fc
      .tuple(fc.record({ id: word, vlan }), policing, bandwidth)
      .map(
        (parts) =>
          Object.assign({ type: 'vif', name: 'nlv1' }, ...parts) as Extract<PortSpec, { type: 'vif' }>,
      );
    fc.assert(
      fc.property(vif, fc.integer({ min: 1, max: 0xfeff }), (spec, number) => {
        const external_ids = new Map([vifEntry({ spec, number })]);
        expect(registeredVifs({ external_ids }).get('nlv1')).toEqual({ number, spec });
      }),
      { seed },
    );
  });

  it('nothing that stands in a row makes the reader fail', () => {
    const text = fc.oneof(fc.string(), fc.json());
    fc.assert(
      fc.property(
        text,
        fc.constantFrom('internal', 'gre', 'patch', '', 'erspan'),
        text,
        (rest, type, option) => {
          const row = rowWith<'Port'>('Port', { external_ids: { 'netloom-spec': rest } }, { name: 'p' });
          const columns: WantedColumns<'Interface'> = {
            type,
            options: { tos: option, local_ip: option, peer: option },
          };
          expect(() =>
            specOf({ port: row, interfaces: [rowWith('Interface', columns, { name: 'p' })] }),
          ).not.toThrow();
          expect(() => registeredVifs({ external_ids: new Map([['netloom-vif-x', rest]]) })).not.toThrow();
        },
      ),
      { seed },
    );
  });
});
