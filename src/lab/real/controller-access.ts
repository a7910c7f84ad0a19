/** What a lab asks of its controller. The command line answers it by the API, as any user could. */
import type { Finding } from '../../base/error.ts';
import type { ModelObject } from '../../model/kinds.ts';
import type { Walk } from '../walk.ts';
import type { RealEndpoint } from './real-endpoints.ts';
import type { LabMachine } from './vm-driver.ts';

export interface ControllerAccess {
  /** Makes the objects, all or none; the answer is what is doubtful about them. Throws what is wrong with them. */
  apply(objects: readonly ModelObject[]): Promise<readonly Finding[]>;
  /**
   * The machines that there are to be, where they run. One that is moved is to run on the destination once that is prepared;
   * the answer waits for that.
   */
  machines(): Promise<readonly LabMachine[]>;
  /** Whether a migration of the machine is under way. */
  isMoving(machine: string): Promise<boolean>;
  /** The machine could not be moved, and runs where it was; why, in words. */
  abortMove(machine: string, reason: string): Promise<void>;
  /** Everybody who can be pinged, or ping. */
  endpoints(): Promise<readonly RealEndpoint[]>;
  /** Follows a frame through what the hosts were told. */
  walk(from: string, to: string): Promise<Walk>;
  /** A token that the agent of a host joins with, good once. */
  joinToken(host: string): Promise<string>;
  /** Whether a host has said that all of its policy is in force. */
  inForce(host: string): Promise<boolean>;
  /** One item now, and one after each change of objects, until the controller is gone. */
  changes(): AsyncIterable<void>;
}
