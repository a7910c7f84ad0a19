/**
 * What is done where nobody asks: taps that come are bound, devices that were replaced are opened anew, mirrors get their ports, host interfaces that Open vSwitch made
 * anew get their addresses, NICs that AF_XDP cannot open are opened without. After the database was lost with all that was
 * ours, everything is written again, with the numbers that it had. What somebody changed by hand is left: that is drift,
 * which is to be found, told and repaired.
 */
import { type Finding, NetloomError, throwIfErrors, warning } from '../../base/error.ts';
import { insert, mutate, type Operation, update } from '../ovsdb/operations.ts';
import type { RowChange } from '../ovsdb/replica.ts';
import { type BoundVif, planBindings } from './binding.ts';
import { bridgeSettings } from './bridge-rows.ts';
import { setFlowExport } from './export-work.ts';
import { AF_XDP, type HostState, SETTLING } from './host-state.ts';
import { completeMirrors, setMirrors } from './mirror-work.ts';
import { bridgeName, MARK, QUARANTINE } from './names.ts';
import { isNews, isReplaced } from './news.ts';
import { Plan } from './plan.ts';
import { setPort } from './port-work.ts';
import { asksForShare } from './qos.ts';

/** What ovs-vswitchd says of a device that is not there (yet): no fault of AF_XDP. */
const NO_DEVICE = 'No such device';
/** A frame has to fit into a piece of 4096 bytes with room before it; longer ones would be lost without a word. */
const XDP_MTU = 3000;

export class Attendant {
  readonly #state: HostState;
  /** Host interfaces without their addresses. */
  readonly #bare = new Set<string>();
  /** Interfaces that Open vSwitch has to open anew. */
  readonly #replaced = new Set<string>();
  /** vNIC id -> its tap, with what the hypervisor wrote on it: nobody else will write it again. */
  readonly #taps = new Map<string, { readonly name: string; readonly ids: ReadonlyMap<string, string> }>();

  /** The database was lost, and not all that is ours is written again. */
  #isUnwritten = false;

  /** Asks for `work` later. */
  readonly #wake: () => void;

  constructor(state: HostState, wake: () => void) {
    this.#state = state;
    this.#wake = wake;
  }

