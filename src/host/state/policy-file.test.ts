import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { host1Records } from '../../pipeline/fixture.ts';
import { belongs } from '../../policy/parse.ts';
import { domainScope, hostScope, type PolicyRecord, type Scope } from '../../policy/records.ts';
import { PolicySet } from '../../policy/set.ts';
import { readPolicy, writePolicy } from './policy-file.ts';

const scopeOf = (record: PolicyRecord): Scope => {
  const host = hostScope('host1');
  return belongs(record, host) || !('rdid' in record) ? host : domainScope(record.rdid);
};
const policy = PolicySet.of(host1Records().map((record) => ({ scope: scopeOf(record), record })));
const kept = { epoch: 'e1', revision: 12, policy };
const content = writePolicy('host1', kept);

describe('the policy on the disk', () => {
  it('is read back as it was written', () => {
    const read = readPolicy('host1', content);
    if (!('policy' in read)) throw new Error(read.message);
    expect([read.epoch, read.revision, read.policy.text()]).toEqual(['e1', 12, policy.text()]);
    expect(writePolicy('host1', read)).toBe(content);
  });

  it('may be empty', () => {
    const empty = readPolicy('host1', writePolicy('host1', { ...kept, policy: new PolicySet() }));
    expect('policy' in empty && empty.policy.size).toBe(0);
  });

  it('is not taken when it is of another host', () => {
    expect(readPolicy('host2', content)).toMatchObject({
      code: 'agent-state',
      message: 'The policy on the disk is not taken: it is the policy of the host host1.',
    });
  });

  it('is not taken when it is torn, wherever', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: content.length - 1 }), (length) => {
        expect(readPolicy('host1', content.slice(0, length))).toMatchObject({ code: 'agent-state' });
      }),
    );
  });

  it('is not taken when a character of a record is another one', () => {
    const begin = content.indexOf('\n') + 1;
    fc.assert(
      fc.property(
        fc.integer({ min: begin, max: content.length - 1 }),
        fc.constantFrom('0', 'x', '"', ' '),
        (at, other) => {
          fc.pre(content[at] !== other);
          const altered = content.slice(0, at) + other + content.slice(at + 1);
          expect(readPolicy('host1', altered)).toMatchObject({ code: 'agent-state' });
        },
      ),
    );
  });

  it('is not taken when a line is missing or stands twice', () => {
    const lines = content.split('\n');
    for (const [from, to] of [
      [3, 4],
      [3, 2],
    ]) {
      const altered = [...lines.slice(0, from), ...lines.slice(to)].join('\n');
      expect(readPolicy('host1', altered)).toMatchObject({ code: 'agent-state' });
    }
  });
});
