/** A virtual machine's NIC in a lab: a guest stack that gets its addresses as a real guest would. */
import type { Clock } from '../base/clock.ts';
import { GuestNic } from '../guest/nic.ts';
import { INSTANT_TIMING } from '../guest/probe.ts';
import { isIpv4 } from '../packet/address.ts';
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

  /** Whether it has the IPv4 address that it should get. */
  get ready(): boolean {
    return !this.#wantsDhcp() || ['bound', 'renewing', 'rebinding'].includes(this.#nic.dhcpState.state);
  }

  /** The port is described anew, or is on another host now. The guest keeps running unless it is another NIC. */
  update(port: PortRecord, host: SoftHost): void {
    const old = this.#port;
    this.#port = port;
    if (host !== this.#host) {
      this.#host.unplug(port.id);
      this.#host = host;
      this.#tap = this.#plug();
    }
    if (port.mac !== old.mac || JSON.stringify(port.addresses) !== JSON.stringify(old.addresses)) {
      this.#nic.close();
      this.#nic = this.#makeNic();
      this.#configure();
    } else this.#nic.announce();
  }

  close(): void {
    this.#host.unplug(this.#port.id);
    this.#nic.close();
  }

  #makeNic(): GuestNic {
    const { clock, random, onFrame } = this.#options;
    return new GuestNic({
      name: this.#port.name,
      mac: this.#port.mac,
      clock,
      random,
      probing: INSTANT_TIMING,
      send: (frame) => {
        onFrame(this.#port, 'from', frame);
        this.#tap.send(frame);
      },
    });
  }

  #plug(): Tap {
    return this.#host.plug(this.#port.id, (frame) => {
      this.#options.onFrame(this.#port, 'to', frame);
      this.#nic.receive(frame);
    });
  }

  #wantsDhcp(): boolean {
    return this.#port.dhcpServer !== undefined && this.#port.addresses.some((a) => isIpv4(a.address));
  }

  #configure(): void {
    for (const address of this.#port.addresses) {
      // What DHCP does not give (IPv6, networks without a responder) is configured as cloud-init would.
      if (isIpv4(address.address) && this.#wantsDhcp()) continue;
      this.#nic.configure({ ...address, mtu: this.#port.mtu });
    }
    if (this.#wantsDhcp()) this.#nic.dhcp();
  }
}
