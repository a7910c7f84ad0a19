/** Random messages of OpenFlow, for property tests of src/ovs/openflow/codec. */
import fc from 'fast-check';
import { errorName } from '../../src/ovs/openflow/codec/error-names.ts';
import type { AsyncMessages, Message } from '../../src/ovs/openflow/codec/message.ts';
import type { MultipartReply, MultipartRequest } from '../../src/ovs/openflow/codec/multipart-message.ts';
import type { FlowEntry, Port } from '../../src/ovs/openflow/codec/state.ts';
import { arbitraryActions, arbitraryFlow, arbitraryMatch, WHOLE_LANGUAGE } from './flow-arbitraries.ts';
import { arbitraryGroup, arbitraryMeter } from './group-arbitraries.ts';

const n8 = fc.nat({ max: 0xff });
const n16 = fc.nat({ max: 0xffff });
const n32 = fc.nat({ max: 0xffffffff });
const n64 = fc.bigInt({ min: 0n, max: (1n << 64n) - 1n });
const portNumber = fc.oneof(fc.nat({ max: 0xfeff }), fc.constant(0xfffe));
const milliseconds = fc.nat({ max: 2 ** 40 });
const frame = fc.uint8Array({ maxLength: 80 });
const table = fc.nat({ max: 254 });
const counters = { duration: milliseconds, idle: milliseconds, packets: n64, bytes: n64 };
const counted = fc.record({ packets: n64, bytes: n64 });

/** With a queue now and then, and flags. */
const extras = {
  importance: fc.integer({ min: 1, max: 0xffff }),
  queue: n32,
  flags: fc
    .record(
      {
        sendFlowRemoved: fc.constant(true as const),
        checkOverlap: fc.constant(true as const),
        resetCounts: fc.constant(true as const),
        noPacketCounts: fc.constant(true as const),
        noByteCounts: fc.constant(true as const),
      },
      { requiredKeys: [] },
    )
    .filter((flags) => Object.keys(flags).length > 0),
};

const flow = arbitraryFlow(WHOLE_LANGUAGE);
const match = arbitraryMatch(WHOLE_LANGUAGE);
const query = fc.record(
  { table, match: match.filter((m) => Object.keys(m).length > 0) },
  { requiredKeys: [] },
);
const group = n32.map((id) => id % 0xffffff00).chain((id) => arbitraryGroup(id, WHOLE_LANGUAGE));
const meter = fc.integer({ min: 1, max: 0xffff0000 }).chain(arbitraryMeter);

const port: fc.Arbitrary<Port> = fc
  .record({
    number: portNumber,
    name: fc.stringMatching(/^[a-z0-9]{1,15}$/),
    mac: fc.constantFrom('00:00:00:00:00:00', '02:00:5e:10:00:ff'),
    speedKbps: n32,
    config: n32,
    state: n32,
  })
  .map((p) => ({ ...p, down: (p.config & 1) === 1, linkDown: (p.state & 1) === 1 }));

const bundleFlags = fc.record({ atomic: fc.boolean(), ordered: fc.boolean() });

const flowMod: fc.Arbitrary<Message> = fc.oneof(
  fc
    .tuple(flow, fc.constantFrom('add', 'modify', 'modify-strict'), fc.record(extras, { requiredKeys: [] }))
    .map(([f, command, more]): Message => ({ type: 'flow-mod', command, flow: f, ...more })),
  fc.tuple(flow, fc.constantFrom('delete', 'delete-strict'), n64).map(
    ([f, command, cookieMask]): Message => ({
      type: 'flow-mod',
      command,
      flow: { ...f, actions: [] },
      ...(cookieMask === 0n ? {} : { cookieMask }),
    }),
  ),
  flow.map(
    (f): Message => ({
      type: 'flow-mod',
      command: 'delete',
      flow: { ...f, table: 0, actions: [] },
      allTables: true,
    }),
  ),
);