  /** See HostPorts.findings. */
  findings(): readonly Finding[] {
    return [...this.#state.bindings(this.#state.view()).findings, ...this.#failures(), ...this.#unshared()];
  }

  /** Whether these changes ask for work. */
  notice(changes: readonly RowChange[]): boolean {
    const interfaces = changes.filter((change) => change.table === 'Interface');
    // First: in one transaction a row may go and another of the same name come, told in any order.
    for (const { before, after } of interfaces) if (before && !after) this.#forget(before.name);
    for (const change of interfaces) {
      if (!change.after) continue;
      const { name, type, ifindex } = change.after;
      if (type === 'internal' && change.before?.ifindex !== ifindex) this.#bare.add(name);
      if (isReplaced(change) && this.#state.datapathType === 'netdev') this.#replaced.add(name);
      if (!change.before || isReplaced(change)) this.#state.noticeDevice(name);
    }
    return changes.some(isNews);
  }

  /** Rejects with all that did not succeed; when it is called again it goes on from there. */
  async work(): Promise<void> {
    if (this.#isLost()) this.#isUnwritten = true;
    // What is written already stays as it is.
    if (this.#isUnwritten) await this.#writeEverything();
    this.#isUnwritten = false;
    await doAll([
      () => this.#openAnew(),
      () => this.#bind(),
      () => completeMirrors(this.#state),
      () => this.#leaveXdp(),
      () => this.#setAddresses(),
    ]);
  }

  /** The interface is gone. What is in `#replaced` stays: a NIC that is taken out to be opened anew is gone for a moment. */
  #forget(name: string): void {
    this.#bare.delete(name);
    this.#state.forgetDevice(name);
  }

  async #setAddresses(): Promise<void> {
    const bare = new Set(this.#bare);
    this.#bare.clear();
    const due = [...this.#state.ports()].filter(({ spec }) => bare.has(spec.name));
    await doAll(
      due.map(({ spec, number }) => async () => {
        if (spec.type !== 'internal' || !spec.addresses) return;
        try {
          await this.#state.book.set(spec.name, number, spec.addresses);
        } catch (thrown) {
          this.#bare.add(spec.name);
          throw thrown;
        }
      }),
    );
  }

  async #bind(): Promise<void> {
    const view = this.#state.view();
    const bindings = this.#state.bindings(view);
    const isElsewhere = ({ tap, spec, bridge }: BoundVif) =>
      tap !== undefined &&
      (tap.port.external_ids.get(MARK.port) !== spec.name || view.bridgeOf(tap.port)?.name !== bridge);
    const plan = new Plan(view);
    const elsewhere = bindings.vifs.filter(isElsewhere);
    const settled = elsewhere.filter(({ tap }) => tap && !this.#state.isSettling(tap.interface));
    if (settled.length < elsewhere.length) this.#later();
    planBindings(plan, view, { ...bindings, vifs: settled });
    await this.#state.transact(plan.operations);
    this.#remember(bindings.vifs);
  }

  /** A vNIC that nobody wants any more, or whose tap is another's by now, is not to get that tap back. */
  #remember(vifs: readonly BoundVif[]): void {
    const wanted = new Set(vifs.map(({ spec }) => spec.id));
    const taken = new Set(vifs.flatMap(({ tap }) => tap?.interface.name ?? []));
    for (const [id, { name }] of this.#taps) if (!wanted.has(id) || taken.has(name)) this.#taps.delete(id);
    for (const { spec, tap } of vifs)
      if (tap) this.#taps.set(spec.id, { name: tap.interface.name, ids: tap.interface.external_ids });
  }

  /**
   * An interface is opened when it comes to a bridge. A tap goes through the quarantine for that, and is bound again then; a
   * NIC is taken out of its uplink, and put back.
   */
  async #openAnew(): Promise<void> {
    if (this.#replaced.size === 0) return;
    const state = this.#state;
    const view = state.view();
    const names = new Set<string>();
    for (const name of this.#replaced) {
      const row = view.interfaces.get(name);
      if (row && state.isSettling(row)) continue;
      this.#replaced.delete(name);
      names.add(name);
    }
    if (this.#replaced.size > 0) this.#later();
    if (names.size === 0) return;
    const plan = new Plan(view);
    const taps = state
      .bindings(view)
      .vifs.flatMap(({ tap }) => (tap && names.has(tap.interface.name) ? [tap.port] : []));
    planBindings(plan, view, { vifs: [], unwanted: taps, findings: [] });
    const uplinks = [...state.switches].flatMap(([bridge, { ports }]) =>
      [...ports.values()].flatMap(({ spec }) =>
        spec.type === 'uplink' && spec.nics.some((nic) => names.has(nic)) ? [{ bridge, spec }] : [],
      ),
    );
    for (const { spec } of uplinks) {
      const holders = spec.nics.flatMap((nic) => view.holderOf(nic) ?? []);
      for (const port of new Set(holders)) {
        const rest = view.interfacesOf(port).filter(({ name }) => !names.has(name));
        if (rest.length === 0) plan.removePort(port);
        else plan.operations.push(update('Port', port._uuid, { interfaces: rest.map(({ _uuid }) => _uuid) }));
      }
    }
    let undone = names;
    // What is written will be carried out, only later: to take it out once more would cut it off for nothing.
    let late: unknown;
    const written = async (work: Promise<unknown>) => {
      try {
        await work;
      } catch (thrown) {
        if (NetloomError.from(thrown).code !== 'switch-silent') throw thrown;
        late = thrown;
      }
    };
    try {
      await written(state.configure(plan.operations));
      undone = new Set(uplinks.flatMap(({ spec }) => spec.nics.filter((nic) => names.has(nic))));
      for (const { bridge, spec } of uplinks) {
        await written(setPort(state, bridge, spec));
        for (const nic of spec.nics) undone.delete(nic);
      }
    } finally {
      for (const name of undone) this.#replaced.add(name);
    }
    if (late !== undefined) throw late;
  }

  #later(): void {
    this.#state.clock.after(SETTLING, this.#wake);
  }

  /** A NIC that AF_XDP cannot serve is opened by the kernel's packet sockets; its number stays. */
  async #leaveXdp(): Promise<void> {
    const { notByXdp, database } = this.#state;
    const failed = [...database.rows('Interface').values()].filter(
      ({ type, error, mtu }) =>
        type === AF_XDP && ((error !== null && !error.includes(NO_DEVICE)) || (mtu ?? 0) > XDP_MTU),
    );
    for (const { name } of failed) notByXdp.add(name);
    for (const [bridge, { ports }] of this.#state.switches)
      for (const { spec } of ports.values())
        if (spec.type === 'uplink' && failed.some(({ name }) => spec.nics.includes(name)))
          await setPort(this.#state, bridge, spec);
  }

  *#failures(): Generator<Finding> {
    const { database, notByXdp } = this.#state;
    for (const name of notByXdp) {
      const message = `NIC ${name} is used without AF_XDP: it does not take it, or its MTU is above ${XDP_MTU}.`;
      const remedy = 'It is slower, and otherwise the same; the log of ovs-vswitchd says why.';
      yield warning('afxdp-unavailable', name, message, remedy);
    }
    const names = new Set([...this.#state.ports()].flatMap(({ spec }) => devicesOf(spec)));
    for (const { name, error } of database.rows('Interface').values()) {
      if (error === null || !names.has(name)) continue;
      const message = `Open vSwitch cannot use the interface ${name}: ${error}.`;
      yield warning('interface-failed', name, message, 'It is used as soon as it can be; see `ip link`.');
    }
  }

  /** Shares that nobody keeps. */
  *#unshared(): Generator<Finding> {
    for (const { name, ports } of this.#state.switches.values()) {
      const all = [...ports.values()];
      const count = all.filter(asksForShare).length;
      const isKept =
        this.#state.datapathType === 'system' &&
        all.some(({ spec }) => spec.type === 'uplink' && spec.capacityKbps !== undefined);
      if (count === 0 || isKept) continue;
      const message = `${count === 1 ? 'A port' : `${count} ports`} of ${name} should have a minimum or a weight of the uplink, and nothing here keeps it.`;
      const remedy = 'The kernel datapath of Open vSwitch does, where the speed of the uplink is known.';
      yield warning('bandwidth-unenforced', name, message, remedy);
    }
  }

  #isLost(): boolean {
    const view = this.#state.view();
    const isAnything = view.bridges.has(QUARANTINE) || this.#state.bridges(view).length > 0;
    return this.#state.database.connected && this.#state.switches.size > 0 && !isAnything;
  }

  async #writeEverything(): Promise<void> {
    const state = this.#state;
    const plan = new Plan(state.view());
    const { datapathType } = state;
    plan.bridge(bridgeSettings(QUARANTINE, { datapathType, plug: true }));
    for (const { name } of state.switches.values())
      plan.bridge(bridgeSettings(bridgeName(name), { datapathType, switch: name }));
    await state.configure(plan.operations);
    for (const [bridge, { ports, mirrors, flowExport }] of state.switches) {
      for (const { spec } of ports.values()) await setPort(state, bridge, spec);
      await setMirrors(state, bridge, mirrors);
      await setFlowExport(state, bridge, flowExport);
    }
    await state.transact(this.#tapsAgain());
  }

  #tapsAgain(): readonly Operation[] {
    const view = this.#state.view();
    const quarantine = view.bridges.get(QUARANTINE);
    if (!quarantine) return [];
    return [...this.#taps.values()]
      .filter(({ name }) => !view.interfaces.has(name) && !view.ports.has(name))
      .flatMap(({ name, ids }, i) => [
        insert('Interface', { name, external_ids: ids }, `tap${i}`),
        insert('Port', { name, interfaces: [{ named: `tap${i}` }] }, `port${i}`),
        mutate('Bridge', quarantine._uuid, [['ports', 'insert', [{ named: `port${i}` }]]]),
      ]);
  }
}

/** What fails holds up nothing else; all of it is told. */
async function doAll(steps: Iterable<() => Promise<void>>): Promise<void> {
  const troubles: Finding[] = [];
  for (const step of steps) {
    try {
      await step();
    } catch (thrown) {
      troubles.push(...NetloomError.from(thrown).findings);
    }
  }
  throwIfErrors(troubles);
}

function devicesOf(spec: {
  readonly type: string;
  readonly name: string;
  readonly nics?: readonly string[];
}) {
  return spec.nics ?? [spec.name];
}
