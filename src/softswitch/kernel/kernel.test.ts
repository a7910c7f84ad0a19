/** The pieces of the kernels; that they do what the tables do is tested in cache/cache.test.ts. */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { compileKernel } from '../../../test/support/compile-kernel.ts';
import { brokenFrame, switchFrame } from '../../../test/support/switch-frames.ts';
import { FakeClock } from '../../base/clock.ts';
import { parseFlow } from '../../flow/parse.ts';
import { ipv4, ipv6, mac } from '../../packet/address.ts';
import { frame } from '../../packet/build.ts';
import { BATCH_FRAMES, type FrameBatch, newBatch } from '../batch.ts';
import { isWide, newFrameKey, readFrameKey } from '../cache/frame-key.ts';
import { SoftSwitch } from '../switch.ts';
import { KEY } from './layout.ts';
import { readKey } from './parse.ts';
import { WASM_MODULE } from './wasm-module.ts';

it('is committed as its source compiles', async () => {
  expect(Buffer.from(await compileKernel()).toString('base64')).toBe(WASM_MODULE);
});

it('reads words as frame-key.ts reads bytes', () => {
  let keyed = 0;
  const octet = fc.tuple(fc.nat(60), fc.nat(255));
  fc.assert(
    fc.property(fc.oneof(switchFrame, brokenFrame), octet, fc.boolean(), (bytes, [at, value], isChanged) => {
      const memory = new Uint8Array(4 * Math.ceil((bytes.length + 80) / 4));
      memory.set(bytes, 2);
      if (isChanged && at < bytes.length) memory[2 + at] = value;
      const [byBytes, byWords] = [newFrameKey(), new Int32Array(KEY.SIZE)];
      const has = readFrameKey(memory, 2, bytes.length, byBytes);
      expect(bytes.length >= 18 && readKey(new Int32Array(memory.buffer), 0, bytes.length, byWords, 0)).toBe(
        has,
      );
      if (!has) return;
      keyed++;
      const words = isWide(byBytes) ? 19 : 13;
      expect([...byWords.subarray(0, words)]).toEqual([...byBytes.subarray(0, words)]);
    }),
    { numRuns: 2000 },
  );
  expect(keyed).toBeGreaterThan(500);
});

const UDP = frame(
  { layer: 'eth', src: mac('02:00:00:00:00:01'), dst: mac('02:00:00:00:00:02') },
  { layer: 'ipv4', src: ipv4('10.0.0.5'), dst: ipv4('10.0.0.7') },
  { layer: 'udp', sport: 1000, dport: 2000 },
  { layer: 'data', bytes: new Uint8Array(20) },
);
const UDP6 = frame(
  { layer: 'eth', src: mac('02:00:00:00:00:01'), dst: mac('02:00:00:00:00:02') },
  { layer: 'ipv6', src: ipv6('fd00::5'), dst: ipv6('fd00::7') },
  { layer: 'udp', sport: 1000, dport: 2000 },
  { layer: 'data', bytes: new Uint8Array(20) },
);

/** A switch with a port and a tunnel, and what leaves by it, in batches and one by one. */
async function encapsulator(kernel: 'wasm' | 'typescript') {
  const clock = new FakeClock();
  const soft = new SoftSwitch({ now: () => clock.now(), kernel });
  const seen = { together: 0, single: 0 };
  await soft.setPort({ type: 'vif', name: 'a', id: 'a', vlan: { mode: 'trunk', trunks: [] } });
  await soft.setPort({ type: 'tunnel', name: 't', encapsulation: 'nvgre', local: '192.168.4.1' });
  const end = soft.attach('a', undefined, () => {});
  soft.attachUnderlay('t', {
    send: () => seen.single++,
    sendBatch: (batch) => {
      seen.together += batch.count;
    },
  });
  await soft.applyFlows({
    add: [
      parseFlow(
        'table=0,actions=set_field:02:00:00:00:00:09->eth_dst,set_field:192.168.4.2->tun_dst,set_field:0x138800->tun_id,multipath(symmetric_l3l4+udp,50,modulo_n,256,0,NXM_NX_TUN_ID[0..7]),output:2',
      ),
    ],
    remove: [],
  });
  return { soft, end, seen };
}

function batchOf(memory: Uint8Array, bytes: Uint8Array): FrameBatch {
  const batch = newBatch(memory);
  for (let i = 0; i < BATCH_FRAMES; i++) {
    batch.at[i] = i * 256 + 66;
    batch.length[i] = bytes.length;
    memory.set(bytes, batch.at[i]);
    // Each of another flow.
    memory[batch.at[i]! + (bytes === UDP ? 35 : 55)] = i;
  }
  batch.count = BATCH_FRAMES;
  return batch;
}

it.each([
  ['wasm', UDP],
  ['wasm', UDP6],
  ['typescript', UDP],
  ['typescript', UDP6],
] as const)('sends all but the first frame of a megaflow together (%s)', async (kernel, bytes) => {
  const { soft, end, seen } = await encapsulator(kernel);
  end.receiveBatch(batchOf(soft.frameMemory(), bytes));
  expect(seen).toEqual({ together: BATCH_FRAMES - 1, single: 1 });
  // The hash of the headers is each frame's own, so one megaflow has all flows, although the frames were changed before.
  expect(soft.cacheStatistics()).toEqual({ megaflows: 1, hits: BATCH_FRAMES - 1, misses: 1 });
});

it('takes frames in the memory of their owner, and those that begin elsewhere', async () => {
  const { end, seen } = await encapsulator('wasm');
  const batch = batchOf(new Uint8Array(BATCH_FRAMES * 256), UDP);
  end.receiveBatch(batch);
  expect(seen).toEqual({ together: BATCH_FRAMES - 1, single: 1 });
  const odd = batchOf(new Uint8Array(BATCH_FRAMES * 256), UDP);
  odd.bytes.copyWithin(odd.at[7]! - 1, odd.at[7]!, odd.at[7]! + UDP.length);
  odd.at[7]! -= 1;
  end.receiveBatch(odd);
  expect(seen).toEqual({ together: 2 * BATCH_FRAMES - 2, single: 2 });
});
