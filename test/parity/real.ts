/** Open vSwitch's side of a scenario. */
import type { PortVlan } from '../../src/flow/datapath.ts';
import { parseFlow } from '../../src/flow/parse.ts';
import { formatFlow } from '../../src/flow/text.ts';
import { formatGroup, formatMeter } from '../../src/flow/text-group.ts';
import { toHex } from '../../src/packet/bytes.ts';
import { BRIDGE, DummySwitch } from './dummy-port.ts';
import { PacketInMonitor } from './packet-in-monitor.ts';
import { alive, type Outcome, PORT_NUMBERS, portName, type Scenario } from './scenario.ts';

export class RealSwitch {
  readonly #switch: DummySwitch;
  readonly #monitor: PacketInMonitor;
  #vlans: string | undefined;
  #isSlow: boolean | undefined;

  private constructor(real: DummySwitch, monitor: PacketInMonitor) {
    this.#switch = real;
    this.#monitor = monitor;
  }

  static async start(): Promise<RealSwitch> {
    const real = await DummySwitch.start(PORT_NUMBERS.map(portName));
    try {
      // The port of the bridge itself, which the softswitch does not have, takes no part in NORMAL.
      await real.ovs.vsctl('set', 'port', BRIDGE, 'tag=4095');
      // Fragments are tracked as they are, not put together before.
      for (const family of ['v4', 'v6']) await real.command('dpctl/ipf-set-disabled', family);
      return new RealSwitch(real, await PacketInMonitor.start(real.ovs.directory, real.socket));
    } catch (error) {
      await real.stop();
      throw error;
    }
  }

  /** It has crashed. */
  get isDead(): boolean {
    return this.#switch.isDead;
  }

  async stop(): Promise<void> {
    await this.#monitor.stop();
    await this.#switch.stop();
  }

  async run(scenario: Scenario): Promise<Outcome> {
    const { groups, meters } = scenario;
    await this.#prepare(scenario);
    const delivered: string[][][] = [];
    for (const step of scenario.steps) {
      if (step.type === 'wait') await this.#switch.warp(step.milliseconds);
      else await this.#switch.receive(portName(step.port), step.frames);
      delivered.push(
        PORT_NUMBERS.map((port) => this.#switch.taken(portName(port)).map((frame) => toHex(frame))),
      );
    }
    // Counters of datapath flows go to the flows of the program.
    await this.#switch.command('revalidator/purge');
    return {
      delivered,
      packetIns: await this.#monitor.taken(),
      flows: await this.#flows(),
      groups: groups.length > 0 ? await this.#groups() : new Map(),
      meters: meters.length > 0 ? await this.#meters() : new Map(),
      macs: await this.#macs(),
      connections: await this.#connections(),
    };
  }

  async #prepare({ vlans, slowPath, flows, groups, meters }: Scenario): Promise<void> {
    const settings = vlans.flatMap((vlan, i) => [
      '--',
      'set',
      'port',
      portName(i + 1),
      ...vlanSettings(vlan),
    ]);
    if (this.#vlans !== settings.join()) await this.#switch.ovs.vsctl(...settings.slice(1));
    this.#vlans = settings.join();
    if (this.#isSlow !== slowPath) await this.#switch.setSlowPath(slowPath);
    this.#isSlow = slowPath;
    await this.#switch.program({
      flows: flows.map(formatFlow),
      groups: groups.map(formatGroup),
      meters: meters.map(formatMeter),
    });
    await this.#switch.forget();
    // What was sent before, the frames of the last scenario that went wrong included, is nobody's business any more.
    for (const port of PORT_NUMBERS) this.#switch.taken(portName(port));
    await this.#monitor.taken();
  }

  async #flows(): Promise<ReadonlyMap<string, string>> {
    const lines = (await this.#switch.ofctl('dump-flows'))
      .split('\n')
      .filter((line) => line.includes('n_packets'));
    return new Map(
      lines.map((line) => {
        const counters = /n_packets=(\d+), n_bytes=(\d+)/.exec(line)!;
        return [flowText(line), `n_packets=${counters[1]}, n_bytes=${counters[2]}`] as const;
      }),
    );
  }

  /** `group_id=1,duration=…,ref_count=0,packet_count=0,byte_count=0,bucket0:packet_count=0,byte_count=0,…` */
  async #groups(): Promise<ReadonlyMap<string, string>> {
    const text = await this.#switch.ofctl('dump-group-stats');
    return new Map(
      [...text.matchAll(/group_id=(\d+),.*?ref_count=\d+,(.*)/g)].map(([, id, counters]) => {
        const counts = [...counters!.matchAll(/packet_count=(\d+),byte_count=(\d+)/g)];
        return [id!, counts.map(([, packets, bytes]) => `${packets}/${bytes}`).join(' ')] as const;
      }),
    );
  }

  /** `meter:1 flow_count:1 packet_in_count:5 byte_in_count:300 duration:… bands:`, then a line for each band. */
  async #meters(): Promise<ReadonlyMap<string, string>> {
    const text = await this.#switch.ofctl('meter-stats');
    return new Map(
      text.split(/^(?=meter:)/m).flatMap((meter) => {
        const id = /^meter:(\d+)/.exec(meter)?.[1];
        if (id === undefined) return [];
        const counts = [...meter.matchAll(/packet(?:_in)?_count:(\d+) byte(?:_in)?_count:(\d+)/g)];
        return [[id, counts.map(([, packets, bytes]) => `${packets}/${bytes}`).join(' ')] as const];
      }),
    );
  }

  async #connections(): Promise<string[]> {
    return alive((await this.#switch.command('dpctl/dump-conntrack', '-s')).split('\n'));
  }

  /** `port VLAN MAC age`, sorted; the first line is the heading. */
  async #macs(): Promise<string[]> {
    const lines = (await this.#switch.command('fdb/show', BRIDGE)).trim().split('\n').slice(1);
    return lines.map((line) => line.trim().replace(/ +/g, ' ')).sort();
  }
}

/** The flow of a line of dump-flows as we write it, without counters and times. */
function flowText(line: string): string {
  const text = line
    .trim()
    .replace(/\b(duration|n_packets|n_bytes|idle_age|hard_age)=[^, ]*(, *| )/g, '')
    .replace(/\breset_counts\b,? */, '');
  return formatFlow(parseFlow(text));
}

function vlanSettings(vlan: PortVlan): string[] {
  const tag = vlan.mode === 'trunk' ? '[]' : String(vlan.tag);
  const trunks = 'trunks' in vlan ? `[${vlan.trunks}]` : '[]';
  return [`vlan_mode=${vlan.mode}`, `tag=${tag}`, `trunks=${trunks}`];
}
