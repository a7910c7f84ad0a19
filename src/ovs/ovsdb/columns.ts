/**
 * The tables and columns of the database `Open_vSwitch` that Netloom reads and writes, listed once; the types of rows
 * follow from the list. What they mean: ovs-vswitchd.conf.db(5). What a type is: RFC 7047, 3.2.
 *
 * `watched` columns are mirrored in memory (replica.ts). `asked` ones change every few seconds by themselves, so they
 * are fetched when somebody wants to know (`Database.read`).
 */

/** RFC 7047, 3.2, <atomic-type>. */
export type AtomicType = 'integer' | 'real' | 'boolean' | 'string' | 'uuid';

/**
 * `one`: exactly one. `optional`: one or none. `set`: any number, each once, in order. `map`: from `key` to `value`.
 */
export type ColumnType =
  | { readonly kind: 'one' | 'optional' | 'set'; readonly key: AtomicType }
  | { readonly kind: 'map'; readonly key: AtomicType; readonly value: AtomicType };

/** In the text form of RFC 4122, small letters. */
export type Uuid = string;

/** A row that the same transaction inserts under this name (RFC 7047, 5.1, <named-uuid>). */
export interface NamedRow {
  readonly named: string;
}

const one = <K extends AtomicType>(key: K) => ({ kind: 'one', key }) as const;
const optional = <K extends AtomicType>(key: K) => ({ kind: 'optional', key }) as const;
const set = <K extends AtomicType>(key: K) => ({ kind: 'set', key }) as const;
const map = <K extends AtomicType, V extends AtomicType>(key: K, value: V) =>
  ({ kind: 'map', key, value }) as const;
const words = map('string', 'string');

export const TABLES = {
  Open_vSwitch: {
    watched: {
      bridges: set('uuid'),
      datapaths: map('string', 'uuid'),
      other_config: words,
      external_ids: words,
      next_cfg: one('integer'),
      cur_cfg: one('integer'),
      ovs_version: optional('string'),
      db_version: optional('string'),
      system_type: optional('string'),
      system_version: optional('string'),
      datapath_types: set('string'),
      iface_types: set('string'),
      dpdk_initialized: one('boolean'),
      dpdk_version: optional('string'),
    },
    asked: { statistics: words },
  },
  Datapath: {
    watched: { datapath_version: one('string'), capabilities: words },
    asked: {},
  },
  Bridge: {
    watched: {
      name: one('string'),
      datapath_type: one('string'),
      datapath_version: one('string'),
      datapath_id: optional('string'),
      stp_enable: one('boolean'),
      rstp_enable: one('boolean'),
      mcast_snooping_enable: one('boolean'),
      ports: set('uuid'),
      mirrors: set('uuid'),
      netflow: optional('uuid'),
      sflow: optional('uuid'),
      ipfix: optional('uuid'),
      controller: set('uuid'),
      protocols: set('string'),
      fail_mode: optional('string'),
      flood_vlans: set('integer'),
      other_config: words,
      external_ids: words,
    },
    asked: { status: words },
  },
  Port: {
    watched: {
      name: one('string'),
      interfaces: set('uuid'),
      trunks: set('integer'),
      cvlans: set('integer'),
      tag: optional('integer'),
      vlan_mode: optional('string'),
      qos: optional('uuid'),
      mac: optional('string'),
      bond_mode: optional('string'),
      lacp: optional('string'),
      bond_updelay: one('integer'),
      bond_downdelay: one('integer'),
      bond_active_slave: optional('string'),
      protected: one('boolean'),
      other_config: words,
      external_ids: words,
    },
    asked: { status: words, statistics: map('string', 'integer') },
  },
  Interface: {
    watched: {
      name: one('string'),
      type: one('string'),
      options: words,
      ingress_policing_rate: one('integer'),
      ingress_policing_burst: one('integer'),
      ingress_policing_kpkts_rate: one('integer'),
      ingress_policing_kpkts_burst: one('integer'),
      mac_in_use: optional('string'),
      mac: optional('string'),
      ifindex: optional('integer'),
      ofport: optional('integer'),
      ofport_request: optional('integer'),
      bfd: words,
      bfd_status: words,
      lacp_current: optional('boolean'),
      lldp: words,
      admin_state: optional('string'),
      link_state: optional('string'),
      link_speed: optional('integer'),
      link_resets: optional('integer'),
      duplex: optional('string'),
      mtu: optional('integer'),
      mtu_request: optional('integer'),
      error: optional('string'),
      other_config: words,
      external_ids: words,
    },
    asked: { status: words, statistics: map('string', 'integer') },
  },
  Mirror: {
    watched: {
      name: one('string'),
      select_all: one('boolean'),
      select_src_port: set('uuid'),
      select_dst_port: set('uuid'),
      select_vlan: set('integer'),
      output_port: optional('uuid'),
      output_vlan: optional('integer'),
      snaplen: optional('integer'),
      external_ids: words,
    },
    asked: { statistics: map('string', 'integer') },
  },
  QoS: {
    watched: {
      type: one('string'),
      queues: map('integer', 'uuid'),
      other_config: words,
      external_ids: words,
    },
    asked: {},
  },
  Queue: {
    watched: { dscp: optional('integer'), other_config: words, external_ids: words },
    asked: {},
  },
  IPFIX: {
    watched: {
      targets: set('string'),
      sampling: optional('integer'),
      obs_domain_id: optional('integer'),
      obs_point_id: optional('integer'),
      cache_active_timeout: optional('integer'),
      cache_max_flows: optional('integer'),
      other_config: words,
      external_ids: words,
    },
    asked: {},
  },
  sFlow: {
    watched: {
      targets: set('string'),
      sampling: optional('integer'),
      polling: optional('integer'),
      header: optional('integer'),
      agent: optional('string'),
      external_ids: words,
    },
    asked: {},
  },
} as const satisfies Record<string, Record<'watched' | 'asked', Record<string, ColumnType>>>;

