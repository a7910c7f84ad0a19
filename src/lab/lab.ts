/**
 * A whole Netloom in one process: controller, store, agents, softswitch hosts, cables and guests. `netloom try` and
 * `netloom walk` open one and throw it away; `netloom up` runs one on a store that stays.
 */
import { randomUUID } from 'node:crypto';
import { systemClock } from '../base/clock.ts';
import { Controller } from '../controller/controller.ts';
import type { ModelObject } from '../model/kinds.ts';
import type { Store } from '../store/contract.ts';
import { createMemoryStore } from '../store/memory.ts';
import { controllerSource } from './controller-source.ts';
import { LiveNetwork, type LiveOptions } from './live-network.ts';

export interface LabOptions extends LiveOptions {
  /** Applied to begin with. */
  readonly objects?: readonly ModelObject[];
  /** Default: in memory, gone with the lab. */
  readonly store?: Store;
  /** A new UUID each time; default random ones. With `random` and `clock`, a run of the lab can be repeated exactly. */
  readonly uuid?: () => string;
}

export class Lab extends LiveNetwork {
  readonly controller: Controller;

  private constructor(controller: Controller, options: LabOptions) {
    super(controllerSource(controller), options);
    this.controller = controller;
    controller.askBelow(() => this.conflicts());
  }

  /** Throws what is wrong with the objects, or with the store. */
  static async open(options: LabOptions = {}): Promise<Lab> {
    const { clock: now = systemClock, store = createMemoryStore(), uuid = randomUUID } = options;
    const controller = await Controller.open({ store, clock: now, uuid });
    if (options.objects && options.objects.length > 0) {
      await controller.apply(
        options.objects.map((object) => ({ object })),
        { author: 'netloom', message: 'to begin with' },
      );
    }
    const lab = new Lab(controller, options);
    await lab.fabric.start();
    return lab;
  }

  override async close(): Promise<void> {
    await super.close();
    await this.controller.close();
  }
}
