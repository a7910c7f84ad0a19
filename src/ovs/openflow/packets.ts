/** Packets that the switch is given, and those that its flows send here. */
import { throwIfErrors } from '../../base/error.ts';
import { actionFindings } from '../../flow/check-actions.ts';
import type { PacketIn } from '../../flow/datapath.ts';
import type { Action } from '../../flow/flow.ts';
import type { PacketInMessage } from './codec/message.ts';
import type { Exchange } from './connection.ts';
import { throwIfRefused } from './refusal.ts';

/** Packets that the switch has been given and has not confirmed: as long as there are so many, nothing it asks is heard. */
const MOST_PACKETS_OUT = 1000;

export class Packets {
  readonly #exchange: Exchange;
  #packetsOut = 0;
  #unheard = 0;

  constructor(exchange: Exchange) {
    this.#exchange = exchange;
  }

  /** Packet-ins that were not heard, because the switch had too many answers to take. */
  get unheard(): number {
    return this.#unheard;
  }

  /** See Datapath.packetOut. */
  async send(inPort: number, frame: Uint8Array, actions: readonly Action[]): Promise<void> {
    throwIfErrors(actionFindings(actions, undefined));
    this.#packetsOut += 1;
    try {
      const replies = await this.#exchange([{ type: 'packet-out', inPort, frame, actions }]);
      throwIfRefused(replies, () => 'A packet of the agent');
    } finally {
      this.#packetsOut -= 1;
    }
  }

  /** What a message carries; undefined where it is not to be heard. */
  hear({ metadata, table, cookie, userdata, frame }: PacketInMessage): PacketIn | undefined {
    if (this.#packetsOut >= MOST_PACKETS_OUT) {
      this.#unheard += 1;
      return undefined;
    }
    const values = Object.entries(metadata).map(([name, masked]) => [name, masked.value] as const);
    return {
      inPort: Number(metadata.in_port?.value ?? 0n),
      table,
      cookie,
      userdata,
      // It is kept longer than the chunk of the socket that it lies in.
      frame: frame.slice(),
      metadata: Object.fromEntries(values),
    };
  }
}
