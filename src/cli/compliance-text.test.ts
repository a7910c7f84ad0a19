import { describe, expect, it } from 'vitest';
import type { Comparison } from '../controller/fabric/compare.ts';
import type { HostCompliance } from '../controller/fabric/compliance.ts';
import { comparisonText } from './comparison-text.ts';
import { complianceText, partsText, repairedText } from './compliance-text.ts';
import { testTerminal } from './fixture.ts';

const { colours } = testTerminal();
const good: HostCompliance = {
  host: 'h1',
  level: 'full',
  reasons: [],
  connected: true,
  checkedAt: '2026-01-01T00:00:00.000Z',
  parts: [{ object: 'Host/h1', part: 'NICs', level: 'full', reasons: [] }],
};
const bad: HostCompliance = {
  host: 'h2',
  level: 'partial',
  reasons: ['Revision 3 is in force, and 4 is wanted.', 'Host/h2, NICs: NIC a has no link.'],
  connected: true,
  parts: [{ object: 'Host/h2', part: 'NICs', level: 'partial', reasons: ['NIC a has no link.'] }],
};

describe('compliance as text', () => {
  it('is a line for each host, and what is wrong below', () => {
    expect(complianceText([good, bad], colours).split('\n')).toEqual([
      'HOST   COMPLIANCE            PARTS    LOOKED AT',
      'h1     fully compliant       1 of 1   2026-01-01 00:00:00 UTC',
      'h2     partially compliant   0 of 1   never',
      '',
      'h2',
      '  Revision 3 is in force, and 4 is wanted.',
      '  Host/h2, NICs: NIC a has no link.',
      '',
    ]);
    expect(complianceText([], colours)).toBe('There are no hosts.\n');
  });

  it('of one host is part by part, and says once what is wrong with a part', () => {
    expect(partsText(bad, colours).split('\n')).toEqual([
      'h2: partially compliant',
      '  Revision 3 is in force, and 4 is wanted.',
      '',
      'OBJECT    PART   COMPLIANCE            WHY',
      'Host/h2   NICs   partially compliant   NIC a has no link.',
      '',
    ]);
  });

  it('after a repair names what was repaired', () => {
    const results = [
      { ...good, repaired: ['A flow is missing: x.'] },
      { ...bad, repaired: [] },
    ];
    expect(repairedText(results, colours)).toBe('h1\n  repaired: A flow is missing: x.\n');
  });
});

describe('a comparison as text', () => {
  const alike: Comparison = { of: 'host group G', hosts: ['h1', 'h2'], differences: [] };

  it('says that hosts are alike, or who has what instead', () => {
    expect(comparisonText([alike], colours)).toBe('host group G: 2 hosts, all alike.\n');
    const values = [
      { value: '2', hosts: ['h1', 'h3'] },
      { value: '1', hosts: ['h2'] },
    ];
    const difference = { aspect: 'number of NICs', values, usual: '2', odd: ['h2'] };
    expect(comparisonText([{ ...alike, differences: [difference] }], colours).split('\n')).toEqual([
      'host group G: 2 hosts',
      '',
      'WHAT             MOST HAVE   OTHERS',
      'number of NICs   2           h2: 1',
      '',
    ]);
    expect(comparisonText([], colours)).toBe('No host group has two hosts to compare.\n');
  });
});
