/** Frames a second through the softswitches, on the path blue1 -> blue2 of examples/blue-red.yaml. */
import { readFileSync } from 'node:fs';
import { Lab } from '../src/lab/lab.ts';
import { parseDocuments } from '../src/model/input.ts';
import { buildFrame } from '../src/packet/notation.ts';
import { SoftSwitch } from '../src/softswitch/switch.ts';
import type { Benchmark, Figure } from './lib/figure.ts';

const EXAMPLE = new URL('../examples/blue-red.yaml', import.meta.url);
/** With the frame check sequence, as sizes of Ethernet frames are told; it is not in memory. */
const SIZES = [64, 1_400] as const;
const FRAME_CHECK = 4;
const ROUNDS = 7;
const ROUND_MS = 250;
/** Frames between two looks at the clock. */
const BURST = 64;
