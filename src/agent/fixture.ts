/** A machine of softswitches, for tests of the agent. */
import { finding, NetloomError } from '../base/error.ts';
import type { Datapath, FlowChange } from '../flow/datapath.ts';
import { delegateTo } from '../flow/delegate.ts';
import { formatFlow } from '../flow/text.ts';
import { type PolicyRecord, recordKey } from '../policy/records.ts';
import { SoftSwitch } from '../softswitch/switch.ts';
import type { NicFact } from '../stream/report.ts';
import type { RecordChange } from './agent.ts';
import type { Engine } from './engine.ts';

/** Real softswitches, with a list of what was asked of them. */
export class Machine implements Engine {
  readonly switches = new Map<string, SoftSwitch>();
  readonly log: string[] = [];
  readonly machineNics: NicFact[] = [{ name: 'nic1', link: true }];
  /** The next bundles that the switch refuses. */
  refuse = 0;

  async openSwitch(name: string): Promise<Datapath> {
    const soft = this.switches.get(name) ?? new SoftSwitch({ now: () => 0 });
    this.switches.set(name, soft);
    return delegateTo(soft, {
      setPort: (spec) => {
        this.log.push(`port ${spec.type}`);
        return soft.setPort(spec);
      },
      removePort: (port) => {
        this.log.push('remove port');
        return soft.removePort(port);
      },
      applyFlows: async (change: FlowChange) => {
        this.log.push(`flows +${change.add.length} -${change.remove.length}`);
        if (this.refuse > 0) {
          this.refuse -= 1;
          throw new NetloomError([finding('flow-invalid', name, 'The table is full.', 'Make room.')]);
        }
        await soft.applyFlows(change);
      },
    });
  }

  async removeSwitch(name: string): Promise<void> {
    this.log.push('remove switch');
    this.switches.delete(name);
  }

  async switchNames(): Promise<string[]> {
    return [...this.switches.keys()];
  }

  async about(): Promise<string> {
    return 'softswitch';
  }

  async nics(): Promise<NicFact[]> {
    return this.machineNics;
  }

  async flows(): Promise<string[]> {
    const all = await this.switches.get('Fabric')!.dumpFlows();
    return all.map(({ flow }) => formatFlow(flow)).sort();
  }
}

export function changesOf(records: readonly PolicyRecord[]): RecordChange[] {
  return records.map((record) => ({ key: recordKey(record), record }));
}
