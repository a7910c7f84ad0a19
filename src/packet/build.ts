/**
 * Builds frames from layers (layer.ts), with lengths, types and checksums filled in.
 *
 *     frame({ layer: 'eth', src, dst }, { layer: 'ipv4', src: a, dst: b }, { layer: 'icmp', id: 1, seq: 1 })
 *
 * Sizes first, then one zeroed buffer, then the headers outermost first, then the checksums innermost first.
 */
import type { Place } from './header.ts';
import { headerOf } from './headers.ts';
import { FOLLOWERS, type Layer, type LayerName, type PadLayer } from './layer.ts';

/** Throws RangeError where a layer cannot follow another, or a length does not fit its field. */
export function frame(...layers: readonly Layer[]): Uint8Array {
  const problem = orderProblem(layers);
  if (problem) throw new RangeError(problem.message);

  const pads = layers.filter((l) => l.layer === 'pad');
  const content = layers.slice(0, layers.length - pads.length);
  const headers = layers.map(headerOf);
  const bytes = new Uint8Array(headers.reduce((sum, h) => sum + h.size, 0));

  const places: Place[] = [];
  const ends = endsOf(content, pads, bytes.length);
  let at = 0;
  let ip: number | undefined;
  layers.forEach((layer, i) => {
    if (layer.layer === 'eth') ip = undefined;
    if (layer.layer === 'ipv4' || layer.layer === 'ipv6') ip = at;
    places.push({ bytes, at, end: ends[i] ?? bytes.length, next: content[i + 1], ip });
    at += headers[i]!.size;
  });

  headers.forEach((header, i) => {
    header.write(places[i]!);
  });
  for (let i = headers.length - 1; i >= 0; i--) headers[i]!.seal?.(places[i]!);
  return bytes;
}

/** Why these layers cannot stand in this order, and the index of the first that cannot. */
export function orderProblem(layers: readonly Layer[]): { index: number; message: string } | undefined {
  let frames = 0;
  let pads = 0;
  for (const [index, layer] of layers.entries()) {
    const { layer: name } = layer;
    if (name === 'eth') frames++;
    if (name === 'pad' && ++pads > frames)
      return { index, message: 'there are more pads than Ethernet frames' };
    const before = layers[index - 1]?.layer;
    if (!mayFollow(before, name)) {
      const message = before
        ? `${name} cannot follow ${before}; ${following(before)}`
        : `a frame begins with eth, not ${name}`;
      return { index, message };
    }
  }
  return undefined;
}

function mayFollow(before: LayerName | undefined, name: LayerName): boolean {
  if (before === undefined) return name === 'eth' || name === 'data';
  return name === 'pad' || name in FOLLOWERS[before];
}

function following(before: LayerName): string {
  return `what can: ${[...Object.keys(FOLLOWERS[before]), 'pad'].join(', ')}`;
}

/**
 * Where what each layer carries ends. Each frame inside another is followed by its own padding, which lies within
 * what the outer layers carry:
 *
 *     eth ipv4 gre eth ipv4 data | pad 0 | pad 1
 *                  `- inner ends here    |
 *     `----------------- outer ends here-'
 */
function endsOf(content: readonly Layer[], pads: readonly PadLayer[], total: number): number[] {
  const ends: number[] = [];
  let end = total - pads.reduce((sum, p) => sum + p.bytes.length, 0);
  let frame = 0;
  for (let i = content.length - 1; i >= 0; i--) {
    ends[i] = end;
    if (content[i]!.layer === 'eth') end += pads[frame++]?.bytes.length ?? 0;
  }
  return ends;
}
