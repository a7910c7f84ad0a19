import { describe, expect, it } from 'vitest';
import { parseFlow } from '../../flow/parse.ts';
import { formatFlow } from '../../flow/text.ts';
import { formatMeter } from '../../flow/text-group.ts';
import { entryPort, policedBy, policingMeter, withoutPolicing, withPolicing } from './policing.ts';

const entry = parseFlow('table=0,priority=9,in_port=4096,ip,actions=resubmit(,3)');

describe('policing by a meter', () => {
  it('has a meter for each port, apart from those of the pipeline', () => {
    expect(formatMeter(policingMeter(0x1000, { rateKbps: 5000, burstKb: 600 }))).toBe(
      'meter=200704 kbps burst bands=type=drop rate=5000 burst_size=600',
    );
    expect(policingMeter(1, { rateKbps: 5, burstKb: 0 }).bands).toEqual([
      { type: 'drop', rate: 5, burst: 8000 },
    ]);
    expect([1, 0xfeff].map((port) => policedBy(policingMeter(port, { rateKbps: 1, burstKb: 1 }).id))).toEqual(
      [1, 0xfeff],
    );
    expect([0x2ffff, 0x40000].map(policedBy)).toEqual([undefined, undefined]);
  });

  it('stands in front of what the first table does with the frames of one port', () => {
    expect(entryPort(entry)).toBe(4096);
    expect(entryPort(parseFlow('table=1,in_port=4096,actions=drop'))).toBeUndefined();
    expect(entryPort(parseFlow('table=0,ip,actions=drop'))).toBeUndefined();
    const policed = withPolicing(entry, 4096);
    expect(formatFlow(policed)).toMatch(/actions=meter:200704,resubmit\(,3\)$/);
    expect(withoutPolicing(policed, 4096)).toEqual(entry);
    expect(withoutPolicing(entry, 4096)).toBeUndefined();
    expect(withoutPolicing(policed, 4097)).toBeUndefined();
  });
});
