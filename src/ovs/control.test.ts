import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { systemClock } from '../base/clock.ts';
import { askControl, controlSocketIn, readFeatures } from './control.ts';

describe('the control socket', () => {
  it('is named after the process that wrote its id down', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'netloom-control-'));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    expect(await controlSocketIn(folder)).toBeUndefined();
    const file = join(folder, 'ovs-vswitchd.pid');
    writeFileSync(file, '4711\n');
    expect(await controlSocketIn(folder)).toBe(join(folder, 'ovs-vswitchd.4711.ctl'));
    writeFileSync(file, '../../evil\n');
    expect(await controlSocketIn(folder)).toBeUndefined();
    // Nobody listens.
    expect(await askControl(join(folder, 'ovs-vswitchd.4711.ctl'), systemClock, 'version')).toBeUndefined();
  });

  it('tells features line by line', () => {
    const text = 'Masked set action: Yes\nMax VLAN headers: 2\nMax dp_hash algorithm: 0\n\nnonsense\n';
    expect([...readFeatures(text)]).toEqual([
      ['masked set action', 'Yes'],
      ['max vlan headers', '2'],
      ['max dp_hash algorithm', '0'],
    ]);
  });
});
