/** What an agent needs of the machine it runs on: virtual switches by name. Open vSwitch and the softswitch have it. */
import type { Datapath } from '../flow/datapath.ts';

export interface Engine {
  /** The virtual switch of this name; made when there is none. */
  openSwitch(name: string): Promise<Datapath>;
  /** Takes the switch away with all its ports. One that does not exist is fine. */
  removeSwitch(name: string): Promise<void>;
}