const groupMod: fc.Arbitrary<Message> = fc.oneof(
  fc
    .tuple(fc.constantFrom('add', 'modify', 'add-or-modify'), group)
    .map(([command, g]): Message => ({ type: 'group-mod', command, group: g })),
  fc
    .constantFrom(undefined, 0, 7, 0xffffff00)
    .map((id): Message => ({ type: 'group-mod', command: 'delete', id })),
);

const meterMod: fc.Arbitrary<Message> = fc.oneof(
  fc
    .tuple(fc.constantFrom('add', 'modify'), meter)
    .map(([command, m]): Message => ({ type: 'meter-mod', command, meter: m })),
  fc
    .constantFrom(undefined, 1, 0xffff0000)
    .map((id): Message => ({ type: 'meter-mod', command: 'delete', id })),
);

const packetOut: fc.Arbitrary<Message> = fc.record({
  type: fc.constant('packet-out'),
  inPort: fc.oneof(portNumber, fc.constant('controller' as const)),
  actions: arbitraryActions(undefined, WHOLE_LANGUAGE),
  frame,
});

const asyncMasks = fc.option(fc.record({ primary: n32, secondary: n32 }, { requiredKeys: ['primary'] }), {
  nil: undefined,
});

const session: fc.Arbitrary<Message>[] = [
  fc
    .uniqueArray(fc.nat({ max: 31 }), { minLength: 1 })
    .map((versions): Message => ({ type: 'hello', versions: versions.sort((a, b) => a - b) })),
  fc
    .record({ errorType: fc.nat({ max: 0xfffe }), code: n16, data: frame })
    .map((e): Message => ({ type: 'error', ...e, name: errorName(e.errorType, e.code) })),
  fc
    .record({
      errorType: fc.constant(0xffff),
      code: n16,
      experimenter: fc.constantFrom(0x2320, 7),
      data: frame,
    })
    .map((e): Message => ({ type: 'error', ...e, name: errorName(e.errorType, e.code, e.experimenter) })),
  fc.record({ type: fc.constantFrom('echo-request', 'echo-reply'), data: frame }),
  fc.record({
    type: fc.constantFrom('features-request', 'get-config-request', 'barrier-request', 'barrier-reply'),
  }),
  fc.record({
    type: fc.constant('features-reply'),
    datapathId: n64,
    buffers: n32,
    tables: n8,
    auxiliaryId: n8,
    capabilities: n32,
  }),
  fc.record({
    type: fc.constantFrom('get-config-reply', 'set-config'),
    fragments: fc.constantFrom('normal', 'drop', 'reassemble', 'nx-match'),
    missSendLength: n16,
  }),
  fc.record({
    type: fc.constantFrom('role-request', 'role-reply'),
    role: fc.constantFrom('no-change', 'equal', 'primary', 'secondary'),
    generation: n64,
  }),
  fc.tuple(asyncMasks, asyncMasks).map(([packetIn, removed]): Message => {
    const wanted: AsyncMessages = {
      ...(packetIn ? { 'packet-in': packetIn } : {}),
      ...(removed ? { 'flow-removed': removed } : {}),
    };
    return { type: 'set-async', wanted };
  }),
  fc.record({
    type: fc.constant('set-packet-in-format'),
    format: fc.constantFrom('openflow', 'nxt-packet-in2'),
  }),
  n16.map((zone): Message => ({ type: 'ct-flush-zone', zone })),
  fc.tuple(fc.integer({ min: 50, max: 0xff }), frame).map(
    ([code, body]): Message => ({
      type: 'unknown',
      code,
      body,
    }),
  ),
];

const packetIn: fc.Arbitrary<Message> = fc
  .record({
    form: fc.constantFrom('openflow', 'nxt-packet-in2'),
    table,
    reason: fc.constantFrom('no-match', 'action', 'invalid-ttl', 'action-set', 'group', 'packet-out'),
    cookie: n64,
    frame,
    more: fc.constantFrom(0, 1000),
    userdata: fc.uint8Array({ maxLength: 12 }).map((bytes) => Buffer.from(bytes).toString('hex')),
    metadata: match,
  })
  .map(
    ({ more, ...packet }): Message => ({
      type: 'packet-in',
      ...packet,
      userdata: packet.form === 'openflow' ? '' : packet.userdata,
      fullLength: packet.frame.length + more,
    }),
  );