export type TableName = keyof typeof TABLES;
type Watched<T extends TableName> = (typeof TABLES)[T]['watched'];
type Columns<T extends TableName> = Watched<T> & (typeof TABLES)[T]['asked'];
/** Every column of a table that is known here. */
export type ColumnName<T extends TableName> = keyof Columns<T> & string;

type Atom<A extends AtomicType> = A extends 'boolean'
  ? boolean
  : A extends 'string' | 'uuid'
    ? string
    : number;
/** What may be written where an atom is: a reference may be to a row that has no UUID yet. */
type WrittenAtom<A extends AtomicType> = A extends 'uuid' ? Uuid | NamedRow : Atom<A>;

/** What is read of a column. `null`: an optional one with nothing in it. */
type Value<C> = C extends { kind: 'map'; key: infer K extends AtomicType; value: infer V extends AtomicType }
  ? ReadonlyMap<Atom<K>, Atom<V>>
  : C extends { kind: 'set'; key: infer K extends AtomicType }
    ? readonly Atom<K>[]
    : C extends { kind: 'optional'; key: infer K extends AtomicType }
      ? Atom<K> | null
      : C extends { kind: 'one'; key: infer K extends AtomicType }
        ? Atom<K>
        : never;

/** What may be written into a column; a map also as an object. */
export type WrittenValue<C> = C extends {
  kind: 'map';
  key: infer K extends AtomicType;
  value: infer V extends AtomicType;
}
  ? ReadonlyMap<Atom<K>, WrittenAtom<V>> | Readonly<Record<string, WrittenAtom<V>>>
  : C extends { kind: 'set'; key: infer K extends AtomicType }
    ? readonly WrittenAtom<K>[]
    : C extends { kind: 'optional'; key: infer K extends AtomicType }
      ? WrittenAtom<K> | null
      : C extends { kind: 'one'; key: infer K extends AtomicType }
        ? WrittenAtom<K>
        : never;

/** A row as it is read: its watched columns, and its UUID. */
export type Row<T extends TableName> = { readonly _uuid: Uuid } & {
  readonly [C in keyof Watched<T>]: Value<Watched<T>[C]>;
};

/** Some columns of a row, as they are read. */
export type PartOfRow<T extends TableName, C extends ColumnName<T>> = { readonly _uuid: Uuid } & {
  readonly [N in C]: Value<Columns<T>[N]>;
};

/** A row as it is written; columns that are left out stay, or get the default of their type (RFC 7047, 5.2.1). */
export type WrittenRow<T extends TableName> = {
  readonly [C in ColumnName<T>]?: WrittenValue<Columns<T>[C]>;
};

/** What may stand in a column, without the table: for what treats all tables alike. */
export type AnyAtom = string | number | boolean;
export type AnyValue = AnyAtom | null | readonly AnyAtom[] | ReadonlyMap<AnyAtom, AnyAtom>;
export type AnyRow = Readonly<Record<string, AnyValue>>;

/** The type of every column of a table that is known here. */
export function columnsOf(table: TableName): Readonly<Record<string, ColumnType>> {
  return { ...TABLES[table].watched, ...TABLES[table].asked };
}

/** The type of the watched columns of a table. */
export function watchedColumns(table: TableName): Readonly<Record<string, ColumnType>> {
  return TABLES[table].watched;
}

export const TABLE_NAMES = Object.keys(TABLES) as readonly TableName[];

export function isTableName(name: string): name is TableName {
  return Object.hasOwn(TABLES, name);
}
