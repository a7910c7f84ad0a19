/** A virtual machine's NIC in a lab: a guest stack that gets its addresses as a real guest would. */
import type { Clock } from '../base/clock.ts';
import { entryOf } from '../base/map.ts';
import { GuestNic } from '../guest/nic.ts';
import { INSTANT_TIMING } from '../guest/probe.ts';
import { isIpv4 } from '../packet/address.ts';
import { parseFrame } from '../packet/parse.ts';
import { popVlan, pushVlan } from '../packet/vlan.ts';
import type { PortRecord } from '../policy/records.ts';
import type { SoftHost, Tap } from './soft-host.ts';

export interface MachineOptions {
  readonly clock: Clock;
  readonly random: () => number;
  /** Every frame on the virtual cable. */
  readonly onFrame: (port: PortRecord, direction: 'from' | 'to', frame: Uint8Array) => void;
}

export class Machine {
  readonly #options: MachineOptions;
  #port: PortRecord;
  #host: SoftHost;
  #tap: Tap;
  #nic: GuestNic;
  /** On a trunk: an interface for each tagged VLAN that it has an address in. */
  readonly #vlanNics = new Map<number, GuestNic>();

  constructor(port: PortRecord, host: SoftHost, options: MachineOptions) {
    this.#options = options;
    this.#port = port;
    this.#host = host;
    this.#nic = this.#makeNic();
    this.#tap = this.#plug();
    this.#configure();
  }

  get port(): PortRecord {
    return this.#port;
  }

  get host(): string {
    return this.#host.host;
  }

  get nic(): GuestNic {
    return this.#nic;
  }

  /** Interfaces on the NIC for VLANs of its trunk, `eth0.30` where the NIC is eth0. */
  get vlanNics(): ReadonlyMap<number, GuestNic> {
    return this.#vlanNics;
  }

  /** Whether it has the addresses that it should get. */
  get ready(): boolean {
    const has4 = !this.#wantsDhcp() || ['bound', 'renewing', 'rebinding'].includes(this.#nic.dhcpState.state);
    const usable = this.#nic.addresses.filter(({ state }) => state === 'usable').map((own) => own.address);
    return has4 && (!this.#wantsRouter() || this.#port.addresses.every((a) => usable.includes(a.address)));
  }

  /** The port is described anew, or is on another host now. The guest keeps running unless it is another NIC. */
  update(port: PortRecord, host: SoftHost): void {
    const [mac, known] = [this.#port.mac, this.#known()];
    this.#port = port;
    if (host !== this.#host) {
      this.#host.unplug(port.id);
      this.#host = host;
      this.#tap = this.#plug();
    }
    if (port.mac !== mac || this.#known() !== known) {
      this.#closeNics();
      this.#nic = this.#makeNic();
      this.#configure();
    } else for (const nic of [this.#nic, ...this.#vlanNics.values()]) nic.announce();
  }

  /**
   * What of its addresses the guest goes by. What a lease says beside the address (routers, DNS) it learns when it renews
   * it, and a lease is of the first address; the others are there for the guest to take.
   */
  #known(): string {
    const [dhcp, router] = [this.#wantsDhcp(), this.#wantsRouter()];
    let isLeased = false;
    const known = this.#port.addresses.flatMap((address) => {
      const { address: ip, prefixLength, vlan } = address;
      if (vlan !== undefined || !(isIpv4(ip) ? dhcp : router)) return JSON.stringify(address);
      if (isIpv4(ip) && isLeased && !router) return [];
      isLeased ||= isIpv4(ip);
      return `${ip}/${prefixLength}`;
    });
    return known.join(' ');
  }

  close(): void {
    this.#host.unplug(this.#port.id);
    this.#closeNics();
  }

  #closeNics(): void {
    for (const nic of [this.#nic, ...this.#vlanNics.values()]) nic.close();
    this.#vlanNics.clear();
  }

  #makeNic(vlan?: number): GuestNic {
    const { clock, random, onFrame } = this.#options;
    return new GuestNic({
      name: vlan === undefined ? this.#port.name : `${this.#port.name}.${vlan}`,
      mac: this.#port.mac,
      clock,
      random,
      probing: INSTANT_TIMING,
      send: (plain) => {
        const frame = vlan === undefined ? plain : pushVlan(plain, vlan);
        onFrame(this.#port, 'from', frame);
        this.#tap.send(frame);
      },
    });
  }

  #plug(): Tap {
    return this.#host.plug(this.#port.id, (frame) => {
      this.#options.onFrame(this.#port, 'to', frame);
      const vlan = parseFrame(frame).vlans[0]?.vid ?? 0;
      // Untagged, or with a tag that says no more than a priority.
      if (vlan === 0) this.#nic.receive(popVlan(frame));
      else this.#vlanNics.get(vlan)?.receive(popVlan(frame));
    });
  }

  #wantsDhcp(): boolean {
    const { dhcpServer, addresses } = this.#port;
    return dhcpServer !== undefined && addresses.some((a) => isIpv4(a.address) && a.vlan === undefined);
  }

  /** On a virtual subnet there is a router that says how to get IPv6 addresses; elsewhere there may be none. */
  #wantsRouter(): boolean {
    return this.#port.dhcpv6Server !== undefined && this.#port.attachment.type === 'virtual';
  }

  #configure(): void {
    for (const address of this.#port.addresses) {
      if (address.vlan !== undefined) {
        const { vlan } = address;
        const nic = entryOf(this.#vlanNics, vlan, () => this.#makeNic(vlan));
        nic.configure({ ...address, mtu: this.#port.mtu });
        continue;
      }
      // What nobody gives (networks without a responder) is configured as cloud-init would.
      if (isIpv4(address.address) ? this.#wantsDhcp() : this.#wantsRouter()) continue;
      this.#nic.configure({ ...address, mtu: this.#port.mtu });
    }
    if (this.#wantsDhcp()) this.#nic.dhcp();
    if (this.#wantsRouter()) this.#nic.autoconfigure();
  }
}