const request: fc.Arbitrary<MultipartRequest> = fc.oneof(
  fc
    .constantFrom('desc', 'table-stats', 'group-features', 'meter-features')
    .map((about): MultipartRequest => ({ type: 'request', about })),
  fc
    .tuple(fc.constantFrom('flows', 'aggregate'), query)
    .map(([about, more]): MultipartRequest => ({ type: 'request', about, ...more })),
  fc.tuple(query, fc.bigInt({ min: 1n, max: (1n << 64n) - 1n }), n64).map(
    ([more, cookieMask, cookie]): MultipartRequest => ({
      type: 'request',
      about: 'flows',
      ...more,
      cookie,
      cookieMask,
    }),
  ),
  fc
    .tuple(fc.constantFrom('ports', 'port-stats'), fc.record({ port: portNumber }, { requiredKeys: [] }))
    .map(([about, more]): MultipartRequest => ({ type: 'request', about, ...more })),
  fc
    .tuple(fc.constantFrom('groups', 'group-stats'), fc.record({ group: n16 }, { requiredKeys: [] }))
    .map(([about, more]): MultipartRequest => ({ type: 'request', about, ...more })),
  fc
    .tuple(fc.constantFrom('meters', 'meter-stats'), fc.record({ meter: n16 }, { requiredKeys: [] }))
    .map(([about, more]): MultipartRequest => ({ type: 'request', about, ...more })),
  fc
    .tuple(
      query,
      fc.record({
        monitor: n32,
        command: fc.constantFrom('add', 'modify', 'delete'),
        events: fc.subarray(['initial', 'add', 'removed', 'modify'] as const),
        instructions: fc.boolean(),
        noAbbreviation: fc.boolean(),
        onlyOwn: fc.boolean(),
      }),
    )
    .map(([more, r]): MultipartRequest => ({ type: 'request', about: 'flow-monitor', ...more, ...r })),
);

const entry: fc.Arbitrary<FlowEntry> = fc
  .record({
    flow,
    importance: n16,
    flags: fc.constantFrom({}, { sendFlowRemoved: true }),
    ...counters,
    queue: fc.option(n32, { nil: undefined }),
  })
  .map(({ queue, ...rest }) => ({ ...rest, ...(queue === undefined ? {} : { queue }) }));

type WithoutHead<T> = T extends unknown ? Omit<T, 'type' | 'more'> : never;

const replyBody: fc.Arbitrary<WithoutHead<MultipartReply>> = fc.oneof<
  fc.Arbitrary<WithoutHead<MultipartReply>>[]
