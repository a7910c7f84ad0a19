import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { dataDirectory, findServer, SERVER_FILE, TOKEN_FILE } from './place.ts';

const data = mkdtempSync(join(tmpdir(), 'netloom-place-'));
afterAll(() => rmSync(data, { recursive: true }));
writeFileSync(join(data, TOKEN_FILE), 'the-token\n');
writeFileSync(join(data, SERVER_FILE), JSON.stringify({ url: 'http://10.9.9.9:7444', pid: 1 }));

describe('where things are', () => {
  it('is said by an option, else by the environment, else by custom', () => {
    expect(dataDirectory('/a', { NETLOOM_DATA: '/b' })).toBe('/a');
    expect(dataDirectory(undefined, { NETLOOM_DATA: '/b', XDG_DATA_HOME: '/c' })).toBe('/b');
    expect(dataDirectory(undefined, { XDG_DATA_HOME: '/c' })).toBe('/c/netloom');
    expect(dataDirectory(undefined, {})).toMatch(/\/\.local\/share\/netloom$/);
  });

  it('is the running server of the data directory, with its token', () => {
    const { url, token } = findServer({ data }, {});
    expect([url.origin, token]).toEqual(['http://10.9.9.9:7444', 'the-token']);
  });

  it('gives the token of a data directory to no other server', () => {
    expect(() => findServer({ data, server: 'http://elsewhere.example:7300' }, {})).toThrow(/token-missing/);
    expect(() => findServer({ data }, { NETLOOM_SERVER: 'http://10.9.9.9:1' })).toThrow(/token-missing/);
    const named = { NETLOOM_TOKEN: 'given' };
    expect(findServer({ data, server: 'http://elsewhere.example' }, named).token).toBe('given');
    expect(findServer({ data, server: 'http://127.0.0.1:7555' }, {}).token).toBe('the-token');
  });
});
