/** ARP (RFC 826) with the conflict detection of RFC 5227: what is sent, and what is done with what arrives. */
import {
  BROADCAST_MAC,
  type Ipv4,
  ipv4,
  isMulticastMac,
  type Mac,
  prefix,
  prefixContains,
} from '../packet/address.ts';
import { ARP_OPERATION, ArpView } from '../packet/arp.ts';
import { frame } from '../packet/build.ts';
import type { Stack } from './stack.ts';

const NO_ADDRESS = ipv4('0.0.0.0');
const LINK_LOCAL = prefix('169.254.0.0/16');

export class Arp {
  readonly #stack: Stack;

  constructor(stack: Stack) {
    this.#stack = stack;
  }

  /** Asks who has `target`: everybody, or `known` alone. */
  request(target: Ipv4, source: Ipv4, known?: Mac): void {
    this.#send(ARP_OPERATION.REQUEST, source, target, undefined, known ?? BROADCAST_MAC);
  }

  /** Asks for `address` without saying that we have it (RFC 5227 section 2.1.1). */
  probe(address: Ipv4): void {
    this.#send(ARP_OPERATION.REQUEST, NO_ADDRESS, address, undefined, BROADCAST_MAC);
  }

  /** Says that we have `address` (RFC 5227 section 2.3). */
  announce(address: Ipv4): void {
    this.#send(ARP_OPERATION.REQUEST, address, address, undefined, BROADCAST_MAC);
  }

  /** Takes the ARP message at `offset` of a frame. */
  receive(bytes: Uint8Array, offset: number): void {
    const { mac, counters, addresses, neighbours } = this.#stack;
    const arp = ArpView.at(bytes, offset);
    if (!arp || isMulticastMac(arp.senderMac)) {
      counters.drop('arp-malformed');
      return;
    }
    const { senderMac, senderIp, targetIp, operation } = arp;
    if (senderMac === mac) return;
    const asks = operation === ARP_OPERATION.REQUEST;
    if (senderIp === NO_ADDRESS) {
      if (asks) addresses.heardProbe(targetIp, senderMac);
    } else {
      if (addresses.heard(senderIp, senderMac)) return;
      // RFC 826: who is known already is brought up to date by anything; who asks for us will hear from us.
      const create = asks && addresses.owns(targetIp);
      neighbours.learn(senderIp, senderMac, { create, confirmed: true, override: true });
    }
    if (asks && addresses.owns(targetIp))
      this.#send(ARP_OPERATION.REPLY, targetIp, senderIp, senderMac, this.#replyTo(targetIp, senderMac));
  }

  /** Answers for link-local addresses are heard by all, so that conflicts are (RFC 3927 section 2.5). */
  #replyTo(own: Ipv4, asker: Mac): Mac {
    return prefixContains(LINK_LOCAL, own) ? BROADCAST_MAC : asker;
  }

  #send(op: number, spa: Ipv4, tpa: Ipv4, tha: Mac | undefined, dst: Mac): void {
    const { mac } = this.#stack;
    this.#stack.sendFrame(
      frame(
        { layer: 'eth', src: mac, dst },
        { layer: 'arp', op, sha: mac, spa, tpa, ...(tha ? { tha } : {}) },
      ),
    );
  }
}
