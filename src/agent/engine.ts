/** What an agent needs of the machine it runs on: virtual switches by name. Open vSwitch and the softswitch have it. */
import type { Datapath } from '../flow/datapath.ts';
import type { NicFact } from '../stream/report.ts';

export interface Engine {
  /** The virtual switch of this name; made when there is none. */
  openSwitch(name: string): Promise<Datapath>;
  /** Takes the switch away with all its ports. One that does not exist is fine. */
  removeSwitch(name: string): Promise<void>;
  /** The virtual switches that Netloom made and that are there, whoever asks. Others are nobody's business. */
  switchNames(): Promise<readonly string[]>;
  /** What switches frames, with its version where it has one: `softswitch`, `Open vSwitch 3.5.0`. */
  about(): Promise<string>;
  /** The NICs of the machine. */
  nics(): Promise<readonly NicFact[]>;
}
