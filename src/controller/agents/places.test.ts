import { describe, expect, it } from 'vitest';
import { LOCAL, Places } from './places.ts';

/** How many of a thousand get a place. */
function taken(places: Places, address: (i: number) => string): number {
  return Array.from({ length: 1000 }, (_, i) => places.take(address(i))).filter((isTaken) => isTaken).length;
}

describe('places for strangers', () => {
  it('are a part for one address, and for one that has a network of IPv6', () => {
    const places = new Places();
    expect(taken(places, () => '10.0.0.1')).toBe(32);
    expect(places.take('::ffff:10.0.0.1')).toBe(false);
    expect(taken(places, (i) => `2001:db8:0:7:${i.toString(16)}::1`)).toBe(32);
    // The control: another network.
    expect(places.take('2001:db8:0:8::1')).toBe(true);
  });

  it('are so many and no more, and come back', () => {
    const places = new Places();
    expect(taken(places, (i) => `10.0.${i >> 8}.${i & 255}`)).toBe(256);
    expect(places.take('192.0.2.1')).toBe(false);
    places.leave('10.0.0.0');
    expect(taken(places, () => '192.0.2.1')).toBe(1);
  });

  it('are not told apart on a UNIX socket', () => {
    expect(taken(new Places(), () => LOCAL)).toBe(256);
  });
});