>(
  fc.record({
    about: fc.constant('desc'),
    desc: fc.record({
      manufacturer: fc.constantFrom('', 'Nicira, Inc.'),
      hardware: fc.constant('Open vSwitch'),
      software: fc.constant('3.1.0'),
      serialNumber: fc.constant('None'),
      datapath: fc.constant('None'),
    }),
  }),
  fc.record({ about: fc.constant('flows'), flows: fc.array(entry, { maxLength: 3 }) }),
  fc.record({ about: fc.constant('aggregate'), packets: n64, bytes: n64, flows: n32 }),
  fc.record({
    about: fc.constant('table-stats'),
    tables: fc.array(fc.record({ table: n8, active: n32, lookups: n64, matches: n64 }), { maxLength: 3 }),
  }),
  fc.record({
    about: fc.constant('port-stats'),
    ports: fc.array(
      fc.record({
        number: portNumber,
        duration: milliseconds,
        rxPackets: n64,
        txPackets: n64,
        rxBytes: n64,
        txBytes: n64,
        rxDropped: n64,
        txDropped: n64,
        rxErrors: n64,
        txErrors: n64,
      }),
      { maxLength: 3 },
    ),
  }),
  fc.record({ about: fc.constant('ports'), ports: fc.array(port, { maxLength: 3 }) }),
  fc.record({
    about: fc.constant('groups'),
    groups: fc.array(fc.record({ group, unknown: fc.constant('') }), { maxLength: 3 }),
  }),
  fc.record({
    about: fc.constant('group-stats'),
    groups: fc.array(
      fc.record({
        id: n32,
        references: n32,
        packets: n64,
        bytes: n64,
        duration: milliseconds,
        buckets: fc.array(counted, { maxLength: 3 }),
      }),
      { maxLength: 3 },
    ),
  }),
  fc.record({ about: fc.constant('group-features'), types: n32, maximum: fc.tuple(n32, n32, n32, n32) }),
  fc.record({
    about: fc.constant('meters'),
    meters: fc.array(fc.record({ meter, unknown: fc.constant('') }), { maxLength: 3 }),
  }),
  fc.record({
    about: fc.constant('meter-stats'),
    meters: fc.array(
      fc.record({
        id: n32,
        flows: n32,
        packets: n64,
        bytes: n64,
        duration: milliseconds,
        bands: fc.array(counted, { maxLength: 3 }),
      }),
      { maxLength: 3 },
    ),
  }),
  fc.record({
    about: fc.constant('meter-features'),
    maximum: n32,
    bandTypes: n32,
    capabilities: n32,
    maximumBands: n8,
  }),
  fc.record({
    about: fc.constant('flow-monitor'),
    updates: fc.array(
      fc.oneof(
        fc.record({
          event: fc.constantFrom('initial', 'added', 'removed', 'modified'),
          flow,
          reason: n8,
        }),
        fc.record({ event: fc.constant('abbreviated'), xid: n32 }),
        fc.record({ event: fc.constantFrom('paused', 'resumed') }),
      ),
      { maxLength: 3 },
    ),
  }),
  fc.record({ about: fc.constant('unknown'), code: fc.constant(77), body: frame }),
);

const reply: fc.Arbitrary<MultipartReply> = fc
  .tuple(fc.boolean(), replyBody)
  .map(([more, body]) => ({ type: 'reply', more, ...body }));

/** Any message but one that is malformed. */
export function arbitraryMessage(): fc.Arbitrary<Message> {
  return fc.oneof<fc.Arbitrary<Message>[]>(
    ...session,
    packetIn,
    packetOut,
    flowMod,
    flowMod,
    groupMod,
    meterMod,
    request,
    reply,
    reply,
    fc.record({
      type: fc.constant('flow-removed'),
      reason: fc.constantFrom(
        'idle-timeout',
        'hard-timeout',
        'delete',
        'group-delete',
        'meter-delete',
        'eviction',
      ),
      flow: flow.map((f) => ({ ...f, actions: [] })),
      ...counters,
    }),
    fc.record({ type: fc.constant('port-status'), reason: fc.constantFrom('add', 'delete', 'modify'), port }),
    fc.record({
      type: fc.constant('bundle-control'),
      bundle: n32,
      action: fc.constantFrom('open', 'close', 'commit', 'discard'),
      reply: fc.boolean(),
      flags: bundleFlags,
    }),
    fc.record({
      type: fc.constant('bundle-add'),
      bundle: n32,
      flags: bundleFlags,
      message: fc.oneof(flowMod, groupMod, packetOut),
    }),
  );
}

/**
 * The message as it is read: the wire has one way to say `output:controller` and `controller`, and no action `drop`.
 */
export function readable<T>(value: T): T {
  if (Array.isArray(value)) return value.filter((v) => !isDrop(v)).map(readable) as T;
  if (typeof value !== 'object' || value === null || value instanceof Uint8Array) return value;
  if ('port' in value && 'type' in value && value.type === 'output' && value.port === 'controller') {
    return { type: 'controller', userdata: '', maxLength: 0xffff } as T;
  }
  return Object.fromEntries(Object.entries(value).map(([key, v]) => [key, readable(v)])) as T;
}

/** The action; bands of meters are of this type, too. */
function isDrop(value: unknown): boolean {
  return (
    typeof value === 'object' &&
    value !== null &&
    'type' in value &&
    value.type === 'drop' &&
    !('rate' in value)
  );
}
