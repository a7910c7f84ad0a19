import { describe, expect, it } from 'vitest';
import { finding } from '../base/error.ts';
import { parseDocuments } from '../model/input.ts';
import { locateFindings } from './input.ts';

describe('findings of a server', () => {
  it('get the place of their field, also where names contain dots', () => {
    const parsed = parseDocuments(
      ['kind: HostGroup', 'name: a', '---', 'kind: HostGroup', 'name: a.parent', 'parent: x', ''].join('\n'),
      'f.yaml',
    );
    const places = ['HostGroup/a', 'HostGroup/a.parent', 'HostGroup/a.parent.parent', 'HostGroup/b', ''].map(
      (path) => {
        const [found] = locateFindings([finding('value-invalid', path, 'm', 'r')], parsed);
        return found?.source && `${found.source.line}:${found.source.column}`;
      },
    );
    expect(places).toEqual(['1:1', '4:1', '6:1', undefined, undefined]);
  });
});
