/** The story of seed 002, with frames: one address twice on one wire, and on two virtualized networks. */
import { globSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, it } from 'vitest';
import { documentOf } from '../controller/documents.ts';
import { parseInputs } from '../model/input.ts';
import type { ModelObject } from '../model/kinds.ts';
import { ip } from '../packet/address.ts';
import { Lab } from './lab.ts';

const FOLDER = fileURLToPath(new URL('../../examples/aaa-bbb/', import.meta.url));

function objectsOf(...files: readonly string[]): ModelObject[] {
  const { objects, findings } = parseInputs(
    files.map((file) => ({ file, text: readFileSync(`${FOLDER}${file}`) })),
  );
  expect(findings).toEqual([]);
  return objects.map(({ object }) => object);
}

let lab: Lab | undefined;
afterEach(async () => {
  await lab?.close();
  lab = undefined;
});

const ADDRESS = ip('10.10.1.122');
const addresses = (of: Lab) => of.endpoints().map((e) => [e.name, ...e.addresses]);

/** The machines on the networks that `to` says, from there on as in the example. */
function connected(to: Readonly<Record<string, string>>): ModelObject[] {
  return objectsOf(...globSync('*.yaml', { cwd: FOLDER }).sort()).map((object) => {
    if (object.kind !== 'VirtualMachine') return object;
    const vmNetwork = to[object.name] ?? 'TDIv2';
    return vmNetwork === 'TDIv2'
      ? object
      : { ...object, vnics: object.vnics.map(({ subnet: _row, ...vnic }) => ({ ...vnic, vmNetwork })) };
  });
}

describe('an address that two guests choose by hand', () => {
  it.each([
    ['one host', 'host16'],
    ['two hosts', 'host15'],
  ])(
    'on one network without isolation, on %s: the second falls back to 169.254.x.x, and both are named',
    async (_where, host) => {
      const objects = objectsOf('fabric.yaml').map((object) =>
        object.kind === 'VirtualMachine' && object.name === 'test02' ? { ...object, host } : object,
      );
      lab = await Lab.open({ objects });
      await lab.ready();
      expect(await lab.configureGuest('test01', ADDRESS, 16)).toMatchObject({ addresses: [ADDRESS] });
      expect(lab.conflicts()).toEqual([]);
      const second = await lab.configureGuest('test02', ADDRESS, 16);
      expect(second.addresses).toEqual([expect.stringMatching(/^169\.254\.\d+\.\d+$/)]);
      const [mac] = lab.endpoints().map((e) => e.mac);
      expect(lab.conflicts()).toMatchObject([
        {
          code: 'address-conflict',
          path: 'VirtualMachine/test02',
          message: `test02/eth0 wanted 10.10.1.122, which test01/eth0 (${mac}) has on the same network; test02/eth0 fell back to ${second.addresses[0]}.`,
        },
      ]);
      const { status } = documentOf(lab.controller, 'VirtualMachine/test02')!;
      expect(status).toMatchObject({ warnings: [{ code: 'address-conflict' }] });
      // The first one was not harmed, and the second one comes right with another address.
      expect(await lab.configureGuest('test02', ip('10.10.1.123'), 16)).toMatchObject({
        addresses: ['10.10.1.123'],
      });
      expect(lab.conflicts()).toEqual([]);
      expect(await lab.ping('test01', 'test02')).toMatchObject({ verdict: 'answered' });
    },
  );

  it('on two virtualized networks is each one’s own', async () => {
    lab = await Lab.open({ objects: connected({ test01: 'AAA', test02: 'BBB' }) });
    await lab.ready();
    for (const name of ['test01', 'test02']) {
      expect(await lab.configureGuest(name, ADDRESS, 16)).toMatchObject({ addresses: [ADDRESS] });
    }
    expect(lab.conflicts()).toEqual([]);
  });
});

describe('AAA and BBB, with the same prefix and pools of the same range', () => {
  it('give both machines 10.10.1.100 by DHCP, and neither reaches the other', async () => {
    lab = await Lab.open({ objects: connected({ test01: 'AAA', test02: 'BBB' }) });
    await lab.ready();
    expect(addresses(lab)).toEqual([
      ['test01/eth0', '10.10.1.100'],
      ['test02/eth0', '10.10.1.100'],
    ]);
    for (const { nic } of lab.fabric.machines.values()) {
      expect(nic.lease).toMatchObject({
        server: '192.0.2.253',
        settings: { address: '10.10.1.100', prefixLength: 16, gateway: '10.10.0.1' },
      });
    }
    expect(lab.conflicts()).toEqual([]);
    expect(await lab.ping('test01', '10.10.0.1')).toMatchObject({ verdict: 'answered' });
    expect(await lab.ping('test01', 'test02')).toMatchObject({ verdict: 'lost' });
  });

  it('keep one pool from giving an address twice, and reach each other on one network', async () => {
    lab = await Lab.open({ objects: connected({ test01: 'AAA', test02: 'AAA' }) });
    await lab.ready();
    expect(addresses(lab)).toEqual([
      ['test01/eth0', '10.10.1.100'],
      ['test02/eth0', '10.10.1.101'],
    ]);
    // Positive control of the isolation above.
    expect(await lab.ping('test01', 'test02')).toMatchObject({ verdict: 'answered' });
  });
});
